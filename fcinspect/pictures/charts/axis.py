"""An axis whose ticks are round numbers that lie exactly in the middle of a character cell."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial

ROUND_STEPS = (Fraction(1), Fraction(2), Fraction(5, 2), Fraction(5))
"""What a step between two ticks may be, times a power of ten."""
LONGEST_LABEL = 9
"""In characters; longer labels are written with an exponent."""


@dataclass(frozen=True)
class Axis:
    """Where values lie on a row of character cells.

    On a logarithmic axis a value stands for its decimal logarithm.
    """

    step: Fraction
    """From one tick to the next; in decades on a logarithmic axis."""
    cells_per_step: int
    """So many cells lie between the middles of two ticks."""
    start: int
    """The first cell, counted from the cell of value 0."""
    cells: int
    """How many cells there are."""
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """Return how many cells the value lies beyond the middle of the first cell.

        A value that is not finite, and one that is not positive on a logarithmic axis, has no
        place: ValueError or OverflowError.
        """
        if self.logarithmic:
            value = math.log10(value)
        if self._plain:
            return value * self._scale - self.start
        # exact where float64 would lose the place: a tiny range far from 0, or the ends of float64
        return float(Fraction(value) * self.cells_per_step / self.step - self.start)

    @cached_property
    def _scale(self) -> float:
        return self.cells_per_step / float(self.step)

    @cached_property
    def _plain(self) -> bool:
        return 1e-290 < self.step < 1e290 and abs(self.start) < 1_000_000_000

    def dot(self, value: float, dots_per_cell: int) -> int:
        """Return the dot nearest to the value, 0 to cells·dots_per_cell − 1."""
        middle = (dots_per_cell - 1) / 2
        dot = round(self.place(value) * dots_per_cell + middle)
        return min(max(dot, 0), self.cells * dots_per_cell - 1)

    def ticks(self) -> tuple[tuple[int, str], ...]:
        """Return (cell, label) of every tick, in order."""
        per = self.cells_per_step
        first = -(-self.start // per)
        last = (self.start + self.cells - 1) // per
        label = _power_of_ten if self.logarithmic else partial(round_label, step=self.step)
        return tuple((n * per - self.start, label(n * self.step)) for n in range(first, last + 1))


def round_label(exact: Fraction, step: Fraction) -> str:
    """Write a multiple of a round step with all its digits and no more."""
    if exact == 0:
        return "0"
    decimals = 0
    while decimals < 400 and (step * 10**decimals).denominator != 1:
        decimals += 1
    scaled = abs(exact) * 10**decimals
    digits = str(scaled.numerator).rjust(decimals + 1, "0")
    sign = "-" if exact < 0 else ""
    plain = digits if not decimals else f"{digits[:-decimals]}.{digits[-decimals:]}"
    exponent = len(str(scaled.numerator)) - 1 - decimals
    mantissa = str(scaled.numerator).rstrip("0")
    tail = f".{mantissa[1:]}" if mantissa[1:] else ""
    scientific = f"{mantissa[0]}{tail}e{exponent:+03d}"
    short = len(plain) <= max(LONGEST_LABEL, len(scientific))
    return sign + (plain if short else scientific)


def axis_over(
    values: Iterable[float],
    cells: int,
    *,
    ticks: int,
    logarithmic: bool = False,
    whole: bool = False,
) -> Axis:
    """Return the axis that shows all values on at most `cells` cells, as fully as it can.

    `ticks` is how many ticks there may be, at least 2 and at most half of the cells; `whole` says
    that only whole numbers have a meaning. The values are finite, and positive where the axis is
    logarithmic; one value, or several equal ones, lie in the middle.
    """
    shown = [math.log10(v) if logarithmic else v for v in values]
    low, high = Fraction(min(shown)), Fraction(max(shown))
    if low == high:
        around = abs(low) / 10 if low and not (logarithmic or whole) else Fraction(1)
        low, high = low - around, high + around
    found = [
        axis
        for step in _steps(high - low, ticks, whole=whole or logarithmic)
        if (axis := _fitted(low, high, step, cells, logarithmic)).cells <= cells
    ]

    def merit(axis: Axis) -> tuple[bool, int, int, int]:
        shown = len(axis.ticks())
        return shown <= ticks, min(shown, 4), axis.cells, -axis.cells_per_step

    return max(found, key=merit)


def _steps(span: Fraction, ticks: int, *, whole: bool) -> list[Fraction]:
    """Return round steps that make about 2 to `ticks` ticks, and some on either side."""
    wanted = span / max(ticks - 1, 1)
    # also outside the range of float64
    power = math.floor(math.log10(wanted.numerator) - math.log10(wanted.denominator))
    decades = range(power - 1, power + 3)
    steps = [factor * Fraction(10) ** decade for decade in decades for factor in ROUND_STEPS]
    near = [step for step in steps if wanted / 2 <= step <= wanted * 5]
    if not whole:
        return near
    return sorted({Fraction(1), *(step for step in near if step.denominator == 1)})


def _fitted(low: Fraction, high: Fraction, step: Fraction, cells: int, logarithmic: bool) -> Axis:
    """Return the axis of that step with as many cells as fit; with too many where even 1 is."""
    most = max(int((cells - 1) * step / (high - low)), 1)
    axis = None
    for per in (most + 1, most, most - 1):
        if per >= 1:
            first, last = round(low * per / step), round(high * per / step)
            axis = Axis(step, per, first, last - first + 1, logarithmic)
            if axis.cells <= cells:
                break
    assert axis is not None
    return axis


def _power_of_ten(exponent: Fraction) -> str:
    if exponent.denominator != 1:
        return f"{10 ** float(exponent):.3g}"
    power = int(exponent)
    if -4 <= power <= 0:
        return f"{10.0**power:.{-power}f}"
    return str(10**power) if 0 < power <= 5 else f"1e{power:+03d}"
