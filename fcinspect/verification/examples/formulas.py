"""The activations and losses on intervals, each with its derivative; formulas as in arithmetic/.

y is (rows × outputs), N = rows·outputs, R = rows. For cross_entropy the target may be one class a
row or a row of probabilities; after a softmax, y holds the probabilities themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from fcinspect.verification.examples.interval import (
    LEAKY_SLOPE,
    ONE,
    PI_HIGH,
    PI_LOW,
    ZERO,
    DecimalInterval,
    exp_of_negative,
    log,
    monotone,
    normal_distribution,
    point,
    relu,
    sigmoid,
    softmax,
    square_root,
    surprise,
    tanh,
    total,
)

Matrix = list[list[DecimalInterval]]
LOWEST_LOG = Decimal(-100)
"""No logarithm is taken for smaller than this, as torch's bce does."""
SMALLEST_SPREAD = Decimal("1e-12")
"""The gradient of bce divides by at least this."""


def each(function: Callable[..., DecimalInterval], *matrices: Matrix) -> Matrix:
    """Return the function of the numbers in every place of the matrices."""
    return [
        [function(*numbers) for numbers in zip(*rows, strict=True)]
        for rows in zip(*matrices, strict=True)
    ]


def transposed(values: Matrix) -> Matrix:
    """Return the columns as rows."""
    return [list(column) for column in zip(*values, strict=True)]


def reshaped(values: Matrix, width: int) -> Matrix:
    """Return the same numbers, row by row, in rows of that width."""
    flat = [number for row in values for number in row]
    return [flat[start : start + width] for start in range(0, len(flat), width)]


def misread(weight: Matrix) -> Matrix:
    """Return W with its numbers, row by row, taken for its columns: the transpose of a square W."""
    return transposed(reshaped(weight, len(weight)))


def leaky_relu(z: DecimalInterval) -> DecimalInterval:
    """Return z where z > 0, else 0.01·z."""

    def of_one(x: Decimal) -> DecimalInterval:
        return point(x) if x > 0 else point(x) * point(LEAKY_SLOPE)

    return monotone(of_one, z, 2)


def gelu_slope(z: DecimalInterval) -> DecimalInterval:
    """Return Φ(z) + z·e^(−z²/2)/√(2π)."""
    square = z * z
    falling = exp_of_negative(-square * z.of(Decimal("0.5")))
    two_pi = DecimalInterval(PI_LOW, PI_HIGH, z.u) * z.of(Decimal(2))
    return normal_distribution(z) + z * (falling / square_root(two_pi))


def step_between(z: DecimalInterval, below: Decimal) -> DecimalInterval:
    """Return 1 where z > 0, else `below`."""
    return z.of(ONE if z.low > 0 else below, ONE if z.high > 0 else below)


FORWARD: Mapping[str, Callable[[DecimalInterval], DecimalInterval]] = {
    "relu": relu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "leaky_relu": leaky_relu,
    "gelu": lambda z: z * normal_distribution(z),
    "identity": lambda z: z,
}
"""a = φ(z), by the activation's name."""

SLOPE: Mapping[str, Callable[[DecimalInterval, DecimalInterval], DecimalInterval]] = {
    "relu": lambda z, a: step_between(z, ZERO),
    "sigmoid": lambda z, a: a * (a.of(ONE) - a),
    "tanh": lambda z, a: a.of(ONE) - a * a,
    "leaky_relu": lambda z, a: step_between(z, LEAKY_SLOPE),
    "gelu": lambda z, a: gelu_slope(z),
    "identity": lambda z, a: z.of(ONE),
}
"""φ′, of z and a."""


NOT_SQUARED = "mse without squares"
"""Σ(y − t)/N"""

OfElement = Callable[[DecimalInterval, DecimalInterval], DecimalInterval]


def squared(x: DecimalInterval) -> DecimalInterval:
    """Return x²."""
    product = x * x
    return product.of(max(product.low, ZERO), product.high)


def _distance(y: DecimalInterval, t: DecimalInterval) -> DecimalInterval:
    d = y - t
    if d.low >= 0:
        return d
    return -d if d.high <= 0 else d.of(ZERO, d.magnitude)


def _sign(y: DecimalInterval, t: DecimalInterval) -> DecimalInterval:
    d = DecimalInterval(y.low, y.high) - DecimalInterval(t.low, t.high)
    low = -ONE if d.low < 0 else (ONE if d.low > 0 else ZERO)
    high = ONE if d.high > 0 else (-ONE if d.high < 0 else ZERO)
    return y.of(low, high)


def _probability(y: DecimalInterval) -> DecimalInterval:
    low, high = max(y.low, ZERO), min(y.high, ONE)
    if low > high:
        raise ValueError("not a probability")
    return y.of(low, high)


