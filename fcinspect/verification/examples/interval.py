"""Intervals of decimal numbers that hold every result a correct computation can give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from functools import cache, lru_cache

DIGITS = 50
_TRAPS = [InvalidOperation, DivisionByZero, Overflow]
DOWN = Context(DIGITS, ROUND_FLOOR, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=_TRAPS)
UP = Context(DIGITS, ROUND_CEILING, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=_TRAPS)

ZERO, ONE = Decimal(0), Decimal(1)
LIBRARY = 8
"""Roundings allowed to a function of a mathematical library: 4 ulps."""
PI_LOW = Decimal("3.1415926535897932384626433832795028841971693993751")
PI_HIGH = Decimal("3.1415926535897932384626433832795028841971693993752")
LEAKY_SLOPE = Decimal("0.01")
KEPT = 4096
"""The most values kept: a search for a slip recomputes the same example many times."""


@dataclass(frozen=True, slots=True)
class DecimalInterval:
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

    def widened(self, by: Decimal) -> DecimalInterval:
        """Return the interval with `by` >= 0 more on either side."""
        return DecimalInterval(DOWN.subtract(self.low, by), UP.add(self.high, by), self.u)

    def rounded(self, times: int = 1) -> DecimalInterval:
        """Return the interval after that many roundings, together at most γ = ku/(1 − ku)."""
        if not self.u:
            return self
        return self.widened(UP.multiply(gamma(times, self.u), self.magnitude))

    def hull(self, other: DecimalInterval) -> DecimalInterval:
        """Return the smallest interval that holds both."""
        return DecimalInterval(min(self.low, other.low), max(self.high, other.high), self.u)

    def meets(self, low: Decimal, high: Decimal) -> bool:
        """Whether a number from `low` to `high` is in the interval."""
        return self.low <= high and low <= self.high

    def of(self, low: Decimal, high: Decimal | None = None) -> DecimalInterval:
        """Return another interval of the same computation, or one number."""
        return DecimalInterval(low, low if high is None else high, self.u)

    def __neg__(self) -> DecimalInterval:
        return DecimalInterval(self.high.copy_negate(), self.low.copy_negate(), self.u)

    def __add__(self, other: DecimalInterval) -> DecimalInterval:
        low, high = DOWN.add(self.low, other.low), UP.add(self.high, other.high)
        return DecimalInterval(low, high, self.u).rounded()

    def __sub__(self, other: DecimalInterval) -> DecimalInterval:
        return self + -other

    def __mul__(self, other: DecimalInterval) -> DecimalInterval:
        ends = _ends(self.low, self.high, other.low, other.high)
        return DecimalInterval(*ends, self.u).rounded()

    def __truediv__(self, other: DecimalInterval) -> DecimalInterval:
        """Return the quotient; the divisor must not hold 0."""
        if other.low <= 0 <= other.high:
            raise ZeroDivisionError("an interval that holds 0 divides nothing")
        ends = [(a, b) for a in (self.low, self.high) for b in (other.low, other.high)]
        low = min(DOWN.divide(a, b) for a, b in ends)
        high = max(UP.divide(a, b) for a, b in ends)
        return DecimalInterval(low, high, self.u).rounded()


def point(value: Decimal, u: Decimal = ZERO) -> DecimalInterval:
    """Return one number."""
    return DecimalInterval(value, value, u)


@cache
def gamma(count: int, u: Decimal) -> Decimal:
    """Return γ = ku/(1 − ku), or 1 where ku >= 1/2."""
    product = UP.multiply(Decimal(count), u)
    if product >= Decimal("0.5"):
        return ONE
    return UP.divide(product, DOWN.subtract(ONE, product))


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


def dot(a: Sequence[DecimalInterval], b: Sequence[DecimalInterval], u: Decimal) -> DecimalInterval:
    """Return Σ aₖ·bₖ, summed in any order.

    Of n products the rounding is at most γ(n+2)·Σ|a·b|: n for product and sums, and two for
    operands whose decimals the number format does not hold (Higham, Accuracy and Stability of
    Numerical Algorithms, 2nd ed., section 3.1).
    """
    ends = [_ends(p.low, p.high, q.low, q.high) for p, q in zip(a, b, strict=True)]
    return _summed(ends, 3, u)


def total(terms: Sequence[DecimalInterval], u: Decimal) -> DecimalInterval:
    """Return Σ termₖ, summed in any order."""
    return _summed([(term.low, term.high) for term in terms], 0, u)


def _summed(terms: Sequence[tuple[Decimal, Decimal]], more: int, u: Decimal) -> DecimalInterval:
    low = high = size = ZERO
    for least, most in terms:
        low = DOWN.add(low, least)
        high = UP.add(high, most)
        # |term| is at most the larger of −least and most
        size = UP.add(size, max(most, least.copy_negate()))
    count = max(len(terms) - 1 + more, 0)
    return DecimalInterval(low, high, u).widened(UP.multiply(gamma(count, u), size))


def monotone(
    function: Callable[[Decimal], DecimalInterval], x: DecimalInterval, times: int = LIBRARY
) -> DecimalInterval:
    """Return the values of an increasing function, which gives an interval for each number."""
    return x.of(function(x.low).low, function(x.high).high).rounded(times)


def _exp(x: Decimal) -> DecimalInterval:
    """Return eˣ for x <= 0."""
    if x < -10000:
        return DecimalInterval(ZERO, Decimal("1e-4000"))
    near = DOWN.exp(x)  # correctly rounded to nearest
    return DecimalInterval(DOWN.next_minus(near), min(UP.next_plus(near), ONE))


def _log(x: Decimal) -> DecimalInterval:
    near = DOWN.ln(x)
    return DecimalInterval(DOWN.next_minus(near), UP.next_plus(near))


def _sqrt(x: Decimal) -> DecimalInterval:
    near = DOWN.sqrt(x)
    return DecimalInterval(max(DOWN.next_minus(near), ZERO), UP.next_plus(near))


@lru_cache(KEPT)
def _sigmoid(x: Decimal) -> DecimalInterval:
    e = _exp(-x.copy_abs())
    upper = point(ONE) / (point(ONE) + e)
    return upper if x >= 0 else e * upper


@lru_cache(KEPT)
def _tanh(x: Decimal) -> DecimalInterval:
    e = _exp(DOWN.multiply(Decimal(-2), x.copy_abs()))
    found = (point(ONE) - e) / (point(ONE) + e)
    found = DecimalInterval(max(found.low, ZERO), min(found.high, ONE))
    return found if x >= 0 else -found


@lru_cache(KEPT)
def _erf(x: Decimal) -> DecimalInterval:
    """Return erf(x) as mpmath computes it, to more digits than are kept."""
    import mpmath

    with mpmath.workdps(DIGITS + 20):
        digits = mpmath.nstr(mpmath.erf(mpmath.mpf(str(x))), DIGITS + 10)
    found = point(Decimal(digits))
    found = found.widened(found.magnitude.scaleb(-DIGITS - 5))
    return DecimalInterval(max(found.low, -ONE), min(found.high, ONE))


def exp_of_negative(x: DecimalInterval) -> DecimalInterval:
    """Return eˣ of numbers that are <= 0, up to rounding."""
    return monotone(_exp, x.of(min(x.low, ZERO), min(x.high, ZERO)))


def log(x: DecimalInterval) -> DecimalInterval:
    """Return the natural logarithm of numbers above 0."""
    return monotone(_log, x)


def square_root(x: DecimalInterval) -> DecimalInterval:
    """Return √x of numbers >= 0; what rounding put below 0 is 0."""
    return monotone(_sqrt, x.of(max(x.low, ZERO), max(x.high, ZERO)), 1)


def sigmoid(z: DecimalInterval) -> DecimalInterval:
    """Return 1/(1 + e⁻ᶻ)."""
    return monotone(_sigmoid, z)


def relu(z: DecimalInterval) -> DecimalInterval:
    """Return max(z, 0)."""
    return z.of(max(z.low, ZERO), max(z.high, ZERO))


def tanh(z: DecimalInterval) -> DecimalInterval:
    """Return tanh(z)."""
    return monotone(_tanh, z)


def normal_distribution(z: DecimalInterval) -> DecimalInterval:
    """Return Φ(z) = (1 + erf(z/√2))/2."""
    half = z.of(Decimal("0.5"))
    scaled = z * DecimalInterval(_sqrt(half.low).low, _sqrt(half.low).high, z.u)
    return half * (z.of(ONE) + monotone(_erf, scaled))


def softmax(z: Sequence[DecimalInterval]) -> list[DecimalInterval]:
    """Return exp(z[i])/Σ exp(z[j]), which rises with z[i] and falls with every other z."""
    if len(z) == 1:
        return [z[0].of(ONE)]
    spread = max(other.magnitude for other in z)
    found = []
    for i, own in enumerate(z):
        low = _share(own.low, [other.high for j, other in enumerate(z) if j != i])
        high = _share(own.high, [other.low for j, other in enumerate(z) if j != i])
        share = own.of(low.low, min(high.high, ONE)).rounded(LIBRARY + len(z) + 1)
        # the largest is subtracted before the exponential
        found.append(share.widened(UP.multiply(UP.multiply(4 * own.u, spread), share.high)))
    return found


def _share(own: Decimal, others: Sequence[Decimal]) -> DecimalInterval:
    largest = max(own, *others)
    mine = _falling(own, largest)
    rest = sum((_falling(other, largest) for other in others), point(ZERO))
    return mine / (mine + rest)


def surprise(z: Sequence[DecimalInterval], index: int) -> DecimalInterval:
    """Return −log softmax(z)[index], which falls with z[index] and rises with every other z."""
    own = z[index]
    others = [other for j, other in enumerate(z) if j != index]
    low = _surprise(own.high, [other.low for other in others])
    high = _surprise(own.low, [other.high for other in others])
    found = own.of(max(low.low, ZERO), high.high)
    # the logits are subtracted from each other, and the largest from each
    spread = max((other.magnitude for other in z), default=ZERO)
    return found.rounded(LIBRARY).widened(UP.multiply(3 * own.u, spread))


def _surprise(own: Decimal, others: Sequence[Decimal]) -> DecimalInterval:
    largest = max([own, *others])
    summed = sum((_falling(other, largest) for other in others), _falling(own, largest))
    logarithm = DecimalInterval(_log(summed.low).low, _log(summed.high).high)
    return logarithm + (point(largest) - point(own))


def _falling(x: Decimal, largest: Decimal) -> DecimalInterval:
    difference = point(x) - point(largest)
    low, high = (min(end, ZERO) for end in (difference.low, difference.high))
    return DecimalInterval(_exp(low).low, _exp(high).high)
