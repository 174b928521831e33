"""Equations of matrices as displays, cut and continued below as on a terminal."""

from __future__ import annotations

from fcinspect.render.brackets import fitted
from fcinspect.render.latex.formulas import formula
from fcinspect.render.latex.numbers import math_number
from fcinspect.render.latex.words import words
from fcinspect.render.page import Equation, Matrix, Span

WIDTH = 76
"""Digits and blanks that fit side by side into the lines of a document."""
SIZES = ((1.0, ""), (0.9, r"\small"), (0.8, r"\footnotesize"), (0.7, r"\scriptsize"))
"""How much of the width an ordinary letter takes in each size."""
SMALLEST = r"\tiny"


def display(equation: Equation) -> str:
    """Return an equation as a display; what is left out of its matrices is said below."""
    chunks, notes = fitted(equation, WIDTH)
    lines = [" ".join(map(_part, chunk)) for chunk in chunks]
    if len(lines) > 1:
        body = "\\begin{aligned}\n&" + "\\\\\n&\\quad ".join(lines) + "\n\\end{aligned}"
    else:
        body = lines[0]
    widest = max(sum(map(_width, chunk)) for chunk in chunks)
    said = "\n".join(f"{words(f'showing {note}')}\n" for note in notes)
    return in_size(f"\\[\n{body}\n\\]\n", widest) + said


def in_size(body: str, characters: float) -> str:
    """Return a display in the largest size in which so many characters fit into a line."""
    size = size_of(characters)
    return f"{{{size}\n{body}\\par}}\n" if size else body


def size_of(characters: float) -> str:
    """Return the command of the largest size in which so many characters fit into a line."""
    return next((size for share, size in SIZES if characters * share <= WIDTH), SMALLEST)


def bmatrix(matrix: Matrix) -> str:
    """Return a matrix in brackets."""
    rows = [" & ".join(map(math_number, row)) for row in matrix.rows]
    if not any(matrix.rows):
        return r"\bigl[\;\bigr]"
    body = "\\\\\n".join(rows)
    return f"\\begin{{bmatrix}}\n{body}\n\\end{{bmatrix}}"


def _part(part: Matrix | Span) -> str:
    if not isinstance(part, Matrix):
        return r"\quad" if not part[0].strip() else formula(part[0])
    inside = bmatrix(part)
    if not part.name:
        return inside
    name, _, sizes = part.name.partition(" ")
    below = "/".join(map(formula, name.split("/"))) + (
        r"\ " + sizes.replace("×", r"\times ") if sizes else ""
    )
    return rf"\underbrace{{{inside}}}_{{{below}}}"


def _width(part: Matrix | Span) -> float:
    if not isinstance(part, Matrix):
        return len(part[0]) + 2
    if not any(part.rows):
        return 2
    columns = zip(*part.rows, strict=True)
    widths = [max(2 if cell == "⋯" else len(cell) for cell in column) for column in columns]
    return sum(widths) + 2 * (len(widths) - 1) + 3
