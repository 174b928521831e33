"""A layer that is given: its numbers typed by --weight and --bias, or its name in a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fcinspect.cli.options import option
from fcinspect.errors import InputError, UsageError, did_you_mean

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import (
        Checkpoint,
        Layout,
        SkippedTensor,
        StoredLinear,
        StoredTensor,
    )

SOURCE = "--weight"
MOST_LISTED = 8


def parse_bias(text: str | bool) -> str | bool:
    """Return True for --bias alone, False for --no-bias, else the text of the numbers."""
    if isinstance(text, bool):
        return text
    return {"yes": True, "no": False}.get(text, text)


WeightOption = Annotated[
    str | None,
    option(
        "--weight W", 'Your own layer: the rows of its weight, "1,2;3,4", or a file of an array.'
    ),
]
BiasOption = Annotated[
    Any,
    typer.Option(
        "--bias",
        "--no-bias",
        parser=parse_bias,
        metavar="B",
        help="The bias of --weight, 0,1 or a file. Without --weight no value follows: with a bias"
        " (default) or --no-bias.",
    ),
]


def flag_of(bias: str | bool | None) -> bool | None:
    """Return what --bias says of a layer that torch makes; raises UsageError for numbers."""
    if isinstance(bias, str):
        raise UsageError(
            f'--bias {bias!r} has no weight beside it: expected --weight "1,2;3,4" as well, or'
            " --bias alone for a new layer"
        )
    return bias


def refuse_bias(bias: str | bool | None, instead: str) -> None:
    """Raise UsageError where --bias or --no-bias is given together with `instead`."""
    if bias is not None:
        flag = "--no-bias" if bias is False else "--bias"
        raise UsageError(f"{flag} makes new layers: it cannot go with {instead}")


@dataclass(frozen=True)
class OwnLayer:
    """The layer as it was typed."""

    weight: str
    bias: str | bool | None
    dtype: str
    layout: Layout = "out,in"

    def open(self) -> Checkpoint:
        """Return the layer as what a file would hold; raises UsageError for what is none."""
        from fcinspect.checkpoints.records import Checkpoint

        return Checkpoint(SOURCE, (self.choose(),))

    def choose(self) -> StoredLinear:
        """Return the layer."""
        from fcinspect.checkpoints.records import StoredLinear

        if self.bias is True:
            raise UsageError("--bias gives no numbers beside --weight: expected --bias 0,1")
        weight = _tensor("weight", self.weight, self.dtype, 2)
        bias = None
        if isinstance(self.bias, str):
            bias = _tensor("bias", self.bias, self.dtype, 1)
            outputs = weight.shape[0 if self.layout == "out,in" else 1]
            if bias.shape != (outputs,):
                raise UsageError(
                    f"--bias has {bias.shape[0]} numbers, --weight has {outputs} rows: expected one"
                    " number for each output"
                )
        notes = [tensor.note for tensor in (weight, bias) if tensor is not None and tensor.note]
        return StoredLinear("", weight, bias, self.layout, SOURCE, warnings=tuple(notes))

    def asked(self) -> dict[str, Any]:
        """Return the options, for the report."""
        return {
            "weight": self.weight, "bias": self.bias, "dtype": self.dtype, "layout": self.layout,
        }  # fmt: skip


def _tensor(name: str, text: str, dtype: str, dimensions: int) -> StoredTensor:
    """Return an array as it was typed, or of a file; one row of a weight needs no ";"."""
    from fcinspect.checkpoints.records import in_memory
    from fcinspect.cli.inputs import names_a_file, numbers_of, rounded

    values, stored_dtype = numbers_of(text)
    if dimensions == 2 and values.ndim == 1 and not names_a_file(text):
        values = values.reshape(1, -1)
    if values.ndim != dimensions:
        rows = "rows of numbers such as 1,2;3,4" if dimensions == 2 else "one row such as 0,1"
        raise UsageError(f"--{name} has shape {values.shape}: expected {rows}")
    if not values.size:
        raise UsageError(f"--{name} has shape {values.shape}: it holds no number")
    held, notes = rounded(values, dtype, name, stored_dtype)
    return in_memory(name, held.values, dtype, notes[0] if notes else None)


def choose_layer(checkpoint: Checkpoint, name: str | None) -> StoredLinear:
    """Return the layer of that name ("fc1" or "fc1.weight"), or the only one for None.

    Raises InputError for a name that the file does not hold, with those that are near.
    """
    from fcinspect.page.text import safe as escaped

    layers = checkpoint.layers
    if not layers:
        raise InputError(f"{checkpoint.source} holds no linear layer{_why_not(checkpoint)}")
    if name is None:
        if len(layers) > 1:
            raise InputError(
                f"{checkpoint.source} holds {len(layers)} layers: name one of"
                f" {_listed([layer.name for layer in layers])}"
            )
        return layers[0]
    for wanted in _spellings(name):
        # a name that was shown with escapes may be typed with them
        found = [layer for layer in layers if wanted in (layer.name, escaped(layer.name))]
        if found:
            return found[0]
    skip = _skipped(checkpoint, name)
    if skip is not None:
        raise InputError(f"{skip.name!r} of {checkpoint.source} is not read: {skip.reason}")
    names = [layer.name for layer in layers]
    hint = _stack_hint(_spellings(name)[-1], names) or did_you_mean(name, names)
    raise InputError(
        f"{checkpoint.source} holds no layer {name!r}",
        hint=hint or f"it holds {_listed(names) if any(names) else 'one layer, without a name'}",
    )


def _spellings(name: str) -> Sequence[str]:
    """Return what a layer may be called: by its path or its weight; "w1.3" for expert "w1[3]"."""
    from fcinspect.checkpoints.pairing.naming import module_path

    path = module_path(name)
    return (name, path, re.sub(r"[.](\d+)$", r"[\1]", path))


def _skipped(checkpoint: Checkpoint, name: str) -> SkippedTensor | None:
    """Return what was skipped under a name: the array itself, or the weight of a module."""
    from fcinspect.checkpoints.pairing.naming import module_path, split

    own = [skip for skip in checkpoint.skipped if name in (skip.name, module_path(skip.name))]
    parts = [skip for skip in checkpoint.skipped if split(skip.name)[0][:-1] == name]
    # of the parts of a packed weight, the one that tells the layer's widths
    telling = [skip for skip in parts if "→" in skip.reason]
    return next(iter((*own, *telling, *parts)), None)


def _stack_hint(name: str, names: Sequence[str]) -> str | None:
    """Return which experts a stack has, if the name is that of a stack or of a missing expert."""
    stack = re.sub(r"\[\d*\]$", "", name)
    experts = [other for other in names if other.startswith(f"{stack}[")]
    if not experts:
        return None
    return (
        f"{stack!r} is a stack of {len(experts)} experts: name one of {experts[0]!r}"
        f" to {experts[-1]!r}"
    )


def _why_not(checkpoint: Checkpoint) -> str:
    if not checkpoint.skipped:
        return ""
    first, rest = checkpoint.skipped[0], len(checkpoint.skipped) - 1
    more = f"; {rest} more {'was' if rest == 1 else 'were'} skipped" if rest else ""
    return f": {first.name!r} was skipped ({first.reason}){more}"


def _listed(names: list[str]) -> str:
    # a layer without a name of its own is chosen by that of its weight
    shown = ", ".join(repr(name or "weight") for name in names[:MOST_LISTED])
    return shown + (f" and {len(names) - MOST_LISTED} more" if len(names) > MOST_LISTED else "")
