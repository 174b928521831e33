"""Prose in Markdown, as rich shows it in a terminal."""

from __future__ import annotations

import re
from typing import ClassVar, TextIO

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement
from rich.text import Text
from rich.theme import Theme

from fcinspect.media.emit import console_for, encodable

THEME = Theme(
    {
        "markdown.h1": "bold underline",
        "markdown.h2": "bold",
        "markdown.h3": "bold italic",
        "markdown.code": "cyan",
        "markdown.table.header": "bold",
        "markdown.table.border": "dim",
    }
)
"""No backgrounds: the page is readable on a dark and on a light terminal."""
PAGE_LINK = re.compile(r"\[(\w+)\]\(\1\.md\)")
WIDEST = 100
"""Columns of a paragraph at most: longer lines are hard to follow."""


class _Code(CodeBlock):
    """Code as it is: no line is broken, and what stands behind a prompt is bold."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = str(self.text).rstrip().split("\n")
        indent = "  " if max(map(cell_len, lines)) + 2 <= options.max_width else ""
        for line in lines:
            style = "bold" if line.startswith("$ ") else "none"
            yield Text(indent + line, style=style, no_wrap=True, overflow="ignore")


class _Title(Heading):
    """A heading at the left, whatever its level."""

    LEVEL_ALIGN = dict.fromkeys(Heading.LEVEL_ALIGN, "left")


class _Prose(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "fence": _Code,
        "code_block": _Code,
        "heading_open": _Title,
    }


def print_prose(text: str, stream: TextIO, program: str) -> None:
    """Print Markdown to a terminal.

    A link to another page becomes the command that shows it: `[page](page.md)` is written
    `program page`.
    """
    shown = PAGE_LINK.sub(rf"`{program} \1`", text)
    console = console_for(stream)
    width = min(console.width, WIDEST)
    with console.use_theme(THEME), console.capture() as captured:
        # code that is wider than the terminal is not cut
        console.print(_Prose(shown), width=width, crop=False)
    printed = re.sub(" +$", "", captured.get(), flags=re.MULTILINE)
    stream.write(encodable(printed, stream))
    stream.flush()
