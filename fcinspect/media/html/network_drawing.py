"""The network of a page as a drawing of SVG, by its attributes alone: no style, no script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fcinspect.layers.diagram import Outline
from fcinspect.layers.folding import diagram_of
from fcinspect.layers.linear import LinearLayer
from fcinspect.layers.spec import format_widths
from fcinspect.pictures.diagram.labels import affine_words, function_words, label, shortened
from fcinspect.pictures.diagram.strokes import stroke_of

if TYPE_CHECKING:
    from fcinspect.arithmetic.training import TrainingStep
    from fcinspect.layers.diagram import Column, Diagram

MOST_UNITS, MOST_COLUMNS = 6, 6
ACROSS, DOWN, RADIUS, MARGIN = 150, 34, 13, 62
ABOVE, BELOW = 24, 58
LONGEST_NAME = 18


@dataclass(frozen=True)
class DrawnEdge:
    """A line of the drawing."""

    ends: tuple[str, str, str, str]
    """x1, y1, x2, y2"""
    role: str
    """weight, or gradient where the weight is negative."""
    width: str
    dashes: str


@dataclass(frozen=True)
class DrawnWords:
    """Words of the drawing, centred."""

    x: str
    y: str
    words: str
    strong: bool = False


@dataclass(frozen=True)
class NetworkDrawing:
    """The drawing, in its own units."""

    edges: tuple[DrawnEdge, ...]
    units: tuple[tuple[str, str], ...]
    """The middle of each."""
    texts: tuple[DrawnWords, ...]
    words: str
    """What the drawing shows, for those who hear the page."""
    notes: tuple[str, ...]
    """What is not drawn."""
    width: int
    height: int
    radius: int = RADIUS


def network_drawing(step: TrainingStep) -> NetworkDrawing:
    """Return the drawing of a step's network before the step."""
    diagram = diagram_of(_outline(step), MOST_UNITS, MOST_COLUMNS)
    rows = max(len(column.units) + bool(column.folded) for column in diagram.columns)
    height = ABOVE + max(rows, 1) * DOWN + BELOW
    places = _places(diagram, rows)
    words = f"The network {shortened(format_widths(diagram.widths), 60)}, its layers: " + ", ".join(
        f"{shortened(c.name, LONGEST_NAME)} {affine_words(c)}" for c in diagram.connections
    )
    texts = [
        DrawnWords(*_written(*places[column.position, unit.index]), label(column, unit))
        for column in diagram.columns
        for unit in column.units
    ]
    texts += [text for k, c in enumerate(diagram.columns) for text in _column_words(c, k, rows)]
    texts += _layer_words(diagram, rows)
    return NetworkDrawing(
        tuple(_edges(diagram, places)),
        tuple(_written(*place) for place in places.values()),
        tuple(texts),
        words,
        diagram.folds,
        2 * MARGIN + ACROSS * (len(diagram.columns) - 1),
        height,
    )


def _outline(step: TrainingStep) -> Outline:
    layers = [
        LinearLayer(
            layer.weight.before, None if layer.bias is None else layer.bias.before, "", layer.name
        )
        for layer in step.layers
    ]
    return Outline(
        (layers[0].in_features, *(layer.out_features for layer in layers)),
        tuple(layer.name for layer in layers),
        tuple(layer.activation for layer in step.layers),
        tuple(layer.bias is not None for layer in layers),
        tuple(layers),
    )


def _places(diagram: Diagram, rows: int) -> dict[tuple[int, int], tuple[float, float]]:
    """Return the middle of each unit, by column and index."""
    found: dict[tuple[int, int], tuple[float, float]] = {}
    for k, column in enumerate(diagram.columns):
        slots = len(column.units) + bool(column.folded)
        for slot, unit in enumerate(column.units):
            down = slot + (slot >= column.before) + (rows - slots) / 2 + 0.5
            found[column.position, unit.index] = MARGIN + ACROSS * k, ABOVE + DOWN * down
    return found


def _edges(diagram: Diagram, places: dict[tuple[int, int], tuple[float, float]]) -> list[DrawnEdge]:
    found = []
    for connection in diagram.connections:
        for edge in connection.edges:
            start = places[connection.position - 1, edge.source]
            end = places[connection.position, edge.target]
            stroke = stroke_of(edge.weight, diagram.scale)
            role = "gradient" if stroke.dashes else "weight"
            dashes = " ".join(f"{part:.1f}" for part in stroke.points)
            found.append(
                DrawnEdge((*_written(*start), *_written(*end)), role, f"{stroke.width:.2f}", dashes)
            )
    return found


def _column_words(column: Column, place: int, rows: int) -> list[DrawnWords]:
    x = MARGIN + ACROSS * place
    found = [DrawnWords(*_written(x, 12), column.title, strong=True)]
    if column.folded:
        slots = len(column.units) + 1
        y = ABOVE + DOWN * (column.before + (rows - slots) / 2 + 0.5)
        found.append(DrawnWords(*_written(x, y), "⋮"))
    return found


def _layer_words(diagram: Diagram, rows: int) -> list[DrawnWords]:
    """Return what stands below the edges and units: name and shape, and the activation."""
    columns = {column.position: k for k, column in enumerate(diagram.columns)}
    bottom = ABOVE + DOWN * max(rows, 1)
    found = []
    for connection in diagram.connections:
        x = MARGIN + ACROSS * columns[connection.position]
        last = connection.position == len(diagram.widths) - 1
        words = function_words(connection, last)
        between = x - ACROSS / 2
        found += [
            DrawnWords(*_written(x, bottom + 12), words),
            DrawnWords(
                *_written(between, bottom + 30), shortened(connection.name, LONGEST_NAME), True
            ),
            DrawnWords(*_written(between, bottom + 46), affine_words(connection)),
        ]
    return found


def _written(x: float, y: float) -> tuple[str, str]:
    return f"{x:g}", f"{y:g}"
