"""Sums of products without rounding, and sums of products to twice float64's precision."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate

import numpy as np

from fcinspect.rounding.arrays import Float64Array

SPLITTER = float(2**27 + 1)
"""Splits a float64 into two halves of at most 26 bits (Dekker 1971)."""


def to_float(numerator: int, denominator: int) -> float:
    """Return a quotient of integers correctly rounded to float64, ±inf beyond its range."""
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if numerator > 0 else -math.inf


class ExactSums:
    """The products weight·input of finite numbers and their running sums, without rounding.

    Every number is an integer over one common power of two, so that each step is one integer
    addition.
    """

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
