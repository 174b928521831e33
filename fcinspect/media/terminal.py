"""A page as rich renderables, for a terminal or a pipe, and a picture of that: .txt and .svg."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

from rich.box import Box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table as RichTable
from rich.text import Text

from fcinspect.media import tables
from fcinspect.media.brackets import layout
from fcinspect.page import blocks, text
from fcinspect.page.untrusted import with_text

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
"""The colour of each role; words always say the same as the colour."""


RULES = Box("    \n    \n ── \n    \n ── \n ── \n    \n    \n")
ASCII_RULES = Box("    \n    \n -- \n    \n -- \n -- \n    \n    \n", ascii=True)
"""Lines below the titles and between sections, nothing else."""
PLAIN_WIDTH = 80
FREE = 100_000
"""Tables are fitted before they are drawn: rich must not narrow them again."""


def print_page(
    page: blocks.Page, console: Console, *, ruled: bool = True, ascii_only: bool = False
) -> None:
    """Print a page in the width of the console; `ruled` draws lines in tables, for people."""
    if ascii_only:
        page = with_text(page, text.ascii_only, text.ascii_only)
    for number, group in enumerate(page.groups):
        if number:
            console.print()
        for block in blocks.printed(group):
            shown = _renderable(block, console, ruled, ascii_only)
            # lines are broken already: what is still too wide is not cut
            console.print(shown, soft_wrap=True)


@dataclass(frozen=True)
class PageForRich:
    """A page that any console of rich prints."""

    page: blocks.Page

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for number, group in enumerate(self.page.groups):
            if number:
                yield Text()
            for block in blocks.printed(group):
                shown = _renderable(block, console, True, options.ascii_only)
                if isinstance(shown, Text):  # the console would cut a line that is not broken
                    shown.no_wrap, shown.overflow = False, "fold"
                yield shown


def plain_text(page: blocks.Page, width: int = PLAIN_WIDTH) -> str:
    """Return a page as text without styles."""
    console = Console(
        file=io.StringIO(), width=width, color_system=None, markup=False, emoji=False,
        highlight=False, legacy_windows=False,
    )  # fmt: skip
    print_page(page, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _drawn(block: blocks.Drawing, console: Console, ascii_only: bool) -> Text:
    """Return a drawing as wide as the console, up to the width that drawings have at most."""
    width = min(console.width, blocks.DRAWING_WIDTH) - block.indent
    colored = console.color_system is not None and not console.no_color
    lines = block.draw(blocks.Medium(width, ascii_only, colored))
    return _styled([((" " * block.indent, ""), *line) for line in lines])


def _styled(lines: Iterable[Iterable[blocks.Span]]) -> Text:
    """Return lines of spans, each in the style of its role and none broken again."""
    return Text("\n", no_wrap=True, overflow="ignore").join(
        Text("", no_wrap=True, overflow="ignore").join(
            # a drawing may name colours instead
            Text(words, style=STYLES.get(role, role))
            for words, role in line
        )
        for line in lines
    )


def _renderable(
    block: blocks.Printed, console: Console, ruled: bool, ascii_only: bool
) -> RenderableType:
    width, write = console.width, text.ascii_only if ascii_only else str
    match block:
        case blocks.Drawing():
            return _drawn(block, console, ascii_only)
        case blocks.Heading(words, level):
            title = Text(words, style="bold" if level > 1 else "bold underline")
            return _paragraph(title, width)
        case blocks.Line(spans, indent, hang):
            line = Text()
            for words, role in spans:
                line.append(words, style=STYLES[role])
            return _paragraph(line, width, indent, hang)
        case blocks.Table():
            return _table(block, width, ruled, ascii_only)
        case blocks.RunningSum(table):
            return _table(table, width, ruled, ascii_only)
        case blocks.Equation():
            return _styled(layout(block, width, write))
        case blocks.Verbatim():
            # code that is broken elsewhere cannot be copied
            return _styled([(" " * block.indent, ""), span] for span in block.lines)


def _paragraph(paragraph: Text, width: int, indent: int = 0, hang: int = 0) -> Text:
    """Return a text wrapped by hand, since rich leaves blanks at the ends of lines."""
    lines = paragraph.wrap(Console(width=width), max(width - indent - hang, 20))
    for line in lines:
        line.rstrip()
    return Text("\n", no_wrap=True).join(
        Text(" " * (indent + (hang if number else 0))) + line for number, line in enumerate(lines)
    )


def _table(block: blocks.Table, width: int, ruled: bool, ascii_only: bool) -> RenderableType:
    fitted = tables.fit(block, width, text.ascii_only if ascii_only else str)
    drawn = RichTable(
        box=(ASCII_RULES if ascii_only else RULES) if ruled else None,
        # the box adds a blank of its own between two columns
        padding=(0, fitted.gap - 1 if ruled else fitted.gap, 0, 0),
        pad_edge=False,
        show_edge=False,
        header_style="bold",
    )
    for column, wide in zip(fitted.table.columns, fitted.widths, strict=True):
        drawn.add_column(
            Text(column.title),
            style=STYLES[column.role],
            justify="right" if column.right else "left",
            width=wide,
            no_wrap=column.right,
            # nothing is cut: a long name goes on in the next line
            overflow="fold",
        )
    for number, row in enumerate(fitted.table.rows):
        if number in block.rule_before and ruled:
            drawn.add_section()
        style = STYLES["strong"] if number in block.strong else None
        drawn.add_row(*(Text(cell) for cell in row), style=style)
    parts: list[RenderableType] = [_Trimmed(drawn, block.indent)]
    if block.title:
        parts.insert(0, Text(" " * block.indent + block.title, style="bold"))
    if fitted.note:
        note = Text(fitted.note, style=STYLES["faint"])
        parts.append(_paragraph(note, width, block.indent))
    return Group(*parts)


@dataclass(frozen=True)
class _Trimmed:
    """A table as wide as it needs, without blanks at the ends of its lines."""

    table: RichTable
    indent: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        free = options.update(width=FREE, no_wrap=False, overflow="fold")
        for line in console.render_lines(self.table, free, pad=False):
            while line and not line[-1].text.strip():
                line.pop()
            if line:
                yield Segment(" " * self.indent)
                yield from line[:-1]
                yield Segment(line[-1].text.rstrip(), line[-1].style)
            yield Segment.line()


PICTURE_WIDTH = 100
SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
    <style>

    .{unique_id}-matrix {{
        font-family: Fira Code, monospace;
        font-size: {char_height}px;
        line-height: {line_height}px;
        font-variant-east-asian: full-width;
    }}

    .{unique_id}-title {{
        font-size: 18px;
        font-weight: bold;
        font-family: arial;
    }}

    {styles}
    </style>

    <defs>
    <clipPath id="{unique_id}-clip-terminal">
      <rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
    </clipPath>
    {lines}
    </defs>

    {chrome}
    <g transform="translate({terminal_x}, {terminal_y})" \
clip-path="url(#{unique_id}-clip-terminal)">
    {backgrounds}
    <g class="{unique_id}-matrix">
    {matrix}
    </g>
    </g>
</svg>
"""
"""As rich's own, but that it names no font on a content server: a saved report loads nothing."""


def picture(command: str, page: blocks.Page, form: str) -> str:
    """Return a page of that command as "txt" or "svg"."""
    lines = _recorded(page, PICTURE_WIDTH).export_text().splitlines()
    width = max(PICTURE_WIDTH, *map(len, lines), 0)  # the edge would cut a wider line
    console = _recorded(page, width, colored=form != "txt")
    if form == "txt":
        return console.export_text()
    return console.export_svg(title=f"fcinspect {command}", code_format=SVG)


def _recorded(page: blocks.Page, width: int, *, colored: bool = True) -> Console:
    """Return a console that keeps the page for export, with or without colours."""
    console = Console(
        record=True,
        file=io.StringIO(),
        width=width,
        markup=False,
        emoji=False,
        highlight=False,
        force_terminal=True,
        color_system="truecolor" if colored else None,
        legacy_windows=False,
    )
    print_page(page, console)
    return console
