"""Which single fault of a loss or a backward pass gives the gradients that were recorded.

y is the output, (rows × outputs); t the target of the same shape or, for classes, one a row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from fcinspect.arithmetic.losses import LOSSES, Loss, one_hot
from fcinspect.rounding.arrays import Float64Array
from fcinspect.rounding.functions import at_least, exp, row_max, row_sum, sigmoid, sqrt
from fcinspect.rounding.running import AllowedRange, Running
from fcinspect.verification.propagation import BackwardWay, Layer, Propagation, transposed, within

Gradients = Mapping[str, Float64Array]
Gradient = Callable[[Running, Float64Array], Running]
"""(y, t) to ∂L/∂y."""

SMOOTHING = 0.1
"""What label smoothing is, where it is switched on."""


def name_gradient_cause(
    known: Propagation, updated: Sequence[Layer], recorded: Gradients
) -> str | None:
    """Return the fault that gives every recorded gradient; `updated`: the layers after the step."""
    with np.errstate(all="ignore"):
        right = known.gradients()
        for words, allowed in _hypotheses(known, updated, right):
            if _fits(allowed, recorded):
                return words
        return _of_some(right, recorded) or _fitted_factor(right, recorded)


def _fits(allowed: Mapping[str, AllowedRange], recorded: Gradients) -> bool:
    return all(
        name in allowed
        and allowed[name].reference.shape == values.shape
        and within(allowed[name], values)
        for name, values in recorded.items()
    )


def _hypotheses(
    known: Propagation, updated: Sequence[Layer], right: Mapping[str, AllowedRange]
) -> Iterator[tuple[str, Mapping[str, AllowedRange]]]:
    rows, numbers = len(known.output.value), known.output.value.size
    outputs = numbers // max(rows, 1)
    if len(known.layers) > 1:
        after = BackwardWay(weights={layer.name: layer.weight for layer in updated})
        words = "the gradient was backpropagated through already updated weights"
        yield words, known.gradients(after)
    yield "every gradient is zero", {name: _scaled(i, 0.0) for name, i in right.items()}
    factors = {
        -1.0: "the sign of the gradient is flipped",
        2.0: "the gradient is doubled: not reset before backward, or a factor of 2 in the loss",
        0.5: "the gradient is halved: the factor of 2 in the loss is missing",
        float(rows): f"the loss is summed over the {rows} rows instead of averaged",
        float(numbers): f"the loss is summed over all {numbers} numbers instead of averaged",
        float(outputs): f"the loss is averaged over rows only: {outputs} times too large",
        1 / max(rows, 1): f"the gradient is divided by the number of rows, {rows}, once more",
        1 / max(outputs, 1): f"the gradient is divided by the number of outputs, {outputs}",
    }
    for factor, words in factors.items():
        if factor != 1.0:
            yield words, {name: _scaled(interval, factor) for name, interval in right.items()}
    for words, way in _ways(known.target, rows):
        yield words, known.gradients(way)
    yield "weight gradients are transposed", _transposed(right)
    for words, gradient in loss_faults(known.loss, known.target, outputs):
        yield words, known.gradients(BackwardWay(loss_gradient=gradient))
    for layer in known.layers:
        if layer.activation != "identity":
            bare = replace(layer, activation="identity")
            plain = [bare if one is layer else one for one in known.layers]
            without = Propagation.of(known.passed[0].input, plain, known.loss, known.target)
            words = f"the activation {layer.activation} after {layer.name} is left out"
            yield words, without.gradients()


def _ways(target: Float64Array, rows: int) -> Iterator[tuple[str, BackwardWay]]:
    yield "the derivative of the activation is missing", BackwardWay(derivative=False)
    yield "square weights are transposed in the backward pass", BackwardWay(transposed=True)
    yield "bias gradients are averaged over the rows", BackwardWay(bias_mean=True)
    if rows > 1:
        for shift in (1, -1):
            moved = np.roll(target, shift, axis=0)
            yield "the target is shifted by one row", BackwardWay(target=moved)
    if target.ndim == 2 and target.shape[1] > 1:
        reverse = BackwardWay(target=target[:, ::-1])
        yield "the target's columns are in reverse order", reverse
        moved = np.roll(target, 1, axis=1)
        yield "the target is shifted by one output", BackwardWay(target=moved)


def _fitted_factor(right: Mapping[str, AllowedRange], recorded: Gradients) -> str | None:
    """Return the one number that all gradients are multiplied by: a power of two, or any quotient.

    It is read from the gradient with the smallest relative bound.
    """
    sharpest: tuple[float, float] | None = None
    for name, interval in right.items():
        sizes = np.abs(interval.reference)
        parts = np.where(sizes > 0, (interval.high - interval.low) / sizes, np.inf)
        if name in recorded and parts.size and recorded[name].shape == parts.shape:
            place = int(parts.argmin())
            quotient = float(recorded[name].flat[place] / interval.reference.flat[place])
            if sharpest is None or parts.flat[place] < sharpest[0]:
                sharpest = float(parts.flat[place]), quotient
    if sharpest is None or not sharpest[0] < 1 or not np.isfinite(sharpest[1]) or not sharpest[1]:
        return None
    reach, quotient = sharpest
    power = float(np.copysign(2.0 ** np.rint(np.log2(abs(quotient))), quotient))
    guesses = [(power, 0.0)] if abs(power - quotient) <= reach * abs(power) else []
    guesses += [(quotient, reach * abs(quotient))] if reach <= 2.0**-4 else []
    for factor, room in guesses:
        scaled = {name: _scaled(interval, factor, room) for name, interval in right.items()}
        if _fits(scaled, recorded):
            return f"the gradient is multiplied by {factor:.4g}"
    return None


def _scaled(interval: AllowedRange, factor: float, room: float = 0.0) -> AllowedRange:
    reference, ends = interval.reference * factor, (interval.low * factor, interval.high * factor)
    # a factor that is not a power of two rounds once more
    around = np.abs(reference) * 2.0**-22 + np.abs(interval.reference) * room
    low, high = np.minimum(*ends) - around, np.maximum(*ends) + around
    return AllowedRange(reference, low, high, interval.decided)


def _transposed(right: Mapping[str, AllowedRange]) -> dict[str, AllowedRange]:
    # of a vector the transpose is the vector
    return {
        name: AllowedRange(i.reference.T, i.low.T, i.high.T, i.decided.T)
        for name, i in right.items()
    }


def _of_some(right: Mapping[str, AllowedRange], recorded: Gradients) -> str | None:
    wrong = [name for name, values in recorded.items() if not within(right[name], values)]
    if len(wrong) == len(recorded):
        return None
    listed = ", ".join(wrong)
    if all(not recorded[name].any() for name in wrong):
        return f"the gradient of {listed} is zero"
    for factor, words in ((-1.0, "has the wrong sign"), (2.0, "is doubled"), (0.5, "is halved")):
        if all(within(_scaled(right[name], factor), recorded[name]) for name in wrong):
            return f"the gradient of {listed} {words}"
    square = all(right[n].reference.ndim == 2 and len({*recorded[n].shape}) == 1 for n in wrong)
    if square and all(within(right[n], recorded[n].T) for n in wrong):
        return f"the gradient of {listed} is transposed"
    if len(wrong) == 2 and all(
        recorded[a].shape == right[b].reference.shape and within(right[b], recorded[a])
        for a, b in (wrong, wrong[::-1])
    ):
        return f"the gradients of {wrong[0]} and {wrong[1]} are swapped"
    return None


def loss_faults(name: str, t: Float64Array, outputs: int) -> Iterator[tuple[str, Gradient]]:
    """Yield the faults of a loss, those of the named formula before those of the batch."""
    loss = LOSSES[name]
    if name in ("mse", "half_mean_squares", "half_sum_squares"):
        yield from _of_squares(loss, t)
    if loss.classes:
        yield from _of_classes(t, outputs)
    if name == "bce":
        yield "the 1 − t term is missing", lambda y, t: -(t / y) / float(t.size)
    if name == "bce_with_logits":
        yield "the sigmoid is applied twice: the loss expects logits", _sigmoid_twice
    if loss.classes or name.startswith("bce"):
        for base in (2, 10):
            yield f"logarithms are to base {base}", _times(loss, 1 / math.log(base))
    for other in LOSSES.values():
        if other.name != name and other.classes == loss.classes:
            yield f"the gradient is that of the loss {other.name}", other.gradient[0]
    yield from _of_batch(loss, t, outputs)


def _of_squares(loss: Loss, t: Float64Array) -> Iterator[tuple[str, Gradient]]:
    mse = LOSSES["mse"]
    words = "the square root of the mean square is used"
    yield words, lambda y, t: mse.gradient[0](y, t) / (2.0 * sqrt(mse.value[0](y, t)))
    for delta in (1.0, 0.5):
        yield f"the Huber loss is used, with δ = {delta:g}", partial(_huber, delta=delta)
    if t.ndim == 2 and t.shape[1] == 1 < len(t):
        mean = np.full_like(t, t.mean())
        words = "every output is compared with every target: (N, 1) is broadcast against (N)"
        yield words, partial(_with_target, loss, mean)


def _of_classes(t: Float64Array, outputs: int) -> Iterator[tuple[str, Gradient]]:
    yield "softmax is applied twice: the loss expects logits", _softmax_twice
    for shift, words in ((1, "1 too high"), (-1, "1 too low")):
        moved = (t + shift) % max(outputs, 1)
        yield f"classes are {words}", partial(_with_target, LOSSES["cross_entropy"], moved)
    words = "the logarithm of the softmax is missing: outputs are used instead"
    yield words, lambda y, t: 0.0 * y - _hot(y, t) / float(len(t))
    yield "softmax is taken over the batch instead of the outputs", _softmax_of_columns
    yield f"labels are smoothed by {SMOOTHING}", _smoothed
    for missing in range(min(outputs, 8)):
        kept = t != missing
        if 0 < kept.sum() < len(t):
            words = f"rows of class {missing} are left out"
            yield words, partial(_of_part, LOSSES["cross_entropy"], kept[:, None])


def _of_batch(loss: Loss, t: Float64Array, outputs: int) -> Iterator[tuple[str, Gradient]]:
    rows, number = len(t), np.arange(len(t))
    for words, kept in {
        "the last row is left out": number < rows - 1,
        "the first row is left out": number > 0,
        "only the first half of the rows is used": number < rows // 2,
        "only the first row is used": number < 1,
    }.items():
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
    share = 1.0 if loss.name == "half_sum_squares" else whole.size / float(whole.sum())
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
    hot = _hot(y, t)
    columns = transposed(_softmax(transposed(y)))
    g: Running = (columns * hot.sum(axis=0) - hot) / float(len(t))
    return g


def _smoothed(y: Running, t: Float64Array) -> Running:
    target = (1 - SMOOTHING) * _hot(y, t) + SMOOTHING / y.value.shape[1]
    g: Running = (_softmax(y) - target) / float(len(t))
    return g


def _sigmoid_twice(y: Running, t: Float64Array) -> Running:
    p = sigmoid(y)
    return (sigmoid(p) - t) / float(t.size) * (p * (1.0 - p))
