"""The matrices of a worksheet: numbers, blanks, and names where a blank stands elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from fcinspect.page.blocks import Equation, Matrix, Span
from fcinspect.worksheets.working import approached, written

if TYPE_CHECKING:
    from fcinspect.worksheets.sheet import Sheet

BLANK = "______"
SHORT_BLANK = "____"
MOST_COLUMNS = 6
"""Wider matrices have short blanks."""

Part = str | Span | Matrix


WriteBlank = Callable[[str, int], str]
"""(id, columns of its matrix) -> what stands in the place of an answer."""


def underscores(name: str, columns: int) -> str:
    """Return a line to write on."""
    return BLANK if columns <= MOST_COLUMNS else SHORT_BLANK


class Numbers:
    """Everything that can stand in a matrix of one sheet."""

    def __init__(self, sheet: Sheet, answers: bool, blank: WriteBlank = underscores) -> None:
        self._write = blank
        self._known = dict(sheet.given)
        if answers:
            self._known |= {blank.id: blank.answer for blank in sheet.blanks}

    def scalar(self, name: str) -> Span:
        """Return the number of that id, or a blank."""
        known = name in self._known
        return (approached(self._known[name]) if known else self._write(name, 1)), "output"

    def column(self, place: str, count: int) -> Matrix:
        """Return place[0], place[1], … as a column."""
        return Matrix(tuple((self._cell(f"{place}[{i}]", 1),) for i in range(count)), "output")

    def row(self, place: str, count: int) -> Matrix:
        """Return place[0], place[1], … as a row."""
        names = (f"{place}[{i}]" for i in range(count))
        return Matrix((tuple(self._cell(name, count) for name in names),), "output")

    def matrix(self, place: str, shape: tuple[int, int]) -> Matrix:
        """Return place[0,0], … as a matrix."""
        rows, columns = shape
        return Matrix(
            tuple(
                tuple(self._cell(f"{place}[{i},{j}]", columns) for j in range(columns))
                for i in range(rows)
            ),
            "output",
        )

    def named(self, place: str, count: int, symbol: str) -> tuple[str, ...]:
        """Return the numbers of a place that is used again, or their names where it is blank."""
        return tuple(
            written(self._known[name]) if name in self._known else f"{symbol}[{i}]"
            for i, name in enumerate(f"{place}[{i}]" for i in range(count))
        )

    def knows(self, name: str) -> bool:
        """Whether the number is shown."""
        return name in self._known

    def _cell(self, name: str, columns: int) -> str:
        return written(self._known[name]) if name in self._known else self._write(name, columns)


def matrix_of(rows: Sequence[Sequence[Fraction]], role: str) -> Matrix:
    """Return numbers in brackets."""
    return Matrix(tuple(tuple(map(written, row)) for row in rows), role)


def row_of(values: Sequence[Fraction], role: str) -> Matrix:
    """Return numbers in brackets, side by side."""
    return matrix_of((values,), role)


def column_of(cells: Sequence[str], role: str) -> Matrix:
    """Return what is written in brackets, one below the other."""
    return Matrix(tuple((cell,) for cell in cells), role)


def equation(*parts: Part) -> Equation:
    """Return an equation in which no column is left out, however narrow the page is."""
    return Equation(
        tuple((part, "") if isinstance(part, str) else part for part in parts), whole=True
    )
