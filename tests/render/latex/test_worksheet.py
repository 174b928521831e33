"""Worksheets as articles: blanks are lines to write on, and pdflatex typesets them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fcinspect.render.emit import rendered
from fcinspect.render.worksheet import view_of_worksheet
from fcinspect.worksheets.checking import KeyCheck
from fcinspect.worksheets.making import make
from fcinspect.worksheets.sheet import sheet_of
from tests.render.latex.test_compiled import joined, needs_pdflatex, typeset

CHECK = KeyCheck("torch 2.13.0", "float64", 9, 9, 0)


def article_of(kind: str, widths: tuple[int, ...], *, answers: bool = False) -> str:
    """Return the sheet of seed 7, or its key."""
    view = view_of_worksheet(sheet_of(make(kind, widths, 7)), CHECK, {}, answers=answers)
    return rendered(view, "latex")


@pytest.mark.parametrize("kind", ["forward", "gradient", "step", "all"])
def test_every_blank_is_a_line(kind: str) -> None:
    """Three more are for the name, the date and the points; a key has none."""
    count = len(sheet_of(make(kind, (3, 2, 2), 7)).blanks)
    lines = r"em}{0.4pt}"
    assert article_of(kind, (3, 2, 2)).count(lines) == count + 3
    assert lines not in article_of(kind, (3, 2, 2), answers=True)


def test_numbers_and_names_are_mathematics() -> None:
    """A weight, the name of a number that is itself blank, and a derivative."""
    text = article_of("all", (3, 2, 2))
    assert "2 & -1 & -1\\\\\n2 & -1 & -2\n\\end{bmatrix}" in text
    assert "\\begin{bmatrix}\na_{0}\\\\\na_{1}\n\\end{bmatrix}" in text
    assert r"\frac{\partial L}{\partial W}" in text


@needs_pdflatex
def test_sheets_and_keys_are_typeset_without_an_overfull_line(tmp_path: Path) -> None:
    """The widest, the deepest with a loss that is a quotient, and all kinds."""
    documents = [
        article_of("all", (3, 2, 2)),
        article_of("gradient", (8, 4)),
        article_of("step", (8, 4), answers=True),
        article_of("step", (2, 2, 2, 2, 2), answers=True),
        article_of("forward", (8, 8, 8)),
    ]
    log, read = typeset(joined(documents), tmp_path)
    assert "Overfull" not in log
    if read:
        assert "loss = 359005160729/122070312500 ≈ 2.94097" in read
