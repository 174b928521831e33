"""Laying out an equation of matrices in brackets, line by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from fcinspect.page.blocks import Equation, Matrix, Span, of_whole

Lines = list[list[Span]]

ELLIPSIS = "⋯"
GAPS = ("⋮", "⋱")
"""Begin a row that stands for those left out."""
FEWEST_COLUMNS = 3
MOST_KEPT = 6
"""A matrix of up to so many columns is shown whole where the width allows it."""


def layout(equation: Equation, width: int, write: Callable[[str], str] = str) -> Lines:
    """Return the lines of an equation, each a list of spans.

    Columns are left out (⋯) from the widest matrix until the equation fits; a matrix of few
    columns is kept whole, and what does not fit beside it continues below. `write` replaces
    brackets and ⋯ where the medium lacks them.
    """
    chunks, notes = fitted(equation, width, write)
    lines = [line for chunk in chunks for line in _side_by_side(chunk, write)]
    return [*lines, *([(f"  showing {note}", "faint")] for note in notes)]


def fitted(
    equation: Equation, width: int, write: Callable[[str], str] = str
) -> tuple[list[list[Matrix | Span]], list[str]]:
    """Return the parts side by side, chunk below chunk, and what is shown of cut matrices."""
    if equation.whole:
        return _chunks(equation.parts, width), []
    parts = _narrowed(equation.parts, width, MOST_KEPT, write)
    chunks: list[list[Matrix | Span]] = []
    notes: list[str] = []
    for chunk in _chunks(parts, width):
        narrowed = _narrowed(chunk, width, FEWEST_COLUMNS, write)
        chunks.append(narrowed)
        notes.extend(
            note for part in narrowed if (note := _left_out(part, write)) not in (*notes, "")
        )
    return chunks, notes


def _left_out(part: Matrix | Span, write: Callable[[str], str]) -> str:
    """Return "7 of 512 rows, 4 of 784 columns", or "" for a matrix that is shown whole."""
    if not isinstance(part, Matrix) or part.shape is None or 0 in part.shape:
        return ""
    gaps = [write(gap) for gap in GAPS]
    rows = sum(row[0] not in gaps for row in part.rows)
    columns = sum(cell != write(ELLIPSIS) for cell in part.rows[0])
    said = of_whole((rows, part.shape[0], "rows"), (columns, part.shape[1], "columns"))
    return (f"{part.name}: " if part.name and said else "") + said


def _narrowed(
    parts: Sequence[Matrix | Span], width: int, keep: int, write: Callable[[str], str]
) -> list[Matrix | Span]:
    """Leave columns out of the widest matrices until the parts fit, or none has over `keep`."""
    losing = {
        i for i, part in enumerate(parts) if isinstance(part, Matrix) and _columns(part) > keep
    }
    parts = list(parts)
    while _width(parts) > width and losing:
        index = max(losing, key=lambda i: _part_width(parts[i]))
        part = parts[index]
        assert isinstance(part, Matrix)
        parts[index] = _without_a_column(part, write(ELLIPSIS))
        if _columns(part) - 1 <= FEWEST_COLUMNS:
            losing.remove(index)
    return parts


def _columns(matrix: Matrix) -> int:
    return max((len(row) for row in matrix.rows), default=0)


def _without_a_column(matrix: Matrix, ellipsis: str) -> Matrix:
    """Replace the middle column by ⋯, or drop one beside the ⋯ that is there already."""
    columns = _columns(matrix)
    first = matrix.rows[0]
    if ellipsis in first:
        gap = first.index(ellipsis)
        drop = gap - 1 if gap >= columns - gap - 1 else gap + 1
        rows = tuple(row[:drop] + row[drop + 1 :] for row in matrix.rows)
    else:
        middle = columns // 2
        rows = tuple((*row[:middle], ellipsis, *row[middle + 1 :]) for row in matrix.rows)
    return replace(matrix, rows=rows, shape=matrix.shape or (len(matrix.rows), columns))


def _cell_widths(matrix: Matrix) -> list[int]:
    return [max(len(row[c]) for row in matrix.rows) for c in range(_columns(matrix))]


def _part_width(part: Matrix | Span) -> int:
    if isinstance(part, Matrix):
        widths = _cell_widths(part)
        return sum(widths) + 2 * max(len(widths) - 1, 0) + 2
    return len(part[0])


def _width(parts: Sequence[Matrix | Span]) -> int:
    return sum(map(_part_width, parts)) + max(len(parts) - 1, 0)


def _chunks(parts: Sequence[Matrix | Span], width: int) -> list[list[Matrix | Span]]:
    """Break an equation before its signs so that each chunk fits the width if it can."""
    chunks: list[list[Matrix | Span]] = [[]]
    for position, part in enumerate(parts):
        following = parts[position : position + (1 if isinstance(part, Matrix) else 2)]
        if chunks[-1] and _width([*chunks[-1], *following]) > width:
            chunks.append([("   ", "")])
        chunks[-1].append(part)
    return chunks


def _side_by_side(parts: list[Matrix | Span], write: Callable[[str], str]) -> Lines:
    height = max((len(p.rows) if isinstance(p, Matrix) else 1 for p in parts), default=1) or 1
    lines: Lines = [[] for _ in range(height)]
    for position, part in enumerate(parts):
        block = _matrix_lines(part, write) if isinstance(part, Matrix) else [part]
        top = (height - len(block)) // 2
        blank = " " * _part_width(part)
        for number, line in enumerate(lines):
            inside = 0 <= number - top < len(block)
            if position:
                line.append((" ", ""))
            line.append(block[number - top] if inside else (blank, ""))
    for line in lines:
        while line and not line[-1][0].strip():
            line.pop()
    return lines


def _matrix_lines(matrix: Matrix, write: Callable[[str], str]) -> list[Span]:
    widths = _cell_widths(matrix)
    height = len(matrix.rows)
    signs = ["[]"] if height == 1 else ["⎡⎤", *["⎢⎥"] * (height - 2), "⎣⎦"]
    lines = []
    for row, sign in zip(matrix.rows, signs, strict=False):
        cells = "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append((f"{write(sign[0])}{cells}{write(sign[1])}", matrix.role))
    return lines
