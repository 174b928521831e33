"""Faults in what is multiplied: a weight or input transposed, reversed, cut, rounded, rectified."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fcinspect.rounding.arrays import Float64Array
from fcinspect.verification.observed import Observed


def operand_causes(seen: Observed) -> Iterator[str]:
    """Yield the altered operand that gives the result."""
    for words, weight in _other_weights(seen.weight):
        if seen.explained_by(weight=weight):
            yield words
    for words, x in _other_inputs(seen.x):
        if seen.explained_by(x=x):
            yield words


def _other_weights(weight: Float64Array) -> Iterator[tuple[str, Float64Array]]:
    outputs, n = weight.shape
    if outputs == n > 1:
        yield "the weight is used transposed", weight.T
    elif min(outputs, n) > 1:
        reshaped = weight.reshape(n, outputs).T
        yield "the weight is reshaped to (in, out) instead of transposed", reshaped
    yield "the absolute value of the weight is used", np.abs(weight)


def _other_inputs(x: Float64Array) -> Iterator[tuple[str, Float64Array]]:
    rows, n = x.shape
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
        yield "the input is reshaped instead of transposed", x.T.reshape(x.shape)
    yield "negative inputs are taken as zero", np.maximum(x, 0.0)
    yield "the absolute value of the inputs is used", np.abs(x)
    if (np.abs(x) > 1).any():
        yield "inputs are clipped to −1 … 1", np.clip(x, -1.0, 1.0)
