"""What `draw` says as plain data: for JSON, and the rows of its CSV files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fcinspect.pictures.diagram.labels import label
from fcinspect.reports.written import finite

if TYPE_CHECKING:
    from fcinspect.layers.diagram import Connection, Diagram, UnitColumn
    from fcinspect.reports.documents.draw import (
        ColumnDocument,
        ConnectionDocument,
        DrawDocument,
    )

TITLES = (
    "kind", "column", "label", "index", "source", "target", "weight", "value", "bias", "count",
)  # fmt: skip


def document(diagram: Diagram, source: str) -> DrawDocument:
    """Return the JSON data of a diagram."""
    first = diagram.columns[diagram.left_of_fold - 1].position + 1
    count = diagram.folded_columns
    return {
        "widths": list(diagram.widths),
        "source": source,
        "dtype": diagram.dtype,
        "parameters": diagram.parameters,
        "columns": [_column(column) for column in diagram.columns],
        "layers": [_connection(connection) for connection in diagram.connections],
        "folded_columns": {"first": first, "count": count} if count else None,
        "edges": diagram.total_edges,
        "edges_drawn": diagram.drawn_edges,
        "folds": list(diagram.folds),
    }


def rows(diagram: Diagram) -> Iterator[Sequence[object]]:
    """Yield a row for each unit and each edge that is drawn, and for what is folded."""
    yield TITLES
    for column in diagram.columns:
        place = column.position
        for unit in column.units:
            yield (
                "unit", place, label(column, unit), unit.index, "", "", "", _cell(unit.value),
                _cell(unit.bias), "",
            )  # fmt: skip
        if column.folded:
            yield ("folded units", place, *[""] * 7, column.folded)
    if diagram.folded_columns:
        first = diagram.columns[diagram.left_of_fold - 1].position + 1
        yield ("folded columns", first, *[""] * 7, diagram.folded_columns)
    for connection in diagram.connections:
        place = connection.position
        for edge in connection.edges:
            yield (
                "edge", place, "", "", edge.source, edge.target, _cell(edge.weight), "", "", "",
            )  # fmt: skip
        if connection.left_out:
            yield ("folded edges", place, *[""] * 7, connection.left_out)


def _cell(value: float | None) -> object:
    return "" if value is None else value


def _column(column: UnitColumn) -> ColumnDocument:
    return {
        "position": column.position,
        "title": column.title,
        "width": column.width,
        "units": [
            {
                "index": unit.index,
                "label": label(column, unit),
                "value": None if unit.value is None else finite(unit.value),
                "bias": None if unit.bias is None else finite(unit.bias),
                "dead": None if unit.dead is None else unit.dead.value,
            }
            for unit in column.units
        ],
        "folded": column.folded,
    }


def _connection(connection: Connection) -> ConnectionDocument:
    return {
        "name": connection.name,
        "column": connection.position,
        "in_features": connection.in_features,
        "out_features": connection.out_features,
        "bias": connection.bias,
        "activation": connection.activation,
        "edges": [
            {
                "source": edge.source,
                "target": edge.target,
                "weight": None if edge.weight is None else finite(edge.weight),
            }
            for edge in connection.edges
        ],
        "left_out": connection.left_out,
    }
