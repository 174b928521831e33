"""What people compute instead of a loss, by its gradient ∂L/∂y: the words and the formula.

y is the output, (rows × outputs); t the target of the same shape or, for classes, one a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import numpy.typing as npt

from fcinspect.arithmetic.losses import LOSSES, Loss, one_hot
from fcinspect.rounding.arrays import Float64Array
from fcinspect.rounding.functions import at_least, exp, row_max, row_sum, sigmoid, sqrt
from fcinspect.rounding.running import Running

Gradient = Callable[[Running, Float64Array], Running]
"""(y, t) to ∂L/∂y."""

BASES = {1 / math.log(2): "2", 1 / math.log(10): "10"}
SMOOTHING = 0.1
"""What label smoothing is, where it is switched on."""


def loss_faults(name: str, t: Float64Array, outputs: int) -> Iterator[tuple[str, Gradient]]:
    """Yield the faults of a loss, those of the named formula before those of the batch."""
    loss = LOSSES[name]
    if name in ("mse", "half_mean_squares", "half_sum_squares"):
        yield from _of_squares(loss, t)
    if loss.classes:
        yield from _of_classes(t, outputs)
    if name == "bce":
        yield "the term of 1 − t is missing", lambda y, t: -(t / y) / float(t.size)
    if name == "bce_with_logits":
        yield "the sigmoid is taken twice: the loss takes logits", _sigmoid_twice
    if loss.classes or name.startswith("bce"):
        for factor, base in BASES.items():
            yield f"logarithms are to base {base}", _times(loss, factor)
    for other in LOSSES.values():
        if other.name != name and other.classes == loss.classes:
            yield f"the gradient is that of the loss {other.name}", other.gradient[0]
    yield from _of_batch(loss, t, outputs)


def _of_squares(loss: Loss, t: Float64Array) -> Iterator[tuple[str, Gradient]]:
    yield (
        "the root of the mean square is taken",
        lambda y, t: LOSSES["mse"].gradient[0](y, t) / (2.0 * sqrt(LOSSES["mse"].value[0](y, t))),
    )
    for delta in (1.0, 0.5):
        yield f"Huber's loss is taken, its δ {delta:g}", partial(_huber, delta=delta)
    if t.ndim == 2 and t.shape[1] == 1 < len(t):
        mean = np.full_like(t, t.mean())
        yield (
            "every output is held against every target: (N, 1) broadcasts against (N)",
            lambda y, _: loss.gradient[0](y, mean),
        )


def _of_classes(t: Float64Array, outputs: int) -> Iterator[tuple[str, Gradient]]:
    yield "softmax is taken twice: the loss takes logits", _softmax_twice
    for shift, words in ((1, "1 too high"), (-1, "1 too low")):
        moved = (t + shift) % max(outputs, 1)
        yield f"classes are {words}", partial(_with_target, LOSSES["cross_entropy"], moved)
    yield (
        "the logarithm of the softmax is missing: outputs are taken for it",
        lambda y, t: 0.0 * y - _hot(y, t) / float(len(t)),
    )
    yield "softmax is taken over the batch instead of the outputs", _softmax_of_columns
    yield f"labels are smoothed by {SMOOTHING}", _smoothed
    for missing in range(min(outputs, 8)):
        kept = t != missing
        if 0 < kept.sum() < len(t):
            words = f"rows of class {missing} are left out"
            yield words, partial(_of_part, LOSSES["cross_entropy"], kept[:, None])


def _of_batch(loss: Loss, t: Float64Array, outputs: int) -> Iterator[tuple[str, Gradient]]:
    rows = len(t)
    number = np.arange(rows)
    for words, kept in (
        ("the last row is left out", number < rows - 1),
        ("the first row is left out", number > 0),
        ("only the first half of the rows is used", number < rows // 2),
        ("only the first row is used", number < 1),
    ):
        if 0 < kept.sum() < rows:
            yield f"{words} by the loss", partial(_of_part, loss, kept[:, None])
    if not loss.classes and outputs > 1:
        first = np.arange(outputs)[None, :] < 1
        yield "only the first output is used by the loss", partial(_of_part, loss, first)
    if rows > 1:
        yield "the targets' rows are in reverse order", partial(_with_target, loss, t[::-1])


def _times(loss: Loss, factor: float) -> Gradient:
    return lambda y, t: factor * loss.gradient[0](y, t)


def _with_target(loss: Loss, target: Float64Array, y: Running, t: Float64Array) -> Running:
    return loss.gradient[0](y, np.ascontiguousarray(target))


def _of_part(loss: Loss, kept: npt.NDArray[np.bool_], y: Running, t: Float64Array) -> Running:
    """Return the gradient of the mean over the kept elements."""
    whole = np.broadcast_to(kept, y.value.shape)
    mean = loss.name != "half_sum_squares"
    share = whole.size / float(whole.sum()) if mean else 1.0
    return share * loss.gradient[0](y, t) * whole.astype(np.float64)


def _huber(y: Running, t: Float64Array, delta: float) -> Running:
    above = at_least(y - t, -delta)
    return -at_least(-above, -delta) / float(t.size)


def _softmax(y: Running) -> Running:
    raised = exp(y - row_max(y))
    return raised / row_sum(raised)


def _hot(y: Running, t: Float64Array) -> Float64Array:
    return one_hot(t.astype(np.int64), y.value.shape[1])


def _softmax_twice(y: Running, t: Float64Array) -> Running:
    p = _softmax(y)
    g = (_softmax(p) - _hot(y, t)) / float(len(t))
    return p * (g - row_sum(p * g))


def _softmax_of_columns(y: Running, t: Float64Array) -> Running:
    turned = Running(y.value.T, y.error.T, y.format)
    p = _softmax(turned)
    hot = _hot(y, t)
    columns = Running(p.value.T, p.error.T, p.format)
    g: Running = (columns * hot.sum(axis=0) - hot) / float(len(t))
    return g


def _smoothed(y: Running, t: Float64Array) -> Running:
    target = (1 - SMOOTHING) * _hot(y, t) + SMOOTHING / y.value.shape[1]
    g: Running = (_softmax(y) - target) / float(len(t))
    return g


def _sigmoid_twice(y: Running, t: Float64Array) -> Running:
    p = sigmoid(y)
    return (sigmoid(p) - t) / float(t.size) * (p * (1.0 - p))
