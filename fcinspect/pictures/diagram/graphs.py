"""The diagram of a network as a Mermaid flowchart, and as a graph for Graphviz.

Mermaid draws fewer than 500 edges unless its host allows more, so that wide layers are folded
further here. Text between its quotes may hold entity codes, #34; for a quotation mark: whatever is
neither a letter nor a digit is written as one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from fcinspect.layers.diagram import diagram_of
from fcinspect.page.text import grouped, number, safe
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
    from fcinspect.layers.diagram import Diagram, NetworkOutline, Unit, UnitColumn

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
    return "\n".join(_mermaid_lines(diagram, title, precision)) + "\n"


def _is_drawn(diagram: Diagram) -> bool:
    links = 2 * len(diagram.columns)
    largest = max((len(c.edges) for c in diagram.connections), default=0)
    return diagram.drawn_edges + links <= MOST_EDGES and largest <= MOST_OF_LAYER


def mermaid_quoted(*lines: str) -> str:
    """Return lines between quotes in which nothing acts: neither on Mermaid nor in a page."""
    return '"' + "<br/>".join(map(_escaped, lines)) + '"'


def _escaped(words: str) -> str:
    return "".join(c if c.isalnum() or c in PLAIN else f"#{ord(c)};" for c in safe(words))


def _mermaid_lines(diagram: Diagram, title: str, precision: int) -> Iterator[str]:
    yield '%%{init: {"flowchart": {"curve": "linear", "rankSpacing": 110, "nodeSpacing": 20}}}%%'
    # a comment knows no entity codes
    yield "%% " + "".join(c if c.isalnum() or c in PLAIN else "_" for c in safe(title))
    for told in (*diagram.folds, *dead_words(diagram)):
        yield f"%% {told}"
    yield "flowchart LR"
    for column in diagram.columns:
        yield from _mermaid_column(column, diagram, precision)
    yield from _edges(diagram)
    yield from _headings(diagram)
    yield "  classDef unit fill:#ffffff,stroke:#1a1a1a,color:#1a1a1a"
    if dead_of(diagram):
        yield "  classDef dead fill:#cccccc,stroke:#7a7a7a,color:#4a4a4a,stroke-dasharray:3"
    yield "  classDef word fill:none,stroke:none"


def _mermaid_column(column: UnitColumn, diagram: Diagram, precision: int) -> Iterator[str]:
    place = column.position
    words = [column.title, column.words]
    behind = diagram.into(column)
    if behind is not None:
        words += [behind.name, affine_words(behind), function_words(behind, column.letter == "y")]
    yield f"  c{place}t[{mermaid_quoted(*words)}]:::word"
    for unit in column.units:
        value = [] if unit.value is None else [number(unit.value, precision)]
        look = "unit" if unit.dead is None else "dead"
        yield f"  c{place}u{unit.index}(({mermaid_quoted(label(column, unit), *value)})):::{look}"


def _edges(diagram: Diagram) -> Iterator[str]:
    looks = []
    for connection in diagram.connections:
        left, right = connection.position - 1, connection.position
        for edge in connection.edges:
            yield f"  c{left}u{edge.source} --- c{right}u{edge.target}"
            looks.append(_mermaid_look(edge.weight, diagram.scale))
    for look, numbers in grouped((look, place) for place, look in enumerate(looks)).items():
        yield f"  linkStyle {','.join(map(str, numbers))} {look}"


def _headings(diagram: Diagram) -> Iterator[str]:
    """Yield unseen links, which put words into the ranks; edges, styled by number, come first."""
    for left, right in pairwise(diagram.columns):
        here, there = left.position, right.position
        between = "~~~"
        if there != here + 1:
            yield f"  fold[{mermaid_quoted(words_of_fold(diagram))}]:::word"
            between = "-.- fold -.-"
        yield f"  c{here}t {between} c{there}t"


def _mermaid_look(weight: float | None, scale: float) -> str:
    """Return the style of an edge, in steps of a quarter of the widest."""
    stroke = stroke_of(weight, scale)
    wide = THINNEST + math.ceil(4 * (stroke.width - THINNEST)) / 4
    style = f"stroke:{stroke.color},stroke-width:{wide:.2f}px"
    if stroke.dashes:
        style += ",stroke-dasharray:" + " ".join(f"{part:.0f}" for part in stroke.points)
    return style


def dot_text(diagram: Diagram, title: str, precision: int) -> str:
    """Return the text of the graph, in the DOT language."""
    return "\n".join(_dot_lines(diagram, title, precision)) + "\n"


def dot_quoted(words: str) -> str:
    r"""Return a string of the DOT language that shows these words.

    Backslashes would begin escapes such as \N, and & those of HTML.
    """
    shown = safe(words).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{shown}"'


def _dot_lines(diagram: Diagram, title: str, precision: int) -> Iterator[str]:
    yield "graph network {"
    words = (title, *diagram.folds, *dead_words(diagram))
    shown = "".join(dot_quoted(line)[1:-1] + "\\l" for line in words)  # each at the left
    yield f'  graph [label="{shown}", labelloc=b, labeljust=l, rankdir=LR, splines=line,'
    yield '    nodesep=0.25, ranksep=1.6, outputorder=edgesfirst, fontname="DejaVu Sans"]'
    yield '  node [shape=circle, style=filled, fillcolor=white, fontname="DejaVu Sans",'
    yield "    fontsize=11, width=0.6, margin=0.02]"
    yield '  edge [fontname="DejaVu Sans"]'
    for column in diagram.columns:
        yield from _dot_column(column, diagram, precision)
    for connection in diagram.connections:
        left, right = connection.position - 1, connection.position
        for edge in connection.edges:
            stroke = stroke_of(edge.weight, diagram.scale)
            look = [f'color="{stroke.color}"', f"penwidth={stroke.width:.3f}"]
            if stroke.dashes:
                look.append("style=dotted" if edge.weight == 0 else "style=dashed")
            if edge.weight is not None:
                look.append(f"tooltip={dot_quoted(f'{edge.weight!r}')}")
            yield f"  c{left}u{edge.source} -- c{right}u{edge.target} [{', '.join(look)}]"
    if diagram.folded_columns:
        last, first = diagram.around_fold
        yield f"  fold [label={dot_quoted(words_of_fold(diagram))}, shape=plaintext, style=solid]"
        yield f"  c{last.position}t -- fold -- c{first.position}t [style=dotted]"
    yield "}"


def _dot_column(column: UnitColumn, diagram: Diagram, precision: int) -> Iterator[str]:
    place = column.position
    behind = diagram.into(column)
    words = [column.title, column.words]
    if behind is not None:
        words += [function_words(behind, column.letter == "y"), affine_words(behind), behind.name]
    heading = '"' + "\\n".join(dot_quoted(part)[1:-1] for part in words) + '"'
    yield "  {"
    yield "    rank=same"
    yield f"    c{place}t [label={heading}, shape=plaintext, style=solid]"
    nodes = [f"c{place}u{unit.index}" for unit in column.units]
    pairs = zip(nodes, column.units, strict=True)
    lines = [f"    {node} [{_dot_look(column, unit, precision)}]" for node, unit in pairs]
    if column.folded:
        nodes.insert(column.before, f"c{place}f")
        fold = f'    c{place}f [label="⋮", shape=plaintext, style=solid]'
        lines.insert(column.before, fold)
    yield from lines
    # keeps the units in their order
    yield f"    {' -- '.join([f'c{place}t', *nodes])} [style=invis]"
    yield "  }"


def _dot_look(column: UnitColumn, unit: Unit, precision: int) -> str:
    name = dot_quoted(label(column, unit))[1:-1]
    if unit.value is not None:
        name += "\\n" + number(unit.value, precision)
    fill = ", fillcolor=gray93" if column.letter == "x" else ""
    if unit.dead is not None:
        fill = ', fillcolor=gray80, style="filled,dashed"'
    return f'label="{name}"{fill}'
