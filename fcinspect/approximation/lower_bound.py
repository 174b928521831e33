"""How many linear pieces an error takes at least, however they are chosen."""

from __future__ import annotations

import math
from fractions import Fraction

from fcinspect.approximation.chords import Chords, rounded
from fcinspect.approximation.expression import Function
from fcinspect.approximation.interpolation import MOST_TRIES, NEAR, growth_of
from fcinspect.approximation.pieces import pieces_of

BEYOND = 1 + Fraction(1, 512)
"""Times the error that is allowed: what a guess is made for, as points are seen only nearly."""


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
