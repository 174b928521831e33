"""From the tensors of a state dict to its linear layers, and why the others are none.

A linear layer is a two-dimensional ``X.weight`` with or without ``X.bias``, one entry per output,
or one of the matrices of a stack of experts. What its name calls an embedding is one only without
a bias: nn.Embedding never has any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fcinspect.checkpoints.pairing import decoys, experts
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
    found = _Pairing(siblings, source, layout, activations or {})
    for tensor in siblings.by_name.values():
        found.look_at(tensor)
    for tensor in siblings.by_name.values():
        if tensor.name not in found.told:
            packs = is_packed_layer(tensor, siblings.by_name)
            found.skip(tensor, decoys.other(tensor, siblings), hides_layer=packs)
    return Checkpoint(source, _distinct(found.layers, source), tuple(found.skipped))


class _Pairing:
    """The layers and other tensors that were told apart so far."""

    def __init__(
        self,
        siblings: Siblings,
        source: str,
        layout: LayoutChoice,
        activations: Mapping[str, str],
    ) -> None:
        self.siblings, self.source, self.layout = siblings, source, layout
        self.activations, self.layouts = activations, Layouts(siblings.by_name)
        self.layers: list[StoredLinear] = []
        self.skipped: list[SkippedTensor] = []
        self.told: set[str] = set()
        self.experts = 0

    def skip(self, tensor: StoredTensor, reason: str, *, hides_layer: bool = False) -> None:
        """Note why a tensor is no layer's, or why the layer that it is in was not read."""
        self.skipped.append(SkippedTensor(tensor.name, reason, tensor, hides_layer=hides_layer))
        self.told.add(tensor.name)

    def look_at(self, tensor: StoredTensor) -> None:
        """Note the layers that a tensor is the weight of, or why it is none's.

        Nothing is noted of a tensor that is neither a stack nor named as a weight.
        """
        by_name = self.siblings.by_name
        stack = experts.stack_of(tensor, by_name)
        if stack is not None and not decoys.is_memory(tensor.name):
            self._take_stack(stack)
            return
        named = WEIGHT.fullmatch(tensor.name)
        if named is None:
            return
        path = named["path"] or ""
        bias = by_name.get(tensor.name.removesuffix(named["leaf"]) + "bias")
        reason = _refusal(path, tensor, bias, self.siblings)
        if reason is not None:
            hidden = len(tensor.shape) == 2 and tensor.refusal is not None
            packed = packed_weight(tensor, by_name) is not None
            self.skip(tensor, reason, hides_layer=packed or hidden)
            return
        held = self.layouts.of(tensor).read_as(self.layout)
        reason = _misfit(tensor, bias, held, self.layout)
        if reason is not None:
            self.skip(tensor, reason, hides_layer=True)
            return
        said = () if held.why is None else (held.why,)
        layer = StoredLinear(
            path,
            tensor,
            bias,
            held.layout,
            self.source,
            activation=self.activations.get(path),
            warnings=(*decoys.remarks(path, tensor, bias, self.siblings), *said),
            layout_is_asked=self.layout != "auto",
            doubt=held.doubt,
        )
        self._take([layer], tensor, bias)

    def _take_stack(self, stack: experts.Stack) -> None:
        """Note the layers of a stack of experts, or why it has none."""
        reason = experts.refusal(stack)
        if reason is None and self.experts + stack.count > experts.MOST_EXPERTS:
            reason = f"a stack of experts beyond the {experts.MOST_EXPERTS} that are listed"
        if reason is not None:
            self.skip(stack.weight, reason)
            return
        self.experts += stack.count
        made = experts.expert_layers(stack, self.source, self.layout, self.siblings)
        self._take(made, stack.weight, stack.bias)

    def _take(
        self, layers: Iterable[StoredLinear], weight: StoredTensor, bias: StoredTensor | None
    ) -> None:
        self.layers += layers
        self.told |= {tensor.name for tensor in (weight, bias) if tensor is not None}


def _refusal(
    path: str, weight: StoredTensor, bias: StoredTensor | None, siblings: Siblings
) -> str | None:
    """Return why a tensor named as a weight is not a linear layer's in any layout, or None."""
    if decoys.is_memory(weight.name):
        return decoys.MEMORY
    packed = packed_weight(weight, siblings.by_name)
    if packed is not None:
        return packed
    if len(weight.shape) != 2:
        return decoys.many_dimensional(weight, siblings)
    if weight.refusal is not None:
        return weight.refusal
    if bias is not None and bias.refusal is not None:
        return f"its bias {bias.refusal}"
    if bias is None and is_table(path, shared=siblings.has_shared_tables):
        return "by its name an embedding, not a linear layer"
    if decoys.is_norm(path) and (bias is None or bias.shape == weight.shape):
        return "two-dimensional, by its name the scale of a normalisation layer"
    return None


def _misfit(
    weight: StoredTensor, bias: StoredTensor | None, held: WeightLayout, asked: LayoutChoice
) -> str | None:
    """Return why a weight cannot be read in a layout, or None."""
    if asked == "out,in" and weight.name.endswith("kernel"):
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
