"""fcinspect approximate: a one-hidden-layer ReLU network within E of a function, certified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from fcinspect.cli.options import FIGURE_ENDINGS, LayerOutput, Plot, ShowCode
from fcinspect.cli.sources import bytes_of
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.values import completion_of, one_of, parsed_by, whole_number
from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fractions import Fraction

    from fcinspect.approximation.interval import Interval

DTYPES = ("float32", "float64")
MOST_LAYERS = 60


def _interval(text: str) -> Interval:
    from fcinspect.approximation.interval import parse_interval

    return parse_interval(text)


def _tolerance(text: str) -> Fraction:
    from fcinspect.approximation.interval import parse_tolerance

    return parse_tolerance(text)


@dataclass(frozen=True)
class NetworkOutput(LayerOutput):
    """How and where a network is written, its figure, and the report on it."""

    FIGURE_ENDINGS: ClassVar[tuple[str, ...]] = FIGURE_ENDINGS

    save: Annotated[
        list[str] | None,
        typer.Option(
            "--save",
            metavar="FILE",
            help="Write the network (.safetensors .npz .pt .json), its figure (.png .svg .pdf) or"
            " the report (.md .csv .html .txt) to FILE, by its ending (repeatable).",
        ),
    ] = None


def approximate(
    function: Annotated[
        str,
        typer.Argument(
            metavar="FUNCTION", help="An expression in x, such as 'sin(2*pi*x)' or 'sqrt(x)'."
        ),
    ],
    on: Annotated[
        Any,
        typer.Option(
            "--on",
            parser=parsed_by(_interval),
            metavar="A,B",
            help="The interval: decimals or constants, such as 0,1 or -pi,2*pi.",
        ),
    ],
    error: Annotated[
        Any,
        typer.Option(
            "--error",
            parser=parsed_by(_tolerance),
            metavar="E",
            help="How far the network may be from the function, such as 1e-3.",
        ),
    ] = None,
    dtype: Annotated[
        str | None,
        typer.Option(
            "--dtype",
            parser=one_of("dtype of approximate", DTYPES),
            autocompletion=completion_of(DTYPES),
            metavar="DTYPE",
            help="float32 or float64; by default float32, unless E takes 2 % more units in it.",
        ),
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth",
            parser=whole_number(1, MOST_LAYERS),
            metavar="M",
            help="For x**2 on 0,1: M sawtooth layers, against one hidden layer.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Run the network as a real nn.Sequential as well."),
    ] = False,
    plot: Plot = False,
    show_code: ShowCode = False,
    *,
    output: NetworkOutput,
) -> ExitStatus:
    """Build a ReLU network within E of a function, with proof.

    It has one hidden layer, or with --depth several; a certificate bounds its error on the whole
    interval.
    """
    from fcinspect.cli.approximate_problem import Deep, Shallow

    asked = {
        "function": function,
        "on": ",".join(on.text),
        "error": None if error is None else float(error),
        "dtype": dtype,
        "depth": depth,
        "check": check,
        "plot": plot,
    }
    if depth is None and error is None:
        raise UsageError("--error is missing: expected a number > 0 such as --error 1e-3")
    problem = (
        Shallow(function, on, error, dtype)
        if depth is None
        else Deep(function, on, error, dtype, depth)
    )
    network = problem.network
    if show_code:
        return output.write_script(problem.script())
    view = problem.view(problem.checks(in_torch=check), asked, charts=plot)
    return output.write(view, bytes_of(*(layer.linear for layer in network.layers)))
