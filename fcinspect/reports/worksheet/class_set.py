"""The view of a class set: all sheets, or all keys, in one document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fcinspect.layers.spec import format_widths
from fcinspect.page.blocks import Page
from fcinspect.page.text import plural
from fcinspect.page.view import View
from fcinspect.reports.worksheet import document as worksheet_document
from fcinspect.reports.worksheet.page import TITLES, page

if TYPE_CHECKING:
    from fcinspect.reports.documents.worksheet import ClassDocument
    from fcinspect.worksheets.class_set import Copy


def view_of_class(copies: Sequence[Copy], asked: dict[str, Any], *, answers: bool) -> View:
    """Return the view of a class set; with `answers` of its keys, in the same order."""
    return View(
        command="worksheet",
        asked=asked,
        data=lambda full: dict(document(copies, answers)),
        page=lambda precision: Page(
            tuple(group for one in pages(copies, answers) for group in one.groups)
        ),
        rows=lambda: rows(copies, answers),
        texts={
            "latex": lambda precision: _article(copies, answers),
            "html": lambda precision: _html(copies, answers),
        },
    )


def written_words(copies: Sequence[Copy], *, answers: bool) -> str:
    """Return "24 sheets of 3-2-2, seeds 7 to 30, 22 with a name"."""
    problems = [copy.sheet.problem for copy in copies]
    first, last = problems[0].seed, problems[-1].seed
    named = sum(bool(copy.seat.pupil) for copy in copies)
    seeds = f"seeds {first} to {last}" if last > first else f"seed {first}"
    if last - first >= len(copies):
        seeds = f"{len(copies)} of the {seeds}"
    return ", ".join(
        [
            f"{plural(len(copies), 'key' if answers else 'sheet')} of"
            f" {format_widths(problems[0].widths)}",
            seeds,
            *([f"{named} with a name"] if named else []),
        ]
    )


def pages(copies: Sequence[Copy], answers: bool) -> list[Page]:
    """Return a page for each sheet, or for each key."""
    return [page(one.sheet, one.check, answers, seat=one.seat) for one in copies]


def document(copies: Sequence[Copy], answers: bool) -> ClassDocument:
    """Return the JSON data."""
    return {
        "document": "class",
        "sheets": [
            {
                **worksheet_document.document(copy.sheet, copy.check, answers),
                "pupil": copy.seat.pupil,
            }
            for copy in copies
        ],
    }


def rows(copies: Sequence[Copy], answers: bool) -> Iterator[Sequence[object]]:
    """Yield the rows of each sheet, with its number, pupil and code before them."""
    for copy in copies:
        title, *others = worksheet_document.rows(copy.sheet, answers)
        if copy.seat.number == 1:
            yield ("sheet", "pupil", "code", *title)
        for row in others:
            yield (copy.seat.number, copy.seat.pupil, copy.sheet.problem.code, *row)


def _article(copies: Sequence[Copy], answers: bool) -> str:
    from fcinspect.media.latex.worksheet import worksheet_document as article

    return article(*pages(copies, answers))


def _html(copies: Sequence[Copy], answers: bool) -> str:
    from fcinspect.media.html.worksheet import class_page

    problem = copies[0].sheet.problem
    counted = plural(len(copies), "key" if answers else "worksheet")
    title = f"{counted}: {TITLES[problem.kind]}, {format_widths(problem.widths)}"
    return class_page(pages(copies, answers), title)
