"""The layered diagram of a fully connected network: what of it is drawn, and what is folded.

A wide layer shows its first and its last units, a long network its first and its last layers; all
edges between units that are shown are drawn, and the others are counted. So a network of any size
has a diagram of bounded size. Notation: x_j enters, a^l_j is the activation of unit j of hidden
layer l, y_j leaves (Nielsen, Neural Networks and Deep Learning, chapter 2); j counts from 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise, product
from typing import TYPE_CHECKING

from fcinspect.layers.linear import activation_names, layer_names

if TYPE_CHECKING:
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import LinearLayer, Network

MOST_UNITS = 12
"""Units of a layer that are shown unless another number is asked for."""
MOST_COLUMNS = 12
"""Columns of units that are shown, the input among them."""


class Dead(Enum):
    """Why a unit tells nothing of the input. The first holds for every input.

    A unit that outputs 0 for one input may be alive for another: this is reported only for the
    given input, and only of hidden layers, since 0 is an answer like any other at the end.
    """

    ZERO_ROW = "zero row"
    """Every weight into it is 0, so that its output does not depend on the layer before."""
    ZERO_OUTPUT = "zero output"
    """It stands in a hidden layer and its activation is 0 for the given input."""


@dataclass(frozen=True, eq=False)
class NetworkOutline:
    """What is to be drawn: the widths of a network, and its numbers where it has them."""

    widths: tuple[int, ...]
    """in_features, then every layer's out_features."""
    names: tuple[str, ...]
    """Of the layers; one fewer than widths, as are the next two."""
    activations: tuple[str, ...]
    """After each layer; "identity" for none."""
    biased: tuple[bool, ...]
    """Whether each layer has a bias."""
    weights: tuple[LinearLayer, ...] | None = None
    """The layers themselves, None where only the structure is known."""
    values: tuple[Array, ...] | None = None
    """The input and what leaves each activation, one array of each of the widths."""


@dataclass(frozen=True)
class Unit:
    """One node."""

    index: int
    """Its place in its layer, counted from 0: its row in W."""
    value: float | None
    """What enters the network here, or leaves the activation; None where it is not known."""
    bias: float | None
    """Its entry of b; None at the input, without a bias, or where it is not known."""
    dead: Dead | None = None
    """Why it tells nothing of the input; None where it does, or where that is not known."""


@dataclass(frozen=True)
class UnitColumn:
    """The units of one layer, or of the input."""

    position: int
    """0 is the input, the last is the output."""
    width: int
    units: tuple[Unit, ...]
    """Those that are shown, from the top."""
    before: int
    """How many of them are above the fold; all where nothing is folded."""
    letter: str
    """"x" of the input, "a" of a hidden layer, "y" of the output."""

    @property
    def folded(self) -> int:
        """How many units are not shown."""
        return self.width - len(self.units)

    @property
    def slots(self) -> int:
        """How many units, and the fold mark, stand one below the other."""
        return len(self.units) + bool(self.folded)

    @property
    def slot_of(self) -> dict[int, int]:
        """The slot of each unit by its index; that of the fold mark is `before`."""
        return {unit.index: slot + (slot >= self.before) for slot, unit in enumerate(self.units)}

    @property
    def title(self) -> str:
        """What the column is called: "input", "hidden 1", "output"."""
        return {"x": "input", "y": "output"}.get(self.letter, f"hidden {self.position}")

    @property
    def words(self) -> str:
        """Its width, and how many units are shown where it is folded: "512, showing 12"."""
        return f"{self.width:,}" + (f", showing {len(self.units)}" if self.folded else "")


@dataclass(frozen=True)
class Edge:
    """The line from a unit to one of the next layer."""

    source: int
    """The index of the unit it leaves: the column of W."""
    target: int
    """The index of the unit it enters: the row of W."""
    weight: float | None
    """W[target, source], None where it is not known."""

    @property
    def size(self) -> float:
        """|weight|; 0 where it is not known, infinity where it is not finite."""
        if self.weight is None:
            return 0.0
        return abs(self.weight) if math.isfinite(self.weight) else math.inf


@dataclass(frozen=True)
class Connection:
    """A linear layer between two columns that are shown."""

    position: int
    """Of the column it leads to: 1 for the first layer."""
    name: str
    in_features: int
    out_features: int
    bias: bool
    activation: str
    edges: tuple[Edge, ...]
    """Those between units that are shown, row by row of W."""

    @property
    def total(self) -> int:
        """How many edges the layer has, one for each number of W."""
        return self.in_features * self.out_features

    @property
    def left_out(self) -> int:
        """How many of them are not drawn."""
        return self.total - len(self.edges)


