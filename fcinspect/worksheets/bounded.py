"""Exact numbers that carry a bound on what float64, or float32, may make of them.

An operation on numbers that the format holds, whose result it holds, has no error (IEEE 754);
otherwise one rounding adds u·(|v| + e) to the error e that came in. A sum of n terms in any order
has an error of at most (n − 1)·u·Σ(|terms| + e) beyond that of its terms, without restriction on n
(Jeannerod and Rump, 2013), and none where every partial sum is a multiple of one unit that
the format holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

FLOAT64, FLOAT32 = 53, 24
"""Bits of a number of that format; its unit roundoff is u = 2^-bits."""


@dataclass(frozen=True)
class Bounded:
    """A number, and how far a computation in binary numbers of some bits may be from it."""

    value: Fraction
    error: Fraction = Fraction(0)
    """0 where the format gives the number itself."""
    bits: int = FLOAT64

    def __add__(self, other: Bounded) -> Bounded:
        return _rounded(self.value + other.value, self.error + other.error, self.bits)

    def __sub__(self, other: Bounded) -> Bounded:
        return _rounded(self.value - other.value, self.error + other.error, self.bits)

    def __mul__(self, other: Bounded | int) -> Bounded:
        if not isinstance(other, Bounded):
            other = Bounded(Fraction(other))
        carried = abs(self.value) * other.error + abs(other.value) * self.error
        return _rounded(self.value * other.value, carried + self.error * other.error, self.bits)

    def __truediv__(self, count: int) -> Bounded:
        return _rounded(self.value / count, self.error / count, self.bits)

    def __gt__(self, other: int) -> bool:
        return self.value > other

    def allows(self, computed: float) -> bool:
        """Whether the format may give this number."""
        return math.isfinite(computed) and abs(Fraction(computed) - self.value) <= self.error


Number = TypeVar("Number", Fraction, Bounded)
Summand = TypeVar("Summand", int, Fraction, Bounded)


def held(value: Fraction, bits: int = FLOAT64) -> bool:
    """Whether that many bits hold a number of moderate size exactly."""
    whole, parts = abs(value.numerator), value.denominator
    return parts & (parts - 1) == 0 and whole // max(whole & -whole, 1) < 2**bits


def constant(value: Fraction, like: Number) -> Number:
    """Return a constant as a number of the same kind, rounded where its format lacks it."""
    if isinstance(like, Bounded):
        return _rounded(value, Fraction(0), like.bits)
    return value


def total(terms: Sequence[Summand], first: Summand | None = None) -> Summand:
    """Return the sum of the terms, in any order, and of `first` where there is one."""
    added: list[Any] = [*terms] if first is None else [*terms, first]
    found: Any = _sum(added) if isinstance(added[0], Bounded) else sum(added)
    made: Summand = found
    return made


def _sum(terms: list[Bounded]) -> Bounded:
    value = sum((term.value for term in terms), Fraction(0))
    carried = sum((term.error for term in terms), Fraction(0))
    size = sum((abs(term.value) for term in terms), Fraction(0))
    bits = terms[0].bits
    if carried == 0 and _multiples(terms, size):
        return Bounded(value, bits=bits)
    error = carried + (len(terms) - 1) * Fraction(1, 2**bits) * (size + carried)
    return Bounded(value, error, bits)


def _multiples(terms: list[Bounded], size: Fraction) -> bool:
    """Whether all terms are multiples of one power of two, and their sum is held in it."""
    unit = max(term.value.denominator for term in terms)
    return unit & (unit - 1) == 0 and size * unit <= 2 ** terms[0].bits


def _rounded(value: Fraction, carried: Fraction, bits: int) -> Bounded:
    if carried == 0 and held(value, bits):
        return Bounded(value, bits=bits)
    return Bounded(value, carried + Fraction(1, 2**bits) * (abs(value) + carried), bits)
