"""A worksheet as a page: to be printed, or filled in and saved as the document that is graded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from fcinspect.media.html.document import document_with
from fcinspect.page.blocks import Block, Equation, Heading, Line, Matrix, Page

if TYPE_CHECKING:
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


def sheets_page(sheets: Sheets, document: str) -> str:
    """Return the page of one sheet or of several; one is filled in where it has a file name.

    `document` is the JSON to be saved with the answers.
    """
    from markupsafe import Markup

    made = [_sheet(page) for page in sheets.pages(lambda name, columns: MARK + name)]
    styles = ("page.css", "worksheet.css")
    if sheets.title:
        values = {"title": sheets.title, "sheets": made}
        return document_with(styles, (), "worksheet_class.html", values)
    # nothing in it can end the element in which it stands
    script = Markup(document.replace("<", "\\u003c").replace("&", "\\u0026"))
    values = {**made[0], "document": script, "filename": sheets.filename}
    return document_with(styles, ("worksheet.js",), "worksheet.html", values)


def _sheet(page: Page) -> dict[str, Any]:
    first, *rest = (block for group in page.groups for block in group)
    assert isinstance(first, Line)
    return {"title": first.text, "rows": [_row(block) for block in rest]}


def _row(block: Block) -> FieldRow:
    match block:
        case Heading(text):
            return FieldRow("heading", ((Piece(text),),))
        case Line(spans):
            pieces: list[Piece | FieldGrid] = []
            for role, same in groupby(spans, lambda span: span[1]):
                pieces += _pieces("".join(text for text, _ in same), role)
            return FieldRow("line", (tuple(pieces),))
        case Equation(parts):
            groups: list[list[Piece | FieldGrid]] = [[]]
            for part in parts:
                if groups[-1] and isinstance(groups[-1][-1], FieldGrid):
                    groups.append([])
                if isinstance(part, Matrix):
                    cells = tuple(tuple(map(_cell, row)) for row in part.rows)
                    groups[-1].append(FieldGrid(cells, part.role))
                else:
                    groups[-1].append(_cell(*part))
            return FieldRow("equation", tuple(map(tuple, groups)))
    raise NotImplementedError("a worksheet has neither tables nor drawings")


def _cell(text: str, role: str = "") -> Piece:
    return Piece("", role, text[1:]) if text.startswith(MARK) else Piece(text, role)


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
