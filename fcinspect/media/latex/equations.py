"""Equations of matrices as displays, cut and continued below as on a terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from fcinspect.media.brackets import fitted
from fcinspect.media.latex.formulas import NotAFormula, formula
from fcinspect.media.latex.words import factor, is_number, math_number, typed, words
from fcinspect.page import text
from fcinspect.page.blocks import Equation, Matrix, RunningSum, Span
from fcinspect.page.matrices import letters_of

LINE = 430.0
"""Points of a line that a display can fill: 160 mm less its indent, less a reserve."""
SIZES = ((1.0, ""), (0.93, r"\small"), (0.86, r"\footnotesize"), (0.8, r"\scriptsize"))
"""How wide letters are in each size, compared with the usual one."""
LETTERS = {".": 2.8, ",": 2.8, "-": 7.8, "−": 7.8, "⋯": 11.8, "⋮": 2.8, "⋱": 12.9, "…": 11.8,
           " ": 3.4, "i": 3, "l": 3, "=": 13.4, "+": 12.3, "·": 7.3, "×": 12.3, "m": 8.4,
           "w": 7.3, "Σ": 14, "(": 3.9, ")": 3.9}  # fmt: skip
DIGIT = 5.1
POWER = 17.4  # ·10
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


def size_for(width: float) -> str:
    """Return the command of the largest size in which that width fits into a line."""
    return next((size for share, size in SIZES if width * share <= LINE), r"\tiny")


def _part_width(part: Matrix | Span) -> float:
    if not isinstance(part, Matrix):
        return width_of(part[0]) + 4
    if not any(part.rows):
        return 2 * BRACKETS
    columns = zip(*part.rows, strict=True)
    inside = [max(map(width_of, column)) for column in columns]
    named = 0.75 * width_of(part.name)  # below, in a smaller size
    return max(sum(inside) + GAP * (len(inside) - 1) + BRACKETS, named)


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
        widest = max(sum(map(_part_width, chunk)) for chunk in chunks)
        if widest <= LINE or characters < CHARACTERS / 2:
            break
        characters *= SHRINK
    lines = [" ".join(map(_part, chunk)) for chunk in chunks]
    body = lines[0]
    if len(lines) > 1:
        body = "\\begin{aligned}\n&" + "\\\\\n&".join(lines) + "\n\\end{aligned}"
    said = f"\n{words('showing ' + '; '.join(notes))}\n" if notes else ""
    return _in_size(f"\\[\n{body}\n\\]\n", size_for(widest)) + said


def _with_shape(part: Matrix | Span) -> Matrix | Span:
    """Return a matrix that is pointed at elsewhere with its shape behind its name."""
    if not isinstance(part, Matrix) or part.subject is None or not part.name:
        return part
    shape = part.shape or (len(part.rows), len(part.rows[0]) if part.rows else 0)
    sides = zip(letters_of(part.subject.axes, part.turned), shape, strict=True)
    sizes = text.matrix_shape([size for letter, size in sides if letter])
    return replace(part, name=f"{part.name} {sizes}")


def _in_size(shown: str, size: str) -> str:
    return f"{{{size}\n{shown}\\par}}\n" if size else shown


def _part(part: Matrix | Span) -> str:
    if not isinstance(part, Matrix):
        return _sign(part)
    body = "\\\\\n".join(" & ".join(map(_cell, row)) for row in part.rows)
    inside = f"\\begin{{bmatrix}}\n{body}\n\\end{{bmatrix}}"
    if not any(part.rows):
        inside = r"\bigl[\;\bigr]"
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


MOST_ROWS = 36
"""A display of more steps is continued in another, since a page cannot break it."""

Step = tuple[str, str, str, str, str]
"""What is added, its two factors, what it comes to, and the sum so far."""
TITLES = ("", "", "", "added", "running sum")
SIGNS = 84.0
"""Points that a step takes beside its numbers and the indices of its letters."""


def displays(running: RunningSum) -> list[str]:
    """Return the steps of a sum below each other; two lines each where they are wide."""
    titles = tuple(running.table.columns[place].title for place in (1, 3))
    steps = [_step(row, titles) for row in running.table.rows]
    label = max((sum(sign.isdigit() for sign in step[0]) for step in steps), default=0)
    widths = [max(map(width_of, column)) for column in zip(TITLES, *steps, strict=True)][1:]
    size = size_for(sum(widths) + SIGNS + RAISED * label)
    rows, columns, most = _rows, 5, MOST_ROWS
    if size not in ("", r"\small"):
        rows, columns, most = _double_rows, 3, MOST_ROWS // 2
        size = size_for(max(sum(widths[:2]), widths[2]) + widths[3] + SIGNS + RAISED * label)
    shown = []
    for start in range(0, len(steps), most):
        some = rows(steps[start : start + most])
        body = "\\\\\n".join(some if start == 0 else some[1:])
        display = f"\\[\n\\begin{{alignedat}}{{{columns}}}\n{body}\n\\end{{alignedat}}\n\\]\n"
        shown.append(_in_size(display, size))
    return shown


def _step(row: Sequence[str], titles: Sequence[str]) -> Step:
    """Return a row of the table; its factors are called by the titles of their columns."""
    index, left, _, right, _, added, total = row
    if index.isdigit():
        named = (formula(title.replace("j", index)).replace(", ", ",") for title in titles)
        return (r"\, ".join(named), left, right, added, total)
    return (rf"\text{{{left}}}" if left else formula(right), "", "", added, total)


def _rows(steps: Sequence[Step]) -> list[str]:
    negative = any(x.startswith("-") for _, _, x, _, _ in steps)
    lines = [r"&&&&&& \text{added} && \text{running sum}"]
    for name, weight, x, added, total in steps:
        factors = "&&&&"
        if weight:
            close = "" if x.startswith("-") or not negative else r"\phantom{)}"
            factors = rf"&={{}}& {math_number(weight)} &{{}}\cdot{{}}& {factor(x)}{close}"
        lines.append(
            rf"{name} {factors} &{{}}={{}}& {math_number(added)} &\quad& {math_number(total)}"
        )
    return lines


def _double_rows(steps: Sequence[Step]) -> list[str]:
    lines = [r"&& \text{added} && \text{running sum}"]
    for name, weight, x, added, total in steps:
        if weight:
            lines.append(rf"{name} &={{}}& {math_number(weight)} \cdot {factor(x)} &&")
            name = ""
        lines.append(rf"{name} &={{}}& {math_number(added)} &\quad& {math_number(total)}")
    return lines
