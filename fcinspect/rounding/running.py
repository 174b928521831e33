"""Running-error arithmetic: every number carries a bound on what rounding may have done to it.

One formula, written with + − × ÷ and the functions below, evaluates on plain float64 arrays (the
closed form) and on `Running` numbers (the closed form and its bound). The value is computed in
float64; the error bounds its distance to what any correct program gets that evaluates the same
formula in the number format, with or without fused multiply-adds. An operation with result v and
incoming error e therefore adds (u + 2⁻⁵³)·(|v| + e), one rounding in the format and one here, and
η where it can underflow (Wilkinson 1986; Higham, Accuracy and Stability, 2002, section 3.3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.accumulation import SLACK
from fcinspect.rounding.arrays import Float64Array
from fcinspect.rounding.formats import FLOAT64, NumberFormat

LIBRARY_ULPS = 2.0
"""Error granted to exp, log, tanh, erf: SLEEF's *_u10 functions and VML's high-accuracy mode,
which torch calls, document at most 1 ulp (sleef.org/2-references/libm); the other is spare."""
OWN_ULPS = 3 * LIBRARY_ULPS
"""The same functions here, in float64: the value, and both ends of a propagated error."""


@dataclass(frozen=True, eq=False)
class Running:
    """Numbers, and how far a computation in `format` may be from each of them."""

    value: Float64Array
    """Computed in float64."""
    error: Float64Array
    """Bound on |computed in the format − value|; inf where there is none."""
    format: NumberFormat
    """The format whose roundings are counted."""

    __array_ufunc__: ClassVar[None] = None  # numpy leaves the operators to this class

    @property
    def low(self) -> Float64Array:
        """The smallest admissible numbers."""
        return self.value - self.error

    @property
    def high(self) -> Float64Array:
        """The largest admissible numbers."""
        return self.value + self.error

    def __neg__(self) -> Running:
        return Running(-self.value, self.error, self.format)

    def __add__(self, other: Operand) -> Running:
        b = self._operand(other)
        with np.errstate(all="ignore"):
            return self._rounded(self.value + b.value, self.error + b.error)

    __radd__ = __add__

    def __sub__(self, other: Operand) -> Running:
        return self + (-self._operand(other))

    def __rsub__(self, other: Operand) -> Running:
        return self._operand(other) - self

    def __mul__(self, other: Operand) -> Running:
        b = self._operand(other)
        with np.errstate(all="ignore"):
            carried = (
                np.abs(self.value) * b.error + np.abs(b.value) * self.error + self.error * b.error
            )
            return self._rounded(self.value * b.value, carried, underflows=True)

    __rmul__ = __mul__

    def __truediv__(self, other: Operand) -> Running:
        b = self._operand(other)
        with np.errstate(all="ignore"):
            quotient = self.value / b.value
            room = np.abs(b.value) - b.error
            carried = (self.error + np.abs(quotient) * b.error) / room
            carried = np.where(room > 0, carried, np.inf)
            return self._rounded(quotient, carried, underflows=True)

    def __rtruediv__(self, other: Operand) -> Running:
        return self._operand(other) / self

    def monotone(
        self,
        function: Callable[[Float64Array], Float64Array],
        ulps: float,
        own_ulps: float = OWN_ULPS,
        *,
        pole: bool = False,
    ) -> Running:
        """Return a monotone library function, given as accurate to `ulps` in the format.

        Results below the normal range may be flushed to zero. `pole`: an infinite result of an
        exact operand is the function's value, not an overflow.
        """
        with np.errstate(all="ignore"):
            value = function(self.value)
            ends = (function(self.low), function(self.high))
            # log and sqrt have no value below zero: there the smallest is that of zero
            away = [np.where(np.isnan(end), np.inf, np.abs(end - value)) for end in ends]
            carried = np.where(self.error == 0, 0.0, np.maximum(*away))
            u = 2 * ulps * self.format.unit_roundoff + 2 * own_ulps * FLOAT64.unit_roundoff
            error = carried + u * (np.abs(value) + carried)
            tiny = self.format.smallest_normal
            error = np.where(np.abs(value) < 2 * tiny, error + tiny, error)
            if pole:
                error = np.where(np.isinf(value) & (self.error == 0), 0.0, error)
            return self._bounded(value, error)

    def square_root(self) -> Running:
        """Return √, correctly rounded by IEEE 754."""
        with np.errstate(all="ignore"):
            value = np.sqrt(self.value)
            below = value - np.sqrt(np.maximum(self.low, 0.0))
            above = np.sqrt(self.high) - value
            carried = np.where(self.error == 0, 0.0, np.maximum(below, above))
            # the differences above are themselves rounded
            carried = carried + np.where(self.error == 0, 0.0, 4 * FLOAT64.unit_roundoff * value)
            return self._rounded(value, carried)

    def sum(self, axis: int | None = None, *, keepdims: bool = False) -> Running:
        """Return the sum along an axis, in any order: (n−1)·u·Σ(|terms| + errors) + Σ errors."""
        n = self.value.size if axis is None else self.value.shape[axis]
        with np.errstate(all="ignore"):
            value = np.asarray(self.value.sum(axis=axis, keepdims=keepdims))
            carried = np.asarray(self.error.sum(axis=axis, keepdims=keepdims))
            size = np.asarray(np.abs(self.value).sum(axis=axis, keepdims=keepdims)) + carried
            error = carried + max(n - 1, 0) * self._unit * size
            return self._bounded(value, error * SLACK)

    @property
    def _unit(self) -> float:
        return self.format.unit_roundoff + FLOAT64.unit_roundoff

    def _operand(self, other: Operand) -> Running:
        """Numbers of arrays belong to the format; a Python number is rounded to it."""
        if isinstance(other, Running):
            return other
        if isinstance(other, np.ndarray):
            return exact(other, self.format)
        return constant(float(other), self.format)

    def _rounded(
        self, value: Float64Array, carried: Float64Array, *, underflows: bool = False
    ) -> Running:
        error = carried + self._unit * (np.abs(value) + carried)
        if underflows:
            error = error + self.format.smallest_subnormal
        return self._bounded(value, error * SLACK)

    def _bounded(self, value: Float64Array, error: Float64Array) -> Running:
        """Beyond the format's range there is no bound."""
        largest = self.format.largest
        with np.errstate(all="ignore"):
            known = np.abs(value) + error <= largest
            known |= np.isneginf(value) & (error == 0)
        return Running(value, np.where(known, error, np.inf), self.format)


