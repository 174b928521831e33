"""The report of `worksheet --grade`: one worksheet blank by blank, several in a line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.layers.spec import format_widths
from fcinspect.page import text
from fcinspect.page.blocks import Block, Column, Heading, Line, Page, PageBuilder, Span, Table
from fcinspect.page.view import View
from fcinspect.reports.worksheet_page import command_of
from fcinspect.reports.written import written
from fcinspect.worksheets.grading import Mark
from fcinspect.worksheets.working import written as number_text

if TYPE_CHECKING:
    from fcinspect.worksheets.grading import Entry, Grade, Gradebook, Graded
    from fcinspect.worksheets.problem import Problem

MOST_NAMED = 4
"""Most blanks named in a sentence; all are in the table and in JSON."""
LONGEST_TEXT = 12
"""Most characters shown of an answer that is not a number; JSON has all of it."""
NOTE = ("note: ", "unsure")
FEW = 2
"""Most blanks named in the table."""
COUNTED = (
    (Mark.ROUNDED, "right up to rounding", "unsure"),
    (Mark.FOLLOWS, "from an earlier slip", "unsure"),
    (Mark.WRONG, "wrong", "bad"),
    (Mark.UNREADABLE, "unreadable", "bad"),
    (Mark.EMPTY, "empty", "bad"),
)


def view_of_grades(book: Gradebook, asked: dict[str, Any], *, solution: bool) -> View:
    """Return the view of graded worksheets; without `solution` the right numbers are withheld."""
    return View(
        command="worksheet",
        asked=asked,
        data=lambda full: document(book, solution=solution),
        page=lambda precision: page(book, solution=solution),
        rows=partial(rows, book, solution=solution),
        ok=book.all_right,
    )


def document(book: Gradebook, *, solution: bool) -> dict[str, Any]:
    """Return the JSON data."""
    return {
        "document": "grade",
        "graded": [_graded(one, one.grade, solution) for one in book.entries if one.grade],
        "ungraded": [
            {"file": one.file, "refusal": one.refusal or ""}
            for one in book.entries
            if one.grade is None
        ],
    }


def _graded(entry: Entry, grade: Grade, solution: bool) -> dict[str, Any]:
    from fcinspect.reports.documents.training import GradedBlankDocument, GradedSheetDocument

    problem = grade.problem
    counts = {mark.name.lower(): grade.count(mark) for mark in Mark}
    blanks = []
    for item in grade.items:
        right = number_text(item.right) if solution else None
        blanks.append(written(item, GradedBlankDocument, right=right))
    return written(
        entry,
        GradedSheetDocument,
        pupil=entry.pupil or None,
        date=entry.date or None,
        **{key: getattr(problem, key) for key in ("kind", "widths", "seed", "code")},
        bias=problem.has_bias,
        score={"blanks": len(grade.items), **counts},
        blanks=blanks,
        mistakes=[{"slip": one.words, "blanks": one.ids} for one in grade.mistakes],
    )


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
                number_text(item.right) if solution else "", " ".join(item.follows),
                item.slip or "",
            )  # fmt: skip


def page(book: Gradebook, *, solution: bool) -> Page:
    """Return the page of one or of several; every number is exact."""
    first = book.entries[0]
    if len(book.entries) == 1 and first.grade is not None:
        return _sheet_page(first, first.grade, solution)
    return _class_page(book)


def _sheet_page(entry: Entry, grade: Grade, solution: bool) -> Page:
    built = PageBuilder()
    whose = "" if entry.file == "-" else f"{text.safe(entry.file)}, "
    built.add(Heading(f"Graded: {whose}{command_of(grade.problem)}", level=1))
    if headed := " ".join(filter(None, (entry.pupil, entry.date and f"({entry.date})"))):
        built.add(Line.of(text.safe(headed), indent=2))
    built.add(*(Line.of(NOTE, text.safe(note)) for note in entry.notes))
    built.group(_blanks_table(grade.items, solution))
    built.group(_score(grade))
    for mistake in grade.mistakes:
        count = (f"{len(mistake.ids)} wrong: ", "bad")
        words = (text.safe(mistake.words or "no slip found"), "strong")
        built.add(Line.of(count, words, f" ({_named(mistake.ids)})", indent=2, hang=2))
    return built.page()


def _blanks_table(items: Sequence[Graded], solution: bool) -> Table:
    """Return a row for each blank, under the name of its section."""
    slip = Column("likely slip", right=False, spare="see below, all in --json", legible=14)
    answer = [Column("blank", right=False), Column("answer", folds=True), Column("", right=False)]
    columns = [*answer, *([Column("should be")] if solution else []), slip]
    rows: list[tuple[str, ...]] = []
    rules: set[int] = set()
    told: dict[str, str] = {}
    section = None
    for item in items:
        if item.section != section and section is not None:
            rules.add(len(rows))
        section = item.section
        why, first = _why(item), told.setdefault(_why(item), item.id)
        if item.mark is Mark.WRONG and item.slip is not None and first != item.id:
            why = f"as in {first}"
        word = {Mark.RIGHT: "right", Mark.ROUNDED: "rounded"}.get(item.mark, item.mark.value)
        row = (item.id, _shown(item), word, number_text(item.right), why)
        rows.append(row if solution else (*row[:3], row[4]))
    wrong = {n for n, item in enumerate(items) if item.mark in (Mark.WRONG, Mark.UNREADABLE)}
    return Table(tuple(columns), tuple(rows), rule_before=frozenset(rules), strong=frozenset(wrong))


def _shown(item: Graded) -> str:
    """Return an answer; of what is no number, its beginning."""
    answer = text.safe(item.answer or "")
    if item.mark is Mark.UNREADABLE and len(answer) > LONGEST_TEXT:
        return f"{answer[: LONGEST_TEXT - 1]}…"
    return answer


def _why(item: Graded) -> str:
    if item.mark is Mark.FOLLOWS:
        return f"right given your {_earlier(item.follows)}"
    if item.mark is Mark.WRONG:
        return item.slip or "no known slip explains it"
    return item.slip or ""


def _earlier(ids: Sequence[str]) -> str:
    """Return a common name of some blanks, or the first of them."""
    places = {name.partition("[")[0] for name in ids}
    if len(ids) > 1 and len(places) == 1:
        return places.pop()
    if len(ids) > FEW and all(place.endswith(".after") for place in places):
        return "new parameters"
    return _named(ids, FEW)


def _named(ids: Sequence[str], most: int = MOST_NAMED) -> str:
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


def _class_page(book: Gradebook) -> Page:
    built = PageBuilder()
    graded = [(text.safe(entry.file), entry.grade) for entry in book.graded if entry.grade]
    sheets = dict.fromkeys(command_of(grade.problem) for _, grade in graded)
    count = "" if len(graded) == len(book.entries) else f"{len(graded)} of "
    title = f"{count}{text.plural(len(book.entries), 'worksheet')}, graded"
    built.add(Heading(f"{title}: {next(iter(sheets))}" if len(sheets) == 1 else title, level=1))
    if graded:
        built.group(_sheets_table(book.graded, sheets_differ=len(sheets) > 1))
    refused = (text.safe(entry.refusal or "") for entry in book.entries if entry.grade is None)
    built.group(*(Line.of(("not graded: ", "bad"), reason, hang=2) for reason in refused))
    own = [text.safe(f"{entry.file}: {note}") for entry in book.entries for note in entry.notes]
    built.group(*(Line.of(NOTE, note, hang=2) for note in (*_differing(graded), *own)))
    built.group(*_slips(book))
    return built.page()


def _sheets_table(entries: Sequence[Entry], *, sheets_differ: bool) -> Table:
    named, altered = (any(getattr(one, key) for one in entries) for key in ("pupil", "altered"))
    columns = [Column("file", right=False, folds=True)]
    columns += [Column("pupil", right=False, folds=True)] * named
    columns += [Column("sheet, code", right=False)] * sheets_differ
    columns += [Column("problem", right=False)] * altered
    titles = ("blanks", "right", "rounded", "follows", "wrong", "unreadable", "empty")
    rows = []
    for entry in entries:
        if entry.grade is not None:
            row = [text.safe(entry.file)]
            row += [text.safe(entry.pupil)] * named
            row += [_sheet_and_code(entry.grade.problem)] * sheets_differ
            row += ["changed" if entry.altered else ""] * altered
            counts = (len(entry.grade.items), *map(entry.grade.count, Mark))
            rows.append((*row, *map(str, counts)))
    return Table(
        (*columns, *map(Column, titles)),
        tuple(rows),
        strong=frozenset(row for row, entry in enumerate(entries) if entry.altered),
    )


def _sheet_and_code(problem: Problem) -> str:
    """Return "3-2-2 all, JQ6G-GBVA"."""
    return f"{_form(problem)}, {problem.code}"


def _form(problem: Problem) -> str:
    bias = "" if problem.has_bias else " --no-bias"
    return f"{format_widths(problem.widths)} {problem.kind}{bias}"


def _differing(graded: Sequence[tuple[str, Grade]]) -> Iterator[str]:
    """Yield which files hold a different sheet from most, or how many sheets there are."""
    for label in (_sheet_and_code, _form):
        found = _by(label, graded)
        if len(found) < 2:
            break
        most = max(found, key=lambda shown: len(found[shown]))
        if 2 * len(found[most]) > len(graded):
            others = [file for shown, files in found.items() if shown != most for file in files]
            said = f"{len(found[most])} of {len(graded)} are sheet {most}"
            yield f"{said}; different: {_named(others)}"
            return
    if (count := len(_by(_sheet_and_code, graded))) > 1:
        yield f"these are {count} different sheets"


def _by(
    label: Callable[[Problem], str], graded: Sequence[tuple[str, Grade]]
) -> dict[str, list[str]]:
    return text.grouped((label(grade.problem), file) for file, grade in graded)


def _slips(book: Gradebook) -> list[Block]:
    lines = []
    for shared in book.shared:
        count, words = f"{len(shared.files)} of {len(book.graded)}: ", text.safe(shared.words)
        files = f" ({_named(list(map(text.safe, shared.files)))})"
        lines.append(Line.of(count, (words, "strong"), files, indent=2, hang=2))
    return [Heading("Slips"), *lines] if lines else []
