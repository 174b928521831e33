"""The kinds of numbers in which a worksheet is worked out, and sigmoid and tanh of each.

`Bounded` is an exact number (Fraction) with a bound on what float64, or float32, may make of it;
`Range` is all numbers between two exact ones.

On a sheet with sigmoid or tanh every result is rounded to the sheet's decimals, a half away from
zero, and the rounded number is gone on with, so that all that stands there is an exact decimal.
Both ends of an interval of 50 digits are rounded. Of a rational number other than 0 sigmoid and
tanh are irrational, so that no value lies halfway.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar

from fcinspect.verification.examples.interval import (
    DOWN,
    LIBRARY,
    UP,
    DecimalInterval,
    sigmoid,
    tanh,
)

FLOAT64, FLOAT32 = 53, 24
"""Bits of a number of that format; its unit roundoff is u = 2^-bits."""
AT_ZERO = {"sigmoid": Fraction(1, 2), "tanh": Fraction(0)}
STEEPEST = {"sigmoid": Fraction(1, 4), "tanh": Fraction(1)}
"""The largest derivative."""
ROUNDINGS = LIBRARY + 4
"""Of a program: those of e^x in its library, of 1 + e^(−z) and of the quotient, and one more."""


@dataclass(frozen=True)
class Bounded:
    """A number, and how far a computation in binary numbers of some bits may be from it.

    An operation on numbers that the format holds, whose result it holds, has no error (IEEE 754);
    otherwise one rounding adds u·(|v| + e) to the error e that came in.
    """

    value: Fraction
    error: Fraction = Fraction(0)
    """0 where the format gives the number itself."""
    bits: int = FLOAT64

    def __add__(self, other: Bounded) -> Bounded:
        return _once(self.value + other.value, self.error + other.error, self.bits)

    def __sub__(self, other: Bounded) -> Bounded:
        return _once(self.value - other.value, self.error + other.error, self.bits)

    def __mul__(self, other: Bounded | int) -> Bounded:
        if not isinstance(other, Bounded):
            other = Bounded(Fraction(other))
        carried = abs(self.value) * other.error + abs(other.value) * self.error
        return _once(self.value * other.value, carried + self.error * other.error, self.bits)

    def __truediv__(self, count: int) -> Bounded:
        return _once(self.value / count, self.error / count, self.bits)

    def __gt__(self, other: int) -> bool:
        return self.value > other

    def allows(self, computed: float) -> bool:
        """Whether the format may give this number."""
        return math.isfinite(computed) and abs(Fraction(computed) - self.value) <= self.error


def _once(value: Fraction, carried: Fraction, bits: int) -> Bounded:
    if carried == 0:
        whole, parts = abs(value.numerator), value.denominator
        if parts & (parts - 1) == 0 and whole // max(whole & -whole, 1) < 2**bits:
            return Bounded(value, bits=bits)
    return Bounded(value, carried + Fraction(1, 2**bits) * (abs(value) + carried), bits)


@dataclass(frozen=True, slots=True)
class Range:
    """All numbers from low to high; an operation gives every result that its operands allow."""

    low: Fraction
    high: Fraction

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Range) -> Range:
        return Range(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Range) -> Range:
        ends = [a * b for a in {self.low, self.high} for b in {other.low, other.high}]
        return Range(min(ends), max(ends))

    def __truediv__(self, count: int) -> Range:
        return Range(self.low / count, self.high / count)

    @property
    def square(self) -> Range:
        """The squares of its numbers."""
        ends = self.low**2, self.high**2
        return Range(Fraction(0) if self.low < 0 < self.high else min(ends), max(ends))

    def rounded(self, decimals: int) -> Range:
        """Return its numbers after they are rounded."""
        return Range(rounded(self.low, decimals), rounded(self.high, decimals))

    def hull(self, other: Range) -> Range:
        """Return the smallest range that holds both."""
        return Range(min(self.low, other.low), max(self.high, other.high))

    def meet(self, other: Range) -> Range | None:
        """Return what both hold; None where that is nothing."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Range(low, high) if low <= high else None

    def distance(self, value: Fraction) -> Fraction:
        """Return how far a number is from the nearest one of the range."""
        return max(self.low - value, value - self.high, Fraction(0))


def point(value: Fraction) -> Range:
    """Return the range that holds one number."""
    return Range(value, value)


def around(value: Fraction, reach: Fraction) -> Range:
    """Return the numbers that are no farther than `reach` from one."""
    return Range(value - reach, value + reach)


ZERO = point(Fraction(0))

Number = TypeVar("Number", int, Fraction, Bounded, Range)
Real = TypeVar("Real", Fraction, Bounded, Range)
"""What can be divided."""


def constant(value: Fraction, like: Real) -> Real:
    """Return a constant as a number of the same kind, rounded where its format lacks it."""
    if isinstance(like, Bounded):
        return _once(value, Fraction(0), like.bits)
    return point(value) if isinstance(like, Range) else value


