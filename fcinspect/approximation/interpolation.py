"""Knots of a piecewise linear interpolant, each segment as long as the error allows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from fcinspect.approximation.expression import Function
from fcinspect.approximation.pieces import Chords, pieces_of, rounded
from fcinspect.errors import InputError

NEAR = Fraction(1, 256)
"""A segment is long enough when its error is so near to what is allowed."""
MOST_TRIES = 60
"""Of the end of a segment; many where it lies at a kink."""
Snap = Callable[[Fraction], Fraction]
"""Takes a number to the nearest of a format."""
AIM = 1 - Fraction(1, 4096)
"""Of the error that is allowed: what a guess is made for, as it is seen at some points only."""


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

    `snap` takes a knot to a number of the format; a and b are numbers of it. Raises InputError
    where no certificate can be given.
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
    """Return a knot as far to the right as the tolerance allows, and the error up to there."""
    tolerance = chords.tolerance
    trial = _guess(chords, low, end, step)
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
        f"near x = {float(low):.9g} no knots are near enough to one another for an error of"
        f" {float(tolerance):.3g}"
    )


def _guess(chords: Chords, low: Fraction, end: Fraction, step: Fraction) -> Fraction:
    """Return what to try first: where float64 sees the edge, or a segment as long as the last."""
    error = float(chords.tolerance * AIM)
    seen = chords.scout.edge(float(low), float(end), float(step), error, last=True)
    if seen is not None and float(low) < seen[0] < float(end):
        return Fraction(seen[0])
    return end if seen is not None or low + step * 2 >= end else low + step


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
    """Return the power of the length with which the error goes, from two (length, error): about 2.

    At a singularity such as that of x^p it is p.
    """
    if last is None or not last[1] or not this[1] or last[0] == this[0]:
        return 2.0
    power = math.log(this[1] / last[1]) / math.log(this[0] / last[0])
    return min(max(power, 1 / 32), 3.0)


def growth_of(step: Fraction, before: Fraction) -> Fraction:
    """Return how much longer the next segment may be: as much as this one was than the last."""
    return Fraction(min(max(float(step / before), 0.5), 2.0))
