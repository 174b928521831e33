"""From the tensors of a state dict to its linear layers, and why the others are none.

A linear layer is a two-dimensional ``X.weight`` with or without ``X.bias``, one entry per output,
or one of the matrices of a stack of experts. What its name calls an embedding is one only without
a bias: nn.Embedding never has any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from fcinspect.checkpoints.pairing import decoys, experts
from fcinspect.checkpoints.pairing.decoys import remarks
from fcinspect.checkpoints.pairing.layouts import Layouts, WeightLayout
from fcinspect.checkpoints.pairing.naming import WEIGHT, Siblings, is_table
from fcinspect.checkpoints.pairing.quantised import is_packed_layer, packed_weight
from fcinspect.checkpoints.records import (
    Checkpoint,
    LayoutChoice,
    SkippedTensor,
    StoredLinear,
    StoredTensor,
)
from fcinspect.errors import InputError


@dataclass(frozen=True)
class _Candidate:
    """A tensor that is named as a weight, and the bias beside it."""

    name: str
    weight: StoredTensor
    bias: StoredTensor | None
    is_kernel: bool


class _Pairing:
    """The layers and other tensors that were told apart so far."""

    def __init__(self, siblings: Siblings, source: str, layout: LayoutChoice) -> None:
        self.siblings, self.source, self.layout = siblings, source, layout
        self.layers: list[StoredLinear] = []
        self.skipped: list[SkippedTensor] = []
        self.told: set[str] = set()
        self.experts = 0

    def skip(self, tensor: StoredTensor, reason: str, *, hides_layer: bool = False) -> None:
        """Note why a tensor is no layer's, or why the layer that it is in was not read."""
        self.skipped.append(SkippedTensor(tensor.name, reason, tensor, hides_layer=hides_layer))
        self.told.add(tensor.name)

    def take(
        self, layers: Iterable[StoredLinear], weight: StoredTensor, bias: StoredTensor | None
    ) -> None:
        """Note the layers that are made of a weight and a bias."""
        self.layers += layers
        self.told.add(weight.name)
        if bias is not None:
            self.told.add(bias.name)

    def take_stack(self, stack: experts.Stack) -> None:
        """Note the layers of a stack of experts, or why it has none."""
        reason = experts.refusal(stack)
        if reason is None and self.experts + stack.count > experts.MOST_EXPERTS:
            reason = f"a stack of experts beyond the {experts.MOST_EXPERTS} that are listed"
        if reason is not None:
            self.skip(stack.weight, reason)
            return
        self.experts += stack.count
        made = experts.expert_layers(stack, self.source, self.layout, self.siblings)
        self.take(made, stack.weight, stack.bias)


def pair(
    tensors: Iterable[StoredTensor],
    source: str,
    layout: LayoutChoice = "auto",
    activations: Mapping[str, str] | None = None,
) -> Checkpoint:
    """Return the linear layers of a state dict, and what was skipped and why.

    Raises InputError where two layers have the same name.
    """
    siblings = Siblings.of(tensors)
    layouts = Layouts(siblings.by_name)
    found = _Pairing(siblings, source, layout)
    for tensor in siblings.by_name.values():
        stack = experts.stack_of(tensor, siblings.by_name)
        if stack is not None and not decoys.is_memory(tensor.name):
            found.take_stack(stack)
            continue
        candidate = _candidate(tensor, siblings.by_name)
        if candidate is None:
            continue
        reason = _refusal(candidate, siblings)
        if reason is not None:
            hidden = len(tensor.shape) == 2 and tensor.problem is not None and tensor.place is None
            packed = packed_weight(tensor, siblings.by_name) is not None
            found.skip(tensor, reason, hides_layer=packed or hidden)
            continue
        held = layouts.of(tensor).read_as(layout)
        reason = _misfit(candidate, held, layout)
        if reason is not None:
            found.skip(tensor, reason, hides_layer=True)
            continue
        layer = replace(
            _layer(candidate, held, source, siblings),
            activation=(activations or {}).get(candidate.name),
            layout_is_asked=layout != "auto",
        )
        found.take([layer], tensor, candidate.bias)
    for tensor in siblings.by_name.values():
        if tensor.name not in found.told:
            packs = is_packed_layer(tensor, siblings.by_name)
            found.skip(tensor, decoys.other(tensor, siblings), hides_layer=packs)
    return Checkpoint(source, _distinct(found.layers, source), tuple(found.skipped))


def _layer(
    candidate: _Candidate, held: WeightLayout, source: str, siblings: Siblings
) -> StoredLinear:
    """Return the layer that a candidate is, with what a reader should know of it."""
    weight, bias = candidate.weight, candidate.bias
    said = () if held.why is None else (held.why,)
    return StoredLinear(
        candidate.name,
        weight,
        bias,
        held.layout,
        source,
        warnings=(*remarks(candidate.name, weight, bias, siblings), *said),
        doubt=held.doubt,
    )


def _candidate(tensor: StoredTensor, by_name: Mapping[str, StoredTensor]) -> _Candidate | None:
    found = WEIGHT.fullmatch(tensor.name)
    if found is None:
        return None
    prefix = tensor.name.removesuffix(found["leaf"])
    return _Candidate(
        found["path"] or "", tensor, by_name.get(prefix + "bias"), found["leaf"] == "kernel"
    )


def _refusal(candidate: _Candidate, siblings: Siblings) -> str | None:
    """Return why a tensor named as a weight is not a linear layer's in any layout, or None."""
    weight, bias = candidate.weight, candidate.bias
    if decoys.is_memory(weight.name):
        return decoys.MEMORY
    packed = packed_weight(weight, siblings.by_name)
    if packed is not None:
        return packed
    if len(weight.shape) != 2:
        return decoys.many_dimensional(weight, siblings)
    if weight.problem is not None and weight.place is None:
        return weight.problem
    if bias is not None and bias.problem is not None and bias.place is None:
        return f"its bias {bias.problem}"
    if bias is None and is_table(candidate.name, shared=siblings.has_shared_tables):
        return "by its name an embedding, not a linear layer"
    if decoys.is_norm(candidate.name) and (bias is None or bias.shape == weight.shape):
        return "two-dimensional, by its name the scale of a normalisation layer"
    return None


def _misfit(candidate: _Candidate, held: WeightLayout, asked: LayoutChoice) -> str | None:
    """Return why a weight cannot be read in a layout, or None."""
    weight, bias = candidate.weight, candidate.bias
    if candidate.is_kernel and asked == "out,in":
        return "a kernel is (in, out): --layout in,out reads it"
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


def _distinct(layers: list[StoredLinear], source: str) -> tuple[StoredLinear, ...]:
    seen: set[str] = set()
    for layer in layers:
        if layer.name in seen:
            raise InputError(f"{source} holds two layers named {layer.name!r}")
        seen.add(layer.name)
    return tuple(layers)
