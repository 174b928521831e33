"""How many hidden ReLUs an error takes: by the greedy knots, by equal segments, and at least."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from fcinspect.approximation.expression import Function
from fcinspect.approximation.interpolation import greedy
from fcinspect.approximation.interval import Interval
from fcinspect.approximation.lower_bound import lower_bound
from fcinspect.approximation.uniform import uniform_width
from fcinspect.rounding.formats import FLOAT64

POWERS = (2, 1, 0, -1, -2)
"""Errors that are compared: 100E, 10E, E, E/10, E/100."""
FEWEST_UNITS, MOST_UNITS = 3, 200
"""Of a network that is made for the comparison alone."""


@dataclass(frozen=True)
class Comparison:
    """How many hidden ReLUs an error takes, rounding left out."""

    tolerance: Fraction
    greedy: int
    """Every segment as long as the error allows."""
    uniform: int | None
    """N = ⌈(b − a)·√(M/8E)⌉ equal segments, M = sup|f″|; None where f″ is unbounded."""
    pieces: int
    """Linear pieces below which no continuous piecewise linear function comes within E."""

    @property
    def fewest_units(self) -> int:
        """Units of any network with one hidden layer: n of them make n+1 pieces at most."""
        return max(self.pieces - 1, 0)


def comparisons(
    function: Function, interval: Interval, tolerance: Fraction, width: int
) -> tuple[Comparison, ...]:
    """Return the widths for E, which takes `width` units, and for errors around it.

    Those are left out whose networks would be very small, or take long to make.
    """
    found = []
    for power in POWERS:
        expected = width / math.sqrt(10) ** power
        if power == 0:
            found.append(_comparison(function, interval, tolerance, width))
        elif FEWEST_UNITS <= expected <= MOST_UNITS:
            found.append(_comparison(function, interval, tolerance * Fraction(10) ** power, None))
    return tuple(found)


def _comparison(
    function: Function, interval: Interval, tolerance: Fraction, width: int | None
) -> Comparison:
    low, high = interval.within(FLOAT64)
    if width is None:
        width = greedy(function, low, high, tolerance, _to_float64).width
    uniform = uniform_width(function, low, high, tolerance)
    return Comparison(tolerance, width, uniform, lower_bound(function, low, high, tolerance))


def _to_float64(value: Fraction) -> Fraction:
    return Fraction(float(value))
