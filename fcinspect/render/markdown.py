"""A page as Markdown (CommonMark with GitHub's tables)."""

from __future__ import annotations

import re

from fcinspect.render.brackets import layout
from fcinspect.render.page import (
    Block,
    Drawing,
    Equation,
    Heading,
    Line,
    Medium,
    Page,
    Table,
    Verbatim,
)
from fcinspect.render.tables import excerpt

EQUATION_WIDTH = 100
DRAWING_WIDTH = 80


def to_markdown(page: Page) -> str:
    """Return the page as Markdown text, newline-terminated."""
    blocks = [_block(block) for group in page.groups for block in group]
    return "\n\n".join(blocks) + "\n"


def _block(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {_escape(text)}"
        case Line():
            return _escape(block.text)
        case Equation():
            lines = ("".join(words for words, _ in line) for line in layout(block, EQUATION_WIDTH))
            return _fenced("\n".join(line.rstrip() for line in lines), "")
        case Drawing():
            drawn = block.draw(Medium(DRAWING_WIDTH))
            lines = ("".join(words for words, _ in line) for line in drawn)
            return _fenced("\n".join(line.rstrip() for line in lines), "")
        case Verbatim(text=text, language=language):
            return _fenced(text.rstrip("\n"), language)
        case Table():
            return _table(block)


def _table(table: Table) -> str:
    table, note = excerpt(table, None)
    head = "| " + " | ".join(_escape(c.title) for c in table.columns) + " |"
    rule = "|" + "|".join("---:" if c.right else ":---" for c in table.columns) + "|"
    rows = ["| " + " | ".join(_escape(cell) for cell in row) + " |" for row in table.rows]
    title = [f"**{_escape(table.title)}**\n"] if table.title else []
    return "\n".join([*title, head, rule, *rows, *([f"\n{_escape(note)}"] if note else [])])


def _fenced(text: str, language: str) -> str:
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", text)
