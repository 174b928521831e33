"""The reports of `worksheet`: a sheet with blanks or its key, and those of a class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fcinspect.layers.spec import format_widths
from fcinspect.page.blocks import Page
from fcinspect.page.text import plural
from fcinspect.page.view import Sheets, View
from fcinspect.reports.worksheet_page import TITLES, page, underscores
from fcinspect.reports.written import written
from fcinspect.worksheets.working import ways
from fcinspect.worksheets.working import written as number_text

if TYPE_CHECKING:
    from fcinspect.worksheets.making import Copy
    from fcinspect.worksheets.problem import Problem
    from fcinspect.worksheets.sheet import Sheet
    from fcinspect.worksheets.working import KeyCheck

LONGEST_NUMBER = 15
"""Digits that every JSON parser keeps."""


def view_of_worksheet(
    sheet: Sheet, check: KeyCheck, asked: dict[str, Any], *, answers: bool
) -> View:
    """Return the view of a sheet; with `answers` of its key."""
    problem = sheet.problem
    filename = f"worksheet-{format_widths(problem.widths)}-{problem.kind}-{problem.code}"
    return View(
        command="worksheet",
        asked=asked,
        data=lambda full: document(sheet, check, answers),
        page=lambda precision: page(sheet, check, answers),
        rows=lambda: rows(sheet, answers),
        sheets=Sheets(
            lambda blank: [page(sheet, check, answers, blank or underscores)],
            filename="" if answers else filename,
        ),
    )


def document(sheet: Sheet, check: KeyCheck, answers: bool) -> dict[str, Any]:
    """Return the JSON data of a sheet, or of its key."""
    from fcinspect.reports.documents.training import SheetLayerDocument, WorksheetDocument

    problem, found = sheet.problem, ways(sheet.problem)
    layers = []
    for layer in problem.layers:
        weight = list(map(_exact_row, layer.weight))
        bias = None if layer.bias is None else _exact_row(layer.bias)
        layers.append(written(layer, SheetLayerDocument, weight=weight, bias=bias))
    made = written(
        problem,
        WorksheetDocument,
        document="worksheet",
        layers=layers,
        x=_exact_row(problem.x),
        target=_exact_row(problem.target),
        learning_rate=_exact(problem.learning_rate),
        pupil="",
        date="",
        given={name: _exact(value) for name, value in sheet.given.items()},
        answers={b.id: _exact(b.answer) if answers else None for b in sheet.blanks},
        ways={b.id: found[b.id] for b in sheet.blanks} if answers else None,
        check=check,
    )
    # what not every sheet tells stands at its end
    seed, decimals = made.pop("seed"), made.pop("decimals")
    last = {"decimals": decimals} if decimals is not None else {}
    return {**made, **last, **({"seed": seed} if answers else {})}


def _exact(value: Fraction) -> int | float | str:
    """Return a number that reads back as this one, or its text."""
    if value.denominator == 1:
        return value.numerator
    text = number_text(value)
    digits = text.replace("-", "").replace(".", "").strip("0")
    return text if "/" in text or len(digits) > LONGEST_NUMBER else float(text)


def _exact_row(values: Sequence[Fraction]) -> list[int | float | str]:
    return list(map(_exact, values))


def rows(sheet: Sheet, answers: bool) -> Iterator[Sequence[object]]:
    """Yield a row for every number: what is given, and the blanks."""
    yield ("part", "place", "number", *(("way",) if answers else ()))
    spare = ("",) if answers else ()
    for place, value in _numbers(sheet.problem):
        yield ("problem", place, number_text(value), *spare)
    for place, value in sheet.given.items():
        yield ("given", place, number_text(value), *spare)
    found = ways(sheet.problem)
    for blank in sheet.blanks:
        if answers:
            yield ("answer", blank.id, number_text(blank.answer), found[blank.id])
        else:
            yield ("blank", blank.id, "")


def _numbers(problem: Problem) -> Iterator[tuple[str, Fraction]]:
    yield from ((f"x[{i}]", value) for i, value in enumerate(problem.x))
    for layer in problem.layers:
        for i, row in enumerate(layer.weight):
            yield from ((f"{layer.name}.weight[{i},{j}]", w) for j, w in enumerate(row))
        yield from ((f"{layer.name}.bias[{i}]", b) for i, b in enumerate(layer.bias or ()))
    if problem.kind != "forward":
        yield from ((f"target[{i}]", value) for i, value in enumerate(problem.target))
    if problem.kind in ("step", "all"):
        yield "learning_rate", problem.learning_rate


def view_of_class(copies: Sequence[Copy], asked: dict[str, Any], *, answers: bool) -> View:
    """Return the view of a class set; with `answers` of its keys, in the same order."""
    problem = copies[0].sheet.problem
    counted = plural(len(copies), "key" if answers else "worksheet")
    title = f"{counted}: {TITLES[problem.kind]}, {format_widths(problem.widths)}"

    def pages() -> list[Page]:
        return [page(one.sheet, one.check, answers, seat=one.seat) for one in copies]

    def listed(copy: Copy) -> dict[str, Any]:
        return {**document(copy.sheet, copy.check, answers), "pupil": copy.seat.pupil}

    return View(
        command="worksheet",
        asked=asked,
        data=lambda full: {"document": "class", "sheets": list(map(listed, copies))},
        page=lambda precision: Page(tuple(group for one in pages() for group in one.groups)),
        rows=lambda: _class_rows(copies, answers),
        sheets=Sheets(lambda blank: pages(), title),
    )


def copies_words(copies: Sequence[Copy], *, answers: bool) -> str:
    """Return "24 sheets of 3-2-2, seeds 7 to 30, 22 with a name"."""
    problems = [copy.sheet.problem for copy in copies]
    first, last = problems[0].seed, problems[-1].seed
    named = sum(bool(copy.seat.pupil) for copy in copies)
    seeds = f"seeds {first} to {last}" if last > first else f"seed {first}"
    if last - first >= len(copies):
        seeds = f"{len(copies)} of the {seeds}"
    counted = plural(len(copies), "key" if answers else "sheet")
    said = f"{counted} of {format_widths(problems[0].widths)}, {seeds}"
    return f"{said}, {named} with a name" if named else said


def _class_rows(copies: Sequence[Copy], answers: bool) -> Iterator[Sequence[object]]:
    for copy in copies:
        title, *others = rows(copy.sheet, answers)
        if copy.seat.number == 1:
            yield ("sheet", "pupil", "code", *title)
        for row in others:
            yield (copy.seat.number, copy.seat.pupil, copy.sheet.problem.code, *row)