def total(terms: Sequence[Number], first: Number | None = None) -> Number:
    """Return the sum of the terms, in any order, and of `first` where there is one.

    Of n bounded terms it has an error of at most (n − 1)·u·Σ(|terms| + e) beyond theirs, without
    restriction on n (Jeannerod and Rump, 2013), and none where every partial sum is a multiple of
    one unit that the format holds.
    """
    added: list[Any] = [*terms] if first is None else [*terms, first]
    found: Any = _sum(added) if isinstance(added[0], Bounded) else sum(added[1:], added[0])
    made: Number = found
    return made


def _sum(terms: list[Bounded]) -> Bounded:
    value = sum((term.value for term in terms), Fraction(0))
    carried = sum((term.error for term in terms), Fraction(0))
    size = sum((abs(term.value) for term in terms), Fraction(0))
    bits = terms[0].bits
    if carried == 0:
        unit = max(term.value.denominator for term in terms)
        # whether all terms are multiples of one power of two, and their sum is held in it
        if unit & (unit - 1) == 0 and size * unit <= 2**bits:
            return Bounded(value, bits=bits)
    error = carried + (len(terms) - 1) * Fraction(1, 2**bits) * (size + carried)
    return Bounded(value, error, bits)


def square(value: Real) -> Real:
    """Return a number times itself."""
    return value.square if isinstance(value, Range) else value * value


def rounded(value: Fraction, decimals: int) -> Fraction:
    """Return a number rounded to decimals, a half away from zero."""
    unit = 10**decimals
    size = (2 * abs(value.numerator) * unit + value.denominator) // (2 * value.denominator)
    return Fraction(-size if value < 0 else size, unit)


def settled(value: Number, decimals: int | None) -> Number:
    """Return what is gone on with: the number, rounded where the sheet rounds."""
    if decimals is None or isinstance(value, int):
        return value
    if isinstance(value, Range):
        return value.rounded(decimals)
    if isinstance(value, Bounded):
        found = rounded(value.value, decimals)
        half = Fraction(found != value.value, 2 * 10**decimals)
        return Bounded(found, value.error + half, value.bits)
    return rounded(value, decimals)


def relu(z: Number) -> Number:
    """Return max(z, 0)."""
    if isinstance(z, Range):
        return Range(max(z.low, Fraction(0)), max(z.high, Fraction(0)))
    return z if z > 0 else z * 0


def masked(arrives: Number, z: Number) -> Number:
    """Return what arrives where z > 0, else 0; of z on both sides of 0 a range that holds both."""
    if not isinstance(z, Range) or not isinstance(arrives, Range):
        return arrives if z > 0 else arrives * 0
    if z.low > 0:
        return arrives
    return ZERO if z.high <= 0 else ZERO.hull(arrives)


def activation(name: str, z: Real, decimals: int | None = None) -> Real:
    """Return σ(z) or tanh(z), to 50 digits or rounded to the sheet's decimals."""
    if isinstance(z, Bounded):
        return settled(_bounded(name, z), decimals)
    if isinstance(z, Range):
        return Range(_enclosed(name, z.low).low, _enclosed(name, z.high).high)
    return _middle(_enclosed(name, z), decimals)


def slope(name: str, a: Real) -> Real:
    """Return the derivative, from the activation: a·(1 − a) of σ, 1 − a² of tanh."""
    one = constant(Fraction(1), like=a)
    if name == "tanh":
        return one - square(a)
    if isinstance(a, Range):
        # a·(1 − a) = 1/4 − (a − 1/2)²
        return point(Fraction(1, 4)) - (a - point(Fraction(1, 2))).square
    return a * (one - a)


def _bounded(name: str, z: Bounded) -> Bounded:
    if not z.error and not z.value:
        return Bounded(AT_ZERO[name], bits=z.bits)
    found = _enclosed(name, z.value)
    value = (found.low + found.high) / 2
    carried = (found.high - found.low) / 2 + STEEPEST[name] * z.error
    made = ROUNDINGS * Fraction(1, 2**z.bits) * (abs(value) + carried)
    return Bounded(value, carried + made, z.bits)


def _middle(found: Range, decimals: int | None) -> Fraction:
    if decimals is None:
        return (found.low + found.high) / 2
    ends = {rounded(found.low, decimals), rounded(found.high, decimals)}
    if len(ends) > 1:
        raise ArithmeticError(f"50 digits do not decide how {found.low} is rounded")
    return ends.pop()


def _enclosed(name: str, z: Fraction) -> Range:
    """Return a range of about 50 digits that holds the activation of one number."""
    if not z:
        return point(AT_ZERO[name])
    numerator, denominator = Decimal(z.numerator), Decimal(z.denominator)
    near = DecimalInterval(DOWN.divide(numerator, denominator), UP.divide(numerator, denominator))
    found = sigmoid(near) if name == "sigmoid" else tanh(near)
    return Range(Fraction(found.low), Fraction(found.high))
