"""Sigmoid and tanh, whose results are rounded as a pupil with a calculator rounds them.

On such a sheet every result is rounded to the sheet's decimals, a half away from zero, and the
rounded number is gone on with, so that all that stands there is an exact decimal. The rounding is
that of the exact value: it is taken of both ends of an interval of 50 digits. Of a rational number
other than 0 sigmoid and tanh are irrational, so that no value lies halfway.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from fcinspect.verification.examples.interval import (
    DOWN,
    LIBRARY,
    UP,
    DecimalInterval,
    sigmoid,
    tanh,
)
from fcinspect.worksheets.bounded import Bounded, Number, constant
from fcinspect.worksheets.ranges import Range, point

AT_ZERO = {"sigmoid": Fraction(1, 2), "tanh": Fraction(0)}
STEEPEST = {"sigmoid": Fraction(1, 4), "tanh": Fraction(1)}
"""The largest derivative."""
ROUNDINGS = LIBRARY + 4
"""Of a program: those of e^x in its library, of 1 + e^(−z) and of the quotient, and one more."""


def rounded(value: Fraction, decimals: int) -> Fraction:
    """Return a number rounded to decimals, a half away from zero."""
    unit = 10**decimals
    size = (2 * abs(value.numerator) * unit + value.denominator) // (2 * value.denominator)
    return Fraction(-size if value < 0 else size, unit)


def settled(value: Number, decimals: int | None) -> Number:
    """Return what is gone on with: the rounded number, or the same where nothing is rounded.

    A bound then holds for a program that does not round.
    """
    if decimals is None:
        return value
    if isinstance(value, Bounded):
        found = rounded(value.value, decimals)
        half = Fraction(found != value.value, 2 * 10**decimals)
        return Bounded(found, value.error + half, value.bits)
    return rounded(value, decimals)


def values(name: str, z: Range) -> Range:
    """Return a range that holds the activations of all numbers of another, hardly wider."""
    low, high = _enclosed(name, z.low), _enclosed(name, z.high)
    return Range(low.low, high.high)


def after(numbers: Range, decimals: int) -> Range:
    """Return the numbers of a range after they are rounded."""
    return Range(rounded(numbers.low, decimals), rounded(numbers.high, decimals))


def both(numbers: Range, decimals: int) -> Range:
    """Return the numbers of a range before they are rounded, and after."""
    return numbers.hull(after(numbers, decimals))


def activation(name: str, z: Number, decimals: int | None) -> Number:
    """Return σ(z) or tanh(z), to 50 digits or rounded to the sheet's decimals."""
    if isinstance(z, Bounded):
        return settled(_bounded(name, z), decimals)
    return _middle(_enclosed(name, z), decimals)


def slope(name: str, a: Number) -> Number:
    """Return the derivative, from the activation: a·(1 − a) of σ, 1 − a² of tanh."""
    one = constant(Fraction(1), like=a)
    return a * (one - a) if name == "sigmoid" else one - a * a


def slopes(name: str, a: Range) -> Range:
    """Return the derivatives at all activations of a range."""
    one, half = point(Fraction(1)), Fraction(1, 2)
    if name == "tanh":
        return one - a.square
    # a·(1 − a) = 1/4 − (a − 1/2)²
    return point(Fraction(1, 4)) - (a - point(half)).square


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
        raise ArithmeticError(f"50 digits do not tell how {found.low} is rounded")
    return ends.pop()


def _enclosed(name: str, z: Fraction) -> Range:
    """Return a range of about 50 digits that holds the activation of one number."""
    if not z:
        return point(AT_ZERO[name])
    numerator, denominator = Decimal(z.numerator), Decimal(z.denominator)
    near = DecimalInterval(DOWN.divide(numerator, denominator), UP.divide(numerator, denominator))
    found = sigmoid(near) if name == "sigmoid" else tanh(near)
    return Range(Fraction(found.low), Fraction(found.high))
