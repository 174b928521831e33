"""The diagram of a network as a graph for Graphviz."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fcinspect.page.text import number, safe
from fcinspect.pictures.diagram.labels import (
    affine_words,
    dead_words,
    function_words,
    label,
    stroke_of,
    words_of_fold,
)

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Diagram, Unit, UnitColumn


def dot_text(diagram: Diagram, title: str, precision: int) -> str:
    """Return the text of the graph, in the DOT language."""
    return "\n".join(_lines(diagram, title, precision)) + "\n"


def quoted(words: str) -> str:
    r"""Return a string of the DOT language that shows these words.

    Backslashes would begin escapes such as \N, and & those of HTML.
    """
    shown = safe(words).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{shown}"'


def _lines(diagram: Diagram, title: str, precision: int) -> Iterator[str]:
    yield "graph network {"
    words = [title, *diagram.folds, *dead_words(diagram)]
    yield f"  graph [label={_joined(words)}, labelloc=b, labeljust=l, rankdir=LR, splines=line,"
    yield '    nodesep=0.25, ranksep=1.6, outputorder=edgesfirst, fontname="DejaVu Sans"]'
    yield '  node [shape=circle, style=filled, fillcolor=white, fontname="DejaVu Sans",'
    yield "    fontsize=11, width=0.6, margin=0.02]"
    yield '  edge [fontname="DejaVu Sans"]'
    for column in diagram.columns:
        yield from _column(column, diagram, precision)
    for connection in diagram.connections:
        left, right = connection.position - 1, connection.position
        for edge in connection.edges:
            stroke = stroke_of(edge.weight, diagram.scale)
            look = [f'color="{stroke.color}"', f"penwidth={stroke.width:.3f}"]
            if stroke.dashes:
                look.append("style=dotted" if edge.weight == 0 else "style=dashed")
            if edge.weight is not None:
                look.append(f"tooltip={quoted(f'{edge.weight!r}')}")
            yield f"  c{left}u{edge.source} -- c{right}u{edge.target} [{', '.join(look)}]"
    if diagram.folded_columns:
        last, first = diagram.around_fold
        yield f"  fold [label={quoted(words_of_fold(diagram))}, shape=plaintext, style=solid]"
        yield f"  c{last.position}t -- fold -- c{first.position}t [style=dotted]"
    yield "}"


def _joined(lines: list[str]) -> str:
    """Return lines as one string, each at the left."""
    return '"' + "".join(quoted(line)[1:-1] + "\\l" for line in lines) + '"'


def _column(column: UnitColumn, diagram: Diagram, precision: int) -> Iterator[str]:
    place = column.position
    behind = diagram.into(column)
    words = [column.title, column.words]
    if behind is not None:
        words += [function_words(behind, column.letter == "y"), affine_words(behind), behind.name]
    heading = '"' + "\\n".join(quoted(part)[1:-1] for part in words) + '"'
    yield "  {"
    yield "    rank=same"
    yield f"    c{place}t [label={heading}, shape=plaintext, style=solid]"
    nodes = [f"c{place}u{unit.index}" for unit in column.units]
    lines = [
        f"    {node} [{_look(column, unit, precision)}]"
        for node, unit in zip(nodes, column.units, strict=True)
    ]
    if column.folded:
        nodes.insert(column.before, f"c{place}f")
        lines.insert(
            column.before, f"    c{place}f [label={quoted('⋮')}, shape=plaintext, style=solid]"
        )
    yield from lines
    # keeps the units in their order
    yield f"    {' -- '.join([f'c{place}t', *nodes])} [style=invis]"
    yield "  }"


def _look(column: UnitColumn, unit: Unit, precision: int) -> str:
    name = quoted(label(column, unit))[1:-1]
    if unit.value is not None:
        name += "\\n" + number(unit.value, precision)
    fill = ", fillcolor=gray93" if column.letter == "x" else ""
    if unit.dead is not None:
        fill = ', fillcolor=gray80, style="filled,dashed"'
    return f'label="{name}"{fill}'
