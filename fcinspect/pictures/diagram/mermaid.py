"""The diagram of a network as a Mermaid flowchart.

Mermaid draws fewer than 500 edges unless its host allows more, so that wide layers are folded
further here. Text between quotes may hold entity codes, #34; for a quotation mark: whatever is
neither a letter nor a digit is written as one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from fcinspect.layers.diagram import diagram_of
from fcinspect.page.text import number, safe
from fcinspect.pictures.diagram.labels import (
    THINNEST,
    affine_words,
    dead_of,
    dead_words,
    function_words,
    label,
    stroke_of,
    words_of_fold,
)

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Diagram, NetworkOutline, UnitColumn

MOST_EDGES = 499
"""Mermaid refuses one more, by its setting maxEdges; links that are not seen count too."""
MOST_OF_LAYER = 64
"""Edges of a layer: Mermaid sets one below the other, so that more make a picture of many pages."""
PLAIN = frozenset(" .,+-=×()₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹−⋮⋯")
"""Signs besides letters and digits that mean nothing to Mermaid between quotes."""


def mermaid_text(outline: NetworkOutline, units: int, title: str, precision: int) -> str:
    """Return the text of the flowchart; at most so many units of a layer are shown."""
    diagram = diagram_of(outline, units)
    while units > 1 and not _is_drawn(diagram):
        units -= 1
        diagram = diagram_of(outline, units)
    return "\n".join(_lines(diagram, title, precision)) + "\n"


def _is_drawn(diagram: Diagram) -> bool:
    """Whether Mermaid draws so many edges."""
    links = 2 * len(diagram.columns)
    largest = max((len(c.edges) for c in diagram.connections), default=0)
    return diagram.drawn_edges + links <= MOST_EDGES and largest <= MOST_OF_LAYER


def quoted(*lines: str) -> str:
    """Return lines between quotes in which nothing acts: neither on Mermaid nor in a page."""
    return '"' + "<br/>".join(map(_escaped, lines)) + '"'


def _escaped(words: str) -> str:
    return "".join(c if c.isalnum() or c in PLAIN else f"#{ord(c)};" for c in safe(words))


def _lines(diagram: Diagram, title: str, precision: int) -> Iterator[str]:
    yield '%%{init: {"flowchart": {"curve": "linear", "rankSpacing": 110, "nodeSpacing": 20}}}%%'
    # a comment knows no entity codes
    yield "%% " + "".join(c if c.isalnum() or c in PLAIN else "_" for c in safe(title))
    for told in (*diagram.folds, *dead_words(diagram)):
        yield f"%% {told}"
    yield "flowchart LR"
    for column in diagram.columns:
        yield from _column(column, diagram, precision)
    yield from _edges(diagram)
    yield from _headings(diagram)
    yield "  classDef unit fill:#ffffff,stroke:#1a1a1a,color:#1a1a1a"
    if dead_of(diagram):
        yield "  classDef dead fill:#cccccc,stroke:#7a7a7a,color:#4a4a4a,stroke-dasharray:3"
    yield "  classDef word fill:none,stroke:none"


def _column(column: UnitColumn, diagram: Diagram, precision: int) -> Iterator[str]:
    place = column.position
    words = [column.title, column.words]
    behind = diagram.into(column)
    if behind is not None:
        words += [behind.name, affine_words(behind), function_words(behind, column.letter == "y")]
    yield f"  c{place}t[{quoted(*words)}]:::word"
    for unit in column.units:
        value = [] if unit.value is None else [number(unit.value, precision)]
        look = "unit" if unit.dead is None else "dead"
        yield f"  c{place}u{unit.index}(({quoted(label(column, unit), *value)})):::{look}"


def _edges(diagram: Diagram) -> Iterator[str]:
    looks: dict[str, list[int]] = {}
    count = 0
    for connection in diagram.connections:
        left, right = connection.position - 1, connection.position
        for edge in connection.edges:
            yield f"  c{left}u{edge.source} --- c{right}u{edge.target}"
            looks.setdefault(_look(edge.weight, diagram.scale), []).append(count)
            count += 1
    for look, numbers in looks.items():
        yield f"  linkStyle {','.join(map(str, numbers))} {look}"


def _headings(diagram: Diagram) -> Iterator[str]:
    """Yield links that are not seen: they put words into the rank of their column.

    They stand behind the edges, which are styled by their number.
    """
    for left, right in pairwise(diagram.columns):
        here, there = left.position, right.position
        between = "~~~"
        if there != here + 1:
            yield f"  fold[{quoted(words_of_fold(diagram))}]:::word"
            between = "-.- fold -.-"
        yield f"  c{here}t {between} c{there}t"


def _look(weight: float | None, scale: float) -> str:
    """Return the style of an edge, in steps of a quarter of the widest."""
    stroke = stroke_of(weight, scale)
    wide = THINNEST + math.ceil(4 * (stroke.width - THINNEST)) / 4
    style = f"stroke:{stroke.color},stroke-width:{wide:.2f}px"
    if stroke.dashes:
        style += ",stroke-dasharray:" + " ".join(f"{part:.0f}" for part in stroke.points)
    return style
