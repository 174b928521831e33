"""From the tensors of a state dict to its linear layers, and why the others are none.

A linear layer is a two-dimensional ``X.weight`` with or without ``X.bias``, one entry per output.
What its name calls an embedding is one only without a bias: nn.Embedding never has any.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fcinspect.checkpoints.records import (
    Checkpoint,
    Layout,
    SkippedTensor,
    StoredLinear,
    StoredTensor,
)
from fcinspect.errors import InputError

WEIGHT = re.compile(r"(?s)(?:(?P<path>.*)(?P<separator>[./]))?(?P<leaf>weight|kernel)")
BIAS = re.compile(r"(?s)(?:.*[./])?bias")
EMBEDDING = re.compile(
    r"(?i)(.*_)?(emb|embed|embeds|embedding|embeddings|wte|wpe|embed_tokens|embed_positions)"
)
DIMENSIONS = {
    0: "one number, without dimensions",
    1: "one-dimensional, e.g. of a normalisation layer",
    3: "three-dimensional, e.g. of a Conv1d or of stacked experts",
    4: "four-dimensional, a convolution's weight",
    5: "five-dimensional, a convolution's weight",
}
KNOWN = (
    (r"(weight|bias)_[ih]h_l\d+(_reverse)?", "of a recurrent layer (RNN, LSTM, GRU)"),
    (r"weight_[gv]|original[01]", "half of a normalised weight (weight norm)"),
    (r"in_proj_(weight|bias)", "three projections of an attention layer in one"),
    (r"qweight|qzeros|scales|g_idx|absmax|quant_map|weight_scale|SCB", "of a quantised layer"),
    (r"exp_avg(_sq)?|momentum_buffer|max_exp_avg_sq|square_avg", "an optimizer's memory"),
    (r"running_(mean|var)|num_batches_tracked", "of a batch normalisation"),
)
"""What the last part of a name says of a tensor that is not called weight or bias."""


@dataclass(frozen=True)
class _Candidate:
    """A tensor that is named as a weight, and the bias beside it."""

    name: str
    weight: StoredTensor
    bias: StoredTensor | None
    is_kernel: bool


def pair(
    tensors: Iterable[StoredTensor],
    source: str,
    layout: Layout = "out,in",
    activations: Mapping[str, str] | None = None,
) -> Checkpoint:
    """Return the linear layers of a state dict, and what was skipped and why."""
    by_name = {tensor.name: tensor for tensor in tensors}
    layers: list[StoredLinear] = []
    skipped: list[SkippedTensor] = []
    paired: set[str] = set()
    for tensor in by_name.values():
        candidate = _candidate(tensor, by_name)
        if candidate is None:
            continue
        reason = _refusal(candidate, layout)
        if reason is not None:
            skipped.append(SkippedTensor(tensor.name, reason))
            continue
        paired.add(tensor.name)
        if candidate.bias is not None:
            paired.add(candidate.bias.name)
        activation = (activations or {}).get(candidate.name)
        layers.append(
            StoredLinear(
                candidate.name, candidate.weight, candidate.bias, layout, source, activation,
                tuple(_warnings(candidate)),
            )
        )  # fmt: skip
    told = paired | {skip.name for skip in skipped}
    skipped += [SkippedTensor(t.name, _other(t)) for t in by_name.values() if t.name not in told]
    return Checkpoint(source, _distinct(layers, source), tuple(skipped))


def module_path(key: str) -> str:
    """Return the layer that a state-dict key belongs to: "fc1" for "fc1.weight"."""
    found = WEIGHT.fullmatch(key)
    return key if found is None else found["path"] or ""


def _candidate(tensor: StoredTensor, by_name: Mapping[str, StoredTensor]) -> _Candidate | None:
    found = WEIGHT.fullmatch(tensor.name)
    if found is None:
        return None
    prefix = tensor.name.removesuffix(found["leaf"])
    return _Candidate(
        found["path"] or "", tensor, by_name.get(prefix + "bias"), found["leaf"] == "kernel"
    )


def _refusal(candidate: _Candidate, layout: Layout) -> str | None:
    """Return why a tensor named as a weight is not a linear layer's, or None."""
    weight, bias = candidate.weight, candidate.bias
    if len(weight.shape) != 2:
        many = f"{len(weight.shape)}-dimensional"
        reason = DIMENSIONS.get(len(weight.shape), many)
        if len(weight.shape) == 4 and weight.shape[2:] == (1, 1):
            reason = "four-dimensional, a 1×1 convolution's weight"
        return reason
    if weight.problem is not None and weight.place is None:
        return weight.problem
    if bias is not None and bias.problem is not None and bias.place is None:
        return f"its bias {bias.problem}"
    last = candidate.name.replace("/", ".").rpartition(".")[2]
    if bias is None and EMBEDDING.fullmatch(last):
        return "embedding, not a linear layer"
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


def _warnings(candidate: _Candidate) -> Iterable[str]:
    weight, bias = candidate.weight, candidate.bias
    if weight.note is not None:
        yield weight.note
    if bias is not None:
        if bias.note is not None:
            yield bias.note
        if bias.dtype != weight.dtype:
            yield f"the bias is {bias.dtype} beside a weight of {weight.dtype}"
    if re.search(r"(^|\.)lora_[ABab](\.|$)", candidate.name):
        yield "by its name this is one factor of a low-rank update (LoRA), not a layer on its own"


def _other(tensor: StoredTensor) -> str:
    """Return why a tensor that is not a weight belongs to no linear layer."""
    last = tensor.name.replace("/", ".").rpartition(".")[2]
    for pattern, reason in KNOWN:
        if re.fullmatch(pattern, last):
            return reason
    if BIAS.fullmatch(tensor.name):
        return "a bias without a two-dimensional weight beside it"
    if tensor.problem is not None:
        return tensor.problem
    dimensions = f"{len(tensor.shape)}-dimensional" if tensor.shape else "one number"
    return f"{dimensions}, and not named weight"


def _distinct(layers: list[StoredLinear], source: str) -> tuple[StoredLinear, ...]:
    seen: set[str] = set()
    for layer in layers:
        if layer.name in seen:
            raise InputError(f"{source} holds two layers named {layer.name!r}")
        seen.add(layer.name)
    return tuple(layers)
