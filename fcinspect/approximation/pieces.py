"""An interval cut into pieces on which f″ surely keeps its sign, and small ones where it may not.

On a curved piece e = f − (a straight line) is convex or concave. On each of the small ones f is
within a certified distance of its own chord, so small that little of E is lost by it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
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


@dataclass(frozen=True)
class Piece:
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

    pieces: tuple[Piece, ...]
    starts: tuple[Fraction, ...]

    def between(self, low: Fraction, high: Fraction) -> list[Piece]:
        """Return the pieces that share more than a point with [low, high]."""
        first = max(bisect_right(self.starts, low) - 1, 0)
        found = []
        for piece in self.pieces[first:]:
            if piece.low >= high:
                break
            if piece.high > low:
                found.append(piece)
        return found


def pieces_of(function: Function, low: Fraction, high: Fraction, tolerance: Fraction) -> Pieces:
    """Return the pieces of [low, high] for an error of `tolerance` or more.

    Raises InputError where f has no bound, leaps, or turns too often to be followed.
    """
    # one cut serves errors of up to STEP times the size
    power = math.floor(math.log(tolerance, STEP))
    return _cut(function, low, high, Fraction(STEP) ** power)


@lru_cache(16)
def _cut(function: Function, low: Fraction, high: Fraction, tolerance: Fraction) -> Pieces:
    _refuse_undefined(function, low, high)
    done: list[Piece] = []
    waiting = [(low, high, 0)]
    count = 0
    while waiting:
        a, b, halvings = waiting.pop()
        count += 1
        hopeless = count == EARLY and (a - low) * HOPELESS < high - low
        if count > MOST_PIECES or halvings > MOST_HALVINGS or hopeless:
            raise _uncertain(function, a, high - low, "turns too often there, or too sharply")
        piece = _piece(function, a, b, tolerance * LOST)
        if piece is not None:
            _append(done, piece)
        else:
            waiting += _halves(a, b, halvings)
    return Pieces(tuple(done), tuple(piece.low for piece in done))


def _refuse_undefined(function: Function, low: Fraction, high: Fraction) -> None:
    """Raise InputError naming the first place around which f has no bounds, however near."""
    waiting = [(low, high, 0)]
    count = 0
    while waiting:
        a, b, halvings = waiting.pop()
        count += 1
        if function.value_enclosure.on(a, b) is not None:
            continue
        if halvings == MOST_UNDEFINED or count > MOST_PIECES:
            raise _uncertain(
                function,
                a,
                high - low,
                "has a pole, a jump or no real value there, or one beyond float64",
            )
        waiting += _halves(a, b, halvings)


def _halves(a: Fraction, b: Fraction, halvings: int) -> list[tuple[Fraction, Fraction, int]]:
    """Return the halves of [a, b], to be taken from the left."""
    middle = (a + b) / 2
    return [(middle, b, halvings + 1), (a, middle, halvings + 1)]


def _uncertain(function: Function, x: Fraction, length: Fraction, why: str) -> InputError:
    place = _place(x, length)
    return InputError(f"{function.text} cannot be certified near x = {place}: it {why}")


def _place(x: Fraction, length: Fraction) -> str:
    """Write a place to nine digits of the interval's length."""
    return f"{float(round(x / length, 9) * length):.6g}"


def _append(done: list[Piece], piece: Piece) -> None:
    """Append a piece, joined with the one before where f″ has the same sign on both."""
    if done and done[-1].sign == piece.sign and piece.sign != 2:
        before = done.pop()
        curvature = max(before.curvature, piece.curvature)
        piece = Piece(before.low, piece.high, piece.sign, Fraction(0), curvature)
    done.append(piece)


def _piece(function: Function, a: Fraction, b: Fraction, lost: Fraction) -> Piece | None:
    """Return what is known of [a, b], None where it must be cut."""
    values = function.value_enclosure.on(a, b)
    if values is None:
        return None
    curvature = function.curvature_on(a, b)
    most = math.inf if curvature is None else max(map(abs, curvature))
    if curvature is not None and (curvature[0] > 0 or curvature[1] < 0):
        return Piece(a, b, 1 if curvature[0] > 0 else -1, Fraction(0), most)
    if function.second == 0 and curvature is not None:
        return Piece(a, b, 0, Fraction(0), 0.0)
    deviation = Fraction(values[1]) - Fraction(values[0])
    slopes = function.slope_enclosure.on(a, b)
    if slopes is not None:
        deviation = min(deviation, (Fraction(slopes[1]) - Fraction(slopes[0])) * (b - a) / 4)
    if curvature is not None:
        deviation = min(deviation, Fraction(most) * (b - a) ** 2 / 8)
    return Piece(a, b, 2, deviation, most) if deviation <= lost else None
