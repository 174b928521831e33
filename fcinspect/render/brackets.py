"""Laying out an equation of matrices in brackets, line by line."""

from __future__ import annotations

from fcinspect.render.page import Equation, Matrix, Span

Lines = list[list[Span]]

ELLIPSIS = "⋯"
FEWEST_COLUMNS = 3


def layout(equation: Equation, width: int) -> Lines:
    """Return the lines of an equation, each a list of spans.

    Columns are left out (⋯) from the widest matrix until the equation fits; what still does not
    fit continues below.
    """
    parts = list(equation.parts)
    while _width(parts) > width:
        index = max(
            (i for i, part in enumerate(parts) if isinstance(part, Matrix) and _can_lose(part)),
            key=lambda i: _part_width(parts[i]),
            default=None,
        )
        if index is None:
            break
        part = parts[index]
        assert isinstance(part, Matrix)
        parts[index] = _without_a_column(part)
    lines: Lines = []
    for chunk in _chunks(parts, width):
        lines.extend(_side_by_side(chunk))
    return lines


def _columns(matrix: Matrix) -> int:
    return max((len(row) for row in matrix.rows), default=0)


def _can_lose(matrix: Matrix) -> bool:
    return _columns(matrix) > FEWEST_COLUMNS


def _without_a_column(matrix: Matrix) -> Matrix:
    """Replace the middle column by ⋯, or drop one beside the ⋯ that is there already."""
    columns = _columns(matrix)
    first = matrix.rows[0]
    if ELLIPSIS in first:
        gap = first.index(ELLIPSIS)
        drop = gap - 1 if gap >= columns - gap - 1 else gap + 1
        rows = tuple(row[:drop] + row[drop + 1 :] for row in matrix.rows)
    else:
        middle = columns // 2
        rows = tuple((*row[:middle], ELLIPSIS, *row[middle + 1 :]) for row in matrix.rows)
    return Matrix(rows, matrix.role)


def _cell_widths(matrix: Matrix) -> list[int]:
    return [max(len(row[c]) for row in matrix.rows) for c in range(_columns(matrix))]


def _part_width(part: Matrix | Span) -> int:
    if isinstance(part, Matrix):
        widths = _cell_widths(part)
        return sum(widths) + 2 * max(len(widths) - 1, 0) + 2
    return len(part[0])


def _width(parts: list[Matrix | Span]) -> int:
    return sum(map(_part_width, parts)) + max(len(parts) - 1, 0)


def _chunks(parts: list[Matrix | Span], width: int) -> list[list[Matrix | Span]]:
    """Break an equation before its signs so that each chunk fits the width if it can."""
    chunks: list[list[Matrix | Span]] = [[]]
    for position, part in enumerate(parts):
        following = parts[position : position + 2] if not isinstance(part, Matrix) else [part]
        if chunks[-1] and _width(chunks[-1] + following) > width:
            chunks.append([("   ", "")])
        chunks[-1].append(part)
    return chunks


def _side_by_side(parts: list[Matrix | Span]) -> Lines:
    height = max((len(p.rows) if isinstance(p, Matrix) else 1 for p in parts), default=1)
    lines: Lines = [[] for _ in range(max(height, 1))]
    for position, part in enumerate(parts):
        block = _matrix_lines(part) if isinstance(part, Matrix) else [part]
        top = (height - len(block)) // 2
        blank = " " * _part_width(part)
        for number, line in enumerate(lines):
            inside = 0 <= number - top < len(block)
            if position:
                line.append((" ", ""))
            line.append(block[number - top] if inside else (blank, ""))
    return lines


def _matrix_lines(matrix: Matrix) -> list[Span]:
    widths = _cell_widths(matrix)
    height = len(matrix.rows)
    lines = []
    for number, row in enumerate(matrix.rows):
        cells = "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        if height == 1:
            left, right = "[", "]"
        elif number == 0:
            left, right = "⎡", "⎤"
        elif number == height - 1:
            left, right = "⎣", "⎦"
        else:
            left, right = "⎢", "⎥"
        lines.append((f"{left}{cells}{right}", matrix.role))
    return lines
