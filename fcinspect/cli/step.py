"""fcinspect step: one optimizer step, forward and backward, in all its numbers."""

from __future__ import annotations

from typing import Annotated

import typer

from fcinspect.arithmetic.settings import LOSS_NAMES
from fcinspect.cli.options import (
    Batch,
    DrawnArticleOutput,
    Plot,
    Seed,
    ShowCode,
    activation_option,
)
from fcinspect.cli.own import BiasOption, WeightOption
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.step_options import OptimizerOptions
from fcinspect.cli.values import completion_of, one_of, whole_number
from fcinspect.errors import UsageError

MOST_STEPS = 100_000


def step(
    optimizer: OptimizerOptions,
    widths: Annotated[
        str | None,
        typer.Argument(
            metavar="WIDTHS|FILE",
            help="3-5-4-2 or 'nn.Linear(4, 2)', or a file of layers with their activations, or -"
            " for JSON on stdin.",
        ),
    ] = None,
    weight: WeightOption = None,
    loss: Annotated[
        str,
        typer.Option(
            "--loss",
            parser=one_of("loss", LOSS_NAMES),
            autocompletion=completion_of(LOSS_NAMES),
            metavar="NAME",
            help=", ".join(LOSS_NAMES) + ".",
        ),
    ] = "mse",
    activation: Annotated[
        str | None, activation_option("--activation", "Behind every hidden layer, default relu")
    ] = None,
    output_activation: Annotated[
        str | None,
        activation_option("--output-activation", "Behind the last layer, default identity"),
    ] = None,
    x: Annotated[
        str | None,
        typer.Option(
            "--x",
            metavar="X",
            help="Input: numbers 1,2,3 (rows separated by ;), a file, - for stdin, zeros, ones or"
            " basis:J; drawn by torch.randn without it.",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            metavar="T",
            help="Target, written like --x; for cross_entropy one class a row, 1,0,1.",
        ),
    ] = None,
    batch: Batch = None,
    bias: BiasOption = None,
    seed: Seed = 0,
    dtype: Annotated[
        str | None,
        typer.Option(
            "--dtype",
            parser=one_of("dtype of step", ("float32", "float64")),
            autocompletion=completion_of(("float32", "float64")),
            metavar="DTYPE",
            help="float32 or float64; by default the file's, else float32.",
        ),
    ] = None,
    steps: Annotated[
        int,
        typer.Option(
            "--steps",
            parser=whole_number(1, MOST_STEPS),
            metavar="K",
            help="Take K steps; show the loss of all and the last one whole.",
        ),
    ] = 1,
    parameter: Annotated[
        str | None,
        typer.Option(
            "--parameter",
            metavar="NAME",
            help="Follow one number through the step, e.g. fc2.weight[1,3] or fc1.bias[0].",
        ),
    ] = None,
    plot: Plot = False,
    show_code: ShowCode = False,
    *,
    output: DrawnArticleOutput,
) -> ExitStatus:
    """Show an optimizer step: forward, loss, backward, update."""
    from fcinspect.cli.step_problem import Problem
    from fcinspect.reports.scripts import step_script
    from fcinspect.reports.step.view import view_of_step

    problem = Problem(
        widths, loss, activation, output_activation, x, target, batch, bias, seed, dtype, steps,
        parameter, weight,
    )  # fmt: skip
    request, warnings = problem.request(optimizer.chosen())
    if show_code:
        if plot:
            raise UsageError("--show-code prints a script: it cannot go with --plot")
        return output.write_script(step_script(request, steps))
    if plot and output.typesets:
        warnings = (*warnings, "LaTeX holds no chart: --save loss.pdf writes it, for a figure")
    report, followed = problem.solve(request)
    view = view_of_step(
        report,
        followed,
        {**problem.asked(request), **optimizer.asked()},
        notes=problem.notes(request),
        warnings=warnings,
        plot=plot,
        draws=output.draws(plot),
    )
    return output.write(view)
