"""The page of one graded worksheet, blank by blank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fcinspect.page import text
from fcinspect.page.blocks import Column, Heading, Line, Page, PageBuilder, Span, Table
from fcinspect.reports.worksheet.command import command_of
from fcinspect.worksheets.grading import Mark
from fcinspect.worksheets.working import written

if TYPE_CHECKING:
    from fcinspect.worksheets.grading import Entry, Grade, Graded
    from fcinspect.worksheets.mistakes import Mistake

MOST_NAMED = 4
"""Blanks that are named in a sentence; all are in the table and in JSON."""
LONGEST_TEXT = 12
"""Characters of an answer that is no number; all of it stands in JSON."""
LEGIBLE = 14
"""Letters in a line of a slip; with fewer it is told below the table alone."""
FEW = 2
"""Those that are named in the table."""
COUNTED = (
    (Mark.ROUNDED, "right up to rounding", "unsure"),
    (Mark.FOLLOWS, "from an earlier slip", "unsure"),
    (Mark.WRONG, "wrong", "bad"),
    (Mark.UNREADABLE, "unreadable", "bad"),
    (Mark.EMPTY, "empty", "bad"),
)


def page(entry: Entry, grade: Grade, precision: int = 4, *, solution: bool) -> Page:
    """Return the page of one; without `solution` the right numbers are held back."""
    del precision  # every number is exact
    built = PageBuilder()
    whose = "" if entry.file == "-" else f"{text.safe(entry.file)}, "
    built.add(Heading(f"Graded: {whose}{command_of(grade.problem)}", level=1))
    if headed := " ".join(filter(None, (entry.pupil, entry.date and f"({entry.date})"))):
        built.add(Line.of(text.safe(headed), indent=2))
    built.add(*(Line.of(("note: ", "unsure"), text.safe(note)) for note in entry.notes))
    built.group(_table(grade.items, solution))
    built.group(_score(grade), *(_mistake(mistake) for mistake in grade.mistakes))
    return built.page()


def _table(items: Sequence[Graded], solution: bool) -> Table:
    """Return a row for each blank, under the name of its section."""
    columns = [
        Column("blank", right=False),
        Column("answer", folds=True),
        Column("", right=False),
        Column("should be"),
        Column("likely slip", right=False, spare="told below, all in --json", legible=LEGIBLE),
    ]
    rows: list[tuple[str, ...]] = []
    rules: set[int] = set()
    told: dict[str, str] = {}
    section = None
    for item in items:
        if item.section != section and section is not None:
            rules.add(len(rows))
        section = item.section
        answer = _shown(item)
        why, first = _why(item), told.setdefault(_why(item), item.id)
        if item.mark is Mark.WRONG and item.slip is not None and first != item.id:
            why = f"as in {first}"
        row = (item.id, answer, _word(item), written(item.right), why)
        rows.append(row if solution else (*row[:3], row[4]))
    if not solution:
        del columns[3]
    wrong = {n for n, item in enumerate(items) if item.mark in (Mark.WRONG, Mark.UNREADABLE)}
    return Table(tuple(columns), tuple(rows), rule_before=frozenset(rules), strong=frozenset(wrong))


def _shown(item: Graded) -> str:
    """Return an answer; of what is no number, its beginning."""
    answer = text.safe(item.answer or "")
    if item.mark is Mark.UNREADABLE and len(answer) > LONGEST_TEXT:
        return f"{answer[: LONGEST_TEXT - 1]}…"
    return answer


def _word(item: Graded) -> str:
    return {Mark.RIGHT: "right", Mark.ROUNDED: "rounded"}.get(item.mark, item.mark.value)


def _why(item: Graded) -> str:
    if item.mark is Mark.FOLLOWS:
        return f"right with your {_earlier(item.follows)}"
    if item.mark is Mark.WRONG:
        return item.slip or "no slip found that gives it"
    return item.slip or ""


def _earlier(ids: Sequence[str]) -> str:
    """Return what some blanks are called together, or the first of them."""
    places = {name.partition("[")[0] for name in ids}
    if len(ids) > 1 and len(places) == 1:
        return places.pop()
    if len(ids) > FEW and all(place.endswith(".after") for place in places):
        return "new parameters"
    return named(ids, FEW)


def named(ids: Sequence[str], most: int = MOST_NAMED) -> str:
    """Return the first of some blanks, and how many more there are."""
    if len(ids) <= most:
        return ", ".join(ids)
    return f"{', '.join(ids[: most - 1])} and {len(ids) - most + 1} more"


def _score(grade: Grade) -> Line:
    """Return "17 of 23 right, 1 right up to rounding, 2 wrong"."""
    right = f"{grade.count(Mark.RIGHT)} of {text.plural(len(grade.items), 'blank')} right"
    spans: list[str | Span] = [(right, "good" if grade.all_right else "strong")]
    for mark, words, role in COUNTED:
        if count := grade.count(mark):
            verb = "" if mark is not Mark.FOLLOWS else "follows " if count == 1 else "follow "
            spans += [", ", (f"{count} {verb}{words}", role)]
    return Line.of(*spans, ".")


def _mistake(mistake: Mistake) -> Line:
    count = len(mistake.ids)
    words = text.safe(mistake.words or "no slip found")
    return Line.of(
        (f"{count} wrong: ", "bad"),
        (words, "strong"),
        f" ({named(mistake.ids)})",
        indent=2,
        hang=2,
    )
