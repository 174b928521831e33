"""fcinspect draw: the layered diagram of a fully connected network."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, ClassVar

import typer

from fcinspect.cli.code import timeout_option
from fcinspect.cli.options import (
    FIGURE_ENDINGS,
    Output,
    activation_option,
    format_option,
    save_option,
)
from fcinspect.cli.own import BiasOption, WeightOption
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.values import title_line, whole_number
from fcinspect.layers.diagram import MOST_UNITS
from fcinspect.layers.spec import LARGEST_SEED

FORMS = ("text", "json", "csv", "md", "mermaid", "dot")
LARGEST_UNITS = 32
"""More units of a layer are no longer told apart."""


@dataclass(frozen=True)
class DiagramOutput(Output):
    """How and where a diagram is written."""

    FORMS: ClassVar[tuple[str, ...]] = FORMS
    FIGURE_ENDINGS: ClassVar[tuple[str, ...]] = FIGURE_ENDINGS

    form: Annotated[str | None, format_option(FORMS)] = None
    save: Annotated[
        list[str] | None,
        save_option(
            "the figure (.svg .png .pdf), the graph (.mmd .dot .gv) or the report"
            " (.json .md .csv .html .txt)"
        ),
    ] = None


def draw(
    network: Annotated[
        str | None,
        typer.Argument(
            metavar="WIDTHS|MODULE:OBJECT|FILE",
            help="3-5-4-2 or 'nn.Linear(4, 2)', or a file of layers, or - for JSON on stdin, or"
            " package.module:Object or file.py:Object, whose code is executed.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            parser=whole_number(0, LARGEST_SEED),
            metavar="S",
            help="Draw the weights that torch makes after torch.manual_seed(S); without it, of"
            " WIDTHS and of a class the structure alone.",
        ),
    ] = None,
    x: Annotated[
        str | None,
        typer.Option(
            "--x",
            metavar="X",
            help="Input: numbers 1,2,3, a file, - for stdin, zeros, ones or basis:J; its values"
            " are written into the units.",
        ),
    ] = None,
    activation: Annotated[
        str | None, activation_option("--activation", "Behind every hidden layer, default relu")
    ] = None,
    output_activation: Annotated[
        str | None,
        activation_option("--output-activation", "Behind the last layer, default identity"),
    ] = None,
    weight: WeightOption = None,
    bias: BiasOption = None,
    units: Annotated[
        int,
        typer.Option(
            "--units",
            parser=whole_number(2, LARGEST_UNITS),
            metavar="K",
            help=f"Show at most K units of a layer, 2 to {LARGEST_UNITS}: the first and the last.",
        ),
    ] = MOST_UNITS,
    title: Annotated[
        str | None,
        typer.Option(
            "--title",
            parser=title_line,
            metavar="TEXT",
            help="What stands above the diagram, in place of the widths.",
        ),
    ] = None,
    weights: Annotated[
        bool | None,
        typer.Option(
            "--weights/--no-weights",
            help="Write each weight on its edge of the figure; by default where no layer has more"
            " than 12 edges.",
        ),
    ] = None,
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="SHAPE",
            help="MODULE:OBJECT: the shape of its input, batch first, where it cannot be found.",
        ),
    ] = None,
    arg: Annotated[
        list[str] | None,
        typer.Option(
            "--arg",
            metavar="NAME=VALUE",
            help="MODULE:OBJECT: an argument of the class or function; repeat it for several.",
        ),
    ] = None,
    timeout: Annotated[float, timeout_option("loading the code, or one run,")] = 60.0,
    *,
    output: DiagramOutput,
) -> ExitStatus:
    """Draw the units, edges and shapes of a network."""
    from fcinspect.cli.draw_problem import Problem
    from fcinspect.reports.draw import Looks, view_of_diagram

    problem = Problem(
        network, seed, x, activation, output_activation, bias, tuple(inputs or ()),
        tuple(arg or ()), timeout, weight,
    )  # fmt: skip
    found = problem.found()
    looks = Looks(units, title, weights)
    asked = {**problem.asked(), **asdict(looks)}
    return output.write(
        view_of_diagram(found.outline, looks, found.source, asked, found.warnings, found.advice)
    )
