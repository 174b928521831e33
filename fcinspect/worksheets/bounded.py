"""Exact numbers that carry a bound on what float64 may make of them.

An operation on numbers that float64 holds, whose result it holds, has no error (IEEE 754);
otherwise one rounding adds u·(|v| + e) to the error e that came in. A sum of n terms in any order
has an error of at most (n − 1)·u·Σ(|terms| + e) beyond that of its terms, without restriction on n
(Jeannerod and Rump, 2013), and none where every partial sum is a multiple of one unit that
float64 holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

UNIT_ROUNDOFF = Fraction(1, 2**53)
LARGEST_EXACT = 2**53


@dataclass(frozen=True)
class Bounded:
    """A number, and how far a computation in float64 may be from it."""

    value: Fraction
    error: Fraction = Fraction(0)
    """0 where float64 gives the number itself."""

    def __add__(self, other: Bounded) -> Bounded:
        return _rounded(self.value + other.value, self.error + other.error)

    def __sub__(self, other: Bounded) -> Bounded:
        return _rounded(self.value - other.value, self.error + other.error)

    def __mul__(self, other: Bounded | int) -> Bounded:
        if not isinstance(other, Bounded):
            other = Bounded(Fraction(other))
        carried = abs(self.value) * other.error + abs(other.value) * self.error
        return _rounded(self.value * other.value, carried + self.error * other.error)

    def __truediv__(self, count: int) -> Bounded:
        return _rounded(self.value / count, self.error / count)

    def __gt__(self, other: int) -> bool:
        return self.value > other

    def allows(self, computed: float) -> bool:
        """Whether float64 may give this number."""
        return math.isfinite(computed) and abs(Fraction(computed) - self.value) <= self.error


Number = TypeVar("Number", Fraction, Bounded)
Summand = TypeVar("Summand", int, Fraction, Bounded)


def held(value: Fraction) -> bool:
    """Whether float64 holds a number of moderate size exactly."""
    return Fraction(float(value)) == value


def constant(value: Fraction, like: Number) -> Number:
    """Return a constant as a number of the same kind, rounded where float64 lacks it."""
    if isinstance(like, Bounded):
        return _rounded(value, Fraction(0))
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
    if carried == 0 and _multiples(terms, size):
        return Bounded(value)
    return Bounded(value, carried + (len(terms) - 1) * UNIT_ROUNDOFF * (size + carried))


def _multiples(terms: list[Bounded], size: Fraction) -> bool:
    """Whether all terms are multiples of one power of two, and their sum at most 2^53 of it."""
    unit = max(term.value.denominator for term in terms)
    return unit & (unit - 1) == 0 and size * unit <= LARGEST_EXACT


def _rounded(value: Fraction, carried: Fraction) -> Bounded:
    if carried == 0 and held(value):
        return Bounded(value)
    return Bounded(value, carried + UNIT_ROUNDOFF * (abs(value) + carried))
