"""The functions of the formulas on intervals: activations with their derivatives, roots, logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache

from fcinspect.verification.examples.interval import DOWN, ONE, UP, ZERO, Interval

LIBRARY = 8
"""Roundings allowed to a function of a mathematical library: 4 ulps."""
PI_LOW = Decimal("3.1415926535897932384626433832795028841971693993751")
PI_HIGH = Decimal("3.1415926535897932384626433832795028841971693993752")
LARGE = Decimal(10000)
TINY = Decimal("1e-4000")
"""More than e^−10000."""
LEAKY_SLOPE = Decimal("0.01")
ERF_FLAT = Decimal(12)
ERF_REST = Decimal("1e-60")
"""More than 1 − erf(12)."""
KEPT = 4096
"""So many values are kept: a search for a slip works the same example out time and again."""

Point = Callable[[Decimal], Interval]


def monotone(function: Point, x: Interval, times: int = LIBRARY) -> Interval:
    """Return the values of an increasing function, which gives an interval for each number."""
    low = function(x.low).low
    high = function(x.high).high
    return x.of(low, high).rounded(times)


def _exp(x: Decimal) -> Interval:
    """Return eˣ for x <= 0."""
    if x < -LARGE:
        return Interval(ZERO, TINY)
    near = DOWN.exp(x)  # correctly rounded to nearest
    return Interval(DOWN.next_minus(near), min(UP.next_plus(near), ONE))


def _log(x: Decimal) -> Interval:
    near = DOWN.ln(x)
    return Interval(DOWN.next_minus(near), UP.next_plus(near))


def _sqrt(x: Decimal) -> Interval:
    near = DOWN.sqrt(x)
    return Interval(max(DOWN.next_minus(near), ZERO), UP.next_plus(near))


def _one(value: Decimal = ONE) -> Interval:
    return Interval(value, value)


@lru_cache(KEPT)
def _sigmoid(x: Decimal) -> Interval:
    e = _exp(-x.copy_abs())
    upper = Interval(DOWN.divide(ONE, UP.add(ONE, e.high)), UP.divide(ONE, DOWN.add(ONE, e.low)))
    if x >= 0:
        return upper
    # e/(1 + e)
    return Interval(DOWN.multiply(e.low, upper.low), UP.multiply(e.high, upper.high))


@lru_cache(KEPT)
def _tanh(x: Decimal) -> Interval:
    e = _exp(DOWN.multiply(Decimal(-2), x.copy_abs()))
    found = (_one() - e) / (_one() + e)
    found = Interval(max(found.low, ZERO), min(found.high, ONE))
    return found if x >= 0 else -found


def _erf(x: Decimal) -> Interval:
    """Return erf(x) = 2/√π · e^(−x²) · Σ 2^n·x^(2n+1)/(1·3·…·(2n+1)).

    All terms have one sign; once their ratio is below ½ the rest is at most the last term
    (Abramowitz and Stegun 1964, formula 7.1.6).
    """
    size = x.copy_abs()
    if not size:
        return _one(ZERO)
    if size > ERF_FLAT:
        found = Interval(ONE - ERF_REST, ONE)
        return found if x > 0 else -found
    point = _one(size)
    twice = point * point * _one(Decimal(2))
    term = total = point
    n = 0
    while term.high > UP.multiply(ERF_REST, total.low) or twice.high * 2 > 2 * n + 3:
        n += 1
        term = term * twice / _one(Decimal(2 * n + 1))
        total = total + term
    total = Interval(total.low, UP.add(total.high, term.high))
    square = point * point
    decay = Interval(_exp(-square.high).low, _exp(-square.low).high)
    root = Interval(_sqrt(PI_LOW).low, _sqrt(PI_HIGH).high)
    found = total * decay * _one(Decimal(2)) / root
    found = Interval(max(found.low, ZERO), min(found.high, ONE))
    return found if x >= 0 else -found


def exp_of_negative(x: Interval) -> Interval:
    """Return eˣ of numbers that are <= 0, up to rounding."""
    return monotone(_exp, x.of(min(x.low, ZERO), min(x.high, ZERO)))


def log(x: Interval) -> Interval:
    """Return the natural logarithm of numbers above 0."""
    return monotone(_log, x)


def square_root(x: Interval) -> Interval:
    """Return √x of numbers >= 0; what rounding put below 0 is 0."""
    return monotone(_sqrt, x.of(max(x.low, ZERO), max(x.high, ZERO)), 1)


def sigmoid(z: Interval) -> Interval:
    """Return 1/(1 + e⁻ᶻ)."""
    return monotone(_sigmoid, z)


def relu(z: Interval) -> Interval:
    """Return max(z, 0)."""
    return z.of(max(z.low, ZERO), max(z.high, ZERO))


def tanh(z: Interval) -> Interval:
    """Return tanh(z)."""
    return monotone(_tanh, z)


def leaky_relu(z: Interval) -> Interval:
    """Return z where z > 0, else 0.01·z."""

    def point(x: Decimal) -> Interval:
        return _one(x) if x > 0 else _one(x) * _one(LEAKY_SLOPE)

    return monotone(point, z, 2)


def normal_distribution(z: Interval) -> Interval:
    """Return Φ(z) = (1 + erf(z/√2))/2."""
    half = z.of(Decimal("0.5"))
    scaled = z * Interval(_sqrt(half.low).low, _sqrt(half.low).high, z.u)
    return half * (z.of(ONE) + monotone(_erf, scaled))


def gelu(z: Interval) -> Interval:
    """Return z·Φ(z)."""
    return z * normal_distribution(z)


def gelu_slope(z: Interval) -> Interval:
    """Return Φ(z) + z·e^(−z²/2)/√(2π)."""
    square = z * z
    falling = exp_of_negative(-square * z.of(Decimal("0.5")))
    two_pi = Interval(PI_LOW, PI_HIGH, z.u) * z.of(Decimal(2))
    return normal_distribution(z) + z * (falling / square_root(two_pi))


def step_between(z: Interval, below: Decimal) -> Interval:
    """Return 1 where z > 0, else `below`."""
    return z.of(ONE if z.low > 0 else below, ONE if z.high > 0 else below)


FORWARD: Mapping[str, Callable[[Interval], Interval]] = {
    "relu": relu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "leaky_relu": leaky_relu,
    "gelu": gelu,
    "identity": lambda z: z,
}
"""a = φ(z), by the activation's name."""

