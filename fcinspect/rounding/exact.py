"""Sums of products without rounding, and X·Wᵀ to more digits than any format under inspection.

Inputs of up to 24 bits are multiplied in float64, with an error of n·2⁻⁵³·|X||W|ᵀ; float64 inputs
in slices and, where these leave too much, by compensated sums. A slice has so few bits that
products of slices add up without rounding (Ozaki, Ogita, Oishi and Rump, Numer. Algorithms 59,
2012).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.rounding.arrays import Float64Array, FloatArray
from fcinspect.rounding.formats import FLOAT32, FLOAT64

SPLITTER = float(2**27 + 1)
"""Splits a float64 into two halves of at most 26 bits (Dekker 1971)."""


def to_float(numerator: int, denominator: int) -> float:
    """Return a quotient of integers correctly rounded to float64, ±inf beyond its range."""
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if numerator > 0 else -math.inf


class ExactSums:
    """The products weight·input and their sums, exact: integers over one common power of two."""

    def __init__(self, weights: Sequence[float], inputs: Sequence[float]) -> None:
        pairs = [
            (w.as_integer_ratio(), x.as_integer_ratio())
            for w, x in zip(weights, inputs, strict=True)
        ]
        self.count = len(pairs)
        denominators = [w[1] * x[1] for w, x in pairs]
        self._unit = max(denominators, default=1)
        self._products = [
            w[0] * x[0] * (self._unit // denominator)
            for (w, x), denominator in zip(pairs, denominators, strict=True)
        ]

    def product(self, index: int) -> float:
        """Return product `index`, rounded once to float64."""
        return to_float(self._products[index], self._unit)

    def running(self, order: Sequence[int]) -> list[float]:
        """Return the exact sums of the products in that order, each rounded once to float64."""
        sums = accumulate(self._products[index] for index in order)
        return [to_float(total, self._unit) for total in sums]

    def total(self, order: Sequence[int] | None = None) -> Fraction:
        """Return the exact sum of all products, or of those named."""
        products = self._products if order is None else [self._products[i] for i in order]
        return Fraction(sum(products), self._unit)

    def rounded(self, order: Sequence[int] | None = None) -> float:
        """Return that exact sum, rounded once to float64."""
        total = self.total(order)
        return to_float(total.numerator, total.denominator)

    def magnitude(self) -> Fraction:
        """Return Σ|weight·input|."""
        return Fraction(sum(map(abs, self._products)), self._unit)


class PlainSums:
    """The same of numbers that need not be finite, by IEEE arithmetic in float64."""

    def __init__(self, weights: Sequence[float], inputs: Sequence[float]) -> None:
        self._products = [w * x for w, x in zip(weights, inputs, strict=True)]

    def product(self, index: int) -> float:
        """Return product `index`."""
        return self._products[index]

    def running(self, order: Sequence[int]) -> list[float]:
        """Return the sums of the products in that order."""
        return list(accumulate(self._products[index] for index in order))

    def rounded(self, order: Sequence[int] | None = None) -> float:
        """Return the sum of all products, or of those named."""
        named = range(len(self._products)) if order is None else order
        return sum((self._products[index] for index in named), 0.0)


def two_product(a: Float64Array, b: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return (p, e) with p = fl(a·b) and p + e = a·b, barring overflow and underflow."""
    p = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    return p, a_low * b_low - (((p - a_high * b_high) - a_low * b_high) - a_high * b_low)


