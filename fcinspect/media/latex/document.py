"""A whole article of LaTeX, and the blocks of a page in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from fcinspect import __version__
from fcinspect.media.latex.equations import blank, display, displays, size_for, width_of
from fcinspect.media.latex.formulas import NotAFormula, formula, math_or_words, sentence
from fcinspect.media.latex.words import is_number, math_number, typed, words
from fcinspect.media.tables import excerpt
from fcinspect.page import blocks

HEAD = r"""% Written by fcinspect VERSION. Compile it with pdflatex; it needs only amsmath.
\documentclass[a4paper,fleqn]{article}
\usepackage{amsmath}
\usepackage[margin=25mm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{5pt plus 2pt}
\setlength{\mathindent}{1.5em}
\renewcommand{\arraystretch}{1.1}
\raggedright
\allowdisplaybreaks
\makeatletter % right-align numbers in the columns of a matrix
\renewcommand*{\env@matrix}{\hskip-\arraycolsep\let\@ifnextchar\new@ifnextchar
  \array{*\c@MaxMatrixCols r}}
\makeatother
"""
LONG_WORDS = 60
"""Longer words before a matrix are set above it."""
DISPLAY = re.compile(r"(\{\\\w+\n)?\\(\[|begin\{align)")
SIGN = r"\newcommand{\sign}[1]{\texttt{<U+#1>}}" + "\n"
BLANK = r"\newcommand{\blank}[1]{\rule{0pt}{4.2ex}\underline{\hspace{#1}}}" + "\n"
SIGN_NOTE = (
    r"Characters that \LaTeX{}'s usual fonts do not have are written as Unicode code points,"
    r" such as \texttt{<U+4E2D>}."
)


def article(parts: Iterable[str], warnings: Sequence[str]) -> str:
    """Return a document of these parts, what a reader should know last."""
    notes = (rf"\emph{{note:}} {words(warning)}" + "\n" for warning in warnings)
    # each part is a paragraph; a display belongs to what stands above it
    body = "".join(part if DISPLAY.match(part) else f"\n{part}" for part in (*parts, *notes))
    escaped = r"\sign{" in body
    head = HEAD.replace("VERSION", __version__) + (SIGN if escaped else "")
    head += BLANK if r"\blank{" in body else ""
    end = f"\n{SIGN_NOTE}\n" if escaped else ""
    return f"{head}\\begin{{document}}\n{body}{end}\\end{{document}}\n"


def title(level: int, said: str) -> str:
    """Return the title of an article (level 1) or of a section; mathematics in it is bold, too."""
    return rf"\{'sub' * (level - 1)}section*{{\boldmath {said}}}" + "\n"


def paragraph(text: str) -> str:
    """Return a paragraph of LaTeX."""
    return f"{text}\n"


def article_of(page: blocks.Page, warnings: Sequence[str]) -> str:
    """Return a page as an article; parameters' small tables stand beside each other."""
    parts: list[str] = []
    for small, groups in groupby(map(blocks.printed, page.groups), _is_small_table):
        if small:
            beside = "\\qquad\n".join(map(_captioned, groups))
            parts.append(paragraph(f"{{\\lineskiplimit=9pt\\lineskip=9pt\n{beside}\\par}}"))
        else:
            for group in groups:
                parts += _blocks(group)
    return article(parts, warnings)


def _is_small_table(group: Sequence[blocks.Printed]) -> bool:
    match group:
        case [blocks.Line(title=True), blocks.Table(), *others]:
            return all(isinstance(other, blocks.Line) for other in others)
    return False


def _captioned(group: Sequence[blocks.Printed]) -> str:
    head, table, *others = group
    assert isinstance(head, blocks.Line)
    assert isinstance(table, blocks.Table)
    (name, _), *rest = head.spans
    caption = f"{typed(name.strip())} {words(''.join(text for text, _ in rest))}"
    if r"\allowbreak" in caption:
        caption = rf"\parbox[t]{{\linewidth}}{{\raggedright {caption}}}"
    below = "".join(rf"\\ {words(line.text)}" for line in others if isinstance(line, blocks.Line))
    return (
        f"\\begin{{tabular}}[t]{{@{{}}l@{{}}}}\n{caption}\\\\[3pt]\n"
        f"{tabular(table)}{below}\\end{{tabular}}"
    )


def _blocks(group: Sequence[blocks.Printed]) -> list[str]:
    parts: list[str] = []
    for formulas, run in groupby(group, lambda b: isinstance(b, blocks.Line) and b.formula):
        if formulas:
            parts += _formulas([block for block in run if isinstance(block, blocks.Line)])
        else:
            for block in run:
                parts += _block(block)
    return parts


def _formulas(lines: Sequence[blocks.Line]) -> list[str]:
    """Return formulas aligned at their signs =, or as words where one is no formula."""
    try:
        body = "\\\\\n".join(map(_aligned, lines))
    except NotAFormula:
        return [paragraph(sentence(line.text)) for line in lines]
    return [f"\\begin{{align*}}\n{body}\n\\end{{align*}}\n"]


def _aligned(line: blocks.Line) -> str:
    """Return a formula, and what is said of it behind a semicolon."""
    (text, _), *more = line.spans
    text, semicolon, tail = text.partition(";")
    left, _, right = text.partition("= ")
    written = f"{formula(left.strip())} " if left.strip() else ""
    written += f"&= {formula(right)}"
    written += rf"\text{{{words(semicolon + tail)}}}" if semicolon else ""
    return written + "".join(rf" \mathbf{{{formula(said)}}}" for said, _ in more)


def _span(text: str, role: str) -> str:
    """Return a piece of a line; a verdict and whatever stands out is bold."""
    if role in ("good", "bad", "unsure", "strong") and text.strip():
        return rf"\textbf{{{words(text)}}}"
    return sentence(text) if " = " in text else words(text)


def _titled(line: blocks.Line) -> str:
    """Return a line that names what follows: its first words stand out."""
    (name, role), *rest = line.spans
    head = typed(name.strip()) if role == "strong" else math_or_words(name.strip())
    return (
        rf"\paragraph{{\boldmath{head}}} {sentence(''.join(text for text, _ in rest).strip())}"
        + "\n"
    )


def _equation(equation: blocks.Equation) -> list[str]:
    above: list[str] = []
    parts = list(equation.parts)
    while not isinstance(first := parts[0], blocks.Matrix):
        said, role = first
        if role != "strong" and len(said) <= LONG_WORDS:
            break
        named = rf"\paragraph{{{typed(said.strip())}}}"
        above.append(named if role == "strong" else sentence(said))
        del parts[0]
    shown = display(replace(equation, parts=tuple(parts)))
    return [paragraph(" ".join(above)), shown] if above else [shown]


def _block(block: blocks.Printed) -> list[str]:
    match block:
        case blocks.Heading():
            name, more = block.parts
            said = title(block.level, math_or_words(name))
            return [said, paragraph(words(more))] if more else [said]
        case blocks.Line(title=True):
            return [_titled(block)]
        case blocks.Line():
            return [paragraph("".join(_span(text, role) for text, role in block.spans))]
        case blocks.Table():
            return [f"\\nopagebreak\\hspace*{{1.5em}}{tabular(block)}"]
        case blocks.RunningSum():
            return displays(block)
        case blocks.Equation():
            return _equation(block)
        case blocks.Verbatim() | blocks.Drawing():
            raise NotImplementedError("no report in LaTeX has code or drawings")


COLUMN_GAP = 12.0
STRUT = r"\rule{0pt}{2.7ex}"
"""Keeps the first row off the line above it."""


def tabular(table: blocks.Table) -> str:
    """Return a table with a line below its titles."""
    table, note = excerpt(table, None)
    kinds = "".join("r" if column.right else "l" for column in table.columns)
    titles = " & ".join(math_or_words(column.title) for column in table.columns)
    rows = [" & ".join(map(_tabular_cell, row)) for row in table.rows]
    for place in sorted({0, *table.rule_before}, reverse=True):
        if place < len(rows):
            rows[place] = f"\\hline\n{STRUT}{rows[place]}"
    body = "\\\\\n".join([titles, *rows])
    written = f"\\begin{{tabular}}[t]{{@{{}}{kinds}@{{}}}}\n{body}\n\\end{{tabular}}\n"
    cells = (
        (column.title, *(row[k] for row in table.rows)) for k, column in enumerate(table.columns)
    )
    widths = [max(map(width_of, column)) for column in cells]
    size = size_for(sum(widths) + COLUMN_GAP * (len(widths) - 1))
    written = f"{{{size}{written.rstrip()}}}\n" if size else written
    return f"{written}\n{words(note)}\n" if note else written


def _tabular_cell(cell: str) -> str:
    if not cell:
        return ""
    if is_number(cell):
        return f"${math_number(cell)}$"
    if cell[0] in "[*":  # an index; behind \\ it would be an option
        return f"{{}}{words(cell)}"
    if cell[0] in "+−" and is_number(cell[1:]):
        return f"${cell[0]}{math_number(cell[1:])}$"
    return math_or_words(cell)


PLACE = re.compile(r"[\w.]+(\[[\d,]+\])?")


NEW_PAGE = r"\newpage\setcounter{page}{1}" + "\n"


def worksheet_document(*pages: blocks.Page) -> str:
    """Return the article of a worksheet's page or of several, each on pages of its own."""
    parts: list[str] = []
    for page in pages:
        first, *groups = page.groups
        heading, *others = first
        assert isinstance(heading, blocks.Line)
        parts += [NEW_PAGE] if parts else []
        parts += [title(1, words(heading.text)), *map(_sheet_block, others)]
        for group in groups:
            parts += map(_sheet_block, group)
    return article(parts, ())


def _sheet_block(block: blocks.Block) -> str:
    match block:
        case blocks.Heading(text):
            return title(2, words(text))
        case blocks.Equation():
            return display(block)
        case blocks.Line():
            return _sheet_line(block)
    raise NotImplementedError(f"a worksheet has no {type(block).__name__}")


def _sheet_line(line: blocks.Line) -> str:
    """Return running text; what it begins with in bold is a layer's or a blank's name."""
    (text, role), *rest = line.spans
    if role == "strong" and PLACE.fullmatch(text.strip()):
        said = "".join(words for words, _ in rest)
        if said.startswith(" = "):
            return paragraph(f"{typed(text)} $=$ {sentence(said[3:])}")
        return rf"\paragraph{{{typed(text.strip())}}} {sentence(said)}" + "\n"
    if "__" in line.text:
        return paragraph("".join(_with_blanks(*span) for span in line.spans))
    return paragraph(sentence(line.text))


def _with_blanks(text: str, role: str) -> str:
    """Return a piece of a line with blanks; a name that stands in one's place is bold."""
    if role:
        return rf"\textbf{{{words(text)}}}"
    written = re.sub(r"_{2,}", lambda m: blank(len(m[0])), text)
    return re.sub(" {2,}", r"\\hfill ", written)
