"""All numbers between two exact ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction


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

    @property
    def square(self) -> Range:
        """The squares of its numbers."""
        ends = self.low**2, self.high**2
        return Range(Fraction(0) if self.low < 0 < self.high else min(ends), max(ends))

    @property
    def relu(self) -> Range:
        """The numbers, 0 in place of those below."""
        return Range(max(self.low, Fraction(0)), max(self.high, Fraction(0)))

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


def total(terms: Iterable[Range]) -> Range:
    """Return the sums of a number of each term."""
    found = point(Fraction(0))
    for term in terms:
        found = found + term
    return found
