"""From the tensors of a state dict to its linear layers, and why the others are none.

A linear layer is a two-dimensional ``X.weight`` with or without ``X.bias``, one entry per output,
or one of the matrices of a stack of experts. What its name calls an embedding is one only without
a bias: nn.Embedding never has any.

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

from fcinspect.checkpoints.pairing import decoys, naming
from fcinspect.checkpoints.records import (
    Checkpoint,
    Layout,
    LayoutChoice,
    SkippedTensor,
    StoredLinear,
    StoredTensor,
)
from fcinspect.errors import InputError

GPT2 = {"c_attn": 3, "c_fc": 4}
"""How many outputs these layers of GPT-2 have for each input."""
GPT2_SQUARE = ("c_proj", "c_attn", "c_fc", "q_attn")
"""The layers of GPT-2 whose shape may not tell how they are held."""
NUMBER = re.compile(r"\d+")
WRAPPED = ".base_layer"
"""What PEFT puts behind the name of a layer that it wraps."""
AS_KERNEL = "stored as (in, out), as kernels are"
AS_BIAS = "stored as (in, out), as the length of its bias shows"
AS_SHAPE = "stored as (in, out), as its name and shape show"
AS_OTHERS = "stored as (in, out), as layers of the same name show"
ASK = "read as (out, in); use --layout in,out if it is (in, out)"


def pair(
    tensors: Iterable[StoredTensor],
    source: str,
    layout: LayoutChoice = "auto",
    activations: Mapping[str, str] | None = None,
) -> Checkpoint:
    """Return the linear layers of a state dict, and what was skipped and why.

    Raises InputError where two layers have the same name.
    """
    siblings = naming.Siblings({tensor.name: tensor for tensor in tensors})
    found = _Pairing(siblings, source, layout, activations or {})
    for tensor in siblings.by_name.values():
        found.look_at(tensor)
    for tensor in siblings.by_name.values():
        if tensor.name not in found.told:
            packs = naming.is_packed_layer(tensor, siblings.by_name)
            found.skip(tensor, decoys.other(tensor, siblings), hides_layer=packs)
    seen: set[str] = set()
    for layer in found.layers:
        if layer.name in seen:
            raise InputError(f"{source} holds two layers named {layer.name!r}")
        seen.add(layer.name)
    return Checkpoint(source, tuple(found.layers), tuple(found.skipped))


class _Pairing:
    """The layers and other tensors that were told apart so far."""

    def __init__(
        self,
        siblings: naming.Siblings,
        source: str,
        layout: LayoutChoice,
        activations: Mapping[str, str],
    ) -> None:
        self.siblings, self.source, self.layout = siblings, source, layout
        self.activations, self.layouts = activations, _Layouts(siblings.by_name)
        self.layers: list[StoredLinear] = []
        self.skipped: list[SkippedTensor] = []
        self.told: set[str] = set()
        self.experts = 0

    def skip(self, tensor: StoredTensor, reason: str, *, hides_layer: bool = False) -> None:
        self.skipped.append(SkippedTensor(tensor.name, reason, tensor, hides_layer=hides_layer))
        self.told.add(tensor.name)

    def look_at(self, tensor: StoredTensor) -> None:
        """Note the layers that a tensor is the weight of, or why a tensor named so is none's."""
        by_name = self.siblings.by_name
        if len(tensor.shape) == 3 and self._took_stack(tensor):
            return
        named = naming.WEIGHT.fullmatch(tensor.name)
        if named is None:
            return
        path = named["path"] or ""
        bias = by_name.get(tensor.name.removesuffix(named["leaf"]) + "bias")
        reason = _refusal(path, tensor, bias, self.siblings)
        if reason is not None:
            hidden = len(tensor.shape) == 2 and tensor.refusal is not None
            packed = naming.packed_weight(tensor, by_name) is not None
            self.skip(tensor, reason, hides_layer=packed or hidden)
            return
        held = self.layouts.of(tensor).read_as(self.layout)
        reason = _misfit(tensor, bias, held, self.layout)
        if reason is not None:
            self.skip(tensor, reason, hides_layer=True)
            return
        remarks = list(decoys.remarks(path, tensor, bias, self.siblings))
        remarks += [] if held.why is None else [held.why]
        activation, asked = self.activations.get(path), self.layout != "auto"
        layer = StoredLinear(
            path, tensor, bias, held.layout, self.source, activation, tuple(remarks),
            layout_is_asked=asked, doubt=held.doubt,
        )  # fmt: skip
        self._take([layer], tensor, bias)

    def _took_stack(self, tensor: StoredTensor) -> bool:
        """Note the layers of a stack of experts, or why it has none; false for another tensor."""
        from fcinspect.checkpoints.pairing import experts

        stack = experts.stack_of(tensor, self.siblings.by_name)
        if stack is None or decoys.is_memory(tensor.name):
            return False
        reason = experts.refusal(stack)
        if reason is None and self.experts + stack.count > experts.MOST_EXPERTS:
            reason = f"a stack of experts beyond the {experts.MOST_EXPERTS} that are listed"
        if reason is not None:
            self.skip(tensor, reason)
            return True
        self.experts += stack.count
        made = experts.expert_layers(stack, self.source, self.layout, self.siblings)
        self._take(made, tensor, stack.bias)
        return True

    def _take(
        self, layers: Iterable[StoredLinear], weight: StoredTensor, bias: StoredTensor | None
    ) -> None:
        self.layers += layers
        self.told |= {tensor.name for tensor in (weight, bias) if tensor is not None}


