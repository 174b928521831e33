"""The functions that formulas are written with, on plain arrays and on numbers with their bound."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.arrays import Float64Array
from fcinspect.rounding.running import LIBRARY_ULPS, Numeric, Running, constant

ERF_POLYNOMIAL = 25.0
"""Absolute error, in u of float32, of erf = 1 − (a₁s + … + a₅s⁵)·exp(−x²), s = 1/(1 + p|x|): 1.5e-7
= 2.5u by the approximation, Σ k·|aₖ| = 16u by its five fused multiply-adds, the rest by s, exp and
the last two operations (Abramowitz and Stegun 1964, formula 7.1.26)."""


def sqrt(x: Numeric) -> Numeric:
    """Return √x."""
    if isinstance(x, Running):
        return x.square_root()
    with np.errstate(all="ignore"):
        return np.sqrt(x)


def exp(x: Numeric) -> Numeric:
    """Return eˣ."""
    return _library(np.exp, x)


def log(x: Numeric) -> Numeric:
    """Return the natural logarithm."""
    return _library(np.log, x, pole=True)


def log1p(x: Numeric) -> Numeric:
    """Return log(1 + x)."""
    return _library(np.log1p, x, pole=True)


def tanh(x: Numeric) -> Numeric:
    """Return the hyperbolic tangent."""
    return _library(np.tanh, x)


def erf(x: Numeric) -> Numeric:
    """Return the error function.

    In float32 a vectorised program may use Abramowitz and Stegun 7.1.26, as torch's gelu does.
    """
    if isinstance(x, Running):
        found = x.monotone(_erf, LIBRARY_ULPS)
        if x.format.precision == 53:
            return found
        spare = ERF_POLYNOMIAL * x.format.unit_roundoff
        return Running(found.value, found.error + spare, x.format)
    return _erf(x)


def sigmoid(x: Numeric) -> Numeric:
    """Return 1/(1 + e⁻ˣ).

    Its error is at most that of eˣ, and two roundings; where e⁻ˣ overflows the result is 0.
    """
    if isinstance(x, Running):
        return x.monotone(_sigmoid, LIBRARY_ULPS + 1, 3 * (LIBRARY_ULPS + 1))
    return _sigmoid(x)


def magnitude(x: Numeric) -> Numeric:
    """Return |x|."""
    return Running(np.abs(x.value), x.error, x.format) if isinstance(x, Running) else np.abs(x)


def at_least(x: Numeric, least: float) -> Numeric:
    """Return max(x, least)."""
    if isinstance(x, Running):
        return maximum(x, constant(least, x.format))
    return np.maximum(x, least)


def maximum(a: Numeric, b: Numeric) -> Numeric:
    """Return the larger of two numbers."""
    if isinstance(a, Running) and isinstance(b, Running):
        with np.errstate(all="ignore"):
            value = np.maximum(a.value, b.value)
            # where one is certainly the larger, the other's error does not matter
            error = np.where(a.low >= b.high, a.error, np.maximum(a.error, b.error))
            error = np.where(b.low >= a.high, b.error, error)
        return Running(value, error, a.format)
    assert not isinstance(a, Running)
    assert not isinstance(b, Running)
    return np.asarray(np.maximum(a, b))


def where_positive(z: Numeric, positive: Numeric, otherwise: Numeric | None = None) -> Numeric:
    """Return `positive` where z > 0, else `otherwise` or 0, NaN where z is NaN.

    Where the sign of z is not certain, the bound covers both.
    """
    if isinstance(z, Running):
        assert isinstance(positive, Running)
        other = otherwise if isinstance(otherwise, Running) else constant(0.0, z.format)
        chosen = z.value > 0
        error = np.where(chosen, positive.error, other.error)
        unsure = (np.abs(z.value) <= z.error) & (z.error > 0)
        if unsure.any():
            both = np.abs(positive.value - other.value) + positive.error + other.error
            error = np.where(unsure, both, error)
        value = np.where(chosen, positive.value, other.value)
        return Running(np.where(np.isnan(z.value), np.nan, value), error, z.format)
    assert not isinstance(positive, Running)
    assert not isinstance(otherwise, Running)
    value = np.where(z > 0, positive, 0.0 if otherwise is None else otherwise)
    return np.where(np.isnan(z), np.nan, value)


def sign(x: Numeric) -> Numeric:
    """Return −1, 0 or 1; rounding a difference of recorded numbers does not change its sign.

    Where the operands' own errors leave the sign open, the bound covers all three.
    """
    if isinstance(x, Running):
        unit = x.format.unit_roundoff + 2.0**-52
        unsure = x.error > np.abs(x.value) * (2 * unit) + x.format.smallest_subnormal
        unsure &= np.abs(x.value) <= x.error
        return Running(np.sign(x.value), np.where(unsure, 2.0, 0.0), x.format)
    return np.sign(x)


def total(x: Numeric) -> Numeric:
    """Return the sum of all numbers."""
    return x.sum() if isinstance(x, Running) else np.asarray(x.sum())


def row_sum(x: Numeric) -> Numeric:
    """Return the sums along the last axis, which stays with length 1."""
    if isinstance(x, Running):
        return x.sum(-1, keepdims=True)
    return np.asarray(x.sum(axis=-1, keepdims=True))


def row_max(x: Numeric) -> Numeric:
    """Return the largest numbers along the last axis, which stays with length 1."""
    if isinstance(x, Running):
        error = x.error.max(-1, keepdims=True)
        return Running(x.value.max(-1, keepdims=True), error, x.format)
    return np.asarray(x.max(-1, keepdims=True))


def pick(x: Numeric, classes: npt.NDArray[np.int64]) -> Numeric:
    """Return x[row, classes[row]] of every row."""
    rows = np.arange(len(classes))
    if isinstance(x, Running):
        return Running(x.value[rows, classes], x.error[rows, classes], x.format)
    return x[rows, classes]


def _library(
    function: Callable[[Float64Array], Float64Array], x: Numeric, *, pole: bool = False
) -> Numeric:
    if isinstance(x, Running):
        return x.monotone(function, LIBRARY_ULPS, pole=pole)
    with np.errstate(all="ignore"):
        return function(x)


def _sigmoid(x: Float64Array) -> Float64Array:
    with np.errstate(all="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-x)))


def _erf(x: Float64Array) -> Float64Array:
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(x), dtype=np.float64)
