"""Where the weights of a network's figure stand: each on its edge, on no other word and no unit.

An edge has many places for its number. Those are preferred through whose box no other edge of the
layer passes, and among them the one farthest from the other edges. Edges with the fewest such
places choose first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Connection, Diagram, Edge
    from fcinspect.pictures.figures.diagram_places import Places

DIGIT, HALF_HEIGHT, PAD = 0.063, 0.055, 0.02
"""Inches that a digit of a number takes, half its height, and what stays free around it."""
GAPS = (2.1, 2.6, 3.2, 4.0, 5.0)
"""Inches between two columns, of which the first is taken that leaves a place for every number."""
STEPS = 60
"""Places that are tried along an edge."""

Point = tuple[float, float]
Floats = npt.NDArray[Any]


@dataclass(frozen=True)
class EdgeNumber:
    """A weight in the figure."""

    position: int
    """The column that its edge leads to."""
    edge: Edge
    words: str
    middle: Point
    free: bool
    """Whether neither another number nor another edge of the layer meets it."""


@dataclass(frozen=True)
class _Choices:
    """Places for the number of one edge."""

    half: float
    """Half the width of its box."""
    x: Floats
    y: Floats
    crossed: Floats
    """How many other edges of the layer pass through the box, for each place."""
    near: Floats
    """How near the next edge passes."""

    def best(self, placed: Sequence[_Box]) -> tuple[int, bool]:
        """Return the place for it beside boxes that are placed, and whether nothing meets it."""
        met = np.zeros(len(self.x))
        for other in placed:
            across, up = np.abs(self.x - other.x), np.abs(self.y - other.y)
            met += (across < self.half + other.half) & (up < 2 * (HALF_HEIGHT + PAD))
        # a box on another box is worse than one that an edge passes
        best = int(np.lexsort((-self.near, self.crossed, met))[0])
        return best, not met[best] and not self.crossed[best]


@dataclass(frozen=True)
class _Box:
    half: float
    x: float
    y: float


def edge_numbers(diagram: Diagram, places: Places) -> tuple[EdgeNumber, ...]:
    """Return the number of every edge that is drawn, layer by layer."""
    return tuple(
        number for connection in diagram.connections for number in _of_layer(connection, places)
    )


def weight_words(weight: float | None) -> str:
    """Write a weight to three digits."""
    return "?" if weight is None else f"{weight:.3g}".replace("-", "−")


def _of_layer(connection: Connection, places: Places) -> list[EdgeNumber]:
    lines = {
        (e.source, e.target): (
            places.unit(connection.position - 1, e.source),
            places.unit(connection.position, e.target),
        )
        for e in connection.edges
    }
    choices = [_choices(edge, lines, places) for edge in connection.edges]
    order = sorted(range(len(choices)), key=lambda k: int((choices[k].crossed == 0).sum()))
    boxes: list[_Box] = []
    placed: dict[int, EdgeNumber] = {}
    for k in order:
        edge, choice = connection.edges[k], choices[k]
        best, free = choice.best(boxes)
        box = _Box(choice.half, float(choice.x[best]), float(choice.y[best]))
        boxes.append(box)
        placed[k] = EdgeNumber(
            connection.position, edge, weight_words(edge.weight), (box.x, box.y), free
        )
    return [placed[k] for k in sorted(placed)]


def _choices(
    edge: Edge, lines: dict[tuple[int, int], tuple[Point, Point]], places: Places
) -> _Choices:
    """Return places for a number, each with the edges that pass and how near the next one is."""
    start, end = lines[edge.source, edge.target]
    others = np.array(
        [line for key, line in lines.items() if key != (edge.source, edge.target)]
    ).reshape(-1, 4, 1)
    half = len(weight_words(edge.weight)) * DIGIT / 2 + PAD
    # beside the units, what they are called too
    low, high = start[0] + places.radius + 0.1 + half, end[0] - places.radius - 0.1 - half
    x = low + (high - low) * np.arange(STEPS + 1) / STEPS
    y = start[1] + (end[1] - start[1]) * (x - start[0]) / (end[0] - start[0])
    # how far each line passes above or below the box at each place; 0 or less where it meets it
    x0, y0, x1, y1 = others.swapaxes(0, 1)
    slope = (y1 - y0) / (x1 - x0)
    gaps = np.abs(y0 + slope * (x - x0) - y) - np.abs(slope) * half - HALF_HEIGHT - PAD
    near = gaps.min(axis=0) if len(others) else np.zeros_like(x)
    return _Choices(half, x, y, np.count_nonzero(gaps <= 0, axis=0), near)


def all_free(numbers: Sequence[EdgeNumber]) -> bool:
    """Whether every number has its place for itself."""
    return all(number.free for number in numbers)