def _refusal(
    path: str, weight: StoredTensor, bias: StoredTensor | None, siblings: naming.Siblings
) -> str | None:
    """Return why a tensor named as a weight is not a linear layer's in any layout, or None."""
    if decoys.is_memory(weight.name):
        return decoys.MEMORY
    packed = naming.packed_weight(weight, siblings.by_name)
    if packed is not None:
        return packed
    if len(weight.shape) != 2:
        return decoys.many_dimensional(weight, siblings)
    if weight.refusal is not None:
        return weight.refusal
    if bias is not None and bias.refusal is not None:
        return f"its bias {bias.refusal}"
    if bias is None and naming.is_table(path, shared=siblings.has_shared_tables):
        return "by its name an embedding, not a linear layer"
    is_norm = decoys.NORM.fullmatch(naming.last_part(path)) is not None
    if is_norm and (bias is None or bias.shape == weight.shape):
        return "two-dimensional, by its name the scale of a normalization layer"
    return None


def _misfit(
    weight: StoredTensor, bias: StoredTensor | None, held: WeightLayout, asked: LayoutChoice
) -> str | None:
    if asked == "out,in" and weight.name.endswith("kernel"):
        return "a kernel is (in, out): use --layout in,out"
    rows, columns = weight.shape
    outputs, other = (rows, columns) if held.layout == "out,in" else (columns, rows)
    if bias is None or bias.shape == (outputs,):
        return None
    reason = f"its bias has shape {bias.shape}, but a weight of shape {weight.shape}"
    if asked == "auto":
        return f"{reason} has {rows} or {columns} outputs"
    reason += f" read as ({held.layout}) has {outputs} outputs"
    if bias.shape == (other,):
        better = "in,out" if held.layout == "out,in" else "out,in"
        reason += f": --layout {better} fits"
    return reason


@dataclass(frozen=True)
class WeightLayout:
    """How a weight is read, and why."""

    layout: Layout
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
class _Layouts:
    """The weights of one state dict, and what they show of each other."""

    by_name: Mapping[str, StoredTensor]

    def of(self, weight: StoredTensor) -> WeightLayout:
        shown = self._shown.get(weight.name)
        if shown is not None:
            return shown
        path = _path(weight.name)
        if naming.match(decoys.LORA, path):  # PEFT's factors are nn.Linear, whatever they change
            return WeightLayout("out,in")
        for name in _families(path):
            votes = self._votes.get(name, set())
            if votes == {"in,out"}:
                return WeightLayout("in,out", AS_OTHERS)
            if votes == {"out,in"}:
                return WeightLayout("out,in")
            if votes:
                return _doubted("layers of the same name are stored in both layouts", weight)
        if "in,out" in self._votes.get(_block(path), ()):
            return _doubted("neighboring layers are stored as (in, out)", weight)
        if naming.last_part(path) in GPT2_SQUARE:
            return _doubted(f"GPT-2 stores {naming.last_part(path)} as (in, out)", weight)
        return WeightLayout("out,in")

    @cached_property
    def _shown(self) -> dict[str, WeightLayout]:
        """How those weights are held that show it themselves."""
        found: dict[str, WeightLayout] = {}
        for weight in self.by_name.values():
            named = naming.WEIGHT.fullmatch(weight.name)
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
    times = GPT2.get(naming.last_part(_path(weight.name)))
    if bias is None and times is not None:
        if rows * times == columns:
            return WeightLayout("in,out", AS_SHAPE)
        if columns * times == rows:
            return WeightLayout("out,in")
    return None


def _doubted(why: str, weight: StoredTensor) -> WeightLayout:
    rows, columns = weight.shape
    itself = "its square shape" if rows == columns else "its shape without a bias"
    doubt = f"{why}, and {itself} does not show the layout of this one"
    return WeightLayout("out,in", f"{doubt}: {ASK}", doubt)


def _path(name: str) -> str:
    return naming.module_path(name).removesuffix(WRAPPED)


def _families(path: str) -> Iterable[str]:
    """Yield the families that a layer's name belongs to, the narrowest first."""
    yield f"path {NUMBER.sub('#', path)}"
    last = naming.last_part(path)
    if last in GPT2_SQUARE:
        yield "GPT-2"
    elif last and not last.isdecimal():
        yield f"last {NUMBER.sub('#', last)}"


def _block(path: str) -> str:
    """Return what layers of one block share: all up to the last number, or else the parent."""
    parts = path.split(".")
    numbered = [k for k, part in enumerate(parts[:-1]) if part.isdecimal()]
    return "block " + ".".join(parts[: numbered[-1] + 1] if numbered else parts[:-1])
