"""A table on a page, whose rows may know their place as the numbers of a matrix do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fcinspect.page.blocks import Block, Table


@dataclass(frozen=True)
class PageTable:
    """A table of the page, and what is known of each of its rows."""

    table: Table
    caption: str
    """What it is, for those who hear the page."""
    keys: str = ""
    """The names by which others refer to its rows; "" for rows that nothing refers to."""
    axes: str = ""
    lights: str = ""
    formula: str = ""
    name: str = ""
    """What a row is called, before its index."""
    rule: str = ""
    """How the optimizer makes an update of a gradient, where one line says it."""
    at: Sequence[str] = ()
    """The indices of each row."""
    exact: Sequence[Sequence[str]] = ()
    """The number in memory of each cell, "" where it holds none."""


def page_tables(blocks: Sequence[Block], captions: Sequence[str]) -> list[Block | PageTable]:
    """Return blocks with every table as one of the page, named by the captions in their order."""
    names = iter(captions)
    return [PageTable(b, next(names, "table")) if isinstance(b, Table) else b for b in blocks]
