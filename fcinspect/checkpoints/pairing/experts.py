"""Experts of a mixture, stacked in one three-dimensional tensor: each is a linear layer.

A stack is (experts, rows, columns), with a bias (experts, out). Whether its matrices lie as
(out, in) or (in, out) differs from model to model; the bias or the stacks beside it may tell.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fcinspect.checkpoints.pairing.decoys import remarks_on_numbers
from fcinspect.checkpoints.pairing.naming import WEIGHT, Siblings, match, module_path, split
from fcinspect.checkpoints.records import Layout, LayoutChoice, StoredLinear, StoredTensor
from fcinspect.rounding.formats import FORMATS

if TYPE_CHECKING:
    from fcinspect.rounding.arrays import FloatArray

STACK = re.compile(r"(?is)(.*[./_])?(experts?|moe)([./](?!\d+([./]|$)).*)?")
"""Names below a module of experts, or the module itself, but not below one numbered expert."""
NO_MATRICES = re.compile(
    r"(?i).*(scales?|scale_inv|zeros?|zero_point|blocks|packed|bias|codebooks?)"
)
CONVOLUTION = re.compile(r"(?i)(.*[._/])?conv\w*")
MOST_EXPERTS = 1 << 16
"""Experts of one file that are listed; the largest models have some ten thousand."""
WIDENING = ("gate_up_proj", "down_proj")
"""From the model's width to twice the inner width, and from the inner width back."""


@dataclass(frozen=True, eq=False)
class Stack:
    """A tensor that by its name and shape holds one matrix an expert."""

    path: str
    """The layers' name without the expert's number."""
    weight: StoredTensor
    """(experts, rows, columns)"""
    bias: StoredTensor | None
    """(experts, out), if there is one."""

    @property
    def count(self) -> int:
        """How many experts there are."""
        return self.weight.shape[0]


def stack_of(tensor: StoredTensor, by_name: Mapping[str, StoredTensor]) -> Stack | None:
    """Return the stack that a tensor is, None for any other."""
    if len(tensor.shape) != 3 or not math.prod(tensor.shape):
        return None
    path = module_path(tensor.name)
    if match(STACK, path) is None or NO_MATRICES.fullmatch(tensor.name):
        return None
    if match(CONVOLUTION, path) or tensor.refusal is not None:
        return None
    if tensor.place is None and tensor.dtype not in FORMATS:
        return None
    if WEIGHT.fullmatch(tensor.name):
        names = [f"{split(tensor.name)[0]}bias"]
    else:
        names = [f"{tensor.name}_bias", f"{tensor.name}.bias"]
    bias = next((by_name[name] for name in names if name in by_name), None)
    return Stack(path, tensor, bias)


def refusal(stack: Stack) -> str | None:
    """Return why no layers are read from a stack, None where they are."""
    if stack.count > MOST_EXPERTS:
        return f"a stack of {stack.count} matrices: at most {MOST_EXPERTS} experts are listed"
    bias = stack.bias
    if bias is None:
        return None
    if bias.refusal is not None:
        return f"its bias {bias.refusal}"
    outputs = stack.weight.shape[1:]
    if len(bias.shape) != 2 or bias.shape[0] != stack.count or bias.shape[1] not in outputs:
        return f"its bias has shape {bias.shape}, which fits no layout of {stack.weight.shape}"
    return None


def expert_layers(
    stack: Stack, source: str, layout: LayoutChoice, siblings: Siblings
) -> Iterator[StoredLinear]:
    """Yield each expert's layer, named path[0], path[1], …"""
    evident = _by_bias(stack) or _by_neighbour(stack, siblings.by_name)
    asked: Layout = "out,in" if layout == "auto" else layout
    way, why = evident or (asked, "which --layout can change")
    doubt = (
        None
        if evident or layout != "auto"
        else "nothing in the file shows the layout of its matrices"
    )
    words = way.replace(",", ", ")
    note = (
        f"by its name one of {stack.count} experts in a stack of shape {stack.weight.shape},"
        f" read as ({words}), {why}"
    )
    others = tuple(remarks_on_numbers(stack.weight, stack.bias, siblings))
    for expert in range(stack.count):
        name, weight = f"{stack.path}[{expert}]", part(stack.weight, expert)
        bias = None if stack.bias is None else part(stack.bias, expert)
        said = (note, *others)
        yield StoredLinear(name, weight, bias, way, source, warnings=said, doubt=doubt)


def part(tensor: StoredTensor, index: int) -> StoredTensor:
    """Return entry `index` of a tensor's first dimension as a tensor; only it is read."""
    name, shape = f"{tensor.name}[{index}]", tensor.shape[1:]
    place = None
    # of a transposed place the numbers of one entry lie apart
    if tensor.place is not None and not tensor.place.transposed:
        place = replace(tensor.place, shape=shape)
        place = replace(place, begin=place.begin + index * place.size)

    def read(rows: Sequence[int] | None) -> FloatArray:
        if tensor.problem is None and place is not None:
            return place.read(rows)
        entry: FloatArray = tensor.read([index])[0]
        return entry if rows is None else entry[list(rows)]

    return replace(tensor, name=name, shape=shape, read=read, place=place)


def _by_bias(stack: Stack) -> tuple[Layout, str] | None:
    """Tell the layout from a bias that has as many numbers as rows or as columns."""
    _, rows, columns = stack.weight.shape
    if stack.bias is None or rows == columns:
        return None
    outputs = stack.bias.shape[1]
    return (
        "out,in" if outputs == rows else "in,out"
    ), f"as the length of its bias shows ({outputs})"


def _by_neighbour(stack: Stack, by_name: Mapping[str, StoredTensor]) -> tuple[Layout, str] | None:
    """Tell the layout from gate_up_proj, hidden → 2·inner, and down_proj, inner → hidden."""
    name = stack.weight.name
    own, other = WIDENING if WIDENING[0] in name else WIDENING[::-1]
    neighbour = by_name.get(other.join(name.rsplit(own, 1))) if own in name else None
    if neighbour is None or len(neighbour.shape) != 3:
        return None
    up, down = (stack.weight, neighbour) if own == WIDENING[0] else (neighbour, stack.weight)
    fits: list[Layout] = []
    if up.shape[1] == 2 * down.shape[2] and up.shape[2] == down.shape[1]:
        fits.append("out,in")
    if up.shape[2] == 2 * down.shape[1] and up.shape[1] == down.shape[2]:
        fits.append("in,out")
    return (
        (fits[0], f"as the shape of {split(neighbour.name)[1]!r} shows") if len(fits) == 1 else None
    )
