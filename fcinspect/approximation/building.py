"""Making a network whose whole error, three parts together, is certified to be at most E."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

from fcinspect.approximation.expression import Function
from fcinspect.approximation.interpolation import Comparison, Interpolation, comparisons, greedy
from fcinspect.approximation.interval import Interval
from fcinspect.approximation.network import StoredNetwork, evaluation_error, largest_sum, store
from fcinspect.errors import InputError
from fcinspect.layers.linear import Network
from fcinspect.rounding.formats import FLOAT32, FLOAT64, NumberFormat

FORMATS = (FLOAT32, FLOAT64)
"""Tried in this order where no format is asked for."""
MOST_ROUNDS = 8
PILOT = 64
"""Units, about, of the network that is made to see what E would take."""
FEWEST_FOR_LAW = 8
"""Units from which on the error falls as their square."""
HOPELESS = 4
"""A format whose floor seems to be so many times E is not tried any further."""
MORE_UNITS = 1.02
"""Times the units that E takes without rounding: what a format may take where others are left."""
MOST_UNITS = 20_000
"""Units of a network that is made."""
WILD = 100
"""A function is refused that takes too many units even for this part of its range."""
MARGIN = 1 - Fraction(1, 2**12)
"""Of the share of the interpolation, which the next round may need for rounding."""


@dataclass(frozen=True)
class ErrorParts:
    """|f(x) − computed y(x)| is at most the sum of the three, for every x of the format."""

    interpolation: Fraction
    """|f − interpolant|, the chords between the knots."""
    parameters: Fraction
    """|interpolant − stored network|: the numbers of the network are rounded."""
    arithmetic: Fraction
    """|stored network − computed y|: so are its sums."""

    @property
    def total(self) -> Fraction:
        """The certified error."""
        return self.interpolation + self.parameters + self.arithmetic

    @property
    def rounding(self) -> Fraction:
        """The parts that the number format causes."""
        return self.parameters + self.arithmetic


@dataclass(frozen=True)
class Floor:
    """The least error that a number format can be certified for."""

    number_format: NumberFormat
    error: float
    """About so much: more units make the interpolation finer, and the sums longer."""
    width: int
    """About as many units reach it."""
    reason: str = ""
    """Why the format cannot be used at all, then `error` is inf."""
    taken: int = 0
    """Units with which the format is certified for E, when they are too many to be taken."""

    @property
    def words(self) -> str:
        """What keeps the format from smaller errors."""
        return self.reason or f"{self.number_format.name}'s floor is about {self.error:.2g}"


@dataclass(frozen=True, eq=False)
class Built:
    """A network and the certificate of its error."""

    interpolation: Interpolation
    stored: StoredNetwork
    error: ErrorParts
    ideal_width: int
    """Units that E takes where nothing is rounded."""
    floor: Floor
    """Of the network's format."""
    given_up: tuple[Floor, ...] = ()
    """Formats that were tried before."""

    @property
    def width(self) -> int:
        """The number of hidden ReLUs."""
        return self.stored.width


@dataclass(frozen=True, eq=False)
class Approximation:
    """A network with one hidden layer that is certified to be within E of a function."""

    function: Function
    interval: Interval
    tolerance: Fraction
    """E, as it was asked for."""
    built: Built
    network: Network
    comparisons: tuple[Comparison, ...]
    """For errors around E, the largest first; E itself is always among them."""

    @property
    def compared(self) -> Comparison:
        """The comparison for E."""
        return next(each for each in self.comparisons if each.tolerance == self.tolerance)

    @property
    def number_format(self) -> NumberFormat:
        """The format of every number of the network."""
        return self.built.stored.number_format


def approximate(
    function: Function, interval: Interval, tolerance: Fraction, formats: tuple[NumberFormat, ...]
) -> Approximation:
    """Return the network, in the first format that can hold it; raises InputError."""
    built = build(function, interval, tolerance, formats)
    words = f"{function.text} on {interval.words}"
    return Approximation(
        function,
        interval,
        tolerance,
        built,
        built.stored.network(words),
        comparisons(function, interval, tolerance, built.ideal_width),
    )


