"""A page as a picture of what a terminal shows: .txt, .svg and .html."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from fcinspect.media.terminal import print_page
from fcinspect.page.blocks import Drawing, Heading, Line, Medium, Page, Span

if TYPE_CHECKING:
    from rich.console import Console

    from fcinspect.page.blocks import Block

PICTURE_WIDTH = 100


def picture(command: str, page: Page, form: str, figure: Callable[[str], bytes] | None) -> str:
    """Return a page of that command as "txt", "svg" or "html".

    The signs that drawings are made of have one width in a terminal, but not in a browser: HTML
    holds `figure` in their place or, of a report without one, drawings in ASCII. Raises UsageError
    where the figure cannot be made.
    """
    if form == "html":
        return _html(command, page, figure)
    console = _printed(page, _width(page), colored=form != "txt")
    if form == "txt":
        return console.export_text()
    text = console.export_svg(title=f"fcinspect {command}")
    # rich's template names a font on a content server: a saved report loads nothing
    return re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->\s*", "", text, flags=re.DOTALL)


def _html(command: str, page: Page, figure: Callable[[str], bytes] | None) -> str:
    from fcinspect import __version__
    from fcinspect.media.html.printed import fragment, printed_document

    svg = None
    if figure is not None and _has_drawing(page):
        svg = figure(".svg").decode("utf-8")
    parts = [page] if svg is None else _around_drawings(page)
    parts = [_with_plain_drawings(part) for part in parts]
    width = max(map(_width, parts))
    printed = [fragment(_printed(part, width)) for part in parts]
    return printed_document(f"fcinspect {command}", printed, svg, __version__)


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


def _has_drawing(page: Page) -> bool:
    return any(isinstance(block, Drawing) for group in page.groups for block in group)


def _around_drawings(page: Page) -> list[Page]:
    """Return what stands before the first drawing and what stands behind it.

    All drawings go, and with each the title above it, since the figure has its own.
    """
    before: list[tuple[Block, ...]] = []
    behind: list[tuple[Block, ...]] = []
    here = before
    for group in page.groups:
        kept: list[Block] = []
        for block in group:
            if not isinstance(block, Drawing):
                kept.append(block)
                continue
            if kept and isinstance(kept[-1], Heading | Line):
                kept.pop()
            if here is before:
                before.append(tuple(kept))
                here, kept = behind, []
        here.append(tuple(kept))
    return [Page(tuple(filter(None, part))) for part in (before, behind)]


def _with_plain_drawings(page: Page) -> Page:
    return Page(tuple(tuple(map(_plain, group)) for group in page.groups))


def _plain(block: Block) -> Block:
    """Return a drawing in ASCII, whose signs have one width; any other block as it is."""
    if not isinstance(block, Drawing):
        return block
    draw = block.draw

    def drawn(medium: Medium) -> tuple[tuple[Span, ...], ...]:
        return draw(replace(medium, ascii_only=True))

    return replace(block, draw=drawn)
