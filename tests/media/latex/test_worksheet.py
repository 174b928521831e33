"""Worksheets as LaTeX: every blank has its line, and none is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fcinspect.media.latex.document import worksheet_document
from fcinspect.media.latex.words import typed
from fcinspect.reports.worksheet_page import page
from fcinspect.worksheets.making import Seat, make
from fcinspect.worksheets.problem import SheetOptions
from fcinspect.worksheets.sheet import Sheet
from fcinspect.worksheets.working import KeyCheck
from tests.media.latex.test_compiled import HOSTILE, joined, needs_pdflatex, typeset

SHEETS = [
    ("all", (3, 2, 2)), ("step", (3, 3, 2)), ("gradient", (8, 4)), ("step", (7, 5)),
    ("forward", (8, 8, 8)), ("gradient", (2, 2, 2, 2, 1)), ("all", (1, 1)), ("all", (2, 3)),
]  # fmt: skip


def made(kind: str, widths: tuple[int, ...], answers: bool) -> tuple[Sheet, str]:
    """Return a sheet and its article."""
    sheet = Sheet(make(SheetOptions(kind, widths, 3)))
    check = KeyCheck("torch", "float64", 1, 1, 0)
    return sheet, worksheet_document(page(sheet, check, answers))


@pytest.mark.parametrize(("kind", "widths"), SHEETS)
def test_every_blank_is_a_line_to_write_on(kind: str, widths: tuple[int, ...]) -> None:
    """Three more are for name, date and points; a key has none, and no matrix is cut."""
    sheet, blank = made(kind, widths, False)
    assert sheet.blanks
    _, key = made(kind, widths, True)
    assert blank.count(r"\blank{") == len(sheet.blanks) + 3
    assert r"\blank" not in key
    assert "__" not in blank + key
    assert r"\cdots" not in blank + key
    assert all(f"{typed(answer.id)} $=$" in key for answer in sheet.blanks)


def test_numbers_and_names_are_mathematics() -> None:
    """A weight, the name of a number that is itself blank, derivatives, and a sentence."""
    _, text = made("all", (3, 2, 2), False)
    assert re.search(r"\\begin\{bmatrix\}\n-?\d & -?\d & -?\d\\\\\n", text)
    assert "\\begin{bmatrix}\na_{0}\\\\\na_{1}\n\\end{bmatrix}" in text
    assert r"0.1 \cdot \frac{\partial L}{\partial W} =" in text
    assert r"\frac{\partial L}{\partial b} = G =" in text
    assert r"$\partial L/\partial W = G \otimes x$, each number of $G$ times" in text


@needs_pdflatex
def test_each_sheet_of_a_class_begins_a_page(tmp_path: Path) -> None:
    """The set has the pages of its sheets, however hostile the names on them are."""
    check = KeyCheck("torch", "float64", 1, 1, 0)
    sheets = [Sheet(make(SheetOptions("gradient", (3, 2, 2), seed))) for seed in range(3)]
    seats = [Seat(1, 3, HOSTILE), Seat(2, 3, "__Jürgen__ & =1"), Seat(3, 3)]
    for answers in (False, True):
        made = [
            page(sheet, check, answers, seat=seat)
            for sheet, seat in zip(sheets, seats, strict=True)
        ]
        alone = sum(pages_of(worksheet_document(one), tmp_path) for one in made)
        assert pages_of(worksheet_document(*made), tmp_path) == alone >= 3


def pages_of(document: str, folder: Path) -> int:
    """Return how many pages pdflatex makes."""
    log, _ = typeset(document, folder)
    found = re.search(r"Output written on page\.pdf \((\d+) page", log)
    assert found
    return int(found[1])


@needs_pdflatex
def test_sheets_and_keys_are_typeset_without_an_overfull_line(tmp_path: Path) -> None:
    """The widest, the longest and the smallest."""
    documents = [made(kind, widths, key)[1] for kind, widths in SHEETS for key in (False, True)]
    log, read = typeset(joined(documents), tmp_path)
    assert "Overfull" not in log
    if read:
        assert "Points" in read


@needs_pdflatex
def test_a_quotient_is_a_fraction_with_its_size_beside_it(tmp_path: Path) -> None:
    """A loss whose decimals do not end soon, and no line is overfull with it."""
    sheet = Sheet(make(SheetOptions("step", (2, 2, 2, 2, 2), 7)))
    text = worksheet_document(page(sheet, KeyCheck("torch", "float64", 9, 9, 0), answers=True))
    assert r"\frac{359005160729}{122070312500} \approx 2.94097" in text
    log, _ = typeset(text, tmp_path)
    assert "Overfull" not in log
