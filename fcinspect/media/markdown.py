"""A page as Markdown (CommonMark with GitHub's tables)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from fcinspect.media.brackets import layout
from fcinspect.media.tables import excerpt
from fcinspect.page import blocks

EQUATION_WIDTH = 100
DRAWING_WIDTH = 80
BOLD = ("good", "bad", "unsure", "strong")
WIDE = re.compile(r" {2,}")
ACTING = re.compile(r"([\\`*_\[\]<>|#~$]|:(?=[\w+-]+:))")
"""Signs that Markdown, GitHub's mathematics or its names of emoji would act on."""
ENTITY = re.compile(r"&(?=#?\w+;)")
LIST = re.compile(r"^(?:\d*[-+.)=](?= |[-=]*:?$)|:(?=-+:?$))")
"""What would begin a list, underline a title or rule a table."""


def to_markdown(page: blocks.Page) -> str:
    """Return the page as Markdown text, newline-terminated."""
    parts = []
    for group in page.groups:
        for kind, run in groupby(blocks.printed(group), type):
            parts += _run(kind, list(run))
    return "\n\n".join(parts) + "\n"


def _run(kind: type[blocks.Printed], run: list[blocks.Printed]) -> list[str]:
    """Return blocks of one kind: lines are one paragraph, equations one block of code."""
    written = list(map(_block, run))
    if kind is blocks.Line:
        return ["\\\n".join(written)]
    if kind is blocks.Equation:
        return [_fenced("\n\n".join(written), "")]
    return written


def _block(block: blocks.Printed) -> str:
    match block:
        case blocks.Heading(text, level):
            return f"{'#' * level} {_escape(WIDE.sub(' — ', text))}"
        case blocks.Line(spans):
            return _line(spans)
        case blocks.Equation():
            return _drawn(layout(block, EQUATION_WIDTH))
        case blocks.Drawing():
            return _fenced(_drawn(block.draw(blocks.Medium(DRAWING_WIDTH))), "")
        case blocks.Verbatim(text=text, language=language):
            return _fenced(text.rstrip("\n"), language)
        case blocks.Table():
            return _table(block)
        case blocks.RunningSum(table):
            return _table(table)


def _drawn(lines: Iterable[Iterable[blocks.Span]]) -> str:
    return "\n".join("".join(words for words, _ in line).rstrip() for line in lines)


def _line(spans: Sequence[blocks.Span]) -> str:
    text = "".join(map(_span, spans)).strip()
    return LIST.sub(lambda m: f"{m[0][:-1]}\\{m[0][-1]}", text)


def _span(span: blocks.Span) -> str:
    text, role = span
    inside = text.strip()
    if role not in BOLD or not inside:
        return _escape(text)
    before, after = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{before}**{_escape(inside)}**{after}"


def _table(table: blocks.Table) -> str:
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
    return ENTITY.sub("&amp;", ACTING.sub(r"\\\1", text))
