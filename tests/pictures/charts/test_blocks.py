"""Matrices reduced by blocks, against a walk through each block."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcinspect.pictures.charts.weight import blocks_of


@given(
    st.integers(1, 23), st.integers(1, 23), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99)
)
def test_each_cell_is_the_value_of_largest_magnitude(
    rows: int, columns: int, most_rows: int, most_columns: int, seed: int
) -> None:
    """With its sign; and no cell beyond those allowed."""
    matrix = np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)
    found = blocks_of(matrix, (most_rows, most_columns))
    tall, wide = found.block
    assert found.values.shape == (-(-rows // tall), -(-columns // wide))
    assert found.values.shape[0] <= most_rows
    assert found.values.shape[1] <= most_columns
    for i, row in enumerate(found.values):
        for j, value in enumerate(row):
            block = matrix[i * tall : (i + 1) * tall, j * wide : (j + 1) * wide]
            assert value == max(map(float, block.reshape(-1)), key=abs)
    assert found.scale == np.abs(matrix).max()


def test_small_matrices_are_whole() -> None:
    """A cell for each number."""
    found = blocks_of(np.array([[1.0, -2.0]]), (24, 72))
    assert found.is_whole
    assert found.is_even
    assert found.values.tolist() == [[1.0, -2.0]]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [(0, 0), (3, 5), (6, 6)])
def test_what_is_not_finite_is_never_hidden(bad: float, place: tuple[int, int]) -> None:
    """A block with such a number has one as its value, and the scale is of the others."""
    matrix = np.ones((7, 7))
    matrix[place] = bad
    found = blocks_of(matrix, (4, 4))
    struck = ~np.isfinite(found.values)
    assert struck.sum() == 1
    assert struck[place[0] // 2, place[1] // 2]
    assert found.scale == 1.0
    assert not found.is_even