def build(
    function: Function, interval: Interval, tolerance: Fraction, formats: tuple[NumberFormat, ...]
) -> Built:
    """Return a network that is certified to be within `tolerance`, in the first format that can.

    A format whose rounding takes many more units than E does is left for the next one. Raises
    InputError, naming the floor of the last format, where none can.
    """
    low, high, least = float(interval.low), float(interval.high), float(tolerance)
    coarse = max(least, function.scout.range(low, high) / WILD)
    if function.scout.units(low, high, coarse) > 2 * MOST_UNITS:
        _refuse_width(function.scout.units(low, high, least), tolerance)
    floors: list[Floor] = []
    for number_format in formats:
        last = number_format is formats[-1]
        try:
            found = _build(function, interval, tolerance, number_format)
        except InputError as error:
            if last:
                raise
            # a coarse format may have no knots near enough to one another
            found = Floor(number_format, math.inf, 0, error.message)
        if isinstance(found, Floor):
            floors.append(found)
        elif last or found.width <= found.ideal_width * MORE_UNITS:
            return replace(found, given_up=tuple(floors))
        else:
            floors.append(replace(found.floor, taken=found.width))
    floor = floors[-1]
    instead = "" if floor.number_format is FLOAT64 else "use --dtype float64 for smaller errors"
    raise InputError(
        f"no network in {floor.number_format.name} is certified to be within"
        f" {float(tolerance):.3g}: {floor.words}, where rounding outweighs what more units gain",
        instead or f"use an error E of at least about {floor.error * 1.05:.2g}",
    )


def _build(
    function: Function, interval: Interval, tolerance: Fraction, number_format: NumberFormat
) -> Built | Floor:
    """Return the network in one format, or the format's floor when that is above `tolerance`."""
    low, high = interval.within(number_format)

    @lru_cache(8)
    def at(share: Fraction) -> Built:
        made = greedy(function, low, high, share, lambda x: Fraction(number_format.round(x)))
        stored = store(made, number_format)
        if largest_sum(stored) > number_format.largest:
            raise InputError(f"sums exceed the range of {number_format.name}")
        error = ErrorParts(made.certified, stored.parameter_error, evaluation_error(stored))
        return Built(made, stored, error, made.width, _floor(error, made.width, number_format))

    units = function.scout.units(float(low), float(high), float(tolerance))
    pilot = _pilot(at, tolerance, units)
    if pilot.floor.error > HOPELESS * float(tolerance):
        return pilot.floor
    finer = max(float(pilot.error.interpolation / tolerance), 1.0)
    _refuse_width(pilot.width * math.sqrt(finer), tolerance)
    share, ideal, trial = tolerance, 0, pilot
    for _ in range(MOST_ROUNDS):
        trial = at(share)
        ideal = ideal or trial.width
        floor = max(pilot, trial, key=lambda each: each.width).floor
        if trial.error.total <= tolerance:
            if floor.error > trial.error.total:
                floor = replace(floor, error=float(trial.error.total), width=trial.width)
            return replace(trial, ideal_width=ideal, floor=floor)
        scale = _finer(trial.error, tolerance)
        if scale is None:
            break
        share *= Fraction(scale) * MARGIN
    return trial.floor


def _pilot(at: Callable[[Fraction], Built], tolerance: Fraction, units: float) -> Built:
    """Return a network of some dozens of units, which tells what E would take and the floor."""
    if units < 1:
        with suppress(InputError):  # knots of the format are not near enough to one another
            return at(tolerance / 10**4)
    share = tolerance
    if units >= 1 and not PILOT / 2 <= units <= 4 * PILOT:
        share *= Fraction(min(units, 1e15) / PILOT) ** 2
    trial = at(share)
    while units >= 1 and trial.width < PILOT // 2 and share > tolerance / 10**6:
        share *= max(Fraction(1, 16), Fraction(trial.width, PILOT) ** 2)
        try:
            trial = at(share)
        except InputError:
            break
    return trial


def _refuse_width(width: float, tolerance: Fraction) -> None:
    if width > MOST_UNITS:
        about = f"{width:,.0f}" if width < 10**9 else f"{width:.2g}"
        raise InputError(
            f"an error of {float(tolerance):.3g} needs about {about} hidden ReLUs: expected at most"
            f" {MOST_UNITS:,}",
            "use a larger E or a shorter interval",
        )


def _floor(error: ErrorParts, width: int, number_format: NumberFormat) -> Floor:
    """Return about the least total I·s + R/√s, s times the tolerance; the width goes as 1/√s."""
    interpolation, rounding = float(error.interpolation), float(error.rounding)
    if width < FEWEST_FOR_LAW:
        return Floor(number_format, float(error.total), width)
    s = (rounding / (2 * interpolation)) ** (2 / 3)
    return Floor(
        number_format,
        interpolation * s + rounding / math.sqrt(s),
        max(1, round(width / math.sqrt(s))),
    )


def _finer(error: ErrorParts, tolerance: Fraction) -> float | None:
    """Return the largest s <= 1 for which I·s + R/√s is within the tolerance, None for none."""
    interpolation, rounding, most = map(float, (error.interpolation, error.rounding, tolerance))
    if interpolation < 1e-9 * most:
        return None
    least: float = (rounding / (2 * interpolation)) ** (2 / 3)
    if least >= 1 or interpolation * least + rounding / math.sqrt(least) > most:
        return None
    low, high = least, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        fits = interpolation * middle + rounding / math.sqrt(middle) <= most
        low, high = (middle, high) if fits else (low, middle)
    return low
