"""A whole article of LaTeX, and the blocks of a page in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from fcinspect import __version__
from fcinspect.media.latex.equations import display
from fcinspect.media.latex.tables import tabular
from fcinspect.media.latex.words import words
from fcinspect.page.blocks import Block, Drawing, Equation, Heading, Line, Table, Verbatim

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


def blocks(page: Iterable[Block]) -> list[str]:
    """Return the blocks of a page, one part each."""
    return [_block(block) for block in page]


def said(line: Line) -> str:
    """Return a line; a verdict and whatever stands out is bold."""
    return paragraph("".join(_span(text, role) for text, role in line.spans))


def _span(text: str, role: str) -> str:
    bold = role in ("good", "bad", "unsure", "strong") and text.strip()
    return rf"\textbf{{{words(text)}}}" if bold else words(text)


def _block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return title(level, words(text))
        case Line():
            return said(block)
        case Table():
            return f"\\nopagebreak\\hspace*{{1.5em}}{tabular(block)}"
        case Equation():
            return display(block)
        case Verbatim() | Drawing():
            raise NotImplementedError("no report in LaTeX has code or drawings")
