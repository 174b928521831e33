"""A page as rich renderables, for a terminal, a pipe, SVG or HTML."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.text import Text

from fcinspect.render import tables, text
from fcinspect.render.brackets import layout
from fcinspect.render.page import Block, Equation, Heading, Line, Page, Table, Verbatim

STYLES = {
    "": "",
    "weight": "cyan",
    "input": "green",
    "bias": "magenta",
    "output": "yellow",
    "gradient": "blue",
    "good": "green",
    "bad": "bold red",
    "unsure": "yellow",
    "strong": "bold",
    "faint": "dim",
}
"""The colour of each role; what a colour says is always said in words too."""


def print_page(page: Page, console: Console, *, framed: bool, ascii_only: bool = False) -> None:
    """Print a page; `framed` draws lines in tables, for people rather than for pipes."""
    if ascii_only:
        page = page.with_text(text.ascii_only)
    for number, group in enumerate(page.groups):
        if number:
            console.print()
        for block in group:
            shown = _renderable(block, console.width, framed, ascii_only)
            # lines are broken already: what is still too wide is not cut
            console.print(shown, soft_wrap=True)


def _renderable(block: Block, width: int, framed: bool, ascii_only: bool) -> RenderableType:
    match block:
        case Heading(words, level):
            title = Text(words, style="bold" if level > 1 else "bold underline")
            return _paragraph(title, width, framed)
        case Line(spans, indent):
            line = Text()
            for words, role in spans:
                line.append(words, style=STYLES[role])
            return _paragraph(line, width, framed, indent)
        case Table():
            return _table(block, width, framed, ascii_only)
        case Equation():
            # signs are replaced before widths are measured
            write = text.ascii_only if ascii_only else str
            return Group(
                *(
                    Text("", no_wrap=True, overflow="ignore").join(
                        Text(words, style=STYLES[role]) for words, role in line
                    )
                    for line in layout(block, width, write)
                )
            )
        case Verbatim(words):
            return Text(words)


def _paragraph(paragraph: Text, width: int, framed: bool, indent: int = 0) -> Text:
    """Return a text wrapped by hand, since rich leaves blanks at the ends of lines."""
    from rich.console import Console

    lines: Iterable[Text] = [paragraph]
    if framed:
        lines = paragraph.wrap(Console(width=width), max(width - indent, 20))
    blanks = " " * indent
    for line in lines:
        line.rstrip()
    return Text("\n", no_wrap=True).join(Text(blanks) + line for line in lines)


def _table(block: Table, width: int, framed: bool, ascii_only: bool) -> RenderableType:
    write = text.ascii_only if ascii_only else str
    lines, note = tables.layout(block, width if framed else None, write)
    drawn = Text("\n", no_wrap=True, overflow="ignore").join(
        Text.assemble(*((words, STYLES[role]) for words, role in line)) for line in lines
    )
    if not note:
        return drawn
    return Group(drawn, _paragraph(Text(note, style=STYLES["faint"]), width, framed, block.indent))
