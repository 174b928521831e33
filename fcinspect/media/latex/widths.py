"""How wide mathematics is in Computer Modern at 10 pt, and in which size it fits into a line.

Source: the widths in cmr10.tfm and cmsy10.tfm, rounded up.
"""

from __future__ import annotations

import re

from fcinspect.page.blocks import Matrix, Span

LINE = 430.0
"""Points of a line that a display can fill: 160 mm less its indent, less a reserve."""
SIZES = ((1.0, ""), (0.93, r"\small"), (0.86, r"\footnotesize"), (0.8, r"\scriptsize"))
"""How wide letters are in each size, compared with the usual one."""
SMALLEST = r"\tiny"
LETTERS = {".": 2.8, ",": 2.8, "-": 7.8, "−": 7.8, "⋯": 11.8, "⋮": 2.8, "⋱": 12.9, "…": 11.8,
           " ": 3.4, "i": 3, "l": 3, "=": 13.4, "+": 12.3, "·": 7.3, "×": 12.3, "m": 8.4,
           "w": 7.3, "Σ": 14, "(": 3.9, ")": 3.9}  # fmt: skip
DIGIT = 5.1
POWER = 17.4
"""·10"""
RAISED = 4.1
GAP = 10.0
"""Between the columns of a matrix or tabular, which may be 12."""
BRACKETS = 11.0
SPACED = re.compile(r" ([=+−·×]) ")
EXPONENT = re.compile(r"e([+-]?\d+)", re.ASCII)


def width_of(written: str) -> float:
    """Return the width of a number or of words, in points."""
    found = EXPONENT.search(written)
    if found is not None and written[0] in "-0123456789":
        raised = sum(6.7 if sign == "-" else RAISED for sign in found[1].lstrip("+0"))
        return width_of(written[: found.start()]) + POWER + raised
    written = SPACED.sub(r"\1", written)  # a sign's width has the blanks beside it
    return sum(LETTERS.get(sign, DIGIT if sign.isdigit() else 5.6) for sign in written)


def width_of_parts(parts: list[Matrix | Span]) -> float:
    """Return the width of matrices and signs side by side."""
    return sum(map(_part, parts))


def size_for(width: float, line: float = LINE) -> str:
    """Return the command of the largest size in which that width fits into a line."""
    return next((size for share, size in SIZES if width * share <= line), SMALLEST)


def _part(part: Matrix | Span) -> float:
    if not isinstance(part, Matrix):
        return width_of(part[0]) + 4
    if not any(part.rows):
        return 2 * BRACKETS
    columns = zip(*part.rows, strict=True)
    inside = [max(map(width_of, column)) for column in columns]
    named = 0.75 * width_of(part.name)  # below, in a smaller size
    return max(sum(inside) + GAP * (len(inside) - 1) + BRACKETS, named)
