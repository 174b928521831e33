"""A page as rich renderables, for a terminal, a pipe, SVG or HTML."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from fcinspect.render import text
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
            console.print(shown, soft_wrap=not framed)


def _renderable(block: Block, width: int, framed: bool, ascii_only: bool) -> RenderableType:
    match block:
        case Heading(words, level):
            return Text(words, style="bold" if level > 1 else "bold underline")
        case Line(spans, indent):
            line = Text()
            for words, role in spans:
                line.append(words, style=STYLES[role])
            return line if not indent else _hanging(line, indent, width)
        case Table():
            return _table(block, framed)
        case Equation():
            # the brackets are made here, after the page's own signs were replaced
            write = text.ascii_only if ascii_only else str
            return Group(
                *(
                    Text("", no_wrap=True, overflow="ignore").join(
                        Text(write(words), style=STYLES[role]) for words, role in line
                    )
                    for line in layout(block, width)
                )
            )
        case Verbatim(words):
            return Text(words)


def _hanging(paragraph: Text, indent: int, width: int) -> Text:
    """Return a text wrapped by hand, since rich fills indented lines with blanks."""
    from rich.console import Console

    lines = paragraph.wrap(Console(width=width), max(width - indent, 20))
    blanks = " " * indent
    for line in lines:
        line.rstrip()
    return Text("\n", no_wrap=True).join(Text(blanks) + line for line in lines)


def _table(block: Table, framed: bool) -> RenderableType:
    table = RichTable(
        box=box.SIMPLE_HEAD if framed else None,
        title=block.title or None,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        pad_edge=False,
        show_edge=False,
        padding=(0, 2, 0, 0),
    )
    for column in block.columns:
        table.add_column(
            Text(column.title),
            style=STYLES[column.role],
            justify="right" if column.right else "left",
            overflow="fold",
        )
    for number, row in enumerate(block.rows):
        if number in block.rule_before and framed:
            table.add_section()
        table.add_row(*(Text(cell) for cell in row))
    return _indented(table, block.indent)


def _indented(renderable: RenderableType, indent: int) -> RenderableType:
    return Padding(renderable, (0, 0, 0, indent), expand=False) if indent else renderable
