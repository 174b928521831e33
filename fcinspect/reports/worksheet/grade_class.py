"""The page of a class: its graded worksheets in a table, and the slips that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from fcinspect.layers.spec import format_widths
from fcinspect.page import text
from fcinspect.page.blocks import Block, Column, Heading, Line, Page, PageBuilder, Table
from fcinspect.reports.worksheet.command import command_of
from fcinspect.reports.worksheet.grade_page import COUNTED, named
from fcinspect.worksheets.grading import Mark

if TYPE_CHECKING:
    from fcinspect.worksheets.grading import Entry, Grade, Gradebook
    from fcinspect.worksheets.problem import Problem

Graded = tuple[str, "Grade"]
"""A file as it is shown, and its grade."""
Told = Callable[["Entry"], str]


def page(book: Gradebook, precision: int = 4) -> Page:
    """Return the page."""
    del precision  # every number is exact
    built = PageBuilder()
    graded = [(text.safe(entry.file), entry.grade) for entry in book.graded if entry.grade]
    sheets = dict.fromkeys(command_of(grade.problem) for _, grade in graded)
    count = "" if len(graded) == len(book.entries) else f"{len(graded)} of "
    title = f"{count}{text.plural(len(book.entries), 'worksheet')}, graded"
    built.add(Heading(f"{title}: {next(iter(sheets))}" if len(sheets) == 1 else title, level=1))
    if graded:
        built.group(_table(book.graded, sheets_differ=len(sheets) > 1))
    for blocks in (_refused(book.entries), _notes(book.entries, graded), _slips(book)):
        if blocks:
            built.group(*blocks)
    return built.page()


def _table(entries: Sequence[Entry], *, sheets_differ: bool) -> Table:
    """Return a row for each, with its pupil, sheet and changed problem where that tells any."""
    told: list[tuple[Column, Told]] = [
        (Column("file", right=False, folds=True), lambda entry: text.safe(entry.file))
    ]
    if any(entry.pupil for entry in entries):
        pupil = Column("pupil", right=False, folds=True)
        told.append((pupil, lambda entry: text.safe(entry.pupil)))
    if sheets_differ:
        told.append((Column("sheet, code", right=False), _sheet_of))
    if any(entry.altered for entry in entries):
        problem = Column("problem", right=False)
        told.append((problem, lambda entry: "changed" if entry.altered else ""))
    titles = ("blanks", "right", "rounded", "follows", "wrong", "unreadable", "empty")
    return Table(
        (*(column for column, _ in told), *map(Column, titles)),
        tuple(
            (*(cell(entry) for _, cell in told), *_counts(entry.grade))
            for entry in entries
            if entry.grade
        ),
        strong=frozenset(row for row, entry in enumerate(entries) if entry.altered),
    )


def _sheet_of(entry: Entry) -> str:
    return _sheet(entry.grade.problem) if entry.grade else ""


def _counts(grade: Grade) -> Iterator[str]:
    yield str(len(grade.items))
    for mark in (Mark.RIGHT, *(mark for mark, _, _ in COUNTED)):
        yield str(grade.count(mark))


def _sheet(problem: Problem) -> str:
    """Return "3-2-2 all, JQ6G-GBVA"."""
    return f"{_form(problem)}, {problem.code}"


def _form(problem: Problem) -> str:
    bias = "" if problem.has_bias else " --no-bias"
    return f"{format_widths(problem.widths)} {problem.kind}{bias}"


def _refused(entries: Sequence[Entry]) -> list[Block]:
    return [
        Line.of(("not graded: ", "bad"), text.safe(entry.refusal or ""), hang=2)
        for entry in entries
        if entry.grade is None
    ]


def _notes(entries: Sequence[Entry], graded: Sequence[Graded]) -> list[Block]:
    own = [text.safe(f"{entry.file}: {note}") for entry in entries for note in entry.notes]
    notes = [*_differing(graded), *own]
    return [Line.of(("note: ", "unsure"), note, hang=2) for note in notes]


def _differing(graded: Sequence[Graded]) -> Iterator[str]:
    """Yield which file holds another sheet than most, or how many sheets there are."""
    for label in (_sheet, _form):
        found = _by(label, graded)
        if len(found) < 2:
            break
        most = max(found, key=lambda shown: len(found[shown]))
        if 2 * len(found[most]) > len(graded):
            others = [file for shown, files in found.items() if shown != most for file in files]
            yield (
                f"{len(found[most])} of {len(graded)} are the sheet {most};"
                f" another: {named(others)}"
            )
            return
    if (count := len(_by(_sheet, graded))) > 1:
        yield f"these are {count} different sheets"


def _by(label: Callable[[Problem], str], graded: Sequence[Graded]) -> dict[str, list[str]]:
    """Return the files of each label."""
    found: dict[str, list[str]] = {}
    for file, grade in graded:
        found.setdefault(label(grade.problem), []).append(file)
    return found


def _slips(book: Gradebook) -> list[Block]:
    lines = [
        Line.of(
            f"{len(shared.files)} of {len(book.graded)}: ",
            (text.safe(shared.words), "strong"),
            f" ({named([text.safe(file) for file in shared.files])})",
            indent=2,
            hang=2,
        )
        for shared in book.shared
    ]
    return [Heading("Slips"), *lines] if lines else []
