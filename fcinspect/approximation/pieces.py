"""An interval cut into pieces on which f″ surely keeps its sign, and small ones where it may not.

On a curved piece e = f − (a straight line) is convex or concave. On each of the small ones f is
within a certified distance of its own chord, so small that little of E is lost by it. So the error
of any chord across the pieces is bounded from both sides.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from fcinspect.approximation.expression import Function
from fcinspect.errors import InputError

MOST_PIECES = 20_000
MOST_HALVINGS = 400
"""How often an interval is cut in two; 2^-400 of it is nothing to any format."""
MOST_UNDEFINED = 100
"""How often where f has no bounds: nearer to a place than that, interval arithmetic has none."""
EARLY, HOPELESS = 3000, 30
"""After so many pieces more than this part of the interval must be done."""
STEP = 2**6
LOST = Fraction(1, 2**12)
"""Of E, on a piece where the sign of f″ is not known."""
INEXACT = Fraction(1, 10**37)
"""Covers that values and slopes are known to DIGITS = 40 digits only: of |f|, on each segment."""
BITS = 64
"""Of the lengths that are tried, so that fractions stay short."""


@dataclass(frozen=True)
class SignedPiece:
    """Part of an interval."""

    low: Fraction
    high: Fraction
    sign: int
    """Of f″: 1, −1; 0 where f is linear; 2 where it is not known."""
    deviation: Fraction
    """|f − its chord on the piece| at most, where the sign is not known."""
    curvature: float
    """sup |f″| at most, inf where there is no bound."""


@dataclass(frozen=True)
class Pieces:
    """The pieces of an interval from left to right."""

    pieces: tuple[SignedPiece, ...]
    starts: tuple[Fraction, ...]

    def between(self, low: Fraction, high: Fraction) -> list[SignedPiece]:
        """Return the pieces that share more than a point with [low, high]."""
        first = max(bisect_right(self.starts, low) - 1, 0)
        last = bisect_left(self.starts, high)
        return [piece for piece in self.pieces[first:last] if piece.high > low]


def pieces_of(function: Function, low: Fraction, high: Fraction, tolerance: Fraction) -> Pieces:
    """Return the pieces of [low, high] for errors from `tolerance` on; raises InputError."""
    # one cut serves errors of up to STEP times the size
    power = math.floor(math.log(tolerance, STEP))
    return _cut(function, low, high, Fraction(STEP) ** power)


@lru_cache(16)
def _cut(function: Function, low: Fraction, high: Fraction, tolerance: Fraction) -> Pieces:
    _refuse_undefined(function, low, high)
    done: list[SignedPiece] = []
    waiting = [(low, high, 0)]
    count = 0
    while waiting:
        a, b, halvings = waiting.pop()
        count += 1
        hopeless = count == EARLY and (a - low) * HOPELESS < high - low
        if count > MOST_PIECES or halvings > MOST_HALVINGS or hopeless:
            raise _uncertain(function, a, high - low, "turns too often or too sharply there")
        piece = _piece(function, a, b, tolerance * LOST)
        if piece is None:
            waiting += _halves(a, b, halvings)
            continue
        if done and done[-1].sign == piece.sign and piece.sign != 2:
            before = done.pop()
            curvature = max(before.curvature, piece.curvature)
            piece = SignedPiece(before.low, piece.high, piece.sign, Fraction(0), curvature)
        done.append(piece)
    return Pieces(tuple(done), tuple(piece.low for piece in done))


def _refuse_undefined(function: Function, low: Fraction, high: Fraction) -> None:
    """Raise InputError naming the first place around which f has no bounds, however near."""
    why = "has a pole, a jump or no real value there, or one beyond float64"
    waiting = [(low, high, 0)]
    count = 0
    while waiting:
        a, b, halvings = waiting.pop()
        count += 1
        if function.value_enclosure.on(a, b) is not None:
            continue
        if halvings == MOST_UNDEFINED or count > MOST_PIECES:
            raise _uncertain(function, a, high - low, why)
        waiting += _halves(a, b, halvings)


def _halves(a: Fraction, b: Fraction, halvings: int) -> list[tuple[Fraction, Fraction, int]]:
    middle = (a + b) / 2
    return [(middle, b, halvings + 1), (a, middle, halvings + 1)]


def _uncertain(function: Function, x: Fraction, length: Fraction, why: str) -> InputError:
    # to nine digits of the interval's length
    place = f"{float(round(x / length, 9) * length):.6g}"
    return InputError(f"{function.text} cannot be certified near x = {place}: it {why}")


def _piece(function: Function, a: Fraction, b: Fraction, lost: Fraction) -> SignedPiece | None:
    values = function.value_enclosure.on(a, b)
    if values is None:
        return None
    curvature = function.curvature_on(a, b)
    most = math.inf if curvature is None else max(map(abs, curvature))
    if curvature is not None and (curvature[0] > 0 or curvature[1] < 0):
        return SignedPiece(a, b, 1 if curvature[0] > 0 else -1, Fraction(0), most)
    if function.second == 0 and curvature is not None:
        return SignedPiece(a, b, 0, Fraction(0), 0.0)
    deviation = Fraction(values[1]) - Fraction(values[0])
    slopes = function.slope_enclosure.on(a, b)
    if slopes is not None:
        deviation = min(deviation, (Fraction(slopes[1]) - Fraction(slopes[0])) * (b - a) / 4)
    if curvature is not None:
        deviation = min(deviation, Fraction(most) * (b - a) ** 2 / 8)
    return SignedPiece(a, b, 2, deviation, most) if deviation <= lost else None


class Chords:
    """The chords of a function on the pieces of an interval."""

    def __init__(self, function: Function, pieces: Pieces, tolerance: Fraction) -> None:
        self.function, self.pieces, self.tolerance = function, pieces, tolerance
        self.value = lru_cache(256)(function.value)
        self.slope = lru_cache(256)(function.slope)
        self.scout = function.scout

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
        piece: SignedPiece,
        a: Fraction,
        b: Fraction,
        slope: Fraction,
        off: Callable[[Fraction], Fraction],
    ) -> tuple[Fraction, Fraction]:
        """Return bounds of |e| inside of [a, b], where e is convex or concave.

        Any tangent of e bounds it from one side, and its ends do from the other:
        |e| ≤ |e(t)| + |e′(t)|·max(t − a, b − t).
        """
        enough = self.tolerance / 8192

        def at(t: Fraction) -> tuple[Fraction, Fraction, Fraction]:
            rising = (self.slope(t) - slope) * piece.sign
            return rising, abs(rising) * max(t - a, b - t), abs(off(t))

        guess = self.scout.turning(float(a), float(b), float(slope))
        if guess is not None and a < guess < b:
            _, room, seen = at(Fraction(guess))
            if room <= enough:
                return seen + room, seen
        left = (self.slope(a) - slope) * piece.sign
        right = (self.slope(b) - slope) * piece.sign
        if left >= 0 or right <= 0:
            return Fraction(0), Fraction(0)  # e is monotone: the ends tell
        low, high = a, b
        for _ in range(200):
            t = rounded(low - (high - low) * left / (right - left), high - low)
            if not low < t < high:
                t = (low + high) / 2
            rising, room, seen = at(t)
            if room <= enough:
                return seen + room, seen
            # the false position, with the middle where it stays at one end
            low, high, left, right = (
                (t, high, rising, right) if rising < 0 else (low, t, left, rising)
            )
            middle = rounded((low + high) / 2, high - low)
            rising = (self.slope(middle) - slope) * piece.sign
            low, high, left, right = (
                (middle, high, rising, right) if rising < 0 else (low, middle, left, rising)
            )
        raise InputError(f"{self.function.text} cannot be certified near x = {float(a):.6g}")


def rounded(x: Fraction, scale: Fraction) -> Fraction:
    """Return x to BITS binary places below `scale`."""
    exponent = scale.denominator.bit_length() - scale.numerator.bit_length() + BITS
    unit = Fraction(2) ** exponent
    return round(x * unit) / unit
