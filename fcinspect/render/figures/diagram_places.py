"""Where everything stands in the figure of a network, in inches; y = 0 is the columns' middle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fcinspect.render.diagram.labels import affine_words

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Column, Diagram

NARROWEST_GAP = 1.55
"""Between the middles of two columns."""
FOLDED_GAP = 1.7
NARROWEST = 3.4
"""Of the whole figure."""
CLEARANCE = 0.08
"""Between a unit and an edge that passes it."""
LETTER = 0.073


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
    legend_rows: int

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
        return self.top + self.radius + 0.42 + 0.14 * (self.rows_of_words - 1)

    @property
    def title(self) -> float:
        """The baseline of the figure's title."""
        return self.heading + 0.42

    @property
    def footing(self) -> float:
        """The baseline of what stands below the edges."""
        return -self.top - self.radius - 0.36

    @property
    def legend(self) -> float:
        """The y of the legend's first line."""
        return self.footing - 0.52

    def note(self, number: int) -> float:
        """Return the baseline of a line of the notes."""
        legend = self.legend - 0.2 * (self.legend_rows - 1) if self.legend_rows else self.legend + 0.2
        return legend - 0.28 - 0.17 * number

    def bottom_with(self, notes: int) -> float:
        """Return the lower edge of the figure."""
        if notes:
            return self.note(notes - 1) - 0.15
        return (self.legend if self.legend_rows else self.footing - 0.19) - 0.2

    def height_with(self, notes: int) -> float:
        """Return the height of the figure."""
        return self.title + 0.35 - self.bottom_with(notes)


def places_of(diagram: Diagram) -> Places:
    """Return where the parts of a diagram stand."""
    radius, pitch = (0.29, 0.86) if diagram.has_values else (0.21, 0.6)
    heights = {c.position: _slots(c) - 1 for c in diagram.columns}
    margin = 0.45
    x = margin + max(radius, 0.3) + (0.3 if diagram.has_values else 0.0)
    columns: dict[int, float] = {}
    units: dict[tuple[int, int], float] = {}
    folds: dict[int, float] = {}
    connections = {c.position: c for c in diagram.connections}
    for column in diagram.columns:
        place = column.position
        if place:
            connection = connections.get(place)
            if connection is None:
                x += FOLDED_GAP
            else:
                words = len(affine_words(connection)) * LETTER * 1.1 + 2 * radius + 0.3
                # so steep that an edge passes beside its unit's neighbour
                steepest = (heights[place] + heights[place - 1]) / 2
                x += max(NARROWEST_GAP, words, (radius + CLEARANCE) * steepest)
        columns[place] = x
        for slot, unit in enumerate(column.units):
            below = slot + (1 if slot >= column.before else 0)
            units[place, unit.index] = (heights[place] / 2 - below) * pitch
        if column.folded:
            folds[place] = (heights[place] / 2 - column.before) * pitch
    first = next(iter(columns.values()))
    width = x + first
    if width < NARROWEST:
        columns = {k: v + (NARROWEST - width) / 2 for k, v in columns.items()}
        width = NARROWEST
    rows = 2 if any(len(c.words) > 22 for c in diagram.columns) else 1
    top = max(heights.values()) / 2 * pitch
    return Places(
        columns, units, folds, radius, margin, width, top, rows, 1 if diagram.has_weights else 0
    )


def _slots(column: Column) -> int:
    """Return how many units, and fold marks, stand one below the other."""
    return len(column.units) + bool(column.folded)
