"""A worksheet as a page: to be printed, or filled in and saved as the document that is graded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from fcinspect.media.html.document import document_with
from fcinspect.page.blocks import Block, Equation, Heading, Line, Matrix, Page, Span

if TYPE_CHECKING:
    from markupsafe import Markup

    from fcinspect.page.view import Sheets

FIELD = re.compile(r"(?:(\w+) )?(__+)")
"""A line to write on, and the word before it."""
MARK = "\N{BALLOT BOX}"
"""Begins a blank in the cells of the page that is made for this one; no number does."""


@dataclass(frozen=True)
class Piece:
    """A piece of text, a number, or a blank."""

    text: str
    role: str = ""
    blank: str = ""
    """The id of the answer, or what is asked for: Name, Date."""
    size: int = 6
    """Characters of a blank."""


@dataclass(frozen=True)
class FieldGrid:
    """A matrix."""

    rows: tuple[tuple[Piece, ...], ...]
    role: str


@dataclass(frozen=True)
class FieldRow:
    """A block of the page: a heading, a line, or an equation of pieces and matrices."""

    kind: str
    groups: tuple[tuple[Piece | FieldGrid, ...], ...]
    """What is not to be torn apart: in an equation, signs and the matrix behind them."""


def blank_of(name: str, columns: int) -> str:
    """Return what stands for a blank in the page that `worksheet_page` takes."""
    return MARK + name


def sheets_page(sheets: Sheets, document: str) -> str:
    """Return the page of one sheet or of several; one is filled in where it has a file name.

    `document` is the JSON to be saved with the answers.
    """
    made = [_sheet(page) for page in sheets.pages(blank_of)]
    if sheets.title:
        return _class_page(made, sheets.title)
    document = document if sheets.filename else ""
    values = {**made[0], "document": _script(document), "filename": sheets.filename}
    styles = ("page.css", "worksheet.css")
    return document_with(styles, ("worksheet.js",), "worksheet.html", values)


def _sheet(page: Page) -> dict[str, Any]:
    first, *rest = (block for group in page.groups for block in group)
    assert isinstance(first, Line)
    return {"title": first.text, "rows": [_row(block) for block in rest]}


def _class_page(sheets: Sequence[dict[str, Any]], title: str) -> str:
    """Return a page of the sheets or keys of a class, to be printed: each begins a page."""
    values = {"title": title, "sheets": sheets}
    return document_with(("page.css", "worksheet.css"), (), "worksheet_class.html", values)


def _script(document: str) -> Markup:
    """Return JSON that cannot end the element in which it stands."""
    from markupsafe import Markup

    return Markup(document.replace("<", "\\u003c").replace("&", "\\u0026"))


def _row(block: Block) -> FieldRow:
    match block:
        case Heading(text):
            return FieldRow("heading", ((Piece(text),),))
        case Line(spans):
            return FieldRow(
                "line", (tuple(p for text, role in _joined(spans) for p in _pieces(text, role)),)
            )
        case Equation(parts):
            found = [_grid(part) if isinstance(part, Matrix) else _cell(*part) for part in parts]
            return FieldRow("equation", _groups(found))
    raise NotImplementedError("a worksheet has neither tables nor drawings")


def _groups(parts: list[Piece | FieldGrid]) -> tuple[tuple[Piece | FieldGrid, ...], ...]:
    found: list[list[Piece | FieldGrid]] = [[]]
    for part in parts:
        if found[-1] and isinstance(found[-1][-1], FieldGrid):
            found.append([])
        found[-1].append(part)
    return tuple(map(tuple, found))


def _grid(matrix: Matrix) -> FieldGrid:
    return FieldGrid(tuple(tuple(_cell(cell) for cell in row) for row in matrix.rows), matrix.role)


def _cell(text: str, role: str = "") -> Piece:
    return Piece("", role, text[1:]) if text.startswith(MARK) else Piece(text, role)


def _joined(spans: Sequence[Span]) -> Iterator[Span]:
    """Yield spans, those of one role that stand side by side as one."""
    for role, same in groupby(spans, lambda span: span[1]):
        yield "".join(text for text, _ in same), role


def _pieces(text: str, role: str) -> Iterator[Piece]:
    """Yield the text and the blanks of a span; only running text has blanks."""
    if role:
        yield Piece(text, role)
        return
    done = 0
    for found in FIELD.finditer(text):
        yield Piece(text[done : found.start(2)], role)
        yield Piece("", role, found[1] or "", len(found[2]))
        done = found.end()
    if text[done:]:
        yield Piece(text[done:], role)