SLOPE: Mapping[str, Callable[[Interval, Interval], Interval]] = {
    "relu": lambda z, a: step_between(z, ZERO),
    "sigmoid": lambda z, a: a * (a.of(ONE) - a),
    "tanh": lambda z, a: a.of(ONE) - a * a,
    "leaky_relu": lambda z, a: step_between(z, LEAKY_SLOPE),
    "gelu": lambda z, a: gelu_slope(z),
    "identity": lambda z, a: z.of(ONE),
}
"""φ′, of z and a."""


def softmax(z: Sequence[Interval]) -> list[Interval]:
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


def _share(own: Decimal, others: Sequence[Decimal]) -> Interval:
    largest = max(own, *others)
    mine = _falling(own, largest)
    rest = _one(ZERO)
    for other in others:
        rest = rest + _falling(other, largest)
    return mine / (mine + rest)


def surprise(z: Sequence[Interval], index: int) -> Interval:
    """Return −log softmax(z)[index], which falls with z[index] and rises with every other z."""
    own = z[index]
    others = [other for j, other in enumerate(z) if j != index]
    low = _surprise(own.high, [other.low for other in others])
    high = _surprise(own.low, [other.high for other in others])
    found = own.of(max(low.low, ZERO), high.high)
    # the logits are subtracted from each other, and the largest from each
    spread = max((other.magnitude for other in z), default=ZERO)
    return found.rounded(LIBRARY).widened(UP.multiply(3 * own.u, spread))


def _surprise(own: Decimal, others: Sequence[Decimal]) -> Interval:
    largest = max([own, *others])
    summed = _falling(own, largest)
    for other in others:
        summed = summed + _falling(other, largest)
    logarithm = Interval(_log(summed.low).low, _log(summed.high).high)
    return logarithm + (_one(largest) - _one(own))


def _falling(x: Decimal, largest: Decimal) -> Interval:
    difference = _one(x) - _one(largest)
    return Interval(_exp(min(difference.low, ZERO)).low, _exp(min(difference.high, ZERO)).high)