Operand = Running | Float64Array | float
Numeric = TypeVar("Numeric", Float64Array, Running)
"""What a formula is written for: plain float64 arrays, or numbers with their bound."""


def exact(values: npt.ArrayLike, number_format: NumberFormat) -> Running:
    """Return recorded numbers of the format: no error."""
    plain = np.asarray(values, dtype=np.float64)
    return Running(plain, np.zeros_like(plain), number_format)


def constant(value: float, number_format: NumberFormat) -> Running:
    """Return a hyperparameter; u·|c| when it is not a number of the format."""
    error = 0.0
    if math.isfinite(value) and not number_format.holds(value):
        error = number_format.unit_roundoff * abs(value) + number_format.smallest_subnormal
    return Running(np.asarray(value), np.asarray(error), number_format)


@dataclass(frozen=True, eq=False)
class AllowedRange:
    """What the algebraically equal forms of one formula allow together."""

    reference: Float64Array
    """The value of the first form, the one that is shown."""
    low: Float64Array
    high: Float64Array
    decided: npt.NDArray[np.bool_]
    """False where the value or the bound is not finite."""


def hull(forms: Sequence[Running]) -> AllowedRange:
    """Return the smallest interval that holds every form's."""
    lows = np.stack([form.low for form in forms])
    highs = np.stack([form.high for form in forms])
    with np.errstate(all="ignore"):
        low, high = lows.min(axis=0), highs.max(axis=0)
    return AllowedRange(forms[0].value, low, high, np.isfinite(low) & np.isfinite(high))
