"""fcinspect worksheet: a network of small whole numbers to work out by hand, and its key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from fcinspect.cli.options import ArticleOutput, save_option
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.values import completion_of, one_of, parsed_by, whole_number
from fcinspect.errors import UsageError
from fcinspect.layers.spec import LARGEST_SEED
from fcinspect.worksheets.code import seed_of
from fcinspect.worksheets.problem import (
    FEWEST_DECIMALS,
    HIDDEN,
    KINDS,
    LARGEST_CLASS,
    MOST_DECIMALS,
)

if TYPE_CHECKING:
    from fcinspect.page.view import View


@dataclass(frozen=True)
class WorksheetOutput(ArticleOutput):
    """How and where a worksheet is written; its numbers are few and exact."""

    full: ClassVar[bool] = False  # type: ignore[misc]  # no array is long: no such option
    precision: ClassVar[int] = 4  # type: ignore[misc]  # nothing is rounded: no such option

    save: Annotated[
        list[str] | None,
        save_option(
            "the sheet or its key (.json .md .csv .tex .svg .txt, or .html, a page to print or,"
            " of a sheet, to fill in) or the grade (.json .md .csv .svg .html .txt)"
        ),
    ] = None

    def write_set(self, view: View, holds: str) -> ExitStatus:
        """Write a class set, to stdout only where no file or another form than text is asked for.

        A line on stderr tells of each file what it holds.
        """
        if not self.targets or self.form is not None or self.as_json:
            return self.write(view)
        self.save_report(view, holds=holds)
        return ExitStatus.DONE

    @property
    def article(self) -> bool:
        """Whether an article in LaTeX is asked for."""
        return self._chosen_form() == "latex" or ".tex" in self.endings

    def _file(self, view: View, ending: str) -> str:
        """Return the report; JSON with each blank on a line of its own, to be filled in."""
        text = super()._file(view, ending)
        if ending != ".json":
            return text
        from fcinspect.media.jsonable import spread

        return spread(json.loads(text))


def worksheet(
    widths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WIDTHS",
            help="3-2-2 or 3,2,2; at most 8 units a layer. With --grade more files instead.",
        ),
    ] = None,
    sheet: Annotated[
        str | None,
        typer.Option(
            "--sheet",
            parser=one_of("sheet", KINDS),
            autocompletion=completion_of(KINDS),
            metavar="KIND",
            help="What is left blank: forward, gradient, step or all of these; default forward.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            parser=whole_number(0, LARGEST_SEED),
            metavar="S",
            help="Another seed makes other numbers, 0 to 2^53-1, default 0; all sheets of one have"
            " the same.",
        ),
    ] = None,
    code: Annotated[
        Any,
        typer.Option(
            "--code",
            parser=parsed_by(seed_of),
            metavar="CODE",
            help="In place of --seed: the code printed on a sheet. It hides the seed from a glance;"
            " it is no secret from whoever runs fcinspect.",
        ),
    ] = None,
    pupils: Annotated[
        int | None,
        typer.Option(
            "--class",
            parser=whole_number(1, LARGEST_CLASS),
            metavar="N",
            help="Make a class set: N sheets with other numbers each, of the seed and those after"
            f" it; up to {LARGEST_CLASS}. With --answers their keys, in the same order.",
        ),
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(
            "--names",
            metavar="FILE",
            help="Make a class set with these names on the sheets: a text file with one on each"
            " line, - for standard input.",
        ),
    ] = None,
    bias: Annotated[
        bool | None,
        typer.Option("--bias/--no-bias", help="With the bias b, as by default, or without it."),
    ] = None,
    activation: Annotated[
        str | None,
        typer.Option(
            "--activation",
            parser=one_of("activation", HIDDEN),
            autocompletion=completion_of(HIDDEN),
            metavar="NAME",
            help="Behind the hidden layers: relu, as by default, sigmoid or tanh.",
        ),
    ] = None,
    decimals: Annotated[
        int | None,
        typer.Option(
            "--decimals",
            parser=whole_number(FEWEST_DECIMALS, MOST_DECIMALS),
            metavar="D",
            help="With sigmoid or tanh: every result is rounded to D decimals and gone on with,"
            " 2 to 6, default 4.",
        ),
    ] = None,
    answers: Annotated[
        bool, typer.Option("--answers", help="Write the key: every answer, and the way to it.")
    ] = False,
    grade: Annotated[
        list[str] | None,
        typer.Option(
            "--grade",
            metavar="FILE",
            help="Grade a filled worksheet: a .json file, - for standard input, or a folder of"
            " them; more may follow, as in --grade answers/*.json.",
        ),
    ] = None,
    solution: Annotated[
        bool | None,
        typer.Option(
            "--solution/--no-solution",
            help="With --grade: tell the right numbers, as by default, or hold them back for"
            " another try.",
        ),
    ] = None,
    *,
    output: WorksheetOutput,
) -> ExitStatus:
    """Make a worksheet for pencil and paper, its key, or grade it.

    With --grade each blank is right, right up to rounding, wrong with the likely slip, or empty.
    Exit status 1: not every blank is right.
    """
    arguments = widths or []
    if grade:
        from fcinspect.cli.worksheet_grading import graded_view

        made = {
            "--sheet": sheet,
            "--seed": seed,
            "--code": code,
            "--class": pupils,
            "--names": names,
            "--bias" if bias else "--no-bias": bias,
            "--activation": activation,
            "--decimals": decimals,
        }
        if output.article:
            raise UsageError("--grade writes no LaTeX: expected text, json, csv or md")
        given = [name for name, value in made.items() if value is not None]
        return output.write(
            graded_view(
                [*grade, *arguments],
                [*given, *["--answers"] * answers],
                solution=solution is not False,
            )
        )
    if solution is not None:
        asked, does = ("", "tells") if solution else ("no-", "holds back")
        raise UsageError(f"--{asked}solution goes with --grade: it {does} the right numbers")
    from fcinspect.cli.worksheet_problem import Asked, view_of_sheet

    if seed is not None and code is not None:
        raise UsageError("--seed and --code exclude each other: a code stands for a seed")
    drawn = (seed or 0) if code is None else code
    options = Asked(sheet or "forward", drawn, bias, activation or "relu", decimals)
    if pupils is not None or names is not None:
        from fcinspect.cli.worksheet_class import view_of_class_set

        if code is not None:
            raise UsageError("--code names one sheet: a class set begins with --seed")
        made_set = view_of_class_set(arguments, options, answers, pupils, names)
        return output.write_set(*made_set)
    return output.write(view_of_sheet(arguments, options, answers))
