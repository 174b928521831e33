"""The view of graded worksheets: one blank by blank, several in a line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.page.view import View
from fcinspect.reports.worksheet import grade_class as worksheet_grade_class
from fcinspect.reports.worksheet import grade_page as worksheet_grade_page
from fcinspect.reports.worksheet.command import command_of
from fcinspect.worksheets.grading import Mark
from fcinspect.worksheets.working import written

if TYPE_CHECKING:
    from fcinspect.page.blocks import Page
    from fcinspect.reports.documents.worksheet_grade import (
        GradebookDocument,
        GradedBlankDocument,
        GradedSheetDocument,
    )
    from fcinspect.worksheets.grading import Entry, Grade, Gradebook, Graded


def view_of_grades(book: Gradebook, asked: dict[str, Any], *, solution: bool) -> View:
    """Return the view of graded worksheets; without `solution` the right numbers are held back."""
    return View(
        command="worksheet",
        asked=asked,
        data=lambda full: dict(document(book, solution=solution)),
        page=_page_of(book, solution),
        rows=partial(rows, book, solution=solution),
        ok=book.all_right,
    )


def _page_of(book: Gradebook, solution: bool) -> Callable[[int], Page]:
    first = book.entries[0]
    if len(book.entries) == 1 and first.grade is not None:
        return partial(worksheet_grade_page.page, first, first.grade, solution=solution)
    return partial(worksheet_grade_class.page, book)


def document(book: Gradebook, *, solution: bool) -> GradebookDocument:
    """Return the JSON data."""
    return {
        "document": "grade",
        "graded": [
            _graded(entry, entry.grade, solution)
            for entry in book.entries
            if entry.grade is not None
        ],
        "ungraded": [
            {"file": entry.file, "refusal": entry.refusal or ""}
            for entry in book.entries
            if entry.grade is None
        ],
    }


def _graded(entry: Entry, grade: Grade, solution: bool) -> GradedSheetDocument:
    return {
        "file": entry.file,
        "pupil": entry.pupil or None,
        "date": entry.date or None,
        "kind": grade.problem.kind,
        "widths": list(grade.problem.widths),
        "seed": grade.problem.seed,
        "code": grade.problem.code,
        "bias": grade.problem.has_bias,
        "altered": entry.altered,
        "score": {
            "blanks": len(grade.items),
            "right": grade.count(Mark.RIGHT),
            "rounded": grade.count(Mark.ROUNDED),
            "follows": grade.count(Mark.FOLLOWS),
            "wrong": grade.count(Mark.WRONG),
            "unreadable": grade.count(Mark.UNREADABLE),
            "empty": grade.count(Mark.EMPTY),
        },
        "blanks": [_blank(item, solution) for item in grade.items],
        "mistakes": [
            {"slip": mistake.words, "blanks": list(mistake.ids)} for mistake in grade.mistakes
        ],
        "notes": list(entry.notes),
    }


def _blank(item: Graded, solution: bool) -> GradedBlankDocument:
    return {
        "id": item.id,
        "section": item.section,
        "answer": item.answer,
        "mark": item.mark.value,
        "right": written(item.right) if solution else None,
        "follows": list(item.follows),
        "slip": item.slip,
    }


def rows(book: Gradebook, *, solution: bool) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: one a blank."""
    yield "file", "pupil", "sheet", "blank", "section", "answer", "mark", "right", "follows", "slip"
    for entry in book.entries:
        file, grade = entry.file, entry.grade
        if grade is None:
            yield file, "", "", "", "", "", "not graded", "", "", entry.refusal or ""
            continue
        sheet = command_of(grade.problem) + ", changed" * entry.altered
        for item in grade.items:
            yield (
                file, entry.pupil, sheet, item.id, item.section,
                item.answer or "", item.mark.value,
                written(item.right) if solution else "", " ".join(item.follows),
                item.slip or "",
            )  # fmt: skip
