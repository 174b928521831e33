"""Where everything stands in the figure of a network, in inches; y = 0 is the columns' middle.

The number of a weight stands on its edge, on no other word and no unit. An edge has many places for
it. Those are preferred through whose box no other edge of the layer passes, and among them the one
farthest from the other edges. Edges with the fewest such places choose first.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fcinspect.page.text import safe
from fcinspect.pictures.diagram.labels import affine_words, dead_of, samples_of

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Connection, Diagram, Edge, UnitColumn
    from fcinspect.rounding.arrays import Float64Array

NARROWEST_GAP = 1.55
"""Between the middles of two columns."""
WIDEST_GAP = 4.8
"""Enough for 12 units with values; edges of more may pass behind other units."""
NARROWEST = 3.4
"""Of the whole figure."""
CLEARANCE = 0.08
"""Between a unit and an edge that passes it."""
LETTER = 0.073
"""Inches that a letter of small text takes, on average."""
LEGEND_STEP = 1.05
TITLE_STEP = 0.24
BARE, WITH_VALUES = (0.21, 0.6), (0.29, 0.86)
"""The radius of a unit, and the distance of two, without and with a value in it."""
DIGIT, HALF_HEIGHT, PAD = 0.063, 0.055, 0.02
"""Inches that a digit of a number takes, half its height, and what stays free around it."""
GAPS = (2.1, 2.6, 3.2, 4.0, 5.0)
"""Inches between two columns, of which the first is taken that leaves a place for every number."""
STEPS = 60
"""Places that are tried along an edge."""

Point = tuple[float, float]


@dataclass(frozen=True)
class FigurePlaces:
    """The places of a diagram's parts."""

    columns: dict[int, float]
    """The x of each column that is shown."""
    units: dict[tuple[int, int], float]
    """The y of each unit that is shown, by column and index."""
    folds: dict[int, float]
    """The y of each fold mark."""
    radius: float
    margin: float
    width: float
    top: float
    """The y of the uppermost unit; the lowest one is as far below the middle."""
    rows_of_words: int
    """Lines below the headings: one, or two where a width and what is shown are long."""
    samples: int
    """Lines of the legend."""
    dead: int = 0
    """Kinds of dead units, each a line of the legend below the others."""
    title_lines: int = 1

    def unit(self, position: int, index: int) -> tuple[float, float]:
        """Return the middle of a unit."""
        return self.columns[position], self.units[position, index]

    @property
    def letters(self) -> int:
        """How many letters of small text a line holds."""
        return int((self.width - 2 * self.margin) / LETTER)

    @property
    def heading(self) -> float:
        """The baseline of the columns' titles."""
        labels = 0.2 if self.radius > BARE[0] else 0.0
        return self.top + self.radius + 0.42 + labels + 0.14 * (self.rows_of_words - 1)

    def title(self, line: int = 0) -> float:
        """Return the baseline of a line of the figure's title."""
        return self.heading + 0.42 + TITLE_STEP * (self.title_lines - 1 - line)

    def footing(self, row: int) -> float:
        """Return the baseline of a row of what stands below the units and edges."""
        return -self.top - self.radius - 0.3 - 0.18 * row

    def legend(self, number: int) -> tuple[float, float]:
        """Return where a line of the legend begins."""
        in_a_row = max(1, int((self.width - 2 * self.margin) / LEGEND_STEP))
        row, place = divmod(number, in_a_row)
        return self.margin + place * LEGEND_STEP, self.footing(2) - 0.35 - 0.2 * row

    def dead_legend(self, number: int) -> tuple[float, float]:
        """Return where the line of a kind of dead units begins."""
        above = self.legend(self.samples - 1)[1] if self.samples else self.footing(2) - 0.05
        return self.margin, above - 0.3 - 0.25 * number

    def note(self, number: int) -> float:
        """Return the baseline of a line of the notes."""
        if self.dead:
            above = self.dead_legend(self.dead - 1)[1]
        else:
            above = self.legend(self.samples - 1)[1] if self.samples else self.footing(2)
        return above - 0.3 - 0.17 * number

    def bottom_with(self, notes: int) -> float:
        """Return the lower edge of the figure."""
        return (self.note(notes - 1) if notes else self.note(0) + 0.25) - 0.2

    def height_with(self, notes: int) -> float:
        """Return the height of the figure."""
        return self.title() + 0.35 - self.bottom_with(notes)


def places_of(diagram: Diagram, narrowest_gap: float, title: str) -> FigurePlaces:
    """Return where the parts of a diagram stand, its columns at least that far apart."""
    radius, pitch = WITH_VALUES if diagram.has_values else BARE
    heights = {c.position: max(c.slots - 1, 0) for c in diagram.columns}
    margin = 0.45
    spread = {c.position: _half_heading(c, with_values=diagram.has_values) for c in diagram.columns}
    columns: dict[int, float] = {}
    units: dict[tuple[int, int], float] = {}
    folds: dict[int, float] = {}
    left, x = 0, max(2 * margin, spread[0] + 0.2)
    for column in diagram.columns:
        place = column.position
        if place:
            connection = diagram.into(column)
            # so wide that an edge passes beside its unit's neighbour
            steepest = (heights[place] + heights[left]) / 2
            words = 0 if connection is None else len(affine_words(connection))
            x += max(
                narrowest_gap,
                spread[left] + spread[place] + 0.15,
                words * LETTER * 1.1 + 0.3,
                0.0 if connection is None else min((radius + CLEARANCE) * steepest, WIDEST_GAP),
            )
        columns[place], left = x, place
        for index, slot in column.slot_of.items():
            units[place, index] = (heights[place] / 2 - slot) * pitch
        if column.folded:
            folds[place] = (heights[place] / 2 - column.before) * pitch
    width = x + max(2 * margin, spread[left] + 0.2)
    if width < NARROWEST:
        columns = {k: v + (NARROWEST - width) / 2 for k, v in columns.items()}
        width = NARROWEST
    rows = max(len(heading_lines(c)) for c in diagram.columns)
    top = max(heights.values()) / 2 * pitch
    places = FigurePlaces(
        columns, units, folds, radius, margin, width, top, rows, len(samples_of(diagram)),
        len(dead_of(diagram)),
    )  # fmt: skip
    return replace(places, title_lines=len(title_words(title, places)))


