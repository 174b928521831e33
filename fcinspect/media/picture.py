"""A page as a picture of what a terminal shows: .txt and .svg."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from fcinspect.media.terminal import print_page

if TYPE_CHECKING:
    from rich.console import Console

    from fcinspect.page.blocks import Page

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


def picture(command: str, page: Page, form: str) -> str:
    """Return a page of that command as "txt" or "svg"."""
    console = _printed(page, _width(page), colored=form != "txt")
    if form == "txt":
        return console.export_text()
    return console.export_svg(title=f"fcinspect {command}", code_format=SVG)


def _width(page: Page) -> int:
    """Return how wide a picture must be: its edge would cut the widest line."""
    lines = _printed(page, PICTURE_WIDTH).export_text().splitlines()
    return max(PICTURE_WIDTH, *map(len, lines), 0)


def _printed(page: Page, width: int, *, colored: bool = True) -> Console:
    """Return a console that keeps the page for export, with or without colours."""
    from rich.console import Console

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
