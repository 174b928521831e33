"""The diagram of a network as lines, circles and words in points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fcinspect.layers.spec import format_widths
from fcinspect.page.blocks import Illustration, Label, Stroke
from fcinspect.pictures.diagram.labels import (
    affine_words,
    function_words,
    label,
    shortened,
    stroke_of,
)

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Diagram, UnitColumn

MOST_UNITS, MOST_COLUMNS = 6, 6
"""Limits of a diagram that is read in a page."""
ACROSS, DOWN, RADIUS, MARGIN = 150, 34, 13, 62
ABOVE, BELOW = 24, 58
LONGEST_NAME = 18
LEGEND = "Lines are weights before the step: wider if larger, dashed if negative."


def illustration_of(diagram: Diagram) -> Illustration:
    """Return the drawing of a diagram, in points."""
    rows = max(column.slots for column in diagram.columns)
    places = _places(diagram, rows)
    named = (f"{shortened(c.name, LONGEST_NAME)} {affine_words(c)}" for c in diagram.connections)
    widths = shortened(format_widths(diagram.widths), 60)
    labels = [
        Label(places[column.position, unit.index], label(column, unit))
        for column in diagram.columns
        for unit in column.units
    ]
    for place, column in enumerate(diagram.columns):
        labels += _column_words(column, place, rows)
    labels += _layer_words(diagram, rows)
    return Illustration(
        "network",
        (2 * MARGIN + ACROSS * (len(diagram.columns) - 1), ABOVE + max(rows, 1) * DOWN + BELOW),
        f"The network {widths} with layers: " + ", ".join(named),
        " ".join((LEGEND, *(f"{note[:1].upper()}{note[1:]}." for note in diagram.folds))),
        tuple(_strokes(diagram, places)),
        tuple(places.values()),
        RADIUS,
        tuple(labels),
    )


def _places(diagram: Diagram, rows: int) -> dict[tuple[int, int], tuple[float, float]]:
    """Return the middle of each unit, by column and index."""
    found: dict[tuple[int, int], tuple[float, float]] = {}
    for k, column in enumerate(diagram.columns):
        for index, slot in column.slot_of.items():
            down = slot + (rows - column.slots) / 2 + 0.5
            found[column.position, index] = MARGIN + ACROSS * k, ABOVE + DOWN * down
    return found


def _strokes(
    diagram: Diagram, places: dict[tuple[int, int], tuple[float, float]]
) -> Iterator[Stroke]:
    for connection in diagram.connections:
        for edge in connection.edges:
            start = places[connection.position - 1, edge.source]
            end = places[connection.position, edge.target]
            stroke = stroke_of(edge.weight, diagram.scale)
            role = "gradient" if stroke.dashes else "weight"
            yield Stroke((start, end), role, stroke.width, tuple(stroke.points))


def _column_words(column: UnitColumn, place: int, rows: int) -> list[Label]:
    x = MARGIN + ACROSS * place
    found = [Label((x, 12), column.title, strong=True)]
    if column.folded:
        y = ABOVE + DOWN * (column.before + (rows - column.slots) / 2 + 0.5)
        found.append(Label((x, y), "⋮"))
    return found


def _layer_words(diagram: Diagram, rows: int) -> list[Label]:
    """Return what stands below the edges and units: name and shape, and the activation."""
    columns = {column.position: k for k, column in enumerate(diagram.columns)}
    bottom = ABOVE + DOWN * max(rows, 1)
    found = []
    for connection in diagram.connections:
        x = MARGIN + ACROSS * columns[connection.position]
        last = connection.position == len(diagram.widths) - 1
        words = function_words(connection, last)
        between = x - ACROSS / 2
        name = shortened(connection.name, LONGEST_NAME)
        found += [
            Label((x, bottom + 12), words),
            Label((between, bottom + 30), name, strong=True),
            Label((between, bottom + 46), affine_words(connection)),
        ]
    return found
