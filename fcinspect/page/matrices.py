"""Arrays of a network as matrices in brackets, large ones by their first and last numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fcinspect.page import text
from fcinspect.page.blocks import Block, Equation, Matrix, Span

if TYPE_CHECKING:
    from fcinspect.rounding.arrays import FloatArray

MOST_ROWS = 8
MOST_COLUMNS = 6
"""Wider matrices show five columns and ⋯, which an equation does not narrow further."""

Part = str | Span | tuple[npt.NDArray[np.floating[Any]], str]
"""A sign, a coloured word, or an array of two dimensions with its role."""


def equation(parts: Sequence[Part], precision: int) -> list[Block]:
    """Return an equation of signs and (array, role) pairs."""
    built: list[Matrix | Span] = []
    for part in parts:
        if isinstance(part, str):
            built.append((part, ""))
        elif isinstance(part[0], str):
            built.append((part[0], part[1]))
        else:
            built.append(matrix(part[0], part[1], precision))
    return [Equation(tuple(built))]


def matrix(values: FloatArray, role: str, precision: int, name: str = "") -> Matrix:
    """Return a two-dimensional array in brackets, ⋮ and ⋯ marking what is left out."""
    height, width = values.shape
    rows, columns = shown_places(height, width)
    shown = [float(values[r, c]) for r in rows for c in columns if r >= 0 and c >= 0]
    write = writer(shown, precision)

    def cell(r: int, c: int) -> str:
        if r < 0:
            return "⋮" if c >= 0 else "⋱"
        return write(float(values[r, c])) if c >= 0 else "⋯"

    whole = height <= MOST_ROWS and width <= MOST_COLUMNS
    return Matrix(
        tuple(tuple(cell(r, c) for c in columns) for r in rows),
        role,
        None if whole else (height, width),
        name,
    )


def writer(values: Sequence[float], precision: int) -> Callable[[float], str]:
    """Return how numbers that stand together are written: a zero is a bare 0, to be seen as one."""
    write = text.writer(values, precision)
    return lambda value: "0" if value == 0 else write(value)


def numbers(values: Sequence[float], precision: int) -> list[str]:
    """Write the numbers of one column."""
    return list(map(writer(values, precision), values))


def shown_places(height: int, width: int) -> tuple[list[int], list[int]]:
    """Return the rows and columns that are shown of a matrix, −1 for the gap."""
    return _ends(height, MOST_ROWS, MOST_ROWS), _ends(width, MOST_COLUMNS, MOST_COLUMNS - 1)


def _ends(count: int, whole: int, most: int) -> list[int]:
    """Return the indices shown of `count`: all of up to `whole`, else `most`, −1 for the gap."""
    return list(range(count)) if count <= whole else [*range(most - 1), -1, count - 1]
