"""Equations of matrices as displays, cut and continued below as on a terminal."""

from __future__ import annotations

import re
from dataclasses import replace

from fcinspect.media.brackets import fitted
from fcinspect.media.latex.formulas import formula
from fcinspect.media.latex.numbers import is_number, math_number
from fcinspect.media.latex.tokens import NotAFormula
from fcinspect.media.latex.widths import LINE, size_for, width_of_parts
from fcinspect.media.latex.words import typed, words
from fcinspect.page import text
from fcinspect.page.blocks import Equation, Matrix, Span
from fcinspect.page.matrices import letters_of

CHARACTERS = 90
"""Of numbers with few decimals, side by side in a line."""
SHRINK = 0.93
BLANK = re.compile("_+")
AROUND = re.compile(r"([−+] (?=.))?(.*?)( [=·])?")
"""The signs that join an equation's words to the matrices beside them."""
OVER_ROWS = "ΣᵣGᵣ"
"""The sum of a gradient over the rows of its batch."""


def display(equation: Equation) -> str:
    """Return an equation as a display; what is left out of its matrices is said below."""
    characters = float(CHARACTERS)
    named = replace(equation, parts=tuple(map(_with_shape, equation.parts)))
    while True:
        chunks, notes = fitted(named, int(characters))
        widest = max(map(width_of_parts, chunks))
        if widest <= LINE or characters < CHARACTERS / 2:
            break
        characters *= SHRINK
    lines = [" ".join(map(_part, chunk)) for chunk in chunks]
    if len(lines) > 1:
        body = "\\begin{aligned}\n&" + "\\\\\n&".join(lines) + "\n\\end{aligned}"
    else:
        body = lines[0]
    said = f"\n{words('showing ' + '; '.join(notes))}\n" if notes else ""
    return in_size(f"\\[\n{body}\n\\]\n", size_for(widest)) + said


def _with_shape(part: Matrix | Span) -> Matrix | Span:
    """Return a matrix that is pointed at elsewhere with its shape behind its name."""
    if not isinstance(part, Matrix) or part.subject is None or not part.name:
        return part
    shape = part.shape or (len(part.rows), len(part.rows[0]) if part.rows else 0)
    sides = zip(letters_of(part.subject.axes, part.turned), shape, strict=True)
    sizes = text.matrix_shape([size for letter, size in sides if letter])
    return replace(part, name=f"{part.name} {sizes}")


def in_size(shown: str, size: str) -> str:
    """Return a display in a size, "" being the usual one."""
    return f"{{{size}\n{shown}\\par}}\n" if size else shown


def bmatrix(matrix: Matrix) -> str:
    """Return a matrix in brackets."""
    if not any(matrix.rows):
        return r"\bigl[\;\bigr]"
    body = "\\\\\n".join(" & ".join(map(_cell, row)) for row in matrix.rows)
    return f"\\begin{{bmatrix}}\n{body}\n\\end{{bmatrix}}"


def _part(part: Matrix | Span) -> str:
    if not isinstance(part, Matrix):
        return _sign(part)
    inside = bmatrix(part)
    if not part.name:
        return inside
    name, _, sizes = part.name.partition(" ")
    below = "/".join(map(formula, name.split("/")))
    below += r"\ " + sizes.replace("×", r"\times ") if sizes else ""
    return rf"\underbrace{{{inside}}}_{{{below}}}"


def _cell(cell: str) -> str:
    """Return a number, a blank, or the name of what stands elsewhere."""
    if is_number(cell):
        return math_number(cell)
    return blank(len(cell)) if BLANK.fullmatch(cell) else formula(cell)


def blank(characters: int) -> str:
    """Return a line to write on, with room above it."""
    return rf"\blank{{{2 * characters}mm}}"


def _sign(span: Span) -> str:
    """Return a sign or formula; the indent of what is continued, too."""
    sign, role = span
    if not sign.strip():
        return r"\quad"
    if role == "strong":  # a name
        return rf"\text{{{typed(sign.strip())}}}\quad"
    if sign == OVER_ROWS:
        return r"\textstyle\sum_r G_r"
    if BLANK.fullmatch(sign):
        return blank(len(sign))
    found = AROUND.fullmatch(sign)
    assert found is not None
    before, inside, after = found.groups()
    signs = [formula(sign.strip()) if sign else "" for sign in (before, after)]
    return " ".join(filter(None, (signs[0], _named(inside), signs[1])))


def _named(said: str) -> str:
    """Return a formula, words before one, or the words that name what follows."""
    before, colon, after = said.partition(": ")
    if colon:
        return rf"\text{{{words(before)}: }} {_named(after)}"
    try:
        return formula(said) if said else ""
    except NotAFormula:
        return r"\ ".join(
            word if len(word) == 1 else rf"\text{{{words(word)}}}" for word in said.split()
        )
