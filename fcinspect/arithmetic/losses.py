"""The losses, each beside its gradient.

y is the network's output, (rows × outputs); t the target, of the same shape, or for cross_entropy
one class a row. N = rows·outputs, R = rows. `value` returns L, one number, `gradient` ∂L/∂y. Where
correct programs differ in the form of a formula, all forms are given; the first is the one shown.
Sources: the reference of torch.nn.functional, reduction "mean" unless the name says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.arrays import Float64Array
from fcinspect.rounding.functions import (
    at_least,
    exp,
    log,
    log1p,
    magnitude,
    pick,
    row_max,
    row_sum,
    sigmoid,
    sign,
    total,
)
from fcinspect.rounding.running import Numeric, Running

Classes = npt.NDArray[np.int64]
LOWEST_LOG = -100.0
"""torch's bce takes no logarithm for smaller than this."""
SMALLEST_SPREAD = 9.999999960041972e-13
"""torch's bce gradient divides by at least this: 1e-12 as a float32, in float64 too."""


class LossFunction(Protocol):
    """A function of output and target."""

    def __call__(self, y: Numeric, t: Float64Array) -> Numeric:
        """Return L, or ∂L/∂y."""


@dataclass(frozen=True)
class Loss:
    """A loss and its gradient, with their formulas as text."""

    name: str
    formula: str
    gradient_formula: str
    summands: tuple[LossFunction, ...]
    """The terms of the sum, one an element or, for classes, one a row."""
    gradient: tuple[LossFunction, ...]
    call: str
    """The PyTorch expression of y and t."""
    term: str
    """The formula of one term of the sum."""
    scale: str
    """What is done with the sum: "Σ/N"."""
    classes: bool = False
    """Whether t holds one class a row."""

    @property
    def value(self) -> tuple[LossFunction, ...]:
        """L in every form."""
        return tuple(_Scaled(terms, self.scale) for terms in self.summands)

    def terms(self, y: Float64Array, t: Float64Array) -> Float64Array:
        """Return the terms of the sum."""
        return self.summands[0](y, t)


@dataclass(frozen=True)
class _Scaled:
    """The sum of terms, and what is done with it."""

    terms: LossFunction
    scale: str

    def __call__(self, y: Numeric, t: Float64Array) -> Numeric:
        if self.scale == "Σ/R":  # the sum is one of logarithms: its zero has a sign
            return -total(-self.terms(y, t)) / float(len(t))
        whole = total(self.terms(y, t))
        if self.scale == "½·Σ":
            return 0.5 * whole
        mean = whole / float(t.size)
        return mean if self.scale == "Σ/N" else 0.5 * mean


def squares(y: Numeric, t: Float64Array) -> Numeric:
    """Return (y − t)²."""
    return (y - t) * (y - t)


def mse_gradient(y: Numeric, t: Float64Array) -> Numeric:
    """Return 2(y − t)/N."""
    return _share(2.0, t.size) * (y - t)


def mse_gradient_divided(y: Numeric, t: Float64Array) -> Numeric:
    """Return 2(y − t)/N, dividing last."""
    return 2.0 * (y - t) / float(t.size)


def distances(y: Numeric, t: Float64Array) -> Numeric:
    """Return |y − t|."""
    return magnitude(y - t)


def l1_gradient(y: Numeric, t: Float64Array) -> Numeric:
    """Return sign(y − t)/N; 0 where y = t, as torch."""
    return sign(y - t) / float(t.size)


def half_sum_squares_gradient(y: Numeric, t: Float64Array) -> Numeric:
    """Return y − t."""
    return y - t


def half_mean_squares_gradient(y: Numeric, t: Float64Array) -> Numeric:
    """Return (y − t)/N."""
    return _share(1.0, t.size) * (y - t)


def half_mean_squares_gradient_divided(y: Numeric, t: Float64Array) -> Numeric:
    """Return (y − t)/N, dividing last."""
    return (y - t) / float(t.size)


def surprises(y: Numeric, t: Float64Array) -> Numeric:
    """Return −log softmax(y)[row, t[row]]."""
    largest, rest = _log_sum(y)
    return -pick(y - largest - rest, t.astype(np.int64))


def surprises_at_once(y: Numeric, t: Float64Array) -> Numeric:
    """Return the same, the two terms of the log-sum added first."""
    largest, rest = _log_sum(y)
    return -pick(y - (largest + rest), t.astype(np.int64))


def cross_entropy_gradient(y: Numeric, t: Float64Array) -> Numeric:
    """Return (softmax(y) − one-hot(t))/R, softmax as exp of log softmax."""
    largest, rest = _log_sum(y)
    return _softmax_step(y, exp(y - largest - rest), t)


