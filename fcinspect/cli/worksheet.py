"""fcinspect worksheet: a network of small whole numbers to work out by hand, and its key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from fcinspect.cli.options import ArticleOutput, Bias, save_option
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.values import LARGEST_SEED, completion_of, one_of, whole_number
from fcinspect.worksheets.problem import KINDS

if TYPE_CHECKING:
    from fcinspect.render.view import View


@dataclass(frozen=True)
class WorksheetOutput(ArticleOutput):
    """How and where a worksheet is written."""

    save: Annotated[
        str | None, save_option("the sheet or its key (.json .md .csv .tex .svg .html .txt)")
    ] = None

    def _file(self, view: View) -> str:
        """Return the report; JSON with each blank on a line of its own, to be filled in."""
        text = super()._file(view)
        if self.ending != ".json":
            return text
        from fcinspect.render.jsonable import spread

        return spread(json.loads(text))


def worksheet(
    widths: Annotated[
        str, typer.Argument(metavar="WIDTHS", help="3-2-2 or 3,2,2; at most 8 units a layer.")
    ],
    sheet: Annotated[
        str,
        typer.Option(
            "--sheet",
            parser=one_of("sheet", KINDS),
            autocompletion=completion_of(KINDS),
            metavar="KIND",
            help="What is left blank: forward, gradient, step or all of these.",
        ),
    ] = "forward",
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            parser=whole_number(0, LARGEST_SEED),
            metavar="S",
            help="Another seed makes other numbers, 0 to 2^53-1; all sheets of one have the same.",
        ),
    ] = 0,
    bias: Bias = True,
    answers: Annotated[
        bool, typer.Option("--answers", help="Write the key: every answer, and the way to it.")
    ] = False,
    *,
    output: WorksheetOutput,
) -> ExitStatus:
    """Make a worksheet of a small network for pencil and paper, or its key."""
    from fcinspect.cli.worksheet_problem import checked_sheet
    from fcinspect.render.worksheet import view_of_worksheet

    found, check = checked_sheet(widths, sheet, seed, bias)
    asked = {"widths": widths, "sheet": sheet, "seed": seed, "bias": bias, "answers": answers}
    return output.write(view_of_worksheet(found, check, asked, answers=answers))
