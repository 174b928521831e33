"""What is drawn of a network: every unit and edge of a small one, and what is folded of others."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcinspect.layers.diagram import diagram_of, outline_of_network, outline_of_widths
from tests.networks import made, outline


def test_a_small_network_is_drawn_whole() -> None:
    """Each unit, and one edge for each number of W, which it holds."""
    network = made(3, 5, 4, 2)
    diagram = diagram_of(outline_of_network(network))
    assert [len(column.units) for column in diagram.columns] == [3, 5, 4, 2]
    assert [column.title for column in diagram.columns] == [
        "input", "hidden 1", "hidden 2", "output",
    ]  # fmt: skip
    assert (diagram.total_edges, diagram.drawn_edges, diagram.folds) == (43, 43, ())
    assert diagram.parameters == 3 * 5 + 5 + 5 * 4 + 4 + 4 * 2 + 2
    for layer, connection in zip(network.layers, diagram.connections, strict=True):
        drawn = np.full(layer.linear.weight.shape, np.nan)
        for edge in connection.edges:
            assert edge.weight is not None
            drawn[edge.target, edge.source] = edge.weight
        np.testing.assert_array_equal(drawn, layer.linear.weight.values)
        column = diagram.columns[connection.position]
        assert layer.linear.bias is not None
        assert [unit.bias for unit in column.units] == layer.linear.bias.values.tolist()
    largest = max(float(np.abs(layer.linear.weight.values).max()) for layer in network.layers)
    assert diagram.scale == largest


def test_a_wide_layer_shows_its_ends() -> None:
    """The first and the last six of 512, and how many edges are left out."""
    diagram = diagram_of(outline("weights", 784, 512, 10))
    hidden = diagram.columns[1]
    assert [unit.index for unit in hidden.units] == [*range(6), *range(506, 512)]
    assert (hidden.words, hidden.before, hidden.folded) == ("512, showing 12", 6, 500)
    assert [c.left_out for c in diagram.connections] == [784 * 512 - 144, 5120 - 120]
    assert diagram.folds == (
        "units shown: 12 of 784 (input), 12 of 512 (hidden 1), the first and the last",
        "264 of 406,528 edges drawn",
    )


def test_a_long_network_shows_its_ends() -> None:
    """Of 40 columns twelve; between them there is no edge, and that is said."""
    diagram = diagram_of(outline_of_widths((3,) * 40))
    assert [c.position for c in diagram.columns] == [*range(6), *range(34, 40)]
    assert (diagram.folded_columns, diagram.left_of_fold) == (28, 6)
    assert [c.position for c in diagram.connections] == [*range(1, 6), *range(35, 40)]
    assert "hidden layers 6 to 33 of 38 not drawn" in diagram.folds
    assert "90 of 351 edges drawn" in diagram.folds
    assert "hidden layer 6 of 11 not drawn" in diagram_of(outline_of_widths((3,) * 13)).folds


@given(
    st.lists(st.integers(1, 50), min_size=2, max_size=30), st.integers(2, 32), st.integers(2, 20)
)
def test_what_is_shown_and_what_is_left_out_are_the_whole(
    widths: list[int], units: int, columns: int
) -> None:
    """No more is shown than asked for, in order, and everything is counted."""
    diagram = diagram_of(outline_of_widths(tuple(widths)), units, columns)
    assert len(diagram.columns) == min(len(widths), columns)
    assert diagram.folded_columns + len(diagram.columns) == len(widths)
    for column in diagram.columns:
        shown = [unit.index for unit in column.units]
        assert len(shown) == min(units, widths[column.position])
        assert shown == sorted(set(shown))
        assert (shown[0], shown[-1]) == (0, widths[column.position] - 1)
        assert column.folded + len(shown) == widths[column.position]
    for connection in diagram.connections:
        assert connection.total == len(set(connection.edges)) + connection.left_out
    told = " ".join(diagram.folds)
    assert ("edges drawn" in told) == (diagram.drawn_edges < diagram.total_edges)


@pytest.mark.parametrize("widths", [(1000, 1000), (10,) * 10_001, (10**15, 10**15)])
def test_a_million_edges_are_folded_at_once(widths: tuple[int, ...]) -> None:
    """The diagram of any network is of bounded size."""
    began = time.process_time()
    diagram = diagram_of(outline_of_widths(widths))
    assert diagram.drawn_edges <= 12 * 12 * 11
    assert diagram.folds
    assert time.process_time() - began < 1


def test_what_is_not_finite_has_no_part_in_the_scale() -> None:
    """The widest line is that of the largest finite weight."""
    network = made(2, 2)
    spoilt = network.layers[0].linear.weight.values.copy()
    spoilt[0, 0] = np.inf
    object.__setattr__(network.layers[0].linear.weight, "values", spoilt)
    diagram = diagram_of(outline_of_network(network))
    assert diagram.scale == float(np.abs(spoilt[np.isfinite(spoilt)]).max())
