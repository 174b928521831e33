"""The figure of a network: its units in columns, its weights as lines between them."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from fcinspect.layers.diagram import Dead
from fcinspect.pictures.diagram.labels import (
    DEAD,
    EdgeStroke,
    dead_of,
    math_label,
    samples_of,
    shortened,
    stroke_of,
)
from fcinspect.pictures.figures.canvas import file_of, new_figure
from fcinspect.pictures.figures.diagram_places import (
    GAPS,
    LETTER,
    NARROWEST_GAP,
    EdgeNumber,
    FigurePlaces,
    edge_numbers,
    heading_lines,
    places_of,
    title_words,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from fcinspect.layers.diagram import Connection, Diagram, Unit, UnitColumn

INK, FAINT = "#1A1A1A", "#5F5F5F"
DEAD_FILL, DEAD_EDGE = "#C9C9C9", "#7A7A7A"
LEGEND_RADIUS = 0.075
SCALE_NOTE = "weights: wider if larger, solid if positive, dashed if negative"


def diagram_figure(
    diagram: Diagram, title: str, notes: tuple[str, ...], *, weights: bool = False
) -> Figure:
    """Return the figure; `notes` stand below it, with what is not drawn.

    With `weights` each edge has its number.
    """
    places, numbers = _placed(diagram, title, weights=weights)
    if diagram.scale:
        notes = (SCALE_NOTE, *notes)
    lines = [line for note in notes for line in textwrap.wrap(note, places.letters)]
    figure = new_figure(places.width, places.height_with(len(lines)))
    figure.set_layout_engine("none")  # every place is known
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, places.width)
    # the middle of the columns is y = 0
    bottom = places.bottom_with(len(lines))
    axes.set_ylim(bottom, bottom + places.height_with(len(lines)))
    for number, line in enumerate(title_words(title, places)):
        at, gid = (places.margin, places.title(number)), f"title-{number}" if number else "title"
        _write(axes, at, line, 12, gid, "left", "baseline", fontweight="bold", parse_math=False)
    for connection in diagram.connections:
        _edges(axes, places, connection, diagram.scale)
    for weight in numbers:
        gid = f"weight-{weight.position}-{weight.edge.target}-{weight.edge.source}"
        _write(axes, weight.middle, weight.words, 7, gid, zorder=1.5, bbox=_on_white(0.6))
    for column in diagram.columns:
        _column(axes, places, column, diagram)
    for connection in diagram.connections:
        _words(axes, places, connection)
    if diagram.folded_columns:
        _fold_of_columns(axes, places, diagram)
    if diagram.has_weights:
        _legend(axes, places, diagram)
    for number, kind in enumerate(dead_of(diagram)):
        _dead_legend(axes, places, number, kind)
    for number, line in enumerate(lines):
        at, gid = (places.margin, places.note(number)), f"note-{number}"
        _write(axes, at, line, 8, gid, "left", "baseline", color=FAINT, parse_math=False)
    return figure


diagram_bytes = file_of(diagram_figure)


def _write(
    axes: Axes,
    at: tuple[float, float],
    words: str,
    size: float,
    gid: str,
    across: str = "center",
    up: str = "center",
    color: str = INK,
    **look: Any,
) -> None:
    axes.text(*at, words, ha=across, va=up, fontsize=size, color=color, gid=gid, **look)


def _on_white(pad: float) -> dict[str, Any]:
    return {"facecolor": "white", "edgecolor": "none", "pad": pad}


def _placed(
    diagram: Diagram, title: str, *, weights: bool
) -> tuple[FigurePlaces, tuple[EdgeNumber, ...]]:
    """Return where everything stands, and the numbers of the edges if they are written."""
    if not weights:
        return places_of(diagram, NARROWEST_GAP, title), ()
    for gap in GAPS:
        places = places_of(diagram, gap, title)
        numbers = edge_numbers(diagram, places)
        if all(number.free for number in numbers):
            break
    return places, numbers


def _edges(axes: Axes, places: FigurePlaces, connection: Connection, scale: float) -> None:
    """Draw the lines of one layer, the strongest last."""
    from matplotlib.lines import Line2D

    left, right = connection.position - 1, connection.position
    order = sorted(connection.edges, key=lambda edge: edge.size)
    for edge in order:
        start, end = places.unit(left, edge.source), places.unit(right, edge.target)
        gid = f"edge-{right}-{edge.target}-{edge.source}"
        line = Line2D((start[0], end[0]), (start[1], end[1]), zorder=1, gid=gid)
        _stroke(line, stroke_of(edge.weight, scale))
        axes.add_line(line)


def _stroke(line: Line2D, stroke: EdgeStroke) -> None:
    line.set(color=stroke.color, linewidth=stroke.width, alpha=stroke.alpha)
    line.set_linestyle((0, stroke.dashes) if stroke.dashes else "-")


def _column(axes: Axes, places: FigurePlaces, column: UnitColumn, diagram: Diagram) -> None:
    place, x = column.position, places.columns[column.position]
    at, gid = (x, places.heading), f"column-{place}"
    _write(axes, at, column.title, 9.5, gid, up="baseline", fontweight="bold")
    at, gid = (x, places.heading - 0.06), f"width-{place}"
    words = "\n".join(heading_lines(column))
    _write(axes, at, words, 8.5, gid, up="top", color=FAINT, linespacing=1.1)
    for unit in column.units:
        _unit(axes, places, column, unit, diagram)
    if column.folded:
        at = x, places.folds[place]
        _write(axes, at, "⋮", 17, f"fold-{place}", zorder=3, bbox=_on_white(1.5))


def _unit(
    axes: Axes, places: FigurePlaces, column: UnitColumn, unit: Unit, diagram: Diagram
) -> None:
    from matplotlib.patches import Circle

    x, y = places.unit(column.position, unit.index)
    gid = f"{column.position}-{unit.index}"
    fill = "#ECECEC" if column.letter == "x" else "white"
    look = {"facecolor": fill, "edgecolor": INK} if unit.dead is None else _look(unit.dead)
    circle = Circle((x, y), places.radius, linewidth=1.0, zorder=2, gid=f"unit-{gid}", **look)
    axes.add_patch(circle)
    label = math_label(column, unit)
    if unit.value is None or not diagram.has_values:
        digits = len(str(unit.index + 1))
        size = {1: 10.5, 2: 10.5, 3: 8.5}.get(digits, 6.5 if digits < 6 else 4.5)
        _write(axes, (x, y), label, size, f"label-{gid}", up="center_baseline", zorder=4)
        return
    value = f"{unit.value:.3g}".replace("-", "−")
    size = 8.5 if len(value) <= 6 else 7 if len(value) <= 7 else 5.8
    _write(axes, (x, y), value, size, f"value-{gid}", zorder=4)
    _beside(axes, places, column, unit, label)


def _look(dead: Dead) -> dict[str, Any]:
    """Return how a dead unit looks: grey, its outline dashed where that holds for one x alone."""
    dashes = "--" if dead is Dead.ZERO_OUTPUT else "-"
    return {"facecolor": DEAD_FILL, "edgecolor": DEAD_EDGE, "linestyle": dashes}


def _dead_legend(axes: Axes, places: FigurePlaces, number: int, kind: Dead) -> None:
    from matplotlib.patches import Circle

    x, y = places.dead_legend(number)
    at, gid = (x + LEGEND_RADIUS, y), f"legend-dead-{number}"
    axes.add_patch(Circle(at, LEGEND_RADIUS, gid=gid, **_look(kind)))
    _write(axes, (x + 0.25, y), DEAD[kind], 8.5, f"legend-dead-words-{number}", "left")


def _beside(axes: Axes, places: FigurePlaces, column: UnitColumn, unit: Unit, label: str) -> None:
    """Write what a unit is called beside it: outside at both ends, above in between."""
    x, y = places.unit(column.position, unit.index)
    gid = f"label-{column.position}-{unit.index}"
    reach = places.radius + 0.06
    if column.letter == "a":
        at = x, y + reach - 0.01
        _write(axes, at, label, 9, gid, up="bottom", zorder=3, bbox=_on_white(0.4))
        return
    side, across = (-1, "right") if column.letter == "x" else (1, "left")
    _write(axes, (x + side * reach, y), label, 10.5, gid, across, "center_baseline", zorder=3)


def _words(axes: Axes, places: FigurePlaces, connection: Connection) -> None:
    """Write below the units what they apply, and below the edges what the layer is."""
    left, right = places.columns[connection.position - 1], places.columns[connection.position]
    middle = (left + right) / 2
    name = shortened(connection.name, int((right - left - 0.2) / LETTER))
    result = "y" if connection.position == max(places.columns) else "a"
    applied = "$z$" if connection.activation == "identity" else f"{connection.activation}($z$)"
    bias = f" + $b$ {connection.out_features}" if connection.bias else ""
    shape = f"$W$ {connection.out_features}×{connection.in_features}{bias}"
    below, place = places.footing, connection.position
    at, gid = (right, below(0)), f"activation-{place}"
    _write(axes, at, f"${result}$ = {applied}", 9, gid, up="baseline")
    _write(axes, (middle, below(1)), shape, 9, f"shape-{place}", up="baseline")
    at, gid = (middle, below(2)), f"name-{place}"
    _write(axes, at, name, 8, gid, up="baseline", color=FAINT, parse_math=False)


def _fold_of_columns(axes: Axes, places: FigurePlaces, diagram: Diagram) -> None:
    last, first = diagram.around_fold
    x = (places.columns[last.position] + places.columns[first.position]) / 2
    _write(axes, (x, 0), "⋯", 20, "fold-columns")
    hidden = diagram.folded_columns
    words = f"{hidden:,} hidden\n{'layer' if hidden == 1 else 'layers'} not drawn"
    _write(axes, (x, -0.2), words, 8, "fold-columns-words", up="top", color=FAINT)


def _legend(axes: Axes, places: FigurePlaces, diagram: Diagram) -> None:
    from matplotlib.lines import Line2D

    for number, (weight, words) in enumerate(samples_of(diagram)):
        x, y = places.legend(number)
        line = Line2D((x, x + 0.42), (y, y), gid=f"legend-{number}")
        _stroke(line, stroke_of(weight, diagram.scale))
        axes.add_line(line)
        shown = words.replace("-", "−")
        _write(axes, (x + 0.48, y), shown, 8.5, f"legend-words-{number}", "left")
