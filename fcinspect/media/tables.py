"""How wide the columns of a table are, so that no number is ever folded."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len

from fcinspect.page.blocks import Column, Table, of_whole

Write = Callable[[str], str]
Places = list[int | None]

GAPS = (3, 2, 1)
"""Blanks between two columns, fewer where a table would not fit."""
FEWEST = ((3, 4), (2, 2), (1, 1))
"""(gap, columns of a matrix): how few columns stay before the next smaller gap is tried."""


FOLDED = 16
"""The least width of a column whose words may be broken anywhere."""
WORDS = re.compile(r" (?!→|->)")
"""Between words, but for an arrow: it ends the line of what goes in."""


@dataclass(frozen=True)
class Fitted:
    """A table as it is drawn in a width."""

    table: Table
    """What is shown of it"""
    widths: tuple[int, ...]
    """Of the columns"""
    gap: int
    """Blanks between two columns"""
    note: str
    """A note on the part that is shown, "" if it is the whole"""


def fit(table: Table, width: int, write: Write = str) -> Fitted:
    """Return how a table is drawn.

    A matrix loses columns, then columns move together, then words go to a second line; a table
    that still does not fit is wider, since half a number is a wrong one. `write` writes the signs
    added here.
    """
    room = width - table.indent
    table, note = _fitting(table, room, write)
    table, left_out = _without_spare(table, room)
    widths, gap = _folded(table, room)
    notes = "; ".join(filter(None, (note, left_out)))
    return Fitted(_broken(table, widths), tuple(widths), gap, notes)


def excerpt(table: Table, most: int | None, write: Write = str) -> tuple[Table, str]:
    """Return a table with at most so many columns of its matrix, and what is then shown.

    ⋯ and ⋮ stand before the last column and row where some are left out.
    """
    part = table.part
    if part is None:
        return table, ""
    held = part.columns if most is None else min(most, part.columns)
    end = part.first + part.columns
    matrix: Places = list(range(part.first, part.first + held))
    if held > 1:
        matrix[-1] = end - 1
    outputs, inputs = part.shape
    if held < inputs:
        matrix.insert(max(held - 1, 1), None)
    places = [*range(part.first), *matrix, *range(end, len(table.columns))]
    gap = Column(write("⋯"), "faint")
    rows = [tuple(gap.title if p is None else row[p] for p in places) for row in table.rows]
    if len(table.rows) < outputs:
        rows.insert(max(len(rows) - 1, 1), (write("⋮"),) * len(places))
    shown = of_whole((len(table.rows), outputs, "outputs"), (held, inputs, "inputs"))
    columns = tuple(gap if p is None else table.columns[p] for p in places)
    note = f"showing {shown}; {part.elsewhere}" if shown else ""
    return replace(table, columns=columns, rows=tuple(rows), part=None), note


def _fitting(table: Table, room: int, write: Write) -> tuple[Table, str]:
    """Leave out columns of a table's matrix until it fits, or one column is left."""
    if table.part is None:
        return table, ""
    held = table.part.columns
    tries = [(gap, held) for gap in GAPS[:2]]
    tries += [(gap, most) for gap, fewest in FEWEST for most in range(held, fewest - 1, -1)]
    for gap, most in tries:
        shown, note = excerpt(table, most, write)
        if _width(_widths(shown), gap) <= room:
            break
    return shown, note


def _without_spare(table: Table, room: int) -> tuple[Table, str]:
    """Leave out spare columns, one after the other, until the others fit and are legible."""
    left_out = []
    while _width(_legible(table), GAPS[-2]) > room:
        spare = next((k for k, column in enumerate(table.columns) if column.spare), None)
        if spare is None:
            break
        gone = [spare]
        while table.columns[gone[-1]].joined:
            gone.append(gone[-1] + 1)
        left_out += [table.columns[k] for k in gone]
        kept = [k for k in range(len(table.columns)) if k not in gone]
        table = replace(
            table,
            columns=tuple(table.columns[k] for k in kept),
            rows=tuple(tuple(row[k] for k in kept) for row in table.rows),
        )
    if not left_out:
        return table, ""
    titles = ", ".join(column.title for column in left_out)
    return table, f"no room for {titles}: {left_out[0].spare}"


def _widths(table: Table) -> list[int]:
    return [
        max(map(cell_len, (column.title, *(row[k] for row in table.rows))))
        for k, column in enumerate(table.columns)
    ]


def _legible(table: Table) -> list[int]:
    """Return the width that each column needs, folded where it may be."""
    pairs = zip(_widths(table), table.columns, strict=True)
    return [min(width, column.legible or width) for width, column in pairs]


def _width(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _folded(table: Table, room: int) -> tuple[list[int], int]:
    """Return the widths of the columns and the gap between them that fit, or the smallest."""
    whole = _widths(table)
    for gap in GAPS:
        if _width(whole, gap) <= room:
            return whole, gap
    for gap in GAPS:
        widths = _narrowed(table, whole, room - gap * (len(whole) - 1))
        if _width(widths, gap) <= room:
            break
    return widths, gap


def _narrowed(table: Table, widths: Sequence[int], room: int) -> list[int]:
    """Narrow the widest columns of words until all fit, but none below its longest word."""
    widths = list(widths)
    least = {}
    for k, column in enumerate(table.columns):
        if not column.right:
            cells = (column.title, *(row[k] for row in table.rows))
            longest = max(cell_len(word) for cell in cells for word in WORDS.split(cell))
            least[k] = min(longest, FOLDED) if column.folds else longest
    while sum(widths) > room:
        wide = [k for k, fewest in least.items() if widths[k] > fewest]
        if not wide:
            break
        widths[max(wide, key=lambda k: widths[k])] -= 1
    return widths


def _broken(table: Table, widths: Sequence[int]) -> Table:
    """Break the names that are folded behind their dots, where lines do not become too short."""
    columns = [
        [_break(row[k], widths[k]) if column.folds else row[k] for row in table.rows]
        for k, column in enumerate(table.columns)
    ]
    return replace(table, rows=tuple(zip(*columns, strict=True)))


def _break(name: str, width: int) -> str:
    lines = []
    while cell_len(name) > width and len(name) == cell_len(name):
        at = 1 + max(name.rfind(sign, width // 2, width) for sign in "._/-") or width
        lines.append(name[:at])
        name = name[at:]
    return "\n".join([*lines, name])
