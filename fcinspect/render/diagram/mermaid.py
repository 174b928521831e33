"""The diagram of a network as a Mermaid flowchart.

Mermaid draws no more than 500 edges unless its host allows more, so that wide layers are folded
further here. Text between quotes may hold entity codes, #34; for a quotation mark: whatever is
neither a letter nor a digit is written as one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fcinspect.layers.diagram import diagram_of
from fcinspect.render.diagram.labels import affine_words, function_words, label
from fcinspect.render.diagram.strokes import THINNEST, stroke_of
from fcinspect.render.text import number, safe

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Column, Diagram, Outline

MOST_EDGES = 500
"""Mermaid's own limit, its setting maxEdges."""
PLAIN = frozenset(" .,+-=×()₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹−⋮⋯")
"""Signs besides letters and digits that mean nothing to Mermaid between quotes."""


def mermaid_text(outline: Outline, units: int, title: str, precision: int) -> str:
    """Return the text of the flowchart; at most so many units of a layer are shown."""
    diagram = diagram_of(outline, units)
    while diagram.drawn_edges > MOST_EDGES and units > 1:
        units -= 1
        diagram = diagram_of(outline, units)
    return "\n".join(_lines(diagram, title, precision)) + "\n"


def quoted(words: str) -> str:
    """Return text between quotes in which nothing acts: neither on Mermaid nor in a page."""
    return (
        '"' + "".join(c if c.isalnum() or c in PLAIN else f"#{ord(c)};" for c in safe(words)) + '"'
    )


def _lines(diagram: Diagram, title: str, precision: int) -> Iterator[str]:
    # a comment knows no entity codes
    yield "%% " + "".join(c if c.isalnum() or c in PLAIN else "_" for c in safe(title))
    for fold in diagram.folds:
        yield f"%% {fold}"
    yield "flowchart LR"
    for column in diagram.columns:
        yield from _column(column, diagram, precision)
    yield from _edges(diagram)
    yield "  classDef unit fill:#ffffff,stroke:#1a1a1a,color:#1a1a1a"
    yield "  classDef fold fill:none,stroke:none"


def _column(column: Column, diagram: Diagram, precision: int) -> Iterator[str]:
    place = column.position
    behind = next((c for c in diagram.connections if c.position == place), None)
    words = f"{column.title}: {column.words}"
    if behind is not None:
        words += f"; {behind.name}: {affine_words(behind)}"
        words += f"; {function_words(behind, column.letter == 'y')}"
    yield f"  subgraph c{place}[{quoted(words)}]"
    for slot, unit in enumerate(column.units):
        if column.folded and slot == column.before:
            yield f"    c{place}f[{quoted('⋮')}]:::fold"
        name = label(column, unit)
        if unit.value is not None:
            name += f" = {number(unit.value, precision)}"
        yield f"    c{place}u{unit.index}(({quoted(name)})):::unit"
    if column.folded and column.before == len(column.units):
        yield f"    c{place}f[{quoted('⋮')}]:::fold"
    yield "  end"


def _edges(diagram: Diagram) -> Iterator[str]:
    looks: dict[str, list[int]] = {}
    count = 0
    for connection in diagram.connections:
        left, right = connection.position - 1, connection.position
        for edge in connection.edges:
            yield f"  c{left}u{edge.source} --- c{right}u{edge.target}"
            looks.setdefault(_look(edge.weight, diagram.scale), []).append(count)
            count += 1
    if diagram.folded_columns:
        last, first = (diagram.columns[diagram.left_of_fold + k] for k in (-1, 0))
        words = quoted(f"⋯ {diagram.folded_columns} hidden layers not drawn")
        yield f"  c{last.position} -.- fold[{words}]:::fold"
        yield f"  fold -.- c{first.position}"
    for look, numbers in looks.items():
        yield f"  linkStyle {','.join(map(str, numbers))} {look}"


def _look(weight: float | None, scale: float) -> str:
    """Return the style of an edge, in steps of a quarter of the widest."""
    stroke = stroke_of(weight, scale)
    wide = THINNEST + math.ceil(4 * (stroke.width - THINNEST)) / 4
    style = f"stroke:{stroke.color},stroke-width:{wide:.2f}px"
    if stroke.dashes:
        style += ",stroke-dasharray:" + " ".join(f"{part:.0f}" for part in stroke.points)
    return style
