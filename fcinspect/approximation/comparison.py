"""How many hidden ReLUs an error takes: by the greedy knots, by equal segments, and at least."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from fcinspect.approximation.expression import Function
from fcinspect.approximation.interpolation import MOST_TRIES, NEAR, greedy, growth_of
from fcinspect.approximation.interval import Interval
from fcinspect.approximation.pieces import Chords, pieces_of, rounded
from fcinspect.rounding.formats import FLOAT64

POWERS = (2, 1, 0, -1, -2)
"""Errors that are compared: 100E, 10E, E, E/10, E/100."""
FEWEST_UNITS, MOST_UNITS = 3, 200
"""Of a network that is made for the comparison alone."""
MOST_CUTS = 4000
"""Of the interval, for a bound of |f″|."""
BEYOND = 1 + Fraction(1, 512)
"""Times the error that is allowed: what a guess is made for, as points are seen only nearly."""


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


def uniform_width(function: Function, a: Fraction, b: Fraction, tolerance: Fraction) -> int | None:
    """Return N = ⌈(b − a)·√(M/8E)⌉ with M a bound of |f″|; None where there is none."""
    most = curvature_bound(function, a, b)
    if most is None:
        return None
    squared = (b - a) ** 2 * most / (8 * tolerance)
    return max(1, math.isqrt(math.ceil(squared) - 1) + 1 if squared > 0 else 1)


@lru_cache(16)
def curvature_bound(function: Function, a: Fraction, b: Fraction) -> Fraction | None:
    """Return an upper bound of sup |f″| that is at most a thousandth too large, None for none.

    The part whose bound is the largest is cut in two, until |f″| is surely as large somewhere.
    """

    def enclosed(low: Fraction, high: Fraction) -> tuple[float, float] | None:
        found = function.curvature_on(low, high, closely=True)
        if found is None:
            return None
        return max(map(abs, found)), 0.0 if found[0] <= 0 <= found[1] else min(map(abs, found))

    least = max((found[1] for end in (a, b) if (found := enclosed(end, end))), default=0.0)
    heap: list[tuple[float, Fraction, Fraction]] = []
    waiting = [(a, b)]
    for _ in range(MOST_CUTS):
        for low, high in waiting:
            found = enclosed(low, high)
            least = max(least, found[1]) if found else least
            heapq.heappush(heap, (-(found[0] if found else math.inf), low, high))
        most, low, high = heapq.heappop(heap)
        if -most <= least * 1.0005 or most == 0 or high - low < (b - a) / 2**60:
            break
        middle = (low + high) / 2
        waiting = [(low, middle), (middle, high)]
    return None if most == -math.inf else Fraction(-most)


def lower_bound(function: Function, a: Fraction, b: Fraction, tolerance: Fraction) -> int:
    """Return how many pieces any piecewise linear function within the tolerance has at least.

    On an interval where f is more than 2E from its chord at a point no straight line is within E
    at that point and both ends: each such interval holds a break of its own.
    """
    double = 2 * tolerance
    chords = Chords(function, pieces_of(function, a, b, double), double)
    low, step, growth, count = a, b - a, Fraction(1), 1
    while low < b:
        high = _nearest_bad(chords, low, b, step * growth)
        if high is None:
            break
        growth = growth_of(high - low, step)
        count, step, low = count + 1, high - low, high
    return count


def _nearest_bad(chords: Chords, low: Fraction, end: Fraction, step: Fraction) -> Fraction | None:
    """Return about the nearest point up to which f is surely more than allowed from its chord."""
    allowed = chords.tolerance * (1 + Fraction(1, 2**40))
    good, bad = low, None
    trial = _guess(chords, low, end, step)
    for _ in range(MOST_TRIES):
        _, least = chords.error(low, trial)
        if least > allowed:
            bad = trial
            if least <= allowed * (1 + 4 * NEAR):
                return bad
        elif trial == end:
            return None
        else:
            good = max(good, trial)
        if bad is not None and bad - good <= (bad - low) / 1000:
            return bad
        if bad is None:
            ratio = math.sqrt(float(allowed / least)) * 1.003 if least else 2.0
            grown = (trial - low) * Fraction(min(max(ratio, 1.001), 2.0))
            trial = min(end, low + rounded(grown, grown))
        else:
            trial = _next_bad(low, trial, least, allowed, good, bad)
    return bad


def _guess(chords: Chords, low: Fraction, end: Fraction, step: Fraction) -> Fraction:
    """Return what to try first: where float64 sees the edge, or a segment as long as the last."""
    more = float(chords.tolerance * BEYOND)
    seen = chords.scout.edge(float(low), float(end), float(step), more, last=False)
    if seen is not None and float(low) < seen[1] < float(end):
        return Fraction(seen[1])
    return end if seen is not None else min(end, low + rounded(step, step))


def _next_bad(
    low: Fraction, high: Fraction, error: Fraction, allowed: Fraction, good: Fraction, bad: Fraction
) -> Fraction:
    ratio = math.sqrt(float(allowed / error)) if error else 4.0
    trial = low + (high - low) * Fraction(min(max(ratio * 1.003, 1 / 64), 4.0))
    if not good + (bad - good) / 50 < trial < bad - (bad - good) / 50:
        trial = (good + bad) / 2
    return rounded(trial, bad - low)
