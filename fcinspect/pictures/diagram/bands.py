"""Where the columns of a diagram stand in text, and how a long network is broken into bands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from fcinspect.page.blocks import Medium
from fcinspect.page.text import number
from fcinspect.pictures.diagram.labels import ascii_label, label

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Column, Connection, Diagram

FEWEST_CELLS, MOST_CELLS = 5, 20
"""Between two columns."""


@dataclass(frozen=True)
class TextColumn:
    """A column of units in text."""

    column: Column
    cells: tuple[str, ...]
    """What stands in each row, all equally wide."""
    rows_of_units: dict[int, int]
    """The row of each unit by its index, counted from the top."""
    heading: tuple[str, ...]
    footing: str

    @property
    def wide(self) -> int:
        """Characters of a cell."""
        return len(self.cells[0])


@dataclass(frozen=True)
class Gap:
    """What lies between two columns."""

    left: TextColumn
    right: TextColumn
    connection: Connection | None
    """None where layers in between are not drawn."""
    cells: int
    """How wide it is."""
    footing: tuple[str, ...]


@dataclass(frozen=True)
class Band:
    """Columns that stand side by side."""

    columns: tuple[TextColumn, ...]
    gaps: tuple[Gap, ...]
    left: int
    """Blanks before the first column."""
    rows: int

    @property
    def headings(self) -> tuple[str, ...]:
        """The lines above the units."""
        return _lines([c.heading for c in self.columns], self._middles())

    @property
    def footings(self) -> tuple[str, ...]:
        """The lines below: what the units apply, then the shapes of the layers."""
        middles = self._middles()
        between = [(a + b) // 2 for a, b in pairwise(middles)]
        applied = _lines([(c.footing,) for c in self.columns], middles)
        return (*applied, *_lines([gap.footing for gap in self.gaps], between))

    def _middles(self) -> list[int]:
        middles, x = [], self.left
        for place, column in enumerate(self.columns):
            middles.append(x + column.wide // 2)
            x += column.wide + (self.gaps[place].cells if place < len(self.gaps) else 0)
        return middles


def bands_of(diagram: Diagram, precision: int, medium: Medium) -> tuple[Band, ...]:
    """Return the bands, as wide as the medium allows; the last column of one begins the next."""
    rows = max(1, *(2 * _slots(column) - 1 for column in diagram.columns))
    columns = [_text(column, diagram, rows, precision, medium) for column in diagram.columns]
    by_place = {connection.position: connection for connection in diagram.connections}
    gaps = [
        _gap(left, right, by_place.get(right.column.position), diagram, medium)
        for left, right in pairwise(columns)
    ]
    bands = []
    start = 0
    while start < len(gaps):
        end = start + 1
        while end < len(gaps) and _width(columns, gaps, start, end + 1) <= medium.width:
            end += 1
        bands.append(_band(columns, gaps, start, end, medium.width, rows))
        start = end
    return tuple(bands)


def _slots(column: Column) -> int:
    return len(column.units) + bool(column.folded)


def _text(
    column: Column, diagram: Diagram, rows: int, precision: int, medium: Medium
) -> TextColumn:
    name = ascii_label if medium.ascii_only else label
    words = [name(column, unit) for unit in column.units]
    if diagram.has_values:
        long = max(map(len, words), default=0)
        values = ["" if u.value is None else number(u.value, precision) for u in column.units]
        most = max(map(len, values), default=0)
        words = [f"{w.ljust(long)} {v.rjust(most)}" for w, v in zip(words, values, strict=True)]
    wide = max(map(len, words), default=0) + 2
    top = (rows - (2 * _slots(column) - 1)) // 2
    places = {
        unit.index: top + 2 * (slot + (1 if slot >= column.before else 0))
        for slot, unit in enumerate(column.units)
    }
    cells = [" " * wide] * rows
    for unit, written in zip(column.units, words, strict=True):
        cells[places[unit.index]] = written.center(wide)
    if column.folded:
        cells[top + 2 * column.before] = medium.write("⋮").center(wide)
    heading = [column.title, f"{column.width:,}"]
    if column.folded:
        heading[1] += ","
        heading.append(f"showing {len(column.units)}")
    behind = next((c for c in diagram.connections if c.position == column.position), None)
    footing = "" if behind is None or behind.activation == "identity" else behind.activation
    return TextColumn(column, tuple(cells), places, tuple(heading), medium.write(footing))


def _gap(
    left: TextColumn,
    right: TextColumn,
    connection: Connection | None,
    diagram: Diagram,
    medium: Medium,
) -> Gap:
    if connection is None:
        footing: tuple[str, ...] = (f"{diagram.folded_columns} layers", "not drawn")
    else:
        shape = f"W {connection.out_features}×{connection.in_features}"
        bias = f"+ b {connection.out_features}" if connection.bias else ""
        footing = (medium.write(shape), bias)
    sides = (left.wide + right.wide + 1) // 2
    words = max(max(map(len, side.heading)) for side in (left, right))
    longest = max(words, *map(len, footing), len(right.footing))
    return Gap(left, right, connection, max(FEWEST_CELLS, longest + 2 - sides), footing)


def _width(columns: Sequence[TextColumn], gaps: Sequence[Gap], start: int, end: int) -> int:
    """Return the characters of the columns from `start` to `end`, both among them."""
    inside = sum(c.wide for c in columns[start : end + 1]) + sum(g.cells for g in gaps[start:end])
    return _overhang(columns[start]) + inside + _overhang(columns[end])


def _overhang(column: TextColumn) -> int:
    """Return by how much the words above a column are wider, at one side."""
    longest = max(map(len, (*column.heading, column.footing)))
    return max(0, -(-(longest - column.wide) // 2))


def _band(
    columns: Sequence[TextColumn],
    gaps: Sequence[Gap],
    start: int,
    end: int,
    width: int,
    rows: int,
) -> Band:
    spare = (width - _width(columns, gaps, start, end)) // (end - start)
    wider = [
        Gap(
            g.left, g.right, g.connection, max(g.cells, min(g.cells + spare, MOST_CELLS)), g.footing
        )
        for g in gaps[start:end]
    ]
    return Band(tuple(columns[start : end + 1]), tuple(wider), _overhang(columns[start]), rows)


def _lines(words: Sequence[Sequence[str]], middles: Sequence[int]) -> tuple[str, ...]:
    """Return lines in which words stand centred at their places; empty lines are left out."""
    lines = []
    for row in range(max(map(len, words))):
        line = ""
        for parts, middle in zip(words, middles, strict=True):
            part = parts[row] if row < len(parts) else ""
            if part:
                start = max(middle - len(part) // 2, len(line) + 1 if line else 0)
                line = line.ljust(start) + part
        if line:
            lines.append(line)
    return tuple(lines)
