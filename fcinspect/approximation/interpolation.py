"""Knots of a piecewise linear interpolant, and how many hidden ReLUs an error takes.

Each segment is as long as the error allows; that is compared with equal segments, and with the
least that any piecewise linear function takes.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from fcinspect.approximation.expression import Function
from fcinspect.approximation.interval import Interval
from fcinspect.approximation.pieces import Chords, pieces_of, rounded
from fcinspect.errors import InputError
from fcinspect.rounding.formats import FLOAT64

NEAR = Fraction(1, 256)
"""A segment is long enough when its error is so near to what is allowed."""
MOST_TRIES = 60
"""Of the end of a segment; many where it lies at a kink."""
Snap = Callable[[Fraction], Fraction]
"""Takes a number to the nearest of a format."""
AIM = 1 - Fraction(1, 4096)
"""Of the error that is allowed: what a guess is made for, as it is seen at some points only."""
POWERS = (2, 1, 0, -1, -2)
"""Errors that are compared: 100E, 10E, E, E/10, E/100."""
FEWEST_UNITS, MOST_UNITS = 3, 200
"""Of a network that is made for the comparison alone."""
MOST_CUTS = 4000
"""Of the interval, for a bound of |f″|."""
BEYOND = 1 + Fraction(1, 512)
"""Times the error that is allowed: what a guess is made for, as points are seen only nearly."""


@dataclass(frozen=True, eq=False)
class Interpolation:
    """The function that is linear between knots and has f's value at each."""

    knots: tuple[Fraction, ...]
    """x₀ < … < x_N, as they were snapped."""
    values: tuple[Fraction, ...]
    """f at the knots, to some 40 digits."""
    errors: tuple[Fraction, ...]
    """|f − chord| at most, on each segment."""
    certified: Fraction
    """The largest of them."""

    @property
    def width(self) -> int:
        """N, the chords."""
        return len(self.knots) - 1


def greedy(
    function: Function, a: Fraction, b: Fraction, tolerance: Fraction, snap: Snap
) -> Interpolation:
    """Return the interpolant on [a, b] whose segments each reach as far as the tolerance allows.

    `snap` takes a knot to a number of the format of a and b. Raises InputError for no certificate.
    """
    pieces = pieces_of(function, a, b, tolerance)
    chords = Chords(function, pieces, tolerance)
    knots, errors = [a], []
    step, growth = b - a, Fraction(1)
    while knots[-1] < b:
        low = knots[-1]
        high, error = _farthest(chords, low, b, step * growth, snap)
        knots.append(high)
        errors.append(error)
        growth = growth_of(high - low, step)
        step = high - low
    values = tuple(map(function.value, knots))
    return Interpolation(tuple(knots), values, tuple(errors), max(errors))


def _farthest(
    chords: Chords, low: Fraction, end: Fraction, step: Fraction, snap: Snap
) -> tuple[Fraction, Fraction]:
    tolerance = chords.tolerance
    seen = _seen_edge(chords, low, end, step, last=True)
    trial = seen if seen is not None else end if low + step * 2 >= end else low + step
    good: tuple[Fraction, Fraction] | None = None
    bad: Fraction | None = None
    last: tuple[Fraction, Fraction] | None = None
    for _ in range(MOST_TRIES):
        high = end if trial >= end else min(snap(trial), end)
        if high <= (good[0] if good else low) or (bad is not None and high >= bad):
            if good:
                return good
            if bad is None or snap((low + bad) / 2) in (low, bad):
                break
            trial = (low + bad) / 2
            continue
        most, _ = chords.error(low, high)
        if most <= tolerance:
            good = high, most
            if high == end or most >= tolerance * (1 - NEAR):
                return good
        else:
            bad = high
        power = _power(last, (high - low, most))
        last = high - low, most
        ratio = math.exp(min(math.log(tolerance / most) / power, 2.0)) if most else 4.0
        trial = _next(low, high, ratio, good, bad)
    if good:
        return good
    raise InputError(
        f"near x = {float(low):.9g}, no knots are close enough together for an error of"
        f" {float(tolerance):.3g}"
    )


def _seen_edge(
    chords: Chords, low: Fraction, end: Fraction, step: Fraction, *, last: bool
) -> Fraction | None:
    """Return what float64 sees as the last good end, or the first bad one; None for neither."""
    error = float(chords.tolerance * (AIM if last else BEYOND))
    seen = chords.scout.edge(float(low), float(end), float(step), error, last=last)
    if seen is None:
        return None
    edge = seen[0 if last else 1]
    return Fraction(edge) if float(low) < edge < float(end) else end


def _next(
    low: Fraction,
    high: Fraction,
    ratio: float,
    good: tuple[Fraction, Fraction] | None,
    bad: Fraction | None,
) -> Fraction:
    """Return what to try: `ratio` times the length, or between what is too short and too long."""
    grown = (high - low) * Fraction(min(max(ratio * 0.9995, 2.0**-40), 4.0))
    trial = low + rounded(grown, grown)
    if bad is not None:
        floor = good[0] if good else low
        edge = (bad - floor) / 50
        if trial > bad - edge or (good and trial < floor + edge):
            trial = rounded((floor + bad) / 2, bad - floor)
    return trial


def _power(last: tuple[Fraction, Fraction] | None, this: tuple[Fraction, Fraction]) -> float:
    """Return the power of the length with which the error goes: about 2, p where f is x^p."""
    if last is None or not last[1] or not this[1] or last[0] == this[0]:
        return 2.0
    power = math.log(this[1] / last[1]) / math.log(this[0] / last[0])
    return min(max(power, 1 / 32), 3.0)


def growth_of(step: Fraction, before: Fraction) -> Fraction:
    """Return how much longer the next segment may be: as much as this one was than the last."""
    return Fraction(min(max(float(step / before), 0.5), 2.0))


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
    """Return the widths for E, which takes `width` units, and for errors around it."""
    low, high = interval.within(FLOAT64)
    found = []
    for power in POWERS:
        error, units = tolerance * Fraction(10) ** power, width
        if power != 0:
            if not FEWEST_UNITS <= width / math.sqrt(10) ** power <= MOST_UNITS:
                continue
            units = greedy(function, low, high, error, lambda x: Fraction(float(x))).width
        uniform = uniform_width(function, low, high, error)
        pieces = lower_bound(function, low, high, error)
        found.append(Comparison(error, units, uniform, pieces))
    return tuple(found)


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
    allowed = chords.tolerance * (1 + Fraction(1, 2**40))
    good, bad = low, None
    seen = _seen_edge(chords, low, end, step, last=False)
    trial = seen if seen is not None else min(end, low + rounded(step, step))
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
            ratio = math.sqrt(float(allowed / least)) if least else 4.0
            trial = low + (trial - low) * Fraction(min(max(ratio * 1.003, 1 / 64), 4.0))
            if not good + (bad - good) / 50 < trial < bad - (bad - good) / 50:
                trial = (good + bad) / 2
            trial = rounded(trial, bad - low)
    return bad
