"""The types of what `draw` writes as JSON."""

from __future__ import annotations

from typing_extensions import TypedDict


class UnitDocument(TypedDict):
    """A unit that is shown: `index` counts from 0, its label from 1.

    `value` and `bias` are null where they are not known or not finite. `dead` is "zero row" where
    every weight into the unit is 0, "zero output" where the unit of a hidden layer is 0 for the
    given input, else null.
    """

    index: int
    label: str
    value: float | None
    bias: float | None
    dead: str | None


class ColumnDocument(TypedDict):
    """The input (position 0) or the units of a layer; `folded` counts those not shown."""

    position: int
    title: str
    width: int
    units: list[UnitDocument]
    folded: int


class EdgeDocument(TypedDict):
    """From unit `source` to unit `target` of the next column: W[target, source].

    `weight` is null where it is not known or not finite.
    """

    source: int
    target: int
    weight: float | None


class ConnectionDocument(TypedDict):
    """A layer between columns that are shown; `column` is the one that it leads to.

    `left_out` counts its edges that are not drawn.
    """

    name: str
    column: int
    in_features: int
    out_features: int
    bias: bool
    activation: str
    edges: list[EdgeDocument]
    left_out: int


class FoldedColumnsDocument(TypedDict):
    """Columns in the middle of a long network that are not shown."""

    first: int
    count: int


class DrawDocument(TypedDict):
    """What `draw` says of a network; `dtype` is null where only its structure is known.

    `folds` says in sentences what is not drawn.
    """

    widths: list[int]
    source: str
    dtype: str | None
    parameters: int
    columns: list[ColumnDocument]
    layers: list[ConnectionDocument]
    folded_columns: FoldedColumnsDocument | None
    edges: int
    edges_drawn: int
    folds: list[str]
