"""fcinspect trace: shapes through a real module."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from fcinspect.cli.code import Code
from fcinspect.cli.module import ModuleOptions
from fcinspect.cli.options import Output, only_option
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.values import whole_number
from fcinspect.errors import InputError, UsageError, did_you_mean

if TYPE_CHECKING:
    from fcinspect.reports.trace_steps import Folding
    from fcinspect.shapes.steps import ModuleTrace

MOST_PATHS = 6
"""Modules that a refusal names."""


def trace(
    code: Code,
    options: ModuleOptions,
    show_all: Annotated[bool, typer.Option("--all", help="Show every step of a long run.")] = False,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth",
            parser=whole_number(1),
            metavar="N",
            help="Fold the steps of modules deeper than N into one row each: 1 for encoder, 2 for"
            " encoder.0.",
        ),
    ] = None,
    only: Annotated[list[str] | None, only_option("Show only steps of modules")] = None,
    *,
    output: Output,
) -> ExitStatus:
    """Trace shapes, parameters and multiply-adds through a module.

    This executes the code you name: on the meta device, without numbers, where it can, else on
    zeros. Where the module stops, the step is diagnosed; for that the code is executed again with
    each proposed change, in memory. A file of layers is traced as the network that they make, with
    the activations it names, else ReLU.
    """
    from fcinspect.cli.inputs import names_a_checkpoint
    from fcinspect.reports.trace import view_of_trace
    from fcinspect.reports.trace_steps import Folding

    notes: tuple[str, ...] = ()
    if ":" not in code and not code.endswith(".py") and names_a_checkpoint(code):
        found, notes = _of_file(code, options)
        diagnosis = None
    else:
        with options.opened(code) as tracing:
            found = options.traced(tracing)
            diagnosis = None if found.failure is None else options.diagnosed(tracing, found)
    if diagnosis is None:
        refuse_unmade(found)
    folding = Folding(depth, tuple(only or ()))
    _require_steps(found, folding)
    asked = {"code": code, **options.asked(), "depth": depth, "only": only}
    view = view_of_trace(found, diagnosis, asked, show_all=show_all, folding=folding)
    return output.write(replace(view, warnings=notes))


def _require_steps(found: ModuleTrace, folding: Folding) -> None:
    """Raise InputError where no step is of a module that --only asks for."""
    if folding.only and found.steps and not folding.chosen(found.steps):
        paths = dict.fromkeys(step.path for step in found.steps if step.path)
        listed = ", ".join(list(paths)[:MOST_PATHS])
        raise InputError(
            f"no step is of a module that matches --only {' '.join(folding.only)}",
            hint=did_you_mean(folding.only[0], paths) or (f"there are {listed}" if paths else None),
        )


def _of_file(file: str, options: ModuleOptions) -> tuple[ModuleTrace, tuple[str, ...]]:
    """Return the trace of the layers of a file, chained as `step` and `draw` do, and notes on it.

    Raises InputError where they are no network or the input does not fit.
    """
    from fcinspect.bridge.tracing import Tracing
    from fcinspect.checkpoints.access.uris import masked_name
    from fcinspect.cli.network import ANY_DTYPE, network_from

    if options.arg:
        raise UsageError("--arg is for a class or function: a file of layers takes none")
    chained = network_from(file, None, None, None, "mse", ANY_DTYPE)
    network = chained.network
    shapes = {
        "widths": network.widths,
        "bias": [layer.linear.bias is not None for layer in network.layers],
        "activations": [layer.activation for layer in network.layers],
        "dtype": network.dtype,
    }
    tracing = Tracing("fcinspect.bridge.stacked:stacked", shapes, options.timeout)
    try:
        found = options.traced(tracing)
    finally:
        tracing.close()
    if found.failure is not None:
        raise InputError(f"{file}: {' '.join(found.failure.message.split())[:300]}")
    name = masked_name(file)
    between = dict.fromkeys(layer.activation for layer in network.layers[:-1])
    notes = (*chained.warnings,)
    if chained.assumed is not None:
        notes += (f"{name}: {chained.assumed}",)
    elif between:
        notes += (f"between the layers of {name}: {', '.join(between)}",)
    return replace(found, source=file, name=name, sources={}), notes


def refuse_unmade(found: ModuleTrace) -> None:
    """Raise InputError for code that raised, by no known mistake, before there was a module."""
    from fcinspect.bridge.loading import loading_hint

    failure = found.failure
    if failure is not None and failure.stage != "forward":
        what = "imported" if failure.stage == "import" else "made"
        where = "" if failure.place is None else f" ({failure.place.file}:{failure.place.line})"
        said = " ".join(failure.message.split())[:300]
        raise InputError(
            f"{found.source} cannot be {what}: {failure.error}: {said}{where}",
            hint=loading_hint(found.source, failure.message),
        )
