"""Knots of a piecewise linear interpolant, each segment as long as the error allows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from fcinspect.approximation.expression import Function
from fcinspect.approximation.pieces import Piece, Pieces, pieces_of
from fcinspect.errors import InputError

Snap = Callable[[Fraction], Fraction]
NEAR = Fraction(1, 256)
"""A segment is long enough when its error is so near to what is allowed."""
MOST_TRIES = 60
INEXACT = Fraction(1, 10**37)
"""Covers that values and slopes are known to DIGITS = 40 digits only: of |f|, on each segment."""
BITS = 64
"""Of the lengths that are tried, so that fractions stay short."""


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
        """N, the segments."""
        return len(self.knots) - 1


class Segments:
    """Chords of a function and how far it is from them."""

    def __init__(self, function: Function, pieces: Pieces, tolerance: Fraction) -> None:
        self.function, self.pieces, self.tolerance = function, pieces, tolerance
        self.value = lru_cache(256)(function.value)
        self.slope = lru_cache(256)(function.slope)

    def error(self, low: Fraction, high: Fraction) -> tuple[Fraction, Fraction]:
        """Return (at most, at least): bounds of max |f − chord| on [low, high]."""
        start = self.value(low)
        slope = (self.value(high) - start) / (high - low)

        def off(x: Fraction) -> Fraction:
            return self.value(x) - start - slope * (x - low)

        most = least = Fraction(0)
        inexact = (abs(start) + abs(self.value(high)) + self.tolerance) * INEXACT
        for piece in self.pieces.between(low, high):
            a, b = max(piece.low, low), min(piece.high, high)
            ends = max(abs(off(x)) if low < x < high else Fraction(0) for x in (a, b))
            most, least = max(most, ends + piece.deviation), max(least, ends)
            if abs(piece.sign) == 1:
                upper, lower = self._inside(piece, a, b, slope, off)
                most, least = max(most, upper), max(least, lower)
        return most + inexact, max(least - inexact, Fraction(0))

    def _inside(
        self,
        piece: Piece,
        a: Fraction,
        b: Fraction,
        slope: Fraction,
        off: Callable[[Fraction], Fraction],
    ) -> tuple[Fraction, Fraction]:
        """Return bounds of |e| inside of [a, b], where e is convex or concave.

        Any tangent of e bounds it from one side, and its ends do from the other:
        |e| ≤ |e(t)| + |e′(t)|·max(t − a, b − t).
        """
        enough = self.tolerance / 1024
        left = (self.slope(a) - slope) * piece.sign
        right = (self.slope(b) - slope) * piece.sign
        if left >= 0 or right <= 0:
            return Fraction(0), Fraction(0)  # e is monotone: the ends tell
        for _ in range(200):
            t = _rounded(a - (b - a) * left / (right - left), b - a)
            if not a < t < b:
                t = (a + b) / 2
            rising = (self.slope(t) - slope) * piece.sign
            room = abs(rising) * max(t - a, b - t)
            at = abs(off(t))
            if room <= enough:
                return at + room, at
            # the false position, with the middle where it stays at one end
            a, b, left, right = (t, b, rising, right) if rising < 0 else (a, t, left, rising)
            middle = _rounded((a + b) / 2, b - a)
            rising = (self.slope(middle) - slope) * piece.sign
            a, b, left, right = (
                (middle, b, rising, right) if rising < 0 else (a, middle, left, rising)
            )
        raise InputError(f"{self.function.text} cannot be certified near x = {float(a):.6g}")


def greedy(
    function: Function, a: Fraction, b: Fraction, tolerance: Fraction, snap: Snap
) -> Interpolation:
    """Return the interpolant on [a, b] whose segments each reach as far as the tolerance allows.

    `snap` takes a knot to a number of the format; a and b are numbers of it. Raises InputError
    where no certificate can be given.
    """
    pieces = pieces_of(function, a, b, tolerance)
    segments = Segments(function, pieces, tolerance)
    knots, errors = [a], []
    step, growth = b - a, Fraction(1)
    while knots[-1] < b:
        low = knots[-1]
        high, error = _farthest(segments, low, b, step * growth, snap)
        knots.append(high)
        errors.append(error)
        growth = _growth(high - low, step)
        step = high - low
    values = tuple(map(function.value, knots))
    return Interpolation(tuple(knots), values, tuple(errors), max(errors))


def _farthest(
    segments: Segments, low: Fraction, end: Fraction, step: Fraction, snap: Snap
) -> tuple[Fraction, Fraction]:
    """Return a knot as far to the right as the tolerance allows, and the error up to there."""
    tolerance = segments.tolerance
    good: tuple[Fraction, Fraction] | None = None
    bad: Fraction | None = None
    last: tuple[Fraction, Fraction] | None = None
    trial = end if low + step * 2 >= end else low + step
    for _ in range(MOST_TRIES):
        high = end if trial >= end else min(snap(trial), end)
        if high <= (good[0] if good else low) or (bad is not None and high >= bad):
            if good:
                return good
            if bad is None or snap((low + bad) / 2) in (low, bad):
                break
            trial = (low + bad) / 2
            continue
        most, _ = segments.error(low, high)
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
        if good and bad and bad - good[0] <= (good[0] - low) / 2000:
            return good
    if good:
        return good
    raise InputError(
        f"near x = {float(low):.9g} no knots are near enough to one another for an error of"
        f" {float(tolerance):.3g}"
    )


def _next(
    low: Fraction,
    high: Fraction,
    ratio: float,
    good: tuple[Fraction, Fraction] | None,
    bad: Fraction | None,
) -> Fraction:
    """Return what to try: `ratio` times the length, or between what is too short and too long."""
    grown = (high - low) * Fraction(min(max(ratio * 0.9995, 2.0**-40), 4.0))
    trial = low + _rounded(grown, grown)
    if bad is not None:
        floor = good[0] if good else low
        edge = (bad - floor) / 50
        if trial > bad - edge or (good and trial < floor + edge):
            trial = _rounded((floor + bad) / 2, bad - floor)
    return trial


def _power(last: tuple[Fraction, Fraction] | None, this: tuple[Fraction, Fraction]) -> float:
    """Return the power of the length with which the error goes, from two (length, error): about 2.

    At a singularity such as that of x^p it is p.
    """
    if last is None or not last[1] or not this[1] or last[0] == this[0]:
        return 2.0
    power = math.log(this[1] / last[1]) / math.log(this[0] / last[0])
    return min(max(power, 1 / 32), 3.0)


def _growth(step: Fraction, before: Fraction) -> Fraction:
    """Return how much longer the next segment may be: as much as this one was than the last."""
    return Fraction(min(max(float(step / before), 0.5), 2.0))


def _rounded(x: Fraction, scale: Fraction) -> Fraction:
    """Return x to BITS binary places below `scale`."""
    exponent = scale.denominator.bit_length() - scale.numerator.bit_length() + BITS
    unit = Fraction(2) ** exponent
    return round(x * unit) / unit


def uniform_width(function: Function, a: Fraction, b: Fraction, tolerance: Fraction) -> int | None:
    """Return N = ⌈(b − a)·√(M/8E)⌉ with M a bound of |f″|; None where there is none."""
    most = curvature_bound(function, a, b)
    if most is None:
        return None
    squared = (b - a) ** 2 * most / (8 * tolerance)
    return max(1, math.isqrt(math.ceil(squared) - 1) + 1 if squared > 0 else 1)


@lru_cache(16)
def curvature_bound(function: Function, a: Fraction, b: Fraction) -> Fraction | None:
    """Return an upper bound of sup |f″| that is at most a thousandth too large."""
    import heapq

    def enclosed(low: Fraction, high: Fraction) -> tuple[float, float] | None:
        found = function.curvature_on(low, high)
        if found is None:
            return None
        inner = 0.0 if found[0] <= 0 <= found[1] else min(map(abs, found))
        return max(map(abs, found)), inner

    heap: list[tuple[float, Fraction, Fraction]] = []
    least = 0.0
    waiting = [(a, b)]
    for _ in range(4000):
        for low, high in waiting:
            found = enclosed(low, high)
            least = max(least, found[1]) if found else least
            heapq.heappush(heap, (-(found[0] if found else math.inf), low, high))
        most, low, high = heapq.heappop(heap)
        if -most <= least * 1.0005 or most == 0:
            return Fraction(-most)
        if high - low < (b - a) / 2**60:
            return None if most == -math.inf else Fraction(-most)
        middle = (low + high) / 2
        for end in (low, high):
            at = enclosed(end, end)
            least = max(least, at[1]) if at else least
        waiting = [(low, middle), (middle, high)]
    return None if most == -math.inf else Fraction(-most)


def lower_bound(function: Function, a: Fraction, b: Fraction, tolerance: Fraction) -> int:
    """Return how many pieces any piecewise linear function within the tolerance has at least.

    On an interval where f is more than 2E from its chord at a point no straight line is within E
    at that point and both ends: each such interval holds a break of its own.
    """
    double = 2 * tolerance
    segments = Segments(function, pieces_of(function, a, b, double), double)
    low, step, growth, count = a, b - a, Fraction(1), 1
    while low < b:
        high = _nearest_bad(segments, low, b, step * growth)
        if high is None:
            break
        growth = _growth(high - low, step)
        count, step, low = count + 1, high - low, high
    return count


def _nearest_bad(
    segments: Segments, low: Fraction, end: Fraction, step: Fraction
) -> Fraction | None:
    """Return about the nearest point up to which f is surely more than allowed from its chord."""
    allowed = segments.tolerance * (1 + Fraction(1, 2**40))
    good, bad = low, None
    trial = min(end, low + _rounded(step * Fraction(1001, 1000), step))
    for _ in range(MOST_TRIES):
        _, least = segments.error(low, trial)
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
            trial = min(end, low + _rounded(grown, grown))
        else:
            trial = _next_bad(low, trial, least, allowed, good, bad)
    return bad


def _next_bad(
    low: Fraction, high: Fraction, error: Fraction, allowed: Fraction, good: Fraction, bad: Fraction
) -> Fraction:
    ratio = math.sqrt(float(allowed / error)) if error else 4.0
    trial = low + (high - low) * Fraction(min(max(ratio * 1.003, 1 / 64), 4.0))
    if not good + (bad - good) / 50 < trial < bad - (bad - good) / 50:
        trial = (good + bad) / 2
    return _rounded(trial, bad - low)
