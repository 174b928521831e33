"""Chords of a function, and certified bounds of how far it is from them."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache

from fcinspect.approximation.expression import Function
from fcinspect.approximation.pieces import Piece, Pieces
from fcinspect.errors import InputError

INEXACT = Fraction(1, 10**37)
"""Covers that values and slopes are known to DIGITS = 40 digits only: of |f|, on each segment."""
BITS = 64
"""Of the lengths that are tried, so that fractions stay short."""


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
