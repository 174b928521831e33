"""The view of `draw`: a network as a picture, in every medium."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fcinspect.layers.diagram import Outline
from fcinspect.layers.folding import diagram_of
from fcinspect.layers.spec import format_widths
from fcinspect.render.diagram import document
from fcinspect.render.diagram.dot import dot_text
from fcinspect.render.diagram.labels import shortened
from fcinspect.render.diagram.mermaid import mermaid_text
from fcinspect.render.diagram.terminal import drawing_of
from fcinspect.render.markdown import to_markdown
from fcinspect.render.page import Block, Column, Line, Page, Table, Verbatim
from fcinspect.render.text import count, plural, safe, sizes
from fcinspect.render.view import View

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Diagram

LONGEST_TITLE = 60


def view_of_diagram(
    outline: Outline, units: int, source: str, asked: dict[str, Any], warnings: tuple[str, ...]
) -> View:
    """Return the view of a network with at most so many units of a layer; `source` says in words
    where it comes from.
    """
    drawn = _Drawn(outline, diagram_of(outline, units), units, source, warnings)
    return View(
        command="draw",
        asked=asked,
        data=lambda full: dict(document.document(drawn.diagram, source)),
        page=drawn.page,
        rows=lambda: document.rows(drawn.diagram),
        texts={
            "md": drawn.markdown,
            "mermaid": lambda precision: mermaid_text(outline, units, drawn.title, precision),
            "dot": lambda precision: dot_text(drawn.diagram, drawn.title, precision),
        },
        figure=drawn.figure,
        warnings=warnings,
    )


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A diagram with its words."""

    outline: Outline
    diagram: Diagram
    units: int
    source: str
    warnings: tuple[str, ...]

    @property
    def title(self) -> str:
        """The widths, shortened where they are many."""
        return shortened(format_widths(self.diagram.widths), LONGEST_TITLE)

    def page(self, precision: int) -> Page:
        """Return the page with the drawing."""
        return self._page(drawing_of(self.diagram, precision))

    def markdown(self, precision: int) -> str:
        """Return the page with a Mermaid flowchart, which many readers of Markdown draw."""
        text = mermaid_text(self.outline, self.units, self.title, precision)
        page = self._page(Verbatim(text, "mermaid"))
        notes = tuple(Line.of("note: ", warning) for warning in self.warnings)
        return to_markdown(Page((*page.groups, notes)))

    def figure(self, ending: str) -> bytes:
        """Return the figure as a file of that ending."""
        from fcinspect.render.figures.diagram import diagram_bytes

        notes = (self._words, *self.diagram.folds)
        return diagram_bytes(ending, self.diagram, self.title, notes)

    @property
    def _words(self) -> str:
        parameters = plural(self.diagram.parameters, "parameter")
        return f"{parameters}; {safe(self.source)}"

    def _page(self, drawing: Block) -> Page:
        head = (Line.of((self.title, "strong")), Line.of(self._words))
        folds = tuple(Line.of((fold, "unsure")) for fold in self.diagram.folds)
        tail: tuple[Block, ...] = (_layers(self.diagram), *folds)
        return Page((head, (drawing,), tail))


def _layers(diagram: Diagram) -> Table:
    """Return the layers that are drawn, one a row."""
    rows = []
    for connection in diagram.connections:
        edges = count(connection.total)
        if connection.left_out:
            edges = f"{count(len(connection.edges))} of {edges}"
        shape = (connection.out_features, connection.in_features)
        rows.append(
            (
                safe(connection.name),
                sizes(shape),
                sizes(shape[:1]) if connection.bias else "none",
                safe(connection.activation),
                edges,
            )
        )
    return Table(
        (
            Column("layer", right=False, folds=True),
            Column("W", role="weight"),
            Column("b", role="bias"),
            Column("activation", right=False),
            Column("edges drawn"),
        ),
        tuple(rows),
    )
