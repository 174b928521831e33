"""fcinspect worksheet: a network of small whole numbers to work out by hand, and its key."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fcinspect.cli.options import (
    Bias,
    argument,
    choice,
    option,
    parsed_by,
    seed_option,
    switch,
    whole_number,
)
from fcinspect.cli.output import ARTICLE_FORMATS, REPORT, Output, Writes
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import SpecError, UsageError
from fcinspect.layers.spec import Spec, is_spec, parse_spec
from fcinspect.worksheets.problem import (
    DECIMALS,
    FEWEST_DECIMALS,
    HIDDEN,
    KINDS,
    LARGEST_CLASS,
    MOST_DECIMALS,
    SMOOTH,
    SheetOptions,
    seed_of,
)

if TYPE_CHECKING:
    from fcinspect.page.view import View
    from fcinspect.worksheets.problem import Problem
    from fcinspect.worksheets.sheet import Sheet
    from fcinspect.worksheets.working import KeyCheck

WRITES = Writes(
    forms=ARTICLE_FORMATS,
    files=(
        "the sheet or its key (.json .md .csv .tex .svg .txt, or .html, a page to print or,"
        " of a sheet, to fill in)",
        REPORT.replace("report", "grade"),
    ),
    # no array of it is long, and nothing is rounded
    lacks=("full", "precision"),
)
LONGEST_SHOWN = 60
"""Characters of an argument that a refusal repeats."""


@dataclass(frozen=True)
class WorksheetOutput(Output):
    """How and where a worksheet is written."""

    def write_set(self, view: View, holds: str) -> ExitStatus:
        """Write a class set, to stdout only where no file is given or a form is asked for."""
        if not self.targets or self.form is not None or self.as_json:
            return self.write(view)
        self.save_report(view, holds=holds)
        return ExitStatus.DONE

    def text_of(self, view: View, ending: str) -> str:
        """Return the report; JSON with each blank on a line of its own, to be filled in."""
        text = super().text_of(view, ending)
        if ending != ".json":
            return text
        from fcinspect.media.emit import spread

        return spread(json.loads(text))


@dataclass(frozen=True)
class WorksheetOptions:
    """The sheet that is to be made, or those that are to be graded."""

    widths: Annotated[
        list[str] | None,
        argument(
            "WIDTHS", "3-2-2 or 3,2,2; at most 8 units per layer. With --grade, more files instead."
        ),
    ] = None
    sheet: Annotated[
        str | None,
        choice(
            "--sheet KIND",
            "What is left blank: forward (default), gradient, step, or all of these.",
            KINDS,
        ),
    ] = None
    seed: Annotated[
        int | None,
        seed_option(
            "Seed of the numbers, 0 to 2^53-1 (default 0); all kinds of sheets with the same seed"
            " have the same numbers."
        ),
    ] = None
    code: Annotated[
        Any,
        option(
            "--code CODE",
            "Instead of --seed: the code printed on a sheet. It hides the seed at a glance, but is"
            " not a secret from anyone who runs fcinspect.",
            parsed_by(seed_of),
        ),
    ] = None
    pupils: Annotated[
        int | None,
        option(
            "--class N",
            "Make a class set: N sheets with different numbers, from the seed and those after it;"
            f" up to {LARGEST_CLASS}. With --answers, their keys, in the same order.",
            whole_number(1, LARGEST_CLASS),
        ),
    ] = None
    names: Annotated[
        str | None,
        option(
            "--names FILE",
            "Make a class set with these names on the sheets: a text file with one name per line,"
            " or - for standard input.",
        ),
    ] = None
    bias: Bias = None
    activation: Annotated[
        str | None,
        choice(
            "--activation NAME",
            "After the hidden layers: relu (default), sigmoid or tanh.",
            HIDDEN,
        ),
    ] = None
    decimals: Annotated[
        int | None,
        option(
            "--decimals D",
            "With sigmoid or tanh: round every result to D decimals before using it further, 2 to"
            " 6 (default 4).",
            whole_number(FEWEST_DECIMALS, MOST_DECIMALS),
        ),
    ] = None
    answers: Annotated[
        bool, switch("--answers", "Write the key: every answer, and how to get it.")
    ] = False
    grade: Annotated[
        list[str] | None,
        option(
            "--grade FILE",
            "Grade a filled worksheet: a .json file, - for standard input, or a folder of .json"
            " files; more may follow, as in --grade answers/*.json.",
        ),
    ] = None
    solution: Annotated[
        bool | None,
        switch(
            "--solution/--no-solution",
            "With --grade: show the right numbers (default), or hold them back for another try.",
        ),
    ] = None

    @property
    def of_a_sheet(self) -> list[str]:
        """The options given of a sheet that is to be made."""
        values = {
            "--sheet": self.sheet,
            "--seed": self.seed,
            "--code": self.code,
            "--class": self.pupils,
            "--names": self.names,
            "--bias" if self.bias else "--no-bias": self.bias,
            "--activation": self.activation,
            "--decimals": self.decimals,
            "--answers": self.answers or None,
        }
        return [name for name, value in values.items() if value is not None]

    @property
    def first_seed(self) -> int:
        """The seed of the first sheet; raises UsageError for a code beside a seed or a class."""
        if self.code is None:
            return self.seed or 0
        if self.seed is not None:
            raise UsageError("--seed and --code cannot be combined: a code stands for a seed")
        if self.pupils is not None or self.names is not None:
            raise UsageError("--code names one sheet: a class set starts from --seed")
        seed: int = self.code
        return seed

    def of(self, seed: int, widths: tuple[int, ...], bias: bool) -> SheetOptions:
        """Return the options of the sheet; raises UsageError for decimals that nothing has."""
        activation, decimals = self.activation or "relu", self.decimals
        if activation in SMOOTH:
            decimals = DECIMALS if decimals is None else decimals
        elif decimals is not None:
            raise UsageError(
                f"--decimals {decimals} requires --activation sigmoid or tanh: with"
                f" {activation} every result is exact"
            )
        kind = self.sheet or "forward"
        return SheetOptions(kind, widths, seed, bias, activation, decimals)


def worksheet(
    options: WorksheetOptions, *, output: Annotated[WorksheetOutput, WRITES]
) -> ExitStatus:
    """Make a pencil-and-paper worksheet or its key, or grade one.

    With --grade, each blank is right, right up to rounding, wrong with the likely slip, or empty.
    Exit status 1: not every blank is right.
    """
    if options.grade:
        from fcinspect.cli.worksheet_grading import graded_view

        if output.typesets:
            raise UsageError("--grade does not write LaTeX: expected text, json, csv or md")
        files = [*options.grade, *(options.widths or ())]
        told = options.solution is not False
        return output.write(graded_view(files, options.of_a_sheet, solution=told))
    if options.solution is not None:
        asked, does = ("", "shows") if options.solution else ("no-", "holds back")
        raise UsageError(f"--{asked}solution requires --grade: it {does} the right numbers")
    if options.pupils is not None or options.names is not None:
        return output.write_set(*view_of_class_set(options))
    return output.write(view_of_sheet(options))


def view_of_sheet(options: WorksheetOptions) -> View:
    """Return the view of the sheet of the widths; with --answers of its key."""
    from fcinspect.reports.worksheet import view_of_worksheet
    from fcinspect.worksheets.making import make

    seed = options.first_seed
    widths, spec, with_bias = widths_of(options.widths or (), options.bias)
    problem = make(options.of(seed, spec.widths, with_bias))
    sheet, check = checked(problem)
    asked = asked_of(widths, sheet.problem, options.answers)
    return view_of_worksheet(sheet, check, asked, answers=options.answers)


def view_of_class_set(options: WorksheetOptions) -> tuple[View, str]:
    """Return the view of the sheets or keys of a class, and in words what they are."""
    from fcinspect.cli.inputs import json_text
    from fcinspect.reports.worksheet import copies_words, view_of_class
    from fcinspect.worksheets.making import Copy, Seat, class_problems, names_in

    seed = options.first_seed
    widths, spec, with_bias = widths_of(options.widths or (), options.bias)
    names: tuple[str, ...] = ()
    if options.names is not None:
        text, source = json_text(options.names)
        names = names_in(text, source)
    total = len(names) if options.pupils is None else options.pupils
    if len(names) > total:
        raise UsageError(
            f"{source} holds {len(names)} names, more than --class {total}: expected at most one"
            " name per sheet"
        )
    problems = class_problems(options.of(seed, spec.widths, with_bias), total)
    pupils = [*names, *[""] * (total - len(names))]
    copies = [
        Copy(*checked(problem), Seat(number, total, pupil))
        for number, (problem, pupil) in enumerate(zip(problems, pupils, strict=True), start=1)
    ]
    asked = asked_of(widths, problems[0], options.answers)
    del asked["code"]
    asked |= {"class": total, "names": options.names}
    view = view_of_class(copies, asked, answers=options.answers)
    return view, copies_words(copies, answers=options.answers)


def widths_of(arguments: Sequence[str], bias: bool | None) -> tuple[str, Spec, bool]:
    """Return the widths, what they say, and whether there is a bias; raises UsageError."""
    if not arguments:
        raise UsageError(
            "WIDTHS is missing: expected widths such as 3-2-2, or --grade and a filled worksheet"
        )
    widths, *others = arguments
    if others:
        more = f" and {len(others) - 1} more" if others[1:] else ""
        raise UsageError(
            f"unexpected {_shown(others[0])}{more} after the widths {_shown(widths)}: expected only"
            " widths, such as 3-2-2, or --grade before files"
        )
    is_path = ":" in widths or Path(widths).suffix or "/" in widths
    if is_path and not is_spec(widths):
        hint = "use --grade to grade a filled worksheet" if widths.endswith(".json") else None
        raise SpecError(
            f"{_shown(widths)} is not a worksheet network: expected widths such as 3-2-2, whose"
            " numbers are drawn at random",
            hint,
        )
    spec = parse_spec(widths)
    return widths, spec, spec.bias_beside(bias)


def asked_of(widths: str, problem: Problem, answers: bool) -> dict[str, Any]:
    """Return what was asked for, after defaults; only the document of a key says the seed."""
    return {
        "widths": widths,
        "sheet": problem.kind,
        "code": problem.code,
        **({"seed": problem.seed} if answers else {}),
        "bias": problem.has_bias,
        "activation": problem.activation,
        **({} if problem.decimals is None else {"decimals": problem.decimals}),
        "answers": answers,
    }


def checked(problem: Problem) -> tuple[Sheet, KeyCheck]:
    """Return the sheet of a problem, and its check; raises WrongKey where torch differs."""
    from fcinspect.bridge.linear import version
    from fcinspect.bridge.worksheet import results_in_torch
    from fcinspect.worksheets.sheet import Sheet
    from fcinspect.worksheets.working import check_key

    return Sheet(problem), check_key(problem, results_in_torch(problem), version())


def _shown(text: str) -> str:
    return repr(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")
