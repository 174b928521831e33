"""Intervals of decimal numbers that hold every result a correct computation can give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import (
    MAX_EMAX,
    MIN_EMIN,
    ROUND_CEILING,
    ROUND_FLOOR,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from functools import cache

DIGITS = 50
_TRAPS = [InvalidOperation, DivisionByZero, Overflow]
DOWN = Context(DIGITS, ROUND_FLOOR, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=_TRAPS)
"""Rounds every result down."""
UP = Context(DIGITS, ROUND_CEILING, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=_TRAPS)
"""Rounds every result up."""

ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers from low to high.

    Every operation gives an interval that holds the exact result for any operands in theirs, and
    that result after one rounding of relative size u.
    """

    low: Decimal
    high: Decimal
    u: Decimal = ZERO
    """The unit roundoff of the computation that is followed."""

    @property
    def middle(self) -> Decimal:
        """The number halfway, rounded down to 50 digits."""
        return DOWN.divide(DOWN.add(self.low, self.high), Decimal(2))

    @property
    def magnitude(self) -> Decimal:
        """The largest |x|."""
        return max(self.low.copy_abs(), self.high.copy_abs())

    def widened(self, by: Decimal) -> Interval:
        """Return the interval with `by` >= 0 more on either side."""
        return Interval(DOWN.subtract(self.low, by), UP.add(self.high, by), self.u)

    def rounded(self, times: int = 1) -> Interval:
        """Return the interval after that many roundings, together at most γ = ku/(1 − ku)."""
        if not self.u:
            return self
        return self.widened(UP.multiply(gamma(times, self.u), self.magnitude))

    def hull(self, other: Interval) -> Interval:
        """Return the smallest interval that holds both."""
        return Interval(min(self.low, other.low), max(self.high, other.high), self.u)

    def meets(self, low: Decimal, high: Decimal) -> bool:
        """Whether a number from `low` to `high` is in the interval."""
        return self.low <= high and low <= self.high

    def of(self, low: Decimal, high: Decimal | None = None) -> Interval:
        """Return another interval of the same computation, or one number."""
        return Interval(low, low if high is None else high, self.u)

    def __neg__(self) -> Interval:
        return Interval(self.high.copy_negate(), self.low.copy_negate(), self.u)

    def __add__(self, other: Interval) -> Interval:
        return _plus(self, other).rounded()

    def __sub__(self, other: Interval) -> Interval:
        return _plus(self, -other).rounded()

    def __mul__(self, other: Interval) -> Interval:
        return times(self, other).rounded()

    def __truediv__(self, other: Interval) -> Interval:
        """Return the quotient; the divisor must not hold 0."""
        if other.low <= 0 <= other.high:
            raise ZeroDivisionError("an interval that holds 0 divides nothing")
        ends = [(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        low = min(DOWN.divide(a, b) for a, b in ends)
        high = max(UP.divide(a, b) for a, b in ends)
        return Interval(low, high, self.u).rounded()


@cache
def gamma(count: int, u: Decimal) -> Decimal:
    """Return γ = ku/(1 − ku), or 1 where ku >= 1/2."""
    product = UP.multiply(Decimal(count), u)
    if product >= Decimal("0.5"):
        return ONE
    return UP.divide(product, DOWN.subtract(ONE, product))


def times(a: Interval, b: Interval) -> Interval:
    """Return the product without a rounding."""
    return Interval(*_ends(a.low, a.high, b.low, b.high), a.u)


def _ends(p: Decimal, q: Decimal, r: Decimal, s: Decimal) -> tuple[Decimal, Decimal]:
    """Return the ends of [p, q]·[r, s], by the signs of p, q, r and s."""
    down, up = DOWN.multiply, UP.multiply
    if p >= 0:
        if r >= 0:
            return down(p, r), up(q, s)
        return down(q, r), up(p if s <= 0 else q, s)
    if q <= 0:
        if s <= 0:
            return down(q, s), up(p, r)
        return down(p, s), up(q if r >= 0 else p, r)
    if r >= 0:
        return down(p, s), up(q, s)
    if s <= 0:
        return down(q, r), up(p, r)
    return min(down(p, s), down(q, r)), max(up(p, r), up(q, s))


def _plus(a: Interval, b: Interval) -> Interval:
    return Interval(DOWN.add(a.low, b.low), UP.add(a.high, b.high), a.u)


def dot(a: Sequence[Interval], b: Sequence[Interval], u: Decimal) -> Interval:
    """Return Σ aₖ·bₖ, summed in any order.

    Of n products the rounding is at most γ(n+2)·Σ|a·b|: n for product and sums, and two for
    operands whose decimals the number format does not hold (Higham, Accuracy and Stability of
    Numerical Algorithms, 2nd ed., section 3.1).
    """
    ends = [_ends(p.low, p.high, q.low, q.high) for p, q in zip(a, b, strict=True)]
    return _summed(ends, 3, u)


def total(terms: Sequence[Interval], u: Decimal) -> Interval:
    """Return Σ termₖ, summed in any order."""
    return _summed([(term.low, term.high) for term in terms], 0, u)


def _summed(terms: Sequence[tuple[Decimal, Decimal]], more: int, u: Decimal) -> Interval:
    low = high = size = ZERO
    for least, most in terms:
        low = DOWN.add(low, least)
        high = UP.add(high, most)
        # |term| is at most the larger of −least and most
        size = UP.add(size, max(most, least.copy_negate()))
    count = max(len(terms) - 1 + more, 0)
    return Interval(low, high, u).widened(UP.multiply(gamma(count, u), size))
