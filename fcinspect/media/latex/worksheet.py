"""A worksheet as an article to print, with room to write; or its key."""

from __future__ import annotations

import re

from fcinspect.media.latex.document import article, paragraph, title
from fcinspect.media.latex.equations import blank, display
from fcinspect.media.latex.sentences import sentence
from fcinspect.media.latex.words import typed, words
from fcinspect.page.blocks import Block, Equation, Heading, Line, Page

PLACE = re.compile(r"[\w.]+(\[[\d,]+\])?")


NEW_PAGE = r"\newpage\setcounter{page}{1}" + "\n"


def worksheet_document(*pages: Page) -> str:
    """Return the article of a worksheet's page or of several, each on pages of its own."""
    parts: list[str] = []
    for page in pages:
        first, *groups = page.groups
        heading, *others = first
        assert isinstance(heading, Line)
        parts += [NEW_PAGE] if parts else []
        parts += [title(1, words(heading.text)), *map(_block, others)]
        for group in groups:
            parts += map(_block, group)
    return article(parts, ())


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return title(2, words(text))
        case Equation():
            return display(block)
        case Line():
            return _line(block)
    raise NotImplementedError(f"a worksheet has no {type(block).__name__}")


def _line(line: Line) -> str:
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
