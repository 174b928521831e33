"""fcinspect approximate: a one-hidden-layer ReLU network within E of a function, certified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.cli.options import (
    Plot,
    ShowCode,
    argument,
    choice,
    option,
    parsed_by,
    switch,
    whole_number,
)
from fcinspect.cli.output import LAYER, Output, Writes
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import InputError, UsageError

if TYPE_CHECKING:
    from fractions import Fraction

    from fcinspect.approximation.expression import Function
    from fcinspect.approximation.interval import Interval
    from fcinspect.approximation.network import GridCheck
    from fcinspect.layers.linear import Network
    from fcinspect.page.view import View
    from fcinspect.rounding.arrays import FloatArray
    from fcinspect.rounding.formats import NumberFormat

WRITES = Writes(
    layers=True,
    figure=True,
    files=(
        LAYER.replace("layer", "network"),
        "its figure (.png .svg .pdf)",
        "the report (.md .csv .html .txt)",
    ),
)


def _interval(text: str) -> Interval:
    from fcinspect.approximation.interval import parse_interval

    return parse_interval(text)


def _tolerance(text: str) -> Fraction:
    from fcinspect.approximation.interval import parse_tolerance

    return parse_tolerance(text)


@dataclass(frozen=True)
class ApproximateOptions:
    """The function, where it is approximated, and how well."""

    function: Annotated[
        str, argument("FUNCTION", "An expression in x, such as 'sin(2*pi*x)' or 'sqrt(x)'.")
    ]
    on: Annotated[
        Any,
        option(
            "--on A,B",
            "Interval: decimals or constants, such as 0,1 or -pi,2*pi.",
            parsed_by(_interval),
        ),
    ]
    error: Annotated[
        Any,
        option(
            "--error E",
            "Largest error that the network may have, such as 1e-3.",
            parsed_by(_tolerance),
        ),
    ] = None
    dtype: Annotated[
        str | None,
        choice(
            "--dtype DTYPE",
            "float32 or float64; default: float32, unless E needs 2 % more units in it.",
            ("float32", "float64"),
        ),
    ] = None
    depth: Annotated[
        int | None,
        option(
            "--depth M",
            "For x**2 on 0,1: use M sawtooth layers, compared with one hidden layer.",
            whole_number(1, 60),
        ),
    ] = None
    check: Annotated[bool, switch("--check", "Also run the network as a real nn.Sequential.")] = (
        False
    )
    plot: Plot = False

    def asked(self) -> dict[str, Any]:
        """Return the options, for the report."""
        return {
            **vars(self),
            "on": ",".join(self.on.text),
            "error": None if self.error is None else float(self.error),
        }

    def built(self) -> Certified:
        """Return the network; raises UsageError where no error is given."""
        from fcinspect.approximation.building import FORMATS
        from fcinspect.approximation.expression import parse
        from fcinspect.rounding.formats import format_named

        if self.depth is None and self.error is None:
            raise UsageError("--error is missing: expected a number > 0 such as --error 1e-3")
        formats = FORMATS if self.dtype is None else (format_named(self.dtype),)
        function = parse(self.function)
        if self.depth is None:
            return _shallow(self, function, formats)
        return _deep(self, function, formats, self.depth)


def approximate(
    options: ApproximateOptions, show_code: ShowCode = False, *, output: Annotated[Output, WRITES]
) -> ExitStatus:
    """Build a ReLU network that is provably within E of a function.

    It has one hidden layer, or several with --depth; a certificate bounds its error on the whole
    interval.
    """
    asked = options.asked()
    built = options.built()
    if show_code:
        from fcinspect.reports.scripts import network_script

        ends = map(float, built.ends)
        return output.write_script(network_script(built.network, built.function.text, *ends))
    view = built.view(built.checks(in_torch=options.check), asked)
    return output.write(view, *(layer.linear for layer in built.network.layers))


@dataclass(frozen=True)
class Certified:
    """A network that is certified to be near a function."""

    function: Function
    network: Network
    certified: Fraction
    """How far it is from the function at most."""
    points: Callable[[], FloatArray]
    """Where both are compared: (points)."""
    ends: tuple[Fraction, Fraction]
    """Of the interval, as the network has it."""
    view: Callable[[Sequence[GridCheck], dict[str, Any]], View]

    def checks(self, *, in_torch: bool) -> tuple[GridCheck, ...]:
        """Return what the network gives on a grid, by numpy and on demand by torch."""
        from fractions import Fraction

        from fcinspect.approximation.network import check_on_grid

        x = self.points()
        values = [self.function.value(Fraction(point)) for point in x.tolist()]
        check = partial(check_on_grid, self.network, x, values, self.certified)
        if not in_torch:
            return (check(),)
        from fcinspect.bridge.linear import version
        from fcinspect.bridge.networks import run_in_torch

        return check(), check(run_in_torch, version())


def _shallow(
    options: ApproximateOptions, function: Function, formats: tuple[NumberFormat, ...]
) -> Certified:
    from fcinspect.approximation.building import approximate
    from fcinspect.approximation.network import grid_points
    from fcinspect.reports.approximate import view_of_approximation

    found = approximate(function, options.on, options.error, formats)
    knots = found.built.stored.knots
    return Certified(
        function,
        found.network,
        found.built.error.total,
        partial(grid_points, knots, found.network.dtype),
        (knots[0], knots[-1]),
        partial(view_of_approximation, found, charts=options.plot),
    )


def _deep(
    options: ApproximateOptions, function: Function, formats: tuple[NumberFormat, ...], depth: int
) -> Certified:
    """Return a network of sawtooth layers for x² on [0, 1], and for nothing else."""
    from fractions import Fraction

    from fcinspect.approximation.depth import points, sawtooth
    from fcinspect.approximation.expression import parse
    from fcinspect.reports.approximate import view_of_depth

    on, error = options.on, options.error
    unit = on.exact and on.low == 0 and on.high == 1
    if function.expression != parse("x**2").expression or not unit:
        raise UsageError(
            f"--depth builds only x**2 on 0,1, not {options.function!r} on {','.join(on.text)}:"
            " its sawtooth layers are specific to that function"
        )
    made = sawtooth(depth, formats)
    if error is not None and made.error.total > error:
        raise InputError(
            f"the certified error of --depth {depth} is {float(made.error.total):.4g}, more than"
            f" --error {float(error):.4g}",
            "each further layer divides the error by four",
        )
    return Certified(
        function,
        made.network,
        made.error.total,
        partial(points, made),
        (Fraction(0), Fraction(1)),
        partial(view_of_depth, made, on, error, charts=options.plot),
    )
