"""How a file holds a weight, as far as the file itself shows it: (out, in) or (in, out).

nn.Linear holds (out, in); Conv1D of GPT-2 and kernels of Keras and Flax hold (in, out). The length
of the bias shows it where the weight is not square, and a square weight or one without a bias lies
as those of the same names do. Where neither shows it, (out, in) is read; that is torch's own way,
and no doubt is left unless the names or other layers of the same block speak for (in, out).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from fcinspect.checkpoints.pairing.decoys import LORA
from fcinspect.checkpoints.pairing.naming import WEIGHT, last_part, match
from fcinspect.checkpoints.records import Layout, LayoutChoice, StoredTensor

GPT2 = {"c_attn": 3, "c_fc": 4}
"""How many outputs these layers of GPT-2 have for each input."""
GPT2_SQUARE = ("c_proj", "c_attn", "c_fc", "q_attn")
"""The layers of GPT-2 whose shape may not tell how they are held."""
NUMBER = re.compile(r"\d+")
WRAPPED = ".base_layer"
"""What PEFT puts behind the name of a layer that it wraps."""
AS_KERNEL = "stored as (in, out), as kernels are"
AS_BIAS = "stored as (in, out), as the length of its bias shows"
AS_SHAPE = "stored as (in, out), as its shape shows beside its name"
AS_OTHERS = "stored as (in, out), as layers of the same name show"
ASK = "read as (out, in); --layout in,out reads it as (in, out)"


@dataclass(frozen=True)
class WeightLayout:
    """How a weight is read, and why."""

    layout: Layout
    """How the file holds it."""
    why: str | None = None
    """What a reader should know of that, None where it is as torch holds it."""
    doubt: str | None = None
    """Why it may be the other way, None where the file shows it."""

    def read_as(self, asked: LayoutChoice) -> WeightLayout:
        """Return how the weight is read where the caller chooses, and what speaks against that."""
        if asked == "auto":
            return self
        if asked == "in,out" or self.why is None:
            return WeightLayout(asked)
        return WeightLayout(asked, f"{self.doubt or self.why}; --layout {asked} overrides that")


@dataclass(frozen=True, eq=False)
class Layouts:
    """The weights of one state dict, and what they show of each other."""

    by_name: Mapping[str, StoredTensor]
    """All tensors of the state dict."""

    def of(self, weight: StoredTensor) -> WeightLayout:
        """Return how a two-dimensional weight is held."""
        shown = self._shown.get(weight.name)
        if shown is not None:
            return shown
        path = _path(weight.name)
        if match(LORA, path):  # PEFT's factors are nn.Linear, whatever they change
            return WeightLayout("out,in")
        for name in _families(path):
            votes = self._votes.get(name, set())
            if votes == {"in,out"}:
                return WeightLayout("in,out", AS_OTHERS)
            if votes == {"out,in"}:
                return WeightLayout("out,in")
            if votes:
                return _doubted("layers of the same name lie in both ways", weight)
        if "in,out" in self._votes.get(_block(path), ()):
            return _doubted("layers beside it are stored as (in, out)", weight)
        if last_part(path) in GPT2_SQUARE:
            return _doubted(f"GPT-2 stores {last_part(path)} as (in, out)", weight)
        return WeightLayout("out,in")

    @cached_property
    def _shown(self) -> dict[str, WeightLayout]:
        """How those weights are held that show it themselves."""
        found: dict[str, WeightLayout] = {}
        for weight in self.by_name.values():
            named = WEIGHT.fullmatch(weight.name)
            if named is None or len(weight.shape) != 2:
                continue
            bias = self.by_name.get(weight.name.removesuffix(named["leaf"]) + "bias")
            held = _by_itself(weight, bias, is_kernel=named["leaf"] == "kernel")
            if held is not None:
                found[weight.name] = held
        return found

    @cached_property
    def _votes(self) -> dict[str, set[Layout]]:
        """How those lie that show it, for each family of names and each block."""
        found: dict[str, set[Layout]] = {}
        for name, held in self._shown.items():
            path = _path(name)
            for group in {*_families(path), _block(path)}:
                found.setdefault(group, set()).add(held.layout)
        return found


def _by_itself(
    weight: StoredTensor, bias: StoredTensor | None, *, is_kernel: bool
) -> WeightLayout | None:
    """Return how a weight is held by its own shape, bias and name, None where they do not tell."""
    rows, columns = weight.shape
    if bias is not None and rows != columns and bias.shape in ((rows,), (columns,)):
        if bias.shape == (rows,):
            return WeightLayout("out,in")
        return WeightLayout("in,out", AS_KERNEL if is_kernel else AS_BIAS)
    if is_kernel:
        return WeightLayout("in,out", AS_KERNEL)
    times = GPT2.get(last_part(_path(weight.name)))
    if bias is None and times is not None:
        if rows * times == columns:
            return WeightLayout("in,out", AS_SHAPE)
        if columns * times == rows:
            return WeightLayout("out,in")
    return None


def _doubted(why: str, weight: StoredTensor) -> WeightLayout:
    rows, columns = weight.shape
    itself = "its square shape" if rows == columns else "its shape without a bias"
    doubt = f"{why}, and {itself} does not show how this one lies"
    return WeightLayout("out,in", f"{doubt}: {ASK}", doubt)


def _path(name: str) -> str:
    """Return the module path of a weight, without what PEFT adds."""
    found = WEIGHT.fullmatch(name)
    path = name if found is None else found["path"] or ""
    return path.removesuffix(WRAPPED)


def _families(path: str) -> Iterable[str]:
    """Yield the families that a layer's name belongs to, the narrowest first."""
    yield f"path {NUMBER.sub('#', path)}"
    last = last_part(path)
    if last in GPT2_SQUARE:
        yield "GPT-2"
    elif last and not last.isdecimal():
        yield f"last {NUMBER.sub('#', last)}"


def _block(path: str) -> str:
    """Return what layers of one block share: all up to the last number, or else the parent."""
    parts = path.split(".")
    numbered = [k for k, part in enumerate(parts[:-1]) if part.isdecimal()]
    return "block " + ".".join(parts[: numbered[-1] + 1] if numbered else parts[:-1])
