"""Where everything stands in the figure of a network, in inches; y = 0 is the columns' middle."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fcinspect.page.text import safe
from fcinspect.pictures.diagram.labels import affine_words, dead_of
from fcinspect.pictures.diagram.strokes import samples_of

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Column, Diagram

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


@dataclass(frozen=True)
class Places:
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

    def x(self, position: int) -> float:
        """Return the x of a column."""
        return self.columns[position]

    def unit(self, position: int, index: int) -> tuple[float, float]:
        """Return the middle of a unit."""
        return self.columns[position], self.units[position, index]

    def fold(self, position: int) -> float:
        """Return the y of a column's fold mark."""
        return self.folds[position]

    def is_last(self, position: int) -> bool:
        """Whether a column is the output."""
        return position == max(self.columns)

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
        row, place = divmod(number, self._legend_columns)
        return self.margin + place * LEGEND_STEP, self.footing(2) - 0.35 - 0.2 * row

    @property
    def _legend_columns(self) -> int:
        return max(1, int((self.width - 2 * self.margin) / LEGEND_STEP))

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


def places_of(diagram: Diagram, narrowest_gap: float = NARROWEST_GAP, title: str = "") -> Places:
    """Return where the parts of a diagram stand, its columns at least that far apart."""
    radius, pitch = WITH_VALUES if diagram.has_values else BARE
    heights = {c.position: max(_slots(c) - 1, 0) for c in diagram.columns}
    margin = 0.45
    spread = {c.position: _half_heading(c, with_values=diagram.has_values) for c in diagram.columns}
    columns: dict[int, float] = {}
    units: dict[tuple[int, int], float] = {}
    folds: dict[int, float] = {}
    connections = {c.position: c for c in diagram.connections}
    left, x = 0, max(2 * margin, spread[0] + 0.2)
    for column in diagram.columns:
        place = column.position
        if place:
            connection = connections.get(place)
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
        for slot, unit in enumerate(column.units):
            below = slot + (1 if slot >= column.before else 0)
            units[place, unit.index] = (heights[place] / 2 - below) * pitch
        if column.folded:
            folds[place] = (heights[place] / 2 - column.before) * pitch
    width = x + max(2 * margin, spread[left] + 0.2)
    if width < NARROWEST:
        columns = {k: v + (NARROWEST - width) / 2 for k, v in columns.items()}
        width = NARROWEST
    rows = max(len(heading_lines(c)) for c in diagram.columns)
    top = max(heights.values()) / 2 * pitch
    places = Places(
        columns, units, folds, radius, margin, width, top, rows, len(samples_of(diagram)),
        len(dead_of(diagram)),
    )  # fmt: skip
    return replace(places, title_lines=len(title_words(title, places)))


def title_words(title: str, places: Places) -> list[str]:
    """Return the lines of a title."""
    return textwrap.wrap(safe(title), places.letters * 3 // 4) or [""]


def _slots(column: Column) -> int:
    """Return how many units, and fold marks, stand one below the other."""
    return len(column.units) + bool(column.folded)


def _half_heading(column: Column, *, with_values: bool) -> float:
    """Return how far the words of a column reach to each side of its middle."""
    longest = max(map(len, (column.title, *heading_lines(column))))
    outside = 0.0
    if with_values and column.letter != "a":
        outside = WITH_VALUES[0] + 0.12 + 0.1 * (1 + len(str(column.width)) * 0.75)
    return max(longest * LETTER * 1.1 / 2, outside)


def heading_lines(column: Column) -> tuple[str, ...]:
    """Return "512, showing 12", in two lines where it is long."""
    if len(column.words) <= 22:
        return (column.words,)
    width, shown = column.words.rsplit(", ", 1)
    return f"{width},", shown
