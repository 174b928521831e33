"""Where the weights of a network's figure stand: each on its edge, on no other word and no unit.

An edge has many places for its number. Those are preferred through whose box no other edge of the
layer passes, and among them the one farthest from the other edges. Edges with the fewest such
places choose first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Connection, Diagram, Edge
    from fcinspect.render.figures.diagram_places import Places

DIGIT, HALF_HEIGHT, PAD = 0.063, 0.055, 0.02
"""Inches that a digit of a number takes, half its height, and what stays free around it."""
GAPS = (2.1, 2.6, 3.2, 4.0, 5.0)
"""Inches between two columns, of which the first is taken that leaves a place for every number."""
STEPS = 60
"""Places that are tried along an edge."""

Point = tuple[float, float]


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

    @property
    def half_width(self) -> float:
        """Half the width of its box."""
        return len(self.words) * DIGIT / 2 + PAD

    def meets(self, other: EdgeNumber) -> bool:
        """Whether two boxes overlap."""
        across = abs(self.middle[0] - other.middle[0])
        up = abs(self.middle[1] - other.middle[1])
        return across < self.half_width + other.half_width and up < 2 * (HALF_HEIGHT + PAD)


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
    choices = [_choices(connection.position, edge, lines, places) for edge in connection.edges]
    order = sorted(range(len(choices)), key=lambda k: sum(not cost[0] for cost, _ in choices[k]))
    placed: dict[int, EdgeNumber] = {}
    for k in order:
        # a box on another box is worse than one that an edge passes
        costs = [
            ((sum(map(number.meets, placed.values())), *cost), number)
            for cost, number in choices[k]
        ]
        (met, crossed, _), best = min(costs, key=lambda pair: pair[0])
        placed[k] = EdgeNumber(
            best.position, best.edge, best.words, best.middle, not met and not crossed
        )
    return [placed[k] for k in sorted(placed)]


def _choices(
    position: int,
    edge: Edge,
    lines: dict[tuple[int, int], tuple[Point, Point]],
    places: Places,
) -> list[tuple[tuple[int, float], EdgeNumber]]:
    """Return places for a number, each with the edges that pass and how near the next one is."""
    start, end = lines[edge.source, edge.target]
    others = [line for key, line in lines.items() if key != (edge.source, edge.target)]
    words = weight_words(edge.weight)
    half = len(words) * DIGIT / 2 + PAD
    # beside the units, what they are called too
    low, high = start[0] + places.radius + 0.1 + half, end[0] - places.radius - 0.1 - half
    found = []
    for step in range(STEPS + 1):
        x = low + (high - low) * step / STEPS
        y = start[1] + (end[1] - start[1]) * (x - start[0]) / (end[0] - start[0])
        gaps = [_gap((x, y), half, line) for line in others]
        crossed = sum(gap <= 0 for gap in gaps)
        cost = crossed, -min(gaps, default=0.0)
        found.append((cost, EdgeNumber(position, edge, words, (x, y), not crossed)))
    return found


def _gap(middle: Point, half: float, line: tuple[Point, Point]) -> float:
    """Return how far a line passes above or below a box; 0 or less where it meets the box."""
    (x0, y0), (x1, y1) = line
    slope = (y1 - y0) / (x1 - x0)
    at_middle = y0 + slope * (middle[0] - x0) - middle[1]
    return abs(at_middle) - abs(slope) * half - HALF_HEIGHT - PAD


def all_free(numbers: Sequence[EdgeNumber]) -> bool:
    """Whether every number has its place for itself."""
    return all(number.free for number in numbers)
