"""Faults in what is multiplied: a weight or input transposed, reversed, cut, rounded, rectified."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fcinspect.rounding.arrays import Float64Array, FloatArray
from fcinspect.verification.observed import Observed


def operand_causes(seen: Observed) -> Iterator[str]:
    """Yield the altered operand that gives the result."""
    count = len(seen.weight)
    for shift in (1, -1):
        # where all outputs are looked at, their order is told in full
        moved = (np.asarray(seen.outputs) - shift) % count
        bias = None if seen.bias is None else seen.bias[moved]
        if len(seen.outputs) < count and seen.explained_by(
            weight=_wide(seen.weight[moved]), bias=bias
        ):
            yield f"the outputs are shifted by {abs(shift)}"
    for words, weight in _other_weights(seen):
        if seen.explained_by(weight=weight):
            yield words
    for words, x in _other_inputs(seen):
        if seen.explained_by(x=x):
            yield words


def _wide(values: FloatArray) -> Float64Array:
    return np.asarray(values, dtype=np.float64)


def _other_weights(seen: Observed) -> Iterator[tuple[str, Float64Array]]:
    """Yield other rows of the weight for the outputs that are looked at."""
    outputs, n = seen.weight.shape
    chosen = list(seen.outputs)
    if outputs == n > 1:
        turned = np.asarray(seen.weight.T[chosen], dtype=np.float64)
        yield "the weight is used transposed", turned
    elif min(outputs, n) > 1:
        reshaped = np.asarray(seen.weight.reshape(n, outputs).T[chosen], dtype=np.float64)
        yield "the weight is reshaped to (in, out) instead of transposed", reshaped
    yield "the absolute value of the weight is used", np.abs(seen.w)


def _other_inputs(seen: Observed) -> Iterator[tuple[str, Float64Array]]:
    """Yield other rows of x for those that are looked at."""
    x = seen.xs
    rows, n = seen.x.shape
    if n > 1:
        yield "the inputs are taken in reverse order", x[:, ::-1]
        yield "input j is taken for input j+1", np.roll(x, 1, axis=1)
        yield "input j+1 is taken for input j", np.roll(x, -1, axis=1)
        shifted = np.zeros_like(x)
        shifted[:, :-1] = x[:, 1:]
        yield "the inputs are shifted by one, the last is left out", shifted
        shifted = np.zeros_like(x)
        shifted[:, 1:] = x[:, :-1]
        yield "the inputs are shifted by one, the first is left out", shifted
        yield (
            "the inputs are the mean of each row",
            np.broadcast_to(x.mean(axis=1, keepdims=True), x.shape),
        )
    if rows > 1 and n > 1:
        reshaped = np.asarray(seen.x.T.reshape(seen.x.shape)[list(seen.rows)], dtype=np.float64)
        yield "the input is reshaped instead of transposed", reshaped
    yield "negative inputs are taken as zero", np.maximum(x, 0.0)
    yield "the absolute value of the inputs is used", np.abs(x)
    if (np.abs(x) > 1).any():
        yield "inputs are clipped to −1 … 1", np.clip(x, -1.0, 1.0)
