"""What approximate is asked for, and the network that answers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fcinspect.errors import InputError, UsageError

if TYPE_CHECKING:
    from fcinspect.approximation.depth import Sawtooth
    from fcinspect.approximation.expression import Function
    from fcinspect.approximation.grid import GridCheck
    from fcinspect.approximation.interval import Interval
    from fcinspect.approximation.report import Approximation
    from fcinspect.layers.network import Network
    from fcinspect.page.view import View
    from fcinspect.rounding.arrays import FloatArray
    from fcinspect.rounding.formats import NumberFormat


class Shallow:
    """One hidden layer, for any function."""

    def __init__(
        self, function: str, interval: Interval, tolerance: Fraction, dtype: str | None
    ) -> None:
        from fcinspect.approximation.expression import parse

        self.function = parse(function)
        self.interval, self.tolerance, self.formats = interval, tolerance, _formats(dtype)

    @cached_property
    def found(self) -> Approximation:
        """The network and its certificate."""
        from fcinspect.approximation.report import approximate

        return approximate(self.function, self.interval, self.tolerance, self.formats)

    @property
    def network(self) -> Network:
        """The layers."""
        return self.found.network

    def checks(self, *, in_torch: bool) -> tuple[GridCheck, ...]:
        """Return what the network gives on a grid, by numpy and on demand by torch."""
        from fcinspect.approximation.grid import grid_points

        built = self.found.built
        x = grid_points(built.stored.knots, self.network.dtype)
        return _checks(self.function, self.network, x, built.error.total, in_torch=in_torch)

    def script(self) -> str:
        """Return the PyTorch script that builds the network."""
        knots = self.found.built.stored.knots
        return _script(self.network, self.function, knots[0], knots[-1])

    def view(self, checks: Sequence[GridCheck], asked: dict[str, Any], *, charts: bool) -> View:
        """Return the report."""
        from fcinspect.reports.approximate import view_of_approximation

        return view_of_approximation(self.found, checks, asked, charts=charts)


class Deep:
    """Sawtooth layers, for x² on [0, 1]."""

    def __init__(
        self,
        function: str,
        interval: Interval,
        tolerance: Fraction | None,
        dtype: str | None,
        depth: int,
    ) -> None:
        from fcinspect.approximation.expression import parse

        self.function = parse(function)
        if (
            self.function.expression != parse("x**2").expression
            or not interval.exact
            or interval.low != 0
            or interval.high != 1
        ):
            raise UsageError(
                f"--depth builds x**2 on 0,1 alone, not {function!r} on {','.join(interval.text)}:"
                " its sawtooth layers are made for that function"
            )
        self.interval, self.tolerance, self.depth = interval, tolerance, depth
        self.formats = _formats(dtype)

    @cached_property
    def made(self) -> Sawtooth:
        """The network and its certificate; raises InputError where it is not within E."""
        from fcinspect.approximation.depth import sawtooth

        made = sawtooth(self.depth, self.formats)
        if self.tolerance is not None and made.error.total > self.tolerance:
            raise InputError(
                f"--depth {self.depth} is certified to be within"
                f" {float(made.error.total):.4g}, more than --error {float(self.tolerance):.4g}",
                "each further layer takes the error by four",
            )
        return made

    @property
    def network(self) -> Network:
        """The layers."""
        return self.made.network

    def checks(self, *, in_torch: bool) -> tuple[GridCheck, ...]:
        """Return what the network gives on a grid, by numpy and on demand by torch."""
        from fcinspect.approximation.depth import points

        made = self.made
        return _checks(
            self.function, made.network, points(made), made.error.total, in_torch=in_torch
        )

    def script(self) -> str:
        """Return the PyTorch script that builds the network."""
        return _script(self.network, self.function, Fraction(0), Fraction(1))

    def view(self, checks: Sequence[GridCheck], asked: dict[str, Any], *, charts: bool) -> View:
        """Return the report."""
        from fcinspect.reports.approximate import view_of_depth

        return view_of_depth(self.made, self.interval, self.tolerance, checks, asked, charts=charts)


def _formats(dtype: str | None) -> tuple[NumberFormat, ...]:
    from fcinspect.approximation.building import FORMATS
    from fcinspect.rounding.formats import format_named

    return FORMATS if dtype is None else (format_named(dtype),)


def _checks(
    function: Function,
    network: Network,
    x: FloatArray,
    certified: Fraction,
    *,
    in_torch: bool,
) -> tuple[GridCheck, ...]:
    from fcinspect.approximation.grid import check_on_grid
    from fcinspect.approximation.report import values_at

    values = values_at(function, x.tolist())
    check: Callable[..., GridCheck] = check_on_grid
    found = [check(network, x, values, certified)]
    if in_torch:
        from fcinspect.bridge.linear import version
        from fcinspect.bridge.sequential import run_in_torch

        found.append(check(network, x, values, certified, run_in_torch, version()))
    return tuple(found)


def _script(network: Network, function: Function, low: Fraction, high: Fraction) -> str:
    from fcinspect.reports.scripts import network_script

    return network_script(network, function.text, float(low), float(high))
