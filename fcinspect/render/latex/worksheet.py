"""A worksheet as an article, to be printed and filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fcinspect.render.brackets import fitted
from fcinspect.render.latex.document import article, paragraph, title
from fcinspect.render.latex.equations import in_size
from fcinspect.render.latex.formulas import formula
from fcinspect.render.latex.numbers import is_number, math_number
from fcinspect.render.latex.widths import size_for, width_of_parts
from fcinspect.render.latex.words import typed, words
from fcinspect.render.page import Block, Equation, Heading, Line, Matrix, Page, Span

CHARACTERS = 76
"""Side by side in a line."""
BLANK = re.compile("__+")
EM_OF_SIGN = 0.5
HEIGHT = r"\rule[-6pt]{0pt}{20pt}"
"""Of a row of blanks: there is room to write."""
INDEXED = re.compile(r"([A-Za-z])\[(\d+)\]")


def worksheet_document(page: Page) -> str:
    """Return the article; the first line of the page is its title."""
    first, *rest = (block for group in page.groups for block in group)
    assert isinstance(first, Line)
    return article([title(1, words(first.text)), *_parts(rest)], ())


def _parts(blocks: Iterable[Block]) -> Iterable[str]:
    for block in blocks:
        match block:
            case Heading(text):
                yield title(2, words(text))
            case Line():
                yield paragraph(_said(block))
            case Equation():
                yield _display(block)
            case _:
                raise NotImplementedError("a worksheet has neither tables nor drawings")


def _said(line: Line) -> str:
    """Return a line; what stands out is bold, and underscores are a line to write on."""
    return "".join(
        rf"\textbf{{{_with_blanks(text)}}}" if role == "strong" else _with_blanks(text)
        for text, role in line.spans
    )


def _with_blanks(text: str) -> str:
    done, built = 0, []
    for found in BLANK.finditer(text):
        built += [words(text[done : found.start()]), _rule(found.group())]
        done = found.end()
    return "".join((*built, words(text[done:])))


def _rule(blank: str) -> str:
    return rf"\rule[-3pt]{{{len(blank) * EM_OF_SIGN:g}em}}{{0.4pt}}"


def _display(equation: Equation) -> str:
    chunks, _ = fitted(equation, CHARACTERS)
    lines = [" ".join(map(_part, chunk)) for chunk in chunks]
    body = lines[0]
    if len(lines) > 1:
        body = "\\begin{aligned}\n&" + "\\\\\n&".join(lines) + "\n\\end{aligned}"
    return in_size(f"\\[\n{body}\n\\]\n", size_for(max(map(width_of_parts, chunks))))


def _part(part: Matrix | Span) -> str:
    if not isinstance(part, Matrix):
        if part[1] == "strong":
            return rf"\text{{{typed(part[0].strip())}}}\quad"
        return " ".join(map(_sign, part[0].split())) or r"\quad"
    rows = [" & ".join(map(_cell, row)) for row in part.rows]
    if any(BLANK.fullmatch(cell) for cell in part.rows[0]):
        rows = [f"{row}{HEIGHT}" for row in rows]
    body = "\\\\\n".join(rows)
    return f"\\begin{{bmatrix}}\n{body}\n\\end{{bmatrix}}"


def _cell(cell: str) -> str:
    """Return a number, a blank, a quotient, or the name of a number: a[0]."""
    if indexed := INDEXED.fullmatch(cell):
        return f"{indexed[1]}_{{{indexed[2]}}}"
    return _sign(cell)


def _sign(sign: str) -> str:
    if BLANK.fullmatch(sign):
        return _rule(sign)
    if sign == "≈":
        return r"\approx"
    numerator, _, denominator = sign.partition("/")
    if denominator and is_number(numerator):
        return f"{math_number(numerator)}/{math_number(denominator)}"
    return math_number(sign) if is_number(sign) else formula(sign)
