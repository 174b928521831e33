"""An expression evaluated: enclosed on intervals by mpmath, and in float64 for guesses.

The enclosures certify. The guesses say how far a chord may reach and where f turns, and nothing is
certified by them: a wrong one costs time, no more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import sympy
from mpmath import iv

from fcinspect.rounding.arrays import Float64Array

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

ENDS, FINER = np.arange(1, 33) / 32, np.arange(17) / 16
"""Of the length that is searched: where the chord may end, first and then more finely."""
AHEAD = 3.0
"""Times the length of the last segment: how far the end is searched for at first."""
ROUNDS = 40
PARTS = np.arange(65) / 64
MIDDLES = (np.arange(4096) + 0.5) / 4096
NAMES = {
    "erf": np.vectorize(math.erf, otypes=[float]),
    "DiracDelta": lambda x: np.full_like(x, math.nan),
    "Derivative": lambda *_: math.nan,
}
REFUSALS = (ArithmeticError, AttributeError, NameError, NotImplementedError, TypeError, ValueError)
"""What numpy may raise for an expression that has no float64: then there is no guess."""


class Straddled(Exception):
    """An interval holds a kink, or a place where the expression is not a real number."""


class Enclosure:
    """An expression that is evaluated on intervals."""

    def __init__(self, x: Any, expression: Any, kinks: Sequence[Any] = ()) -> None:
        self._function = _on_intervals(x, expression)
        inner = [part.args[0] for whole in kinks for part in whole.atoms(sympy.Abs)]
        self._kinks = [_on_intervals(x, part) for part in inner]

    def on(self, low: Fraction, high: Fraction) -> tuple[float, float] | None:
        """Return float64 bounds on [low, high]; None at a pole, a kink, or out of the domain."""
        found = self._enclosed(low, high, PRECISION)
        if found is None:
            return None
        least = math.nextafter(float(found[0]), -math.inf)
        most = math.nextafter(float(found[1]), math.inf)
        return (least, most) if math.isfinite(least) and math.isfinite(most) else None

    def at(self, x: Fraction) -> Fraction | None:
        """Return the value at x to DIGITS digits, or within NOTHING of 0; None for none."""
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
        saved = iv.prec
        iv.prec = precision
        try:
            x = _quotient(low)
            if low != high:
                x = iv.mpf([x.a, _quotient(high).b])
            kinks = (_ends(iv.mpf(inner(x))) for inner in self._kinks)
            if any(least <= 0 <= most for least, most in kinks):
                return None
            value = self._function(x)
            if isinstance(value, iv.mpc | mpmath.mpc):
                return None
            least, most = _ends(iv.mpf(value))
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


def _ends(value: Any) -> tuple[Any, Any]:
    return mpmath.mp.convert(value.a), mpmath.mp.convert(value.b)


def _quotient(value: Fraction) -> Any:
    places = value.denominator.bit_length() - 1
    if value.denominator == 1 << places:
        number = mpmath.libmp.from_man_exp(value.numerator, -places)
        return iv.make_mpf((number, number))
    return iv.mpf(value.numerator) / iv.mpf(value.denominator)


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


def _sign(x: Any) -> Any:
    least, most = _ends(iv.mpf(x))
    return iv.mpf([-1 if least < 0 else 1 if least > 0 else -1, 1 if most >= 0 else -1])


def _straddling(*_: Any) -> Any:
    raise Straddled


NAMESPACE: dict[str, Any] = {
    "mpf": iv.mpf, "pi": iv.pi, "e": iv.e, "E": iv.e, "exp": _exp, "log": iv.log,
    "sqrt": iv.sqrt, "sin": iv.sin, "cos": iv.cos, "tan": iv.tan, "abs": abs,
    "sinh": _sinh, "tanh": _rising(mpmath.tanh), "erf": _rising(mpmath.erf),
    "atan": _rising(mpmath.atan), "asin": _rising(mpmath.asin),
    "cosh": lambda x: (_exp(x) + _exp(-x)) / 2,
    "acos": lambda x: iv.pi / 2 - _rising(mpmath.asin)(x), "sign": _sign,
    "power": lambda base, exponent: _exp(exponent * iv.log(base)),
    "DiracDelta": _straddling, "Derivative": _straddling,
}  # fmt: skip


def _shares(parts: int) -> Float64Array:
    near = 2.0 ** -np.arange(6, 20)
    return np.unique(np.concatenate((np.arange(1, parts) / parts, near, 1 - near)))


SHARES, MANY_SHARES = _shares(48), _shares(128)
"""Of a chord: where f is compared with it, nearer to one another at its ends."""


class Scout:
    """A function, its slope and its curvature in float64."""

    def __init__(self, x: Any, expression: Any, slope: Any, curvature: Any) -> None:
        self._f, self._slope = _in_numpy(x, expression), _in_numpy(x, slope)
        self._curvature = _in_numpy(x, curvature)

    def range(self, low: float, high: float) -> float:
        """Return about the largest value less the least."""
        values = self._f(low + (high - low) * MIDDLES)
        seen = values[np.isfinite(values)]
        return float(np.ptp(seen)) if len(seen) else 0.0

    def units(self, low: float, high: float, error: float) -> float:
        """Return about how many chords `error` takes: the integral of √(|f″| / 8E)."""
        x = low + (high - low) * MIDDLES
        parts = np.sqrt(np.abs(self._curvature(x)) / (8 * error))
        seen = parts[np.isfinite(parts)]
        return (high - low) * seen.mean().item() if len(seen) else 0.0

    def edge(
        self, low: float, end: float, step: float, error: float, *, last: bool
    ) -> tuple[float, float] | None:
        """Return about (a good end, the next bad one) of a chord from `low`, the last or the first.

        They differ where a chord across an inflection is good again farther on. `step` is the
        length of the chord before. Both are `end` where that is good; None for no guess.
        """
        top = min(low + AHEAD * step, end)
        for _ in range(ROUNDS):
            ends = low + (top - low) * ENDS
            k = _fitting(self._off(low, ends, SHARES), error, last=last)
            if k == len(ends) - 1:
                if top == end:
                    return end, end
                top = min(low + 4 * (top - low), end)
            elif k < 0:
                top = ends[0].item()
            else:
                return self._finer(low, ends[k].item(), ends[k + 1].item(), error, last=last)
        return None

    def turning(self, low: float, high: float, slope: float) -> float | None:
        """Return about the point where f′, monotone on [low, high], is `slope`; None for none."""
        for _ in range(2):
            x = low + (high - low) * PARTS
            above = self._slope(x) > slope
            changes = np.flatnonzero(above[1:] != above[:-1])
            if len(changes) != 1:
                return None
            low, high = x[changes[0]].item(), x[changes[0] + 1].item()
        left, right = (self._slope(np.array([low, high])) - slope).tolist()
        point = low - (high - low) * left / (right - left) if right != left else low
        return point if low <= point <= high else (low + high) / 2

    def _finer(
        self, low: float, good: float, bad: float, error: float, *, last: bool
    ) -> tuple[float, float]:
        for shares in (SHARES, MANY_SHARES):
            ends = good + (bad - good) * FINER
            off = self._off(low, ends, shares)
            k = min(max(_fitting(off, error, last=last), 0), len(ends) - 2)
            good, bad = ends[k].item(), ends[k + 1].item()
        below, above = off[k].item(), off[k + 1].item()
        if below <= error < above:
            edge = good + (bad - good) * (error - below) / (above - below)
            return edge, min(edge + (bad - good) / 64, bad)
        return good, bad

    def _off(self, low: float, ends: Float64Array, shares: Float64Array) -> Float64Array:
        """Return the largest |f − chord| that is seen from `low` to each end; nan for no value."""
        start = self._f(np.array([low]))
        rise = self._f(ends) - start
        x = low + (ends - low)[:, None] * shares
        off: Float64Array = np.abs(self._f(x) - start - rise[:, None] * shares).max(axis=1)
        return off


def _fitting(off: Float64Array, error: float, *, last: bool) -> int:
    """Return the last that is within the error, or the one before the first that is not."""
    found = np.flatnonzero((off <= error) == last)
    if last:
        return int(found[-1]) if len(found) else -1
    return int(found[0]) - 1 if len(found) else len(off) - 1


def _in_numpy(x: Any, expression: Any) -> Callable[[Float64Array], Float64Array]:
    found = sympy.lambdify(x, expression, modules=[NAMES, "numpy"], cse=True)

    def on(points: Float64Array) -> Float64Array:
        try:
            with np.errstate(all="ignore"):
                values = np.asarray(found(points), dtype=np.float64)
        except REFUSALS:
            return np.full(points.shape, math.nan)
        return np.broadcast_to(values, points.shape)

    return on