def two_sum(a: Float64Array, b: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Return (s, e) with s = fl(a+b) and s + e = a+b (Knuth)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _split(a: Float64Array) -> tuple[Float64Array, Float64Array]:
    c = SPLITTER * a
    high = c - (c - a)
    return high, a - high


def dot2(x: Float64Array, weight: Float64Array) -> Float64Array:
    """Return X·Wᵀ as if computed in twice float64's precision, then rounded.

    x is (rows, n), weight (out, n). The error is at most u|y| + γₙ²·|X||W|ᵀ, plus 5nη where
    products underflow (Ogita, Rump and Oishi, Accurate Sum and Dot Product, SIAM J. Sci.
    Comput. 26(6), 2005, algorithm 5.3).
    """
    total: Float64Array = np.zeros((x.shape[0], weight.shape[0]))
    rest: Float64Array = np.zeros_like(total)
    columns = np.ascontiguousarray(weight.T)
    for k in range(x.shape[1]):
        product, product_error = two_product(x[:, k, None], columns[None, k])
        total, sum_error = two_sum(total, product)
        rest += product_error + sum_error
    return total + rest


SLICES = 4


@dataclass(frozen=True, eq=False)
class SlicedRows:
    """The rows of a matrix, scaled by powers of two and cut into slices."""

    parts: tuple[Float64Array, ...]
    """(rows, n) each; all of one row are multiples of one power of two."""
    exponents: npt.NDArray[np.int64]
    """(rows): row i is 2^exponents[i] times the sum of its parts, the rest left out."""
    bits: int
    """β: part i (from 0) is at most 2^(−iβ), the rest at most 2^(−SLICES·β)."""


def sliced(values: Float64Array) -> SlicedRows:
    """Return the slices of a matrix (rows, n) of finite numbers."""
    n = max(values.shape[1], 1)
    bits = (53 - math.ceil(math.log2(n))) // 2 if n > 1 else 26
    largest = np.abs(values).max(axis=1, initial=0.0)
    exponents = np.frexp(largest)[1].astype(np.int64)
    # in two factors: one power of two may be beyond the range
    half = -exponents // 2
    rest = np.ldexp(np.ldexp(values, half[:, None]), (-exponents - half)[:, None])
    parts = []
    for index in range(SLICES):
        anchor = 1.5 * 2.0 ** (52 - bits - index * bits + 1)
        part = (rest + anchor) - anchor
        parts.append(part)
        rest = rest - part
    return SlicedRows(tuple(parts), exponents, bits)


def product_of_slices(x: SlicedRows, weight: SlicedRows) -> tuple[Float64Array, Float64Array]:
    """Return X·Wᵀ (rows, out), and a bound of its error."""
    n = x.parts[0].shape[1]
    total: Float64Array = np.zeros((len(x.exponents), len(weight.exponents)))
    carry: Float64Array = np.zeros_like(total)
    for diagonal in range(SLICES):
        for index in range(diagonal + 1):
            product = x.parts[index] @ weight.parts[diagonal - index].T
            total, lost = two_sum(total, product)
            carry += lost
    scale = x.exponents[:, None] + weight.exponents[None, :]
    left_out = n * (SLICES + 1) * 2.0 ** (-SLICES * min(x.bits, weight.bits))
    half = scale // 2
    error = np.ldexp(np.ldexp(left_out + np.abs(carry) * 2.0**-48, half), scale - half)
    y = np.ldexp(np.ldexp(total + carry, half), scale - half)
    return y, error + 2.0**-53 * np.abs(y) + 2.0**-1074


ROUGH = 2.0**-60
"""Where slices leave an error above this times |X||W|ᵀ, sums are compensated instead."""


@dataclass(frozen=True, eq=False)
class Products:
    """X·Wᵀ for some rows of W; arrays are (rows, out)."""

    value: Float64Array
    error: Float64Array
    """How far `value` may be from the exact products' sum."""
    magnitude: Float64Array
    """|X||W|ᵀ, not smaller than exact"""
    flushed: Float64Array | float
    """The magnitude of terms that a CPU may take for zero."""
    finite: npt.NDArray[np.bool_]
    """Whether all operands of the element are finite."""


class Reference:
    """X (rows, n), ready to be multiplied by rows of W; callers silence the warnings of numpy."""

    def __init__(self, x: FloatArray, arithmetic: DotArithmetic) -> None:
        self.n = x.shape[1]
        self.arithmetic = arithmetic
        self.x: Float64Array = np.asarray(x, dtype=np.float64)
        self.finite = np.isfinite(x).all(axis=1)
        self.wide = arithmetic.inputs is FLOAT64
        # magnitudes need few digits: in float32 unless they may leave its range undecided
        self.narrow = not self.wide and arithmetic.accumulate.precision <= FLOAT32.precision
        self.sizes: FloatArray = np.abs(x).astype(np.float32) if self.narrow else np.abs(self.x)
        self.slices: SlicedRows | None = None
        self.small: Float64Array | None = None
        if arithmetic.loses_subnormals:
            self.small = _small(self.x, arithmetic.inputs.smallest_normal)

    def products(self, weight: FloatArray) -> Products:
        """Return X·Wᵀ for rows of W, (out, n)."""
        w: Float64Array = np.asarray(weight, dtype=np.float64)
        magnitude = self._magnitude(weight, w)
        if self.wide:
            value, error = self._wide(w, magnitude)
        else:
            value = self.x @ w.T
            error = (self.n * 2.0**-53) * magnitude
        finite = np.logical_and.outer(self.finite, np.isfinite(w).all(axis=1))
        flushed: Float64Array | float = 0.0
        if self.small is not None:
            flushed = _flushed(self.x, self.small, w, self.arithmetic)
        return Products(value, error, magnitude, flushed, finite)

    def _magnitude(self, weight: FloatArray, w: Float64Array) -> Float64Array:
        """Return |X||W|ᵀ, rounded up."""
        if not self.narrow:
            sizes = self.sizes @ np.abs(w).T
            return np.asarray(sizes * (1 + (self.n + 2) * 2.0**-53), dtype=np.float64)
        sums = (self.sizes @ np.abs(weight).astype(np.float32).T).astype(np.float64)
        unit = FLOAT32.unit_roundoff
        if (self.n + 1) * unit < 0.25:
            sums = sums * (1 + 2 * (self.n + 2) * unit)
            return np.asarray(sums + self.n * FLOAT32.smallest_subnormal)
        return np.asarray(np.abs(self.x) @ np.abs(w).T * (1 + (self.n + 2) * 2.0**-53))

    def _wide(self, w: Float64Array, magnitude: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Return products of float64 operands to about twice their precision."""
        if self.slices is None:
            self.slices = sliced(self.x)
        value, error = product_of_slices(self.slices, sliced(w))
        rough = (error - 2.0**-53 * np.abs(value) > ROUGH * magnitude) & np.isfinite(value)
        if rough.any():
            gamma = self.n * 2.0**-53 / (1 - self.n * 2.0**-53)
            rows, columns = rough.any(axis=1), rough.any(axis=0)
            chosen = np.ix_(rows, columns)
            value[chosen] = dot2(self.x[rows], w[columns])
            error[chosen] = (
                2.0**-53 * np.abs(value[chosen])
                + gamma * gamma * magnitude[chosen]
                + 5 * self.n * FLOAT64.smallest_subnormal
            )
        return value, error

    def kinds(
        self, weight: FloatArray, bias: Float64Array | None, largest: float
    ) -> tuple[Float64Array, npt.NDArray[np.bool_]]:
        """Return NaN, Inf or −Inf where operands are not finite, and where that is certain.

        It is certain unless the finite terms may overflow on the way to the other infinity.
        """
        w: Float64Array = np.asarray(weight, dtype=np.float64)
        # NaN and Inf times 0 are NaN by the product itself
        value = self.x @ w.T
        if bias is not None:
            value = value + bias
        rest = np.where(np.isfinite(self.x), np.abs(self.x), 0.0)
        size = rest @ np.where(np.isfinite(w), np.abs(w), 0.0).T
        return value, ~np.isfinite(value) & (size < largest)


def flushed_magnitude(
    x: Float64Array, weight: Float64Array, arithmetic: DotArithmetic
) -> Float64Array | float:
    """Return the magnitude of terms with a subnormal operand, where these may count as zero."""
    if not arithmetic.loses_subnormals:
        return 0.0
    return _flushed(x, _small(x, arithmetic.inputs.smallest_normal), weight, arithmetic)


def _small(values: Float64Array, tiny: float) -> Float64Array:
    """Return the sizes of the subnormal numbers, 0 for others."""
    sizes = np.abs(values)
    return np.where(sizes < tiny, sizes, 0.0)


def _flushed(
    x: Float64Array, small: Float64Array, w: Float64Array, arithmetic: DotArithmetic
) -> Float64Array | float:
    w_small = _small(w, arithmetic.inputs.smallest_normal)
    if not small.any() and not w_small.any():
        return 0.0
    return np.asarray(small @ np.abs(w).T + np.abs(x) @ w_small.T)
