"""fcinspect trace: shapes through a real module."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from fcinspect.cli.module import Code, ModuleOptions, refuse_unmade
from fcinspect.cli.network import network_of
from fcinspect.cli.options import (
    only_option,
    option,
    switch,
    whole_number,
)
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import InputError, UsageError, did_you_mean

if TYPE_CHECKING:
    from fcinspect.reports.trace_steps import Folding
    from fcinspect.shapes.steps import ModuleTrace


def trace(
    code: Code,
    options: ModuleOptions,
    show_all: Annotated[bool, switch("--all", "Show every step of a long run.")] = False,
    depth: Annotated[
        int | None,
        option(
            "--depth N",
            "Fold the steps of modules deeper than N into one row each: 1 for encoder, 2 for"
            " encoder.0.",
            whole_number(1),
        ),
    ] = None,
    only: Annotated[list[str] | None, only_option("Show only steps of modules")] = None,
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Trace shapes, parameters and multiply-adds through a module.

    This executes the code you name: on the meta device, without numbers, if possible, else on
    zeros. If the module fails, the failing step is diagnosed; for that, the code is executed again
    with each proposed change, in memory. A file of layers is traced as the network that they form,
    with the activations it names, or else ReLU.
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
    asked = {"code": code, **vars(options), "depth": depth, "only": only}
    view = view_of_trace(found, diagnosis, asked, show_all=show_all, folding=folding)
    return output.write(replace(view, warnings=notes))


def _require_steps(found: ModuleTrace, folding: Folding) -> None:
    if folding.only and found.steps and not folding.chosen(found.steps):
        paths = dict.fromkeys(step.path for step in found.steps if step.path)
        listed = ", ".join(list(paths)[:6])
        raise InputError(
            f"no step belongs to a module that matches --only {' '.join(folding.only)}",
            hint=did_you_mean(folding.only[0], paths)
            or (f"the modules include {listed}" if paths else None),
        )


def _of_file(file: str, options: ModuleOptions) -> tuple[ModuleTrace, tuple[str, ...]]:
    """Return the trace of the chained layers of a file, and notes on it; raises InputError."""
    from fcinspect.bridge.tracing import Tracing
    from fcinspect.cli.sources import open_checkpoint
    from fcinspect.masking import masked_name

    if options.arg:
        raise UsageError("--arg is for a class or function: a file of layers takes none")
    chained = network_of(open_checkpoint(file))
    network = chained.network
    shapes = {
        "widths": network.widths,
        "bias": [layer.linear.bias is not None for layer in network.layers],
        "activations": [layer.activation for layer in network.layers],
        "dtype": network.dtype,
    }
    with closing(Tracing("fcinspect.bridge.networks:stacked", shapes, options.timeout)) as tracing:
        found = options.traced(tracing)
    if found.failure is not None:
        raise InputError(f"{file}: {' '.join(found.failure.message.split())[:300]}")
    name = masked_name(file)
    between = dict.fromkeys(layer.activation for layer in network.layers[:-1])
    notes = chained.warnings
    if chained.assumed is not None:
        notes += (f"{name}: {chained.assumed}",)
    elif between:
        notes += (f"between the layers of {name}: {', '.join(between)}",)
    return replace(found, source=file, name=name, sources={}), notes
