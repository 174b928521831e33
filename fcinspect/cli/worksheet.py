"""fcinspect worksheet: a network of small whole numbers to work out by hand, and its key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from fcinspect.cli.options import ArticleOutput, Bias, save_option
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.values import LARGEST_SEED, completion_of, one_of, whole_number
from fcinspect.errors import UsageError
from fcinspect.worksheets.problem import KINDS

if TYPE_CHECKING:
    from fcinspect.render.view import View


@dataclass(frozen=True)
class WorksheetOutput(ArticleOutput):
    """How and where a worksheet is written."""

    save: Annotated[
        str | None,
        save_option(
            "the sheet, its key or the grade (.json .md .csv .tex .svg .txt, or .html: a sheet to"
            " print or to fill in)"
        ),
    ] = None

    @property
    def article(self) -> bool:
        """Whether an article in LaTeX is asked for."""
        return self._chosen_form() == "latex" or self.ending == ".tex"

    def _file(self, view: View) -> str:
        """Return the report; JSON with each blank on a line of its own, to be filled in."""
        text = super()._file(view)
        if self.ending != ".json":
            return text
        from fcinspect.render.jsonable import spread

        return spread(json.loads(text))


def worksheet(
    widths: Annotated[
        str | None,
        typer.Argument(metavar="WIDTHS", help="3-2-2 or 3,2,2; at most 8 units a layer."),
    ] = None,
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
    grade: Annotated[
        list[str] | None,
        typer.Option(
            "--grade",
            metavar="FILE",
            help="Grade a filled worksheet: a .json file, - for standard input, or a folder of"
            " them; repeat it for several.",
        ),
    ] = None,
    solution: Annotated[
        bool,
        typer.Option(
            "--solution/--no-solution",
            help="With --grade: tell the right numbers, or hold them back for another try.",
        ),
    ] = True,
    *,
    output: WorksheetOutput,
) -> ExitStatus:
    """Make a worksheet of a small network for pencil and paper, its key, or grade it.

    With --grade each blank is right, right up to rounding, wrong with the likely slip, or empty.
    Exit status 1: not every blank is right.
    """
    if grade:
        from fcinspect.cli.worksheet_grading import view_of_files

        if output.article:
            raise UsageError("--grade writes no LaTeX: expected text, json, csv or md")
        made = {"--sheet": sheet != "forward", "--seed": seed != 0, "--answers": answers}
        _require_no_others(widths, {**made, "--no-bias": not bias})
        return output.write(
            view_of_files(grade, {"grade": grade, "solution": solution}, solution=solution)
        )
    if widths is None:
        raise UsageError(
            "WIDTHS is missing: expected widths such as 3-2-2, or --grade and a filled worksheet"
        )
    if not solution:
        raise UsageError("--no-solution goes with --grade: it holds back the right numbers")
    from fcinspect.cli.worksheet_problem import checked_sheet
    from fcinspect.render.worksheet import view_of_worksheet

    found, check = checked_sheet(widths, sheet, seed, bias)
    asked = {"widths": widths, "sheet": sheet, "seed": seed, "bias": bias, "answers": answers}
    return output.write(view_of_worksheet(found, check, asked, answers=answers))


def _require_no_others(widths: str | None, made: Mapping[str, bool]) -> None:
    """Raise UsageError where a worksheet is to be graded and to be made."""
    if widths is not None:
        raise UsageError(
            f"--grade reads the widths from the file: {widths[:60]!r} is one argument too many",
            hint="several files: repeat --grade, or name their folder",
        )
    given = [name for name, asked in made.items() if asked]
    if given:
        raise UsageError(f"--grade reads a filled worksheet: {', '.join(given)} cannot go with it")