def cross_entropy_gradient_at_once(y: Numeric, t: Float64Array) -> Numeric:
    """Return the same, the two terms of the log-sum added first."""
    largest, rest = _log_sum(y)
    return _softmax_step(y, exp(y - (largest + rest)), t)


def bits(y: Numeric, t: Float64Array) -> Numeric:
    """Return −[t·log y + (1 − t)·log(1 − y)], no logarithm below −100."""
    against = at_least(log1p(-y), LOWEST_LOG)
    return (t - 1.0) * against - t * at_least(log(y), LOWEST_LOG)


def bce_gradient(y: Numeric, t: Float64Array) -> Numeric:
    """Return (y − t)/(y·(1 − y))/N, the product at least 1e-12."""
    return (y - t) / at_least((1.0 - y) * y, SMALLEST_SPREAD) / float(t.size)


def logit_bits(y: Numeric, t: Float64Array) -> Numeric:
    """Return (1 − t)·y − log σ(y), log σ(y) = min(y, 0) − log(1 + e^−|y|)."""
    log_sigmoid = -at_least(-y, 0.0) - log1p(exp(-magnitude(y)))
    return (1.0 - t) * y - log_sigmoid


def logit_bits_classic(y: Numeric, t: Float64Array) -> Numeric:
    """Return max(y, 0) − t·y + log(1 + e^−|y|), the same."""
    return at_least(y, 0.0) - t * y + log1p(exp(-magnitude(y)))


def bce_with_logits_gradient(y: Numeric, t: Float64Array) -> Numeric:
    """Return (σ(y) − t)/N."""
    return (sigmoid(y) - t) / float(t.size)


def one_hot(classes: Classes, outputs: int) -> Float64Array:
    """Return rows of zeros with a 1 at each row's class."""
    rows = np.zeros((len(classes), outputs))
    rows[np.arange(len(classes)), classes] = 1.0
    return rows


def _log_sum(y: Numeric) -> tuple[Numeric, Numeric]:
    """Return m = max(y) and log Σ exp(y − m) of every row."""
    largest = row_max(y)
    return largest, log(row_sum(exp(y - largest)))


def _softmax_step(y: Numeric, probabilities: Numeric, t: Float64Array) -> Numeric:
    outputs = (y.value if isinstance(y, Running) else y).shape[-1]
    return (probabilities - one_hot(t.astype(np.int64), outputs)) / float(len(t))


def _share(numerator: float, count: int) -> float:
    return numerator / count if count else math.nan


LOSSES: Mapping[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss(
            "mse", "Σ(y − t)²/N", "2·(y − t)/N",
            (squares,), (mse_gradient, mse_gradient_divided),
            "F.mse_loss(y, t)", "(y − t)²", "Σ/N",
        ),
        Loss(
            "l1", "Σ|y − t|/N", "sign(y − t)/N",
            (distances,), (l1_gradient,),
            "F.l1_loss(y, t)", "|y − t|", "Σ/N",
        ),
        Loss(
            "half_sum_squares", "½·Σ(y − t)²", "y − t",
            (squares,), (half_sum_squares_gradient,),
            'F.mse_loss(y, t, reduction="sum") / 2', "(y − t)²", "½·Σ",
        ),
        Loss(
            "half_mean_squares", "Σ(y − t)²/(2·N)", "(y − t)/N",
            (squares,), (half_mean_squares_gradient, half_mean_squares_gradient_divided),
            "F.mse_loss(y, t) / 2", "(y − t)²", "Σ/(2·N)",
        ),
        Loss(
            "cross_entropy", "−Σ log softmax(y)[t]/R", "(softmax(y) − one-hot(t))/R",
            (surprises, surprises_at_once),
            (cross_entropy_gradient, cross_entropy_gradient_at_once),
            "F.cross_entropy(y, t)", "−log softmax(y)[t]", "Σ/R", classes=True,
        ),
        Loss(
            "bce", "−Σ[t·log(y) + (1 − t)·log(1 − y)]/N", "(y − t)/(y·(1 − y))/N",
            (bits,), (bce_gradient,),
            "F.binary_cross_entropy(y, t)", "−[t·log(y) + (1 − t)·log(1 − y)]", "Σ/N",
        ),
        Loss(
            "bce_with_logits", "−Σ[t·log σ(y) + (1 − t)·log(1 − σ(y))]/N", "(σ(y) − t)/N",
            (logit_bits, logit_bits_classic), (bce_with_logits_gradient,),
            "F.binary_cross_entropy_with_logits(y, t)",
            "−[t·log σ(y) + (1 − t)·log(1 − σ(y))]", "Σ/N",
        ),
    )
}  # fmt: skip