def title_words(title: str, places: FigurePlaces) -> list[str]:
    """Return the lines of a title."""
    return textwrap.wrap(safe(title), places.letters * 3 // 4) or [""]


def _half_heading(column: UnitColumn, *, with_values: bool) -> float:
    """Return how far the words of a column reach to each side of its middle."""
    longest = max(map(len, (column.title, *heading_lines(column))))
    outside = 0.0
    if with_values and column.letter != "a":
        outside = WITH_VALUES[0] + 0.12 + 0.1 * (1 + len(str(column.width)) * 0.75)
    return max(longest * LETTER * 1.1 / 2, outside)


def heading_lines(column: UnitColumn) -> tuple[str, ...]:
    """Return "512, showing 12", in two lines where it is long."""
    if len(column.words) <= 22:
        return (column.words,)
    width, shown = column.words.rsplit(", ", 1)
    return f"{width},", shown


@dataclass(frozen=True)
class EdgeNumber:
    """A weight in the figure."""

    position: int
    """The column that its edge leads to."""
    edge: Edge
    words: str
    half: float
    """Half the width of its box."""
    middle: Point
    free: bool
    """Whether neither another number nor another edge of the layer meets it."""


@dataclass(frozen=True)
class _Choices:
    words: str
    half: float
    x: Float64Array
    y: Float64Array
    crossed: npt.NDArray[np.intp]
    """How many other edges of the layer pass through the box, for each place."""
    near: Float64Array
    """How near the next edge passes."""

    def best(self, placed: Sequence[EdgeNumber]) -> tuple[int, bool]:
        """Return the place for it beside those that are placed, and whether nothing meets it."""
        met = np.zeros(len(self.x))
        for other in placed:
            across, up = np.abs(self.x - other.middle[0]), np.abs(self.y - other.middle[1])
            met += (across < self.half + other.half) & (up < 2 * (HALF_HEIGHT + PAD))
        # a box on another box is worse than one that an edge passes
        best = int(np.lexsort((-self.near, self.crossed, met))[0])
        return best, not met[best] and not self.crossed[best]


def edge_numbers(diagram: Diagram, places: FigurePlaces) -> tuple[EdgeNumber, ...]:
    """Return the number of every edge that is drawn, layer by layer."""
    layers = (_of_layer(connection, places) for connection in diagram.connections)
    return tuple(chain.from_iterable(layers))


def _of_layer(connection: Connection, places: FigurePlaces) -> list[EdgeNumber]:
    lines = {
        (e.source, e.target): (
            places.unit(connection.position - 1, e.source),
            places.unit(connection.position, e.target),
        )
        for e in connection.edges
    }
    choices = [_choices(edge, lines, places) for edge in connection.edges]
    order = sorted(range(len(choices)), key=lambda k: int((choices[k].crossed == 0).sum()))
    placed: dict[int, EdgeNumber] = {}
    for k in order:
        choice = choices[k]
        best, free = choice.best(list(placed.values()))
        middle = float(choice.x[best]), float(choice.y[best])
        placed[k] = EdgeNumber(
            connection.position, connection.edges[k], choice.words, choice.half, middle, free
        )
    return [placed[k] for k in sorted(placed)]


def _choices(
    edge: Edge, lines: dict[tuple[int, int], tuple[Point, Point]], places: FigurePlaces
) -> _Choices:
    """Return places for a number, each with the edges that pass and how near the next one is."""
    start, end = lines[edge.source, edge.target]
    others = [line for key, line in lines.items() if key != (edge.source, edge.target)]
    words = "?" if edge.weight is None else f"{edge.weight:.3g}".replace("-", "−")
    half = len(words) * DIGIT / 2 + PAD
    # beside the units, what they are called too
    low, high = start[0] + places.radius + 0.1 + half, end[0] - places.radius - 0.1 - half
    x = low + (high - low) * np.arange(STEPS + 1) / STEPS
    y = start[1] + (end[1] - start[1]) * (x - start[0]) / (end[0] - start[0])
    # how far each line passes above or below the box at each place; 0 or less where it meets it
    x0, y0, x1, y1 = np.array(others).reshape(-1, 4, 1).swapaxes(0, 1)
    slope = (y1 - y0) / (x1 - x0)
    gaps = np.abs(y0 + slope * (x - x0) - y) - np.abs(slope) * half - HALF_HEIGHT - PAD
    near = gaps.min(axis=0) if others else np.zeros_like(x)
    return _Choices(words, half, x, y, np.count_nonzero(gaps <= 0, axis=0), near)