def _clamped_log(p: DecimalInterval) -> DecimalInterval:
    """Return max(log p, −100)."""
    floor = Decimal("3.8e-44")  # e^−100 is 3.72e-44
    if p.high < floor:
        return p.of(LOWEST_LOG)
    found = log(p.of(max(p.low, floor), p.high))
    return found.of(LOWEST_LOG if p.low <= floor else found.low, found.high)


def _bits(y: DecimalInterval, t: DecimalInterval) -> DecimalInterval:
    """Return −[t·log y + (1 − t)·log(1 − y)]."""
    p = _probability(y)
    one = y.of(ONE)
    rest = (one - t) * _clamped_log(_probability(one - p))
    return -(t * _clamped_log(p) + rest)


def _bits_slope(y: DecimalInterval, t: DecimalInterval) -> DecimalInterval:
    p = _probability(y)
    spread = p * (y.of(ONE) - p)
    return (y - t) / y.of(max(spread.low, SMALLEST_SPREAD), max(spread.high, SMALLEST_SPREAD))


def _logit_bits(y: DecimalInterval, t: DecimalInterval) -> DecimalInterval:
    """Return max(y, 0) − t·y + log(1 + e^−|y|)."""
    size = _distance(y, y.of(ZERO))
    falling = exp_of_negative(-size)
    return relu(y) - t * y + log(y.of(ONE) + falling)


_TERMS: Mapping[str, tuple[OfElement, OfElement, int, bool]] = {
    "mse": (lambda y, t: squared(y - t), lambda y, t: (y - t) * y.of(Decimal(2)), 1, True),
    "l1": (_distance, _sign, 1, True),
    "half_sum_squares": (lambda y, t: squared(y - t), lambda y, t: y - t, 2, False),
    "half_mean_squares": (lambda y, t: squared(y - t), lambda y, t: y - t, 2, True),
    "bce": (_bits, _bits_slope, 1, True),
    "bce_with_logits": (_logit_bits, lambda y, t: sigmoid(y) - t, 1, True),
    NOT_SQUARED: (lambda y, t: y - t, lambda y, t: y - t, 1, True),
}
"""A loss's term and its derivative, what the sum is divided by, and whether N divides both."""


def value(name: str, y: Matrix, t: Matrix, probabilities: bool, u: Decimal) -> DecimalInterval:
    """Return L; `probabilities`: y comes from a softmax. Raises ValueError for an impossible y."""
    if name == "cross_entropy":
        rows = zip(y, t, strict=True)
        terms = [term for row in rows for term in _surprises(*row, probabilities)]
        return total(terms, u) / point(Decimal(len(y)), u)
    of_one, _, divisor, mean = _TERMS[name]
    found = [number for row in each(of_one, y, t) for number in row]
    parts = Decimal(divisor * (len(found) if mean else 1))
    return total(found, u) / point(parts, u)


def gradient(name: str, y: Matrix, t: Matrix, u: Decimal) -> Matrix:
    """Return ∂L/∂y; of cross_entropy with respect to the logits y."""
    if name == "cross_entropy":
        return from_probabilities([softmax(row) for row in y], t, u)
    _, slope, _, mean = _TERMS[name]
    parts = Decimal(len(y) * len(y[0]) if mean else 1)
    return each(lambda a, b: slope(a, b) / point(parts, u), y, t)


def from_probabilities(p: Matrix, t: Matrix, u: Decimal) -> Matrix:
    """Return (p·Σt − t)/R, the gradient of cross_entropy with respect to the logits."""
    rows = point(Decimal(len(p)), u)
    found = []
    for row, targets in zip(p, t, strict=True):
        weight = total(targets, u)
        found.append([(a * weight - b) / rows for a, b in zip(row, targets, strict=True)])
    return found


def gradient_of_probabilities(p: Matrix, t: Matrix, u: Decimal) -> Matrix:
    """Return −t/p/R, cross_entropy's gradient by p; raises ZeroDivisionError if p may be 0."""
    rows = point(Decimal(len(p)), u)
    return each(lambda a, b: -(b / a / rows) if b.low or b.high else b, p, t)


def _surprises(
    row: Sequence[DecimalInterval], targets: Sequence[DecimalInterval], probabilities: bool
) -> list[DecimalInterval]:
    found = []
    for j, target in enumerate(targets):
        if not (target.low or target.high):
            continue
        if not probabilities:
            found.append(target * surprise(row, j))
        elif (p := _probability(row[j])).low > 0:
            found.append(-(target * log(p)))
        else:
            raise ValueError("a probability of 0")
    return found
