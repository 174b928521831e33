"""A network within E of a function, with what it is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from fcinspect.approximation.building import Built, build
from fcinspect.approximation.comparison import Comparison, comparisons
from fcinspect.approximation.expression import Function
from fcinspect.approximation.interval import Interval
from fcinspect.layers.network import Network
from fcinspect.rounding.formats import NumberFormat


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
    """Return the network and its certificate, in the first of the formats that can hold it.

    Raises InputError where the function has no certificate or the tolerance is below the floor.
    """
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


def values_at(function: Function, points: Sequence[float]) -> list[Fraction]:
    """Return f at each point, to about DIGITS digits."""
    return [function.value(Fraction(point)) for point in points]
