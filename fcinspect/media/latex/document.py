"""A whole article of LaTeX, and the blocks of a page in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from fcinspect import __version__
from fcinspect.media.latex.equations import display
from fcinspect.media.latex.formulas import formula
from fcinspect.media.latex.sentences import math_or_words, sentence
from fcinspect.media.latex.sums import displays
from fcinspect.media.latex.tables import tabular
from fcinspect.media.latex.tokens import NotAFormula
from fcinspect.media.latex.words import typed, words
from fcinspect.page.blocks import (
    Drawing,
    Equation,
    Heading,
    Line,
    Matrix,
    Page,
    Printed,
    RunningSum,
    Table,
    Verbatim,
    printed,
)

HEAD = r"""% Written by fcinspect VERSION. Compile it with pdflatex; amsmath is all it needs.
\documentclass[a4paper,fleqn]{article}
\usepackage{amsmath}
\usepackage[margin=25mm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{5pt plus 2pt}
\setlength{\mathindent}{1.5em}
\renewcommand{\arraystretch}{1.1}
\raggedright
\allowdisplaybreaks
\makeatletter % numbers stand right in the columns of a matrix
\renewcommand*{\env@matrix}{\hskip-\arraycolsep\let\@ifnextchar\new@ifnextchar
  \array{*\c@MaxMatrixCols r}}
\makeatother
"""
LONG_WORDS = 60
"""More characters before a matrix stand above it."""
DISPLAY = re.compile(r"(\{\\\w+\n)?\\(\[|begin\{align)")
SIGN = r"\newcommand{\sign}[1]{\texttt{<U+#1>}}" + "\n"
BLANK = r"\newcommand{\blank}[1]{\rule{0pt}{4.2ex}\underline{\hspace{#1}}}" + "\n"
SIGN_NOTE = (
    r"Signs that \LaTeX{}'s usual fonts do not have are written by their number in Unicode,"
    r" as \texttt{<U+4E2D>}."
)


def article(parts: Iterable[str], warnings: Sequence[str]) -> str:
    """Return a document of these parts, what a reader should know last."""
    body = _joined([*parts, *(rf"\emph{{note:}} {words(w)}" + "\n" for w in warnings)])
    escaped = r"\sign{" in body
    head = HEAD.replace("VERSION", __version__) + (SIGN if escaped else "")
    head += BLANK if r"\blank{" in body else ""
    notes = f"\n{SIGN_NOTE}\n" if escaped else ""
    return f"{head}\\begin{{document}}\n{body}{notes}\\end{{document}}\n"


def _joined(parts: Iterable[str]) -> str:
    """Join parts, each a paragraph; a display belongs to what stands above it."""
    return "".join(part if DISPLAY.match(part) else f"\n{part}" for part in parts)


def title(level: int, said: str) -> str:
    """Return the title of an article (level 1) or of a section; mathematics in it is bold, too."""
    return rf"\{'sub' * (level - 1)}section*{{\boldmath {said}}}" + "\n"


def paragraph(text: str) -> str:
    """Return a paragraph of LaTeX."""
    return f"{text}\n"


def article_of(page: Page, warnings: Sequence[str]) -> str:
    """Return a page as an article; parameters' small tables stand beside each other."""
    parts: list[str] = []
    for small, groups in groupby(map(printed, page.groups), _is_small_table):
        if small:
            parts.append(_side_by_side(map(_captioned, groups)))
        else:
            for group in groups:
                parts += _blocks(group)
    return article(parts, warnings)


def _is_small_table(group: Sequence[Printed]) -> bool:
    """Whether a group is a table under its title, and perhaps lines on it."""
    match group:
        case [Line(title=True), Table(), *others]:
            return all(isinstance(other, Line) for other in others)
    return False


def _captioned(group: Sequence[Printed]) -> str:
    head, table, *others = group
    assert isinstance(head, Line)
    assert isinstance(table, Table)
    (name, _), *rest = head.spans
    caption = f"{typed(name.strip())} {words(''.join(text for text, _ in rest))}"
    if r"\allowbreak" in caption:
        caption = rf"\parbox[t]{{\linewidth}}{{\raggedright {caption}}}"
    below = "".join(rf"\\ {words(line.text)}" for line in others if isinstance(line, Line))
    return (
        f"\\begin{{tabular}}[t]{{@{{}}l@{{}}}}\n{caption}\\\\[3pt]\n"
        f"{tabular(table)}{below}\\end{{tabular}}"
    )


def _side_by_side(tables: Iterable[str]) -> str:
    joined = "\\qquad\n".join(tables)
    return paragraph(f"{{\\lineskiplimit=9pt\\lineskip=9pt\n{joined}\\par}}")


def _blocks(group: Sequence[Printed]) -> list[str]:
    """Return the blocks of a group, one part each or several; formulas below each other are one."""
    parts: list[str] = []
    for formulas, blocks in groupby(group, lambda b: isinstance(b, Line) and b.formula):
        if formulas:
            parts += _formulas([block for block in blocks if isinstance(block, Line)])
        else:
            for block in blocks:
                parts += _block(block)
    return parts


def _formulas(lines: Sequence[Line]) -> list[str]:
    """Return formulas with their signs = below each other; as words what is none."""
    try:
        body = "\\\\\n".join(map(_aligned, lines))
    except NotAFormula:
        return [paragraph(sentence(line.text)) for line in lines]
    return [f"\\begin{{align*}}\n{body}\n\\end{{align*}}\n"]


def _aligned(line: Line) -> str:
    """Return a formula, and what is said of it behind a semicolon."""
    (text, _), *more = line.spans
    text, semicolon, tail = text.partition(";")
    left, _, right = text.partition("= ")
    written = f"{formula(left.strip())} " if left.strip() else ""
    written += f"&= {formula(right)}"
    written += rf"\text{{{words(semicolon + tail)}}}" if semicolon else ""
    return written + "".join(rf" \mathbf{{{formula(said)}}}" for said, _ in more)


def _said(line: Line) -> str:
    """Return a line; a verdict and whatever stands out is bold."""
    return paragraph("".join(_span(text, role) for text, role in line.spans))


def _span(text: str, role: str) -> str:
    if role in ("good", "bad", "unsure", "strong") and text.strip():
        return rf"\textbf{{{words(text)}}}"
    return sentence(text) if " = " in text else words(text)


def _titled(line: Line) -> str:
    """Return a line that names what follows: its first words stand out."""
    (name, role), *rest = line.spans
    head = typed(name.strip()) if role == "strong" else math_or_words(name.strip())
    return (
        rf"\paragraph{{\boldmath{head}}} {sentence(''.join(text for text, _ in rest).strip())}"
        + "\n"
    )


def _heading(heading: Heading) -> list[str]:
    """Return a title, and as a paragraph what stands apart from it."""
    name, more = heading.parts
    said = title(heading.level, math_or_words(name))
    return [said, paragraph(words(more))] if more else [said]


def _equation(equation: Equation) -> list[str]:
    """Return a display; a name before it, or many words, stand above it."""
    above: list[str] = []
    parts = list(equation.parts)
    while not isinstance(first := parts[0], Matrix):
        said, role = first
        if role != "strong" and len(said) <= LONG_WORDS:
            break
        named = rf"\paragraph{{{typed(said.strip())}}}"
        above.append(named if role == "strong" else sentence(said))
        del parts[0]
    shown = display(replace(equation, parts=tuple(parts)))
    return [paragraph(" ".join(above)), shown] if above else [shown]


def _block(block: Printed) -> list[str]:
    match block:
        case Heading():
            return _heading(block)
        case Line(title=True):
            return [_titled(block)]
        case Line():
            return [_said(block)]
        case Table():
            return [f"\\nopagebreak\\hspace*{{1.5em}}{tabular(block)}"]
        case RunningSum():
            return displays(block)
        case Equation():
            return _equation(block)
        case Verbatim() | Drawing():
            raise NotImplementedError("no report in LaTeX has code or drawings")
