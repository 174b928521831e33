"""The report of `draw`: a network as a picture, in every medium."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.errors import UsageError
from fcinspect.layers.diagram import NetworkOutline, diagram_of
from fcinspect.layers.spec import format_widths
from fcinspect.page.blocks import Block, Column, Line, Page, Table, Verbatim, of_words
from fcinspect.page.text import count, plural, safe, sizes
from fcinspect.page.view import View
from fcinspect.pictures.diagram.graphs import dot_text, mermaid_text
from fcinspect.pictures.diagram.labels import dead_words, label, shortened
from fcinspect.pictures.diagram.terminal import drawing_of
from fcinspect.reports.written import written

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Diagram

LONGEST_TITLE = 60
MOST_WITH_WEIGHTS = 12
"""Edges of a layer up to which the figure shows their weights unless that is declined."""
MOST_WEIGHTS = 30
"""Edges of a layer beyond which no place is left for so many numbers."""


@dataclass(frozen=True)
class Looks:
    """How a diagram is to look."""

    units: int
    """Most units shown in a layer."""
    title: str | None = None
    """The title; None for the widths."""
    weights: bool | None = None
    """Whether the figure shows the weight of each edge; None: if there are few."""


def view_of_diagram(
    outline: NetworkOutline,
    looks: Looks,
    source: str,
    asked: dict[str, Any],
    warnings: tuple[str, ...],
    advice: str,
) -> View:
    """Return the view of a network; `source` says in words where it comes from.

    `advice` for who typed the command stands on its page, not in a figure. Raises UsageError where
    weights are asked for that are not known, or too many to be written.
    """
    diagram = diagram_of(outline, looks.units)
    if looks.weights:
        _require_room(diagram)
    drawn = _DrawnDiagram(outline, diagram, looks, source, warnings, advice)
    return View(
        command="draw",
        asked=asked,
        data=lambda full: document(diagram, source),
        page=drawn.page,
        rows=partial(rows, diagram),
        pages={"md": drawn.flowchart},
        texts={
            "mermaid": lambda precision: mermaid_text(outline, looks.units, drawn.title, precision),
            "dot": lambda precision: dot_text(diagram, drawn.title, precision),
        },
        figure=drawn.figure,
        warnings=warnings,
    )


def _require_room(diagram: Diagram) -> None:
    if not diagram.has_weights:
        raise UsageError(
            "--weights writes weights on the edges, but only the structure is known here",
            hint="use --seed S for random weights, or give a file of layers",
        )
    for connection in diagram.connections:
        if (edges := len(connection.edges)) > MOST_WEIGHTS:
            raise UsageError(
                f"--weights: {edges} edges of {safe(connection.name)} are drawn, but at most"
                f" {MOST_WEIGHTS} numbers can be read",
                hint="use --units K to draw fewer; --json and --format csv have every drawn weight",
            )


@dataclass(frozen=True, eq=False)
class _DrawnDiagram:
    """A diagram with its words."""

    outline: NetworkOutline
    diagram: Diagram
    looks: Looks
    source: str
    warnings: tuple[str, ...]
    advice: str

    @property
    def title(self) -> str:
        """The title above the diagram."""
        return self._widths if self.looks.title is None else safe(self.looks.title)

    def page(self, precision: int) -> Page:
        """Return the page with the drawing."""
        advice = (Line.of((self.advice, "faint")),) if self.advice else ()
        return self._page(drawing_of(self.diagram, precision), *advice)

    def flowchart(self, precision: int) -> Page:
        """Return the page with a Mermaid flowchart, which many readers of Markdown draw."""
        text = mermaid_text(self.outline, self.looks.units, self.title, precision)
        notes = [Line.of("note: ", warning) for warning in self.warnings]
        return self._page(Verbatim(text, "mermaid"), *notes)

    def figure(self, ending: str) -> bytes:
        """Return the figure as a file of that ending."""
        from fcinspect.pictures.figures.diagram import diagram_bytes

        diagram, weights = self.diagram, self.looks.weights
        if weights is None:
            most = max((len(c.edges) for c in diagram.connections), default=0)
            weights = diagram.has_weights and most <= MOST_WITH_WEIGHTS
        notes = (self._words, *diagram.folds)
        return diagram_bytes(ending, diagram, self.title, notes, weights=weights)

    @property
    def _widths(self) -> str:
        return shortened(format_widths(self.diagram.widths), LONGEST_TITLE)

    @property
    def _words(self) -> str:
        parameters = plural(self.diagram.parameters, "parameter")
        widths = "" if self.looks.title is None else f"{self._widths}; "
        return f"{widths}{parameters}; {safe(self.source)}"

    def _page(self, drawing: Block, *below: Line) -> Page:
        head = (Line.of((self.title, "strong")), Line.of(self._words))
        folds = tuple(Line.of((fold, "unsure")) for fold in self.diagram.folds)
        dead = tuple(map(Line.of, dead_words(self.diagram)))
        tail: tuple[Block, ...] = (_layers(self.diagram), *dead, *folds)
        return Page((head, (drawing,), tail, *([below] if below else [])))


def _layers(diagram: Diagram) -> Table:
    rows = []
    for connection in diagram.connections:
        edges = count(connection.total)
        if connection.left_out:
            edges = f"{count(len(connection.edges))} of {edges}"
        shape = (connection.out_features, connection.in_features)
        bias = sizes(shape[:1]) if connection.bias else "none"
        name, activation = safe(connection.name), safe(connection.activation)
        rows.append((name, sizes(shape), bias, activation, edges))
    layer = Column("layer", right=False, folds=True)
    parameters = (layer, Column("W", "weight"), Column("b", "bias"))
    return Table((*parameters, *of_words("activation"), Column("edges drawn")), tuple(rows))


def document(diagram: Diagram, source: str) -> dict[str, Any]:
    """Return the JSON data of a diagram."""
    from fcinspect.reports.documents import networks as documents

    columns = []
    for column in diagram.columns:
        named = [(unit, label(column, unit)) for unit in column.units]
        units = [written(unit, documents.UnitDocument, label=name) for unit, name in named]
        columns.append(written(column, documents.ColumnDocument, units=units))
    layers = [
        written(connection, documents.ConnectionDocument, column=connection.position)
        for connection in diagram.connections
    ]
    count = diagram.folded_columns
    return written(
        diagram,
        documents.DrawDocument,
        source=source,
        columns=columns,
        layers=layers,
        folded_columns={"first": _first_folded(diagram), "count": count} if count else None,
        edges=diagram.total_edges,
        edges_drawn=diagram.drawn_edges,
    )


def _first_folded(diagram: Diagram) -> int:
    return diagram.columns[diagram.left_of_fold - 1].position + 1


def rows(diagram: Diagram) -> Iterator[Sequence[object]]:
    """Yield a row for each unit and each edge that is drawn, and for what is folded."""
    titles = ("kind", "column", "label", "index", "source", "target", "weight")
    yield (*titles, "value", "bias", "count")
    for column in diagram.columns:
        place = column.position
        for unit in column.units:
            numbers = ("", "", "", unit.value, unit.bias, "")
            yield ("unit", place, label(column, unit), unit.index, *numbers)
        if column.folded:
            yield ("folded units", place, *[""] * 7, column.folded)
    if diagram.folded_columns:
        yield ("folded columns", _first_folded(diagram), *[""] * 7, diagram.folded_columns)
    for connection in diagram.connections:
        place = connection.position
        for edge in connection.edges:
            yield ("edge", place, "", "", edge.source, edge.target, edge.weight, "", "", "")
        if connection.left_out:
            yield ("folded edges", place, *[""] * 7, connection.left_out)
