"""The diagram of a network in text: units in columns, edges in braille dots or in ASCII.

A long network is broken into bands, which stand one below the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from fcinspect.page.blocks import Drawing, Medium, Span
from fcinspect.page.text import number
from fcinspect.pictures.charts.canvas import Canvas, DotStroke, Line, trimmed
from fcinspect.pictures.diagram.labels import ascii_label, label

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Connection, Diagram, Edge, UnitColumn

FEWEST_CELLS, MOST_CELLS = 5, 20
"""Between two columns."""
POSITIVE, NEGATIVE = "#3A9BDC", "#D55E00"
WHOLE = (True,)
SPARSE = (True, False, False, False)
"""Which dots of a line are drawn where its weight is negative."""
DOTTED = (True, *[False] * 9)
"""Those of a weight that is 0."""
BROKEN = (True, True, True, True, True, False, False, False)
"""Those of one that is not finite."""


@dataclass(frozen=True)
class TextColumn:
    """A column of units in text."""

    column: UnitColumn
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


def drawing_of(diagram: Diagram, precision: int) -> Drawing:
    """Return the diagram as a drawing; a long network goes on below itself."""
    return Drawing(partial(_draw, diagram, precision))


def _draw(diagram: Diagram, precision: int, medium: Medium) -> tuple[Line, ...]:
    lines: list[Line] = []
    for band in _bands_of(diagram, precision, medium):
        lines += [(), *_lines_of(band, medium)] if lines else _lines_of(band, medium)
    if diagram.has_weights:
        lines += [(), _legend(diagram, medium)]
    return tuple(lines)


def _lines_of(band: Band, medium: Medium) -> list[Line]:
    canvases = [_edges(band, gap, medium) for gap in band.gaps]
    middles, x = [], band.left
    for place, column in enumerate(band.columns):
        middles.append(x + column.wide // 2)
        x += column.wide + (band.gaps[place].cells if place < len(band.gaps) else 0)
    between = [(a + b) // 2 for a, b in pairwise(middles)]
    title, *under = _centred_lines([c.heading for c in band.columns], middles)
    applied = _centred_lines([(c.footing,) for c in band.columns], middles)
    shapes = _centred_lines([gap.footing for gap in band.gaps], between)
    lines: list[Line] = [((title, "strong"),), *(((line, "faint"),) for line in under), ()]
    for row in range(band.rows):
        spans: list[Span] = [(" " * band.left, "")]
        for place, column in enumerate(band.columns):
            spans.append((column.cells[row], "strong"))
            if place < len(canvases):
                spans += canvases[place][row]
        lines.append(trimmed(spans))
    return [*lines, (), *(((line, "faint"),) for line in (*applied, *shapes))]


def _edges(band: Band, gap: Gap, medium: Medium) -> list[list[Span]]:
    if gap.connection is None:
        blank: list[list[Span]] = [[(" " * gap.cells, "")] for _ in range(band.rows)]
        blank[band.rows // 2] = [(medium.write("⋯").center(gap.cells), "strong")]
        return blank
    canvas = Canvas(gap.cells, band.rows, medium.ascii_only)
    starts, ends = gap.left.rows_of_units, gap.right.rows_of_units
    for edge in sorted(gap.connection.edges, key=lambda edge: edge.size):
        pattern, role = _look(edge)
        # rows count from the top, dots from below
        start, end = starts[edge.source], ends[edge.target]
        _line(canvas, band.rows - 1 - start, band.rows - 1 - end, pattern, role)
    return canvas.lines()


def _look(edge: Edge) -> tuple[tuple[bool, ...], str]:
    if edge.weight is None:
        return WHOLE, "faint"
    if not math.isfinite(edge.weight):
        return BROKEN, "bad"
    if edge.weight == 0:
        return DOTTED, "faint"
    return (WHOLE, POSITIVE) if edge.weight > 0 else (SPARSE, NEGATIVE)


def _line(canvas: Canvas, start: int, end: int, pattern: Sequence[bool], role: str) -> None:
    """Draw a line across the canvas, from one row to another counted from below."""
    wide, high = canvas.dots_per_cell
    across = canvas.columns * wide
    low, top = start * high + high // 2, end * high + high // 2
    steps = max(across - 1, abs(top - low), 1)
    last: tuple[int, int] | None = None
    number = 0
    for step in range(steps + 1):
        x = round(step * (across - 1) / steps)
        y = round(low + step * (top - low) / steps)
        if (x, y) == last:
            continue
        if pattern[number % len(pattern)]:
            climb = 0 if last is None else y - last[1]
            canvas.dot(x, y, DotStroke(WHOLE, _sign(climb, pattern)), role)
        last = x, y
        number += 1


def _sign(climb: int, pattern: Sequence[bool]) -> str:
    if pattern is BROKEN:
        return "?"
    if pattern is not WHOLE:
        return "."
    return "-" if not climb else "/" if climb > 0 else "\\"


def _legend(diagram: Diagram, medium: Medium) -> Line:
    weights = diagram.weights
    kinds = (
        (WHOLE, "-", POSITIVE, "positive weights", any(0 < w < math.inf for w in weights)),
        (SPARSE, ". ", NEGATIVE, "negative weights", any(-math.inf < w < 0 for w in weights)),
        (DOTTED, ".  ", "faint", "0", 0 in weights),
        (BROKEN, "?", "bad", "not finite", not all(map(math.isfinite, weights))),
    )
    spans: list[Span] = []
    for pattern, sign, role, words, occurs in kinds:
        if occurs:
            sample = DotStroke(pattern, sign).sample(medium).rstrip()
            spans += [("   " if spans else "", ""), (sample, role), (f" {words}", "faint")]
    return tuple(spans)


def _bands_of(diagram: Diagram, precision: int, medium: Medium) -> tuple[Band, ...]:
    """Return the bands, as wide as the medium allows; the last column of one begins the next."""
    rows = max(1, *(2 * column.slots - 1 for column in diagram.columns))
    columns = [_text(column, diagram, rows, precision, medium) for column in diagram.columns]
    gaps = [
        _gap(left, right, diagram.into(right.column), diagram, medium)
        for left, right in pairwise(columns)
    ]
    bands = []
    start = 0
    while start < len(gaps):
        end = start + 1
        while end < len(gaps) and _width(columns, gaps, start, end + 1) <= medium.width:
            end += 1
        bands.append(_band_of(columns, gaps, start, end, medium.width, rows))
        start = end
    return tuple(bands)


def _text(
    column: UnitColumn, diagram: Diagram, rows: int, precision: int, medium: Medium
) -> TextColumn:
    name = ascii_label if medium.ascii_only else label
    words = [name(column, unit) for unit in column.units]
    if diagram.has_values:
        long = max(map(len, words), default=0)
        values = ["" if u.value is None else number(u.value, precision) for u in column.units]
        most = max(map(len, values), default=0)
        words = [f"{w.ljust(long)} {v.rjust(most)}" for w, v in zip(words, values, strict=True)]
    wide = max(map(len, words), default=0) + 2
    top = (rows - (2 * column.slots - 1)) // 2
    places = {index: top + 2 * slot for index, slot in column.slot_of.items()}
    cells = [" " * wide] * rows
    for unit, written in zip(column.units, words, strict=True):
        cells[places[unit.index]] = written.center(wide)
    if column.folded:
        cells[top + 2 * column.before] = medium.write("⋮").center(wide)
    heading = [column.title, f"{column.width:,}"]
    if column.folded:
        heading[1:] = [f"{column.width:,},", f"showing {len(column.units)}"]
    behind = diagram.into(column)
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


def _band_of(
    columns: Sequence[TextColumn], gaps: Sequence[Gap], start: int, end: int, width: int, rows: int
) -> Band:
    spare = (width - _width(columns, gaps, start, end)) // (end - start)
    wider = [
        replace(g, cells=max(g.cells, min(g.cells + spare, MOST_CELLS))) for g in gaps[start:end]
    ]
    return Band(tuple(columns[start : end + 1]), tuple(wider), _overhang(columns[start]), rows)


def _centred_lines(words: Sequence[Sequence[str]], middles: Sequence[int]) -> tuple[str, ...]:
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
            lines.append(line.rstrip())
    return tuple(lines)
