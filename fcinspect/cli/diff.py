"""fcinspect diff: what changed between two checkpoints."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fcinspect.cli.options import choice, only_option, switch
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.sources import LAYOUTS, layout_option, open_checkpoint
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import UsageError

MATCHES = ("name", "content")
TOLERANCES = ("float32", "bfloat16", "float16")
"""The formats whose rounding may count as the same."""


def _file(side: str) -> Any:
    return typer.Argument(
        metavar=side,
        help="A checkpoint of any format that show reads, or - for JSON on standard input.",
    )


def diff(
    a: Annotated[str, _file("A")],
    b: Annotated[str, _file("B")],
    tolerance: Annotated[
        str | None,
        choice(
            "--tolerance FORMAT",
            "What rounding to this format explains counts as the same: half an ulp at the larger"
            " number; bfloat16, float16 or float32.",
            TOLERANCES,
            "format",
        ),
    ] = None,
    only: Annotated[list[str] | None, only_option("Compare only layers")] = None,
    everything: Annotated[
        bool, switch("--all", "Compare arrays that are no linear layer as well.")
    ] = False,
    match: Annotated[
        str,
        choice(
            "--match HOW",
            "name, or content: layers without a counterpart of their name are paired by their"
            " numbers.",
            MATCHES,
        ),
    ] = "name",
    layout_a: Annotated[str, layout_option("--layout-a", "A")] = LAYOUTS[0],
    layout_b: Annotated[str, layout_option("--layout-b", "B")] = LAYOUTS[0],
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Say how each linear layer changed between two checkpoints."""
    from fcinspect.checkpoints.diff.diffing import DiffRequest
    from fcinspect.checkpoints.diff.diffing import diff as compared
    from fcinspect.masking import masked_name
    from fcinspect.media.progress import tracked
    from fcinspect.reports.diff import view_of_diff

    if a == b == "-":
        raise UsageError("standard input can be read once: A and B cannot both be -")
    request = DiffRequest(
        tolerance=tolerance,
        only=tuple(only or ()),
        everything=everything,
        by_content=match == "content",
    )
    found = compared(open_checkpoint(a, layout_a), open_checkpoint(b, layout_b), request, tracked)
    asked = {
        "a": masked_name(a),
        "b": masked_name(b),
        "tolerance": request.tolerance,
        "only": list(request.only),
        "all": everything,
        "match": match,
        "layout_a": layout_a,
        "layout_b": layout_b,
    }
    return output.write(view_of_diff(found, asked))
