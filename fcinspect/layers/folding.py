"""What of a network is drawn: its ends where it is wide or long, and all edges between them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from fcinspect.layers.diagram import Column, Connection, Dead, Diagram, Edge, Outline, Unit
from fcinspect.layers.network import activation_names, layer_names

if TYPE_CHECKING:
    from fcinspect.layers.array import Array
    from fcinspect.layers.network import Network

MOST_UNITS = 12
"""Units of a layer that are shown unless another number is asked for."""
MOST_COLUMNS = 12
"""Columns of units that are shown, the input among them."""


def outline_of_widths(
    widths: tuple[int, ...], hidden: str = "relu", last: str = "identity", bias: bool = True
) -> Outline:
    """Return the structure of the network that a specification names, without numbers."""
    count = len(widths) - 1
    return Outline(
        widths, layer_names(count), tuple(activation_names(count, hidden, last)), (bias,) * count
    )


def outline_of_network(network: Network, values: tuple[Array, ...] | None = None) -> Outline:
    """Return a network to be drawn with its weights, and with the values of its units."""
    return Outline(
        network.widths,
        tuple(layer.name for layer in network.layers),
        tuple(layer.activation for layer in network.layers),
        tuple(layer.linear.bias is not None for layer in network.layers),
        tuple(layer.linear for layer in network.layers),
        values,
    )


def diagram_of(outline: Outline, units: int = MOST_UNITS, columns: int = MOST_COLUMNS) -> Diagram:
    """Return what is drawn: at most so many units of a layer, and so many columns of them.

    Of both the first and the last are shown, and one more of the first where the number is odd.
    """
    widths = outline.widths
    shown = [_column(outline, place, units) for place in _ends(len(widths), columns)]
    connections = [
        _connection(outline, left, right)
        for left, right in pairwise(shown)
        if right.position == left.position + 1
    ]
    parameters = sum(
        m * (n + biased) for n, m, biased in zip(widths, widths[1:], outline.biased, strict=False)
    )
    return Diagram(
        widths,
        tuple(shown),
        tuple(connections),
        None if outline.weights is None else outline.weights[0].dtype,
        parameters,
    )


def _ends(count: int, most: int) -> tuple[int, ...]:
    """Return the first and the last numbers below `count`, at most so many."""
    if count <= most:
        return tuple(range(count))
    first = -(-most // 2)
    return (*range(first), *range(count - (most - first), count))


def _column(outline: Outline, position: int, most: int) -> Column:
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
    return Column(position, width, tuple(units), before, letter)


def _connection(outline: Outline, left: Column, right: Column) -> Connection:
    place = right.position - 1
    layer = None if outline.weights is None else outline.weights[place]
    edges = [
        Edge(
            source.index,
            target.index,
            None if layer is None else float(layer.weight.values[target.index, source.index]),
        )
        for target in right.units
        for source in left.units
    ]
    return Connection(
        right.position,
        outline.names[place],
        left.width,
        right.width,
        outline.biased[place],
        outline.activations[place],
        tuple(edges),
    )
