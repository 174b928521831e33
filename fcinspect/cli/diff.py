"""fcinspect diff: what changed between two checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fcinspect.cli.options import argument, choice, only_option, switch
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.sources import LAYOUTS, layout_option, open_checkpoint
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import UsageError


def _file(side: str) -> Any:
    return argument(
        side, "A checkpoint of any format that show reads, or - for JSON on standard input."
    )


@dataclass(frozen=True)
class DiffOptions:
    """Two checkpoints, and how they are compared."""

    a: Annotated[str, _file("A")]
    b: Annotated[str, _file("B")]
    tolerance: Annotated[
        str | None,
        choice(
            "--tolerance FORMAT",
            "Treat numbers as equal if rounding to this format explains their difference: half an"
            " ulp at the larger number; bfloat16, float16 or float32.",
            ("float32", "bfloat16", "float16"),
            "format",
        ),
    ] = None
    only: Annotated[list[str] | None, only_option("Compare only layers")] = None
    all: Annotated[bool, switch("--all", "Also compare arrays that are not linear layers.")] = False
    match: Annotated[
        str,
        choice(
            "--match HOW",
            "name, or content: layers whose name has no counterpart are paired by their numbers.",
            ("name", "content"),
        ),
    ] = "name"
    layout_a: Annotated[str, layout_option("--layout-a", "A")] = LAYOUTS[0]
    layout_b: Annotated[str, layout_option("--layout-b", "B")] = LAYOUTS[0]


def diff(options: DiffOptions, *, output: Annotated[Output, Writes()]) -> ExitStatus:
    """Show how each linear layer changed between two checkpoints."""
    from fcinspect.checkpoints.diff.diffing import DiffRequest
    from fcinspect.checkpoints.diff.diffing import diff as compared
    from fcinspect.media.progress import tracked
    from fcinspect.reports.diff import view_of_diff

    if options.a == options.b == "-":
        raise UsageError("standard input can be read only once: A and B cannot both be -")
    only = tuple(options.only or ())
    request = DiffRequest(options.tolerance, only, options.all, options.match == "content")
    sides = ((options.a, options.layout_a), (options.b, options.layout_b))
    a, b = (open_checkpoint(file, layout) for file, layout in sides)
    asked = {**vars(options), "only": only}
    return output.write(view_of_diff(compared(a, b, request, tracked), asked))
