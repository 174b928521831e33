"""Enclosures of an expression on intervals, by mpmath's interval arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import sympy
from mpmath import iv

PRECISION = 90
"""Bits of the ends of intervals."""
DIGITS = 40
"""To which the value at a point is enclosed."""
PRECISIONS = (170, 340, 1000)
"""Bits that are tried for it."""
LARGEST_EXPONENT = 20_000
"""Of e: nothing larger is computed, as its digits take ever longer, and no format holds it."""
NOTHING = Fraction(1, 10**100)
"""What else is nearer to 0 than this is taken for 0."""


class Straddled(Exception):
    """An interval holds a kink, or a place where the expression is no real number."""


class Enclosure:
    """An expression that is evaluated on intervals."""

    def __init__(self, x: Any, expression: Any, kinks: Sequence[Any] = ()) -> None:
        self._function = _on_intervals(x, expression)
        inner = [part.args[0] for whole in kinks for part in whole.atoms(sympy.Abs)]
        self._kinks = [_on_intervals(x, part) for part in inner]

    def on(self, low: Fraction, high: Fraction) -> tuple[float, float] | None:
        """Return float64 (least, most) that enclose the expression on [low, high].

        None where there are none: a pole, a place outside of its domain, a kink.
        """
        found = self._enclosed(low, high, PRECISION)
        if found is None:
            return None
        least, most = _outward(*found)
        return (least, most) if math.isfinite(least) and math.isfinite(most) else None

    def at(self, x: Fraction) -> Fraction | None:
        """Return the value at x with a relative error of at most 10^-DIGITS, None for none.

        Where that cannot be told from 0, its error is at most NOTHING.
        """
        for precision in PRECISIONS:
            found = self._enclosed(x, x, precision)
            if found is None:
                return None
            least, most = map(exactly, found)
            middle, radius = (least + most) / 2, (most - least) / 2
            if radius * 10**DIGITS <= abs(middle):
                return middle
        return middle if radius <= NOTHING else None

    def _enclosed(self, low: Fraction, high: Fraction, precision: int) -> tuple[Any, Any] | None:
        """Return mpmath's numbers around the expression on [low, high], None for none."""
        saved = iv.prec
        iv.prec = precision
        try:
            x = _interval(low, high)
            if any(_contains_zero(inner(x)) for inner in self._kinks):
                return None
            least, most = _ends(_real(self._function(x)))
        except (
            ArithmeticError, ValueError, TypeError, Straddled, mpmath.libmp.ComplexResult,
            NotImplementedError,
        ):  # fmt: skip
            return None
        finally:
            iv.prec = saved
        return (least, most) if mpmath.isfinite(least) and mpmath.isfinite(most) else None


def _on_intervals(x: Any, expression: Any) -> Callable[[Any], Any]:
    """Return a function that takes intervals; powers of a variable exponent go through `_exp`."""
    found = expression.replace(
        lambda part: part.is_Pow and not part.exp.is_number,
        lambda part: sympy.Function("power")(part.base, part.exp),
    )
    written: Callable[[Any], Any] = sympy.lambdify(
        x, found, modules=[NAMESPACE, "mpmath"], cse=True
    )
    return written


def exactly(number: Any) -> Fraction:
    """Return a number of mpmath as the fraction that it is."""
    size = Fraction(int(number.man)) * Fraction(2) ** int(number.exp)
    return -size if number < 0 else size


def _real(value: Any) -> Any:
    if isinstance(value, iv.mpc | mpmath.mpc):
        raise Straddled
    return iv.mpf(value)


def _ends(value: Any) -> tuple[Any, Any]:
    return mpmath.mp.convert(value.a), mpmath.mp.convert(value.b)


def _outward(least: Any, most: Any) -> tuple[float, float]:
    low, high = float(least), float(most)
    return math.nextafter(low, -math.inf), math.nextafter(high, math.inf)


def _interval(low: Fraction, high: Fraction) -> Any:
    least = _quotient(low)
    return least if low == high else iv.mpf([least.a, _quotient(high).b])


def _quotient(value: Fraction) -> Any:
    """Return an interval around the value, which is exact where it is binary."""
    places = value.denominator.bit_length() - 1
    if value.denominator == 1 << places:
        number = mpmath.libmp.from_man_exp(value.numerator, -places)
        return iv.make_mpf((number, number))
    return iv.mpf(value.numerator) / iv.mpf(value.denominator)


def _contains_zero(value: Any) -> bool:
    least, most = _ends(iv.mpf(value))
    return bool(least <= 0 <= most)


def _rising(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a function that rises everywhere on intervals, its values widened by a few ulps."""

    def on(x: Any) -> Any:
        least, most = _ends(iv.mpf(x))
        with mpmath.workprec(iv.prec + 30):
            low, high = function(least), function(most)
            if isinstance(low, mpmath.mpc) or isinstance(high, mpmath.mpc):
                raise Straddled
            room = mpmath.mpf(2) ** (8 - iv.prec)
            low, high = low - abs(low) * room, high + abs(high) * room
        return iv.mpf([low, high])

    return on


def _exp(x: Any) -> Any:
    least, most = _ends(iv.mpf(x))
    if most > LARGEST_EXPONENT:
        raise Straddled
    return iv.exp(iv.mpf([max(least, -LARGEST_EXPONENT), max(most, -LARGEST_EXPONENT)])) * (
        iv.mpf([0, 1]) if least < -LARGEST_EXPONENT else 1
    )


def _sinh(x: Any) -> Any:
    least, most = _ends(iv.mpf(x))
    if max(-least, most) > LARGEST_EXPONENT:
        raise Straddled
    return _rising(mpmath.sinh)(x)


def _cosh(x: Any) -> Any:
    return (_exp(x) + _exp(-x)) / 2


def _sign(x: Any) -> Any:
    least, most = _ends(iv.mpf(x))
    return iv.mpf([-1 if least < 0 else 1 if least > 0 else -1, 1 if most >= 0 else -1])


def _power(base: Any, exponent: Any) -> Any:
    return _exp(exponent * iv.log(base))


def _straddling(*_: Any) -> Any:
    raise Straddled


NAMESPACE: dict[str, Any] = {
    "mpf": iv.mpf, "pi": iv.pi, "e": iv.e, "E": iv.e, "exp": _exp, "log": iv.log,
    "sqrt": iv.sqrt, "sin": iv.sin, "cos": iv.cos, "tan": iv.tan, "abs": abs,
    "sinh": _sinh, "tanh": _rising(mpmath.tanh), "erf": _rising(mpmath.erf),
    "atan": _rising(mpmath.atan), "asin": _rising(mpmath.asin), "cosh": _cosh,
    "acos": lambda x: iv.pi / 2 - _rising(mpmath.asin)(x), "sign": _sign,
    "power": _power,
    "DiracDelta": _straddling, "Derivative": _straddling,
}  # fmt: skip
