"""From the tensors of a state dict to its linear layers, and why the others are none.

A linear layer is a two-dimensional ``X.weight`` with or without ``X.bias``, one entry per output,
or one of the matrices of a stack of experts. What its name calls an embedding is one only without
a bias: nn.Embedding never has any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fcinspect.checkpoints.pairing import decoys, embeddings, experts
from fcinspect.checkpoints.pairing.naming import WEIGHT
from fcinspect.checkpoints.pairing.quantised import packed_weight
from fcinspect.checkpoints.pairing.remarks import remarks
from fcinspect.checkpoints.pairing.siblings import Siblings
from fcinspect.checkpoints.records import (
    Checkpoint,
    Layout,
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

    def __init__(self, siblings: Siblings, source: str, layout: Layout) -> None:
        self.siblings, self.source, self.layout = siblings, source, layout
        self.layers: list[StoredLinear] = []
        self.skipped: list[SkippedTensor] = []
        self.told: set[str] = set()
        self.experts = 0

    def skip(self, tensor: StoredTensor, reason: str) -> None:
        """Note why a tensor is no layer's."""
        self.skipped.append(SkippedTensor(tensor.name, reason, tensor))
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
    layout: Layout = "out,in",
    activations: Mapping[str, str] | None = None,
) -> Checkpoint:
    """Return the linear layers of a state dict, and what was skipped and why.

    Raises InputError where two layers have the same name.
    """
    siblings = Siblings.of(tensors)
    found = _Pairing(siblings, source, layout)
    for tensor in siblings.by_name.values():
        stack = experts.stack_of(tensor, siblings.by_name)
        if stack is not None and not decoys.is_memory(tensor.name):
            found.take_stack(stack)
            continue
        candidate = _candidate(tensor, siblings.by_name)
        if candidate is None:
            continue
        reason = _refusal(candidate, layout, siblings)
        if reason is not None:
            found.skip(tensor, reason)
            continue
        layer = StoredLinear(
            candidate.name, tensor, candidate.bias, layout, source,
            (activations or {}).get(candidate.name),
            tuple(remarks(candidate.name, tensor, candidate.bias, layout, siblings)),
        )  # fmt: skip
        found.take([layer], tensor, candidate.bias)
    for tensor in siblings.by_name.values():
        if tensor.name not in found.told:
            found.skip(tensor, decoys.other(tensor, siblings))
    return Checkpoint(source, _distinct(found.layers, source), tuple(found.skipped))


def _candidate(tensor: StoredTensor, by_name: Mapping[str, StoredTensor]) -> _Candidate | None:
    found = WEIGHT.fullmatch(tensor.name)
    if found is None:
        return None
    prefix = tensor.name.removesuffix(found["leaf"])
    return _Candidate(
        found["path"] or "", tensor, by_name.get(prefix + "bias"), found["leaf"] == "kernel"
    )


def _refusal(candidate: _Candidate, layout: Layout, siblings: Siblings) -> str | None:
    """Return why a tensor named as a weight is not a linear layer's, or None."""
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
    if bias is None and embeddings.is_table(candidate.name, shared=siblings.has_shared_tables):
        return "by its name an embedding, not a linear layer"
    if decoys.is_norm(candidate.name) and (bias is None or bias.shape == weight.shape):
        return "two-dimensional, by its name the scale of a normalisation layer"
    if candidate.is_kernel and layout == "out,in":
        return "a kernel is (in, out): --layout in,out reads it"
    outputs = weight.shape[0 if layout == "out,in" else 1]
    if bias is not None and bias.shape != (outputs,):
        return _mismatch(weight, bias, layout)
    return None


def _mismatch(weight: StoredTensor, bias: StoredTensor, layout: Layout) -> str:
    rows, columns = weight.shape
    outputs, other = (rows, columns) if layout == "out,in" else (columns, rows)
    reason = (
        f"its bias has shape {bias.shape}, but a weight of shape {weight.shape} read as"
        f" ({layout}) has {outputs} outputs"
    )
    if bias.shape == (other,):
        better = "in,out" if layout == "out,in" else "out,in"
        reason += f": --layout {better} fits"
    return reason


def _distinct(layers: list[StoredLinear], source: str) -> tuple[StoredLinear, ...]:
    seen: set[str] = set()
    for layer in layers:
        if layer.name in seen:
            raise InputError(f"{source} holds two layers named {layer.name!r}")
        seen.add(layer.name)
    return tuple(layers)