@dataclass(frozen=True)
class Diagram:
    """What is drawn of a network."""

    widths: tuple[int, ...]
    columns: tuple[UnitColumn, ...]
    """Those that are shown, from the input on."""
    connections: tuple[Connection, ...]
    """The layers between columns that are shown and neighbours."""
    dtype: str | None
    """The number format of the weights; None where only the structure is known."""
    parameters: int
    """Of the whole network, biases among them."""

    @property
    def folded_columns(self) -> int:
        """How many columns in the middle are not shown."""
        return len(self.widths) - len(self.columns)

    @property
    def left_of_fold(self) -> int:
        """How many columns stand before those that are not shown; all where none is left out."""
        places = [column.position for column in self.columns]
        return next((k for k, place in enumerate(places) if place != k), len(places))

    @property
    def total_edges(self) -> int:
        """How many edges the network has, one for each weight."""
        return sum(n * m for n, m in pairwise(self.widths))

    @property
    def drawn_edges(self) -> int:
        """How many of them are drawn."""
        return sum(len(connection.edges) for connection in self.connections)

    @property
    def has_weights(self) -> bool:
        """Whether the weights are known."""
        return self.dtype is not None

    @property
    def has_values(self) -> bool:
        """Whether the units have values."""
        return any(unit.value is not None for column in self.columns for unit in column.units)

    @property
    def weights(self) -> list[float]:
        """Those that are drawn and known."""
        return [e.weight for c in self.connections for e in c.edges if e.weight is not None]

    @property
    def scale(self) -> float:
        """The largest finite |weight| that is drawn; 0 where there is none but 0."""
        return max((abs(w) for w in self.weights if math.isfinite(w)), default=0.0)

    def into(self, column: UnitColumn) -> Connection | None:
        """Return the layer that leads to a column; None at the input and after those left out."""
        return next((c for c in self.connections if c.position == column.position), None)

    @property
    def around_fold(self) -> tuple[UnitColumn, UnitColumn]:
        """The columns before and after those that are not shown."""
        return self.columns[self.left_of_fold - 1], self.columns[self.left_of_fold]

    @property
    def folds(self) -> tuple[str, ...]:
        """What is not drawn, in sentences; empty where everything is."""
        told = []
        folded = [c for c in self.columns if c.folded]
        if folded:
            layers = ", ".join(f"{len(c.units)} of {c.width:,} ({c.title})" for c in folded)
            told.append(f"units shown: {layers}, the first and the last")
        if self.folded_columns:
            first = self.columns[self.left_of_fold - 1].position + 1
            last = first + self.folded_columns - 1
            which = f"hidden layer {first}" if first == last else f"hidden layers {first} to {last}"
            told.append(f"{which} of {len(self.widths) - 2} not drawn")
        if self.drawn_edges < self.total_edges:
            told.append(f"{self.drawn_edges:,} of {self.total_edges:,} edges drawn")
        return tuple(told)


def outline_of_widths(
    widths: tuple[int, ...], hidden: str = "relu", last: str = "identity", bias: bool = True
) -> NetworkOutline:
    """Return the structure of the network that a specification names, without numbers."""
    count = len(widths) - 1
    names, activations = layer_names(count), activation_names(count, hidden, last)
    return NetworkOutline(widths, names, activations, (bias,) * count)


def outline_of_network(network: Network, values: tuple[Array, ...] | None = None) -> NetworkOutline:
    """Return a network to be drawn with its weights, and with the values of its units."""
    activations = tuple(layer.activation for layer in network.layers)
    layers = tuple(layer.linear for layer in network.layers)
    names, biased = zip(*((layer.name, layer.bias is not None) for layer in layers), strict=True)
    return NetworkOutline(network.widths, names, activations, biased, layers, values)


def diagram_of(
    outline: NetworkOutline, units: int = MOST_UNITS, columns: int = MOST_COLUMNS
) -> Diagram:
    """Return what is drawn: at most so many units and columns, the first and the last ones."""
    widths = outline.widths
    shown = [_column(outline, place, units) for place in _ends(len(widths), columns)]
    neighbours = [(a, b) for a, b in pairwise(shown) if b.position == a.position + 1]
    connections = [_connection(outline, left, right) for left, right in neighbours]
    layers = zip(pairwise(widths), outline.biased, strict=True)
    parameters = sum(m * (n + biased) for (n, m), biased in layers)
    dtype = None if outline.weights is None else outline.weights[0].dtype
    return Diagram(widths, tuple(shown), tuple(connections), dtype, parameters)


def _ends(count: int, most: int) -> tuple[int, ...]:
    """Return the first and the last numbers below `count`, at most so many."""
    if count <= most:
        return tuple(range(count))
    first = -(-most // 2)
    return (*range(first), *range(count - (most - first), count))


def _column(outline: NetworkOutline, position: int, most: int) -> UnitColumn:
    width = outline.widths[position]
    shown = _ends(width, most)
    layer = outline.weights[position - 1] if outline.weights and position else None
    bias = None if layer is None else layer.bias
    values = None if outline.values is None else outline.values[position]
    letter = "x" if position == 0 else "y" if position == len(outline.widths) - 1 else "a"
    units = []
    for index in shown:
        value = None if values is None else float(values.values[index])
        dead = None
        if layer is not None and layer.in_features and not layer.weight.values[index].any():
            dead = Dead.ZERO_ROW
        elif letter == "a" and value == 0:
            dead = Dead.ZERO_OUTPUT
        units.append(Unit(index, value, None if bias is None else float(bias.values[index]), dead))
    before = len(shown) if len(shown) == width else -(-most // 2)
    return UnitColumn(position, width, tuple(units), before, letter)


def _connection(outline: NetworkOutline, left: UnitColumn, right: UnitColumn) -> Connection:
    place = right.position - 1
    layer = None if outline.weights is None else outline.weights[place]
    edges = []
    for i, j in product((unit.index for unit in right.units), (unit.index for unit in left.units)):
        edges.append(Edge(j, i, None if layer is None else float(layer.weight.values[i, j])))
    return Connection(
        right.position, outline.names[place], left.width, right.width,
        outline.biased[place], outline.activations[place], tuple(edges),
    )  # fmt: skip
