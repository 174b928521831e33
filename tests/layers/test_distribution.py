"""Histograms: every finite number is counted once, in the bin that holds it."""

from __future__ import annotations

import math
from bisect import bisect_right

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fcinspect.layers.array import Array
from fcinspect.layers.statistics import MOST_BINS, bin_edges, distributed, distribution_of

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def counted(values: list[float], edges: tuple[float, ...]) -> list[int]:
    """Return the counts by looking up one number after the other."""
    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[min(bisect_right(edges, value), len(counts)) - 1 if value != edges[0] else 0] += 1
    return counts


@given(st.lists(FINITE, min_size=1, max_size=60))
@example([-1.7976931348623157e308, 1.7976931348623157e308, 0.0])
@example([5e-324, 0.0, -5e-324])
@example([1.0, 1.0 + 2**-52])
@example([3.0, 3.0])
@example([0.1 * n for n in range(21)])
def test_counts_are_those_of_an_independent_count(values: list[float]) -> None:
    """They sum to the number of numbers, and each bin holds what lies between its edges."""
    found = distribution_of(Array(np.array(values), "float64"), min(values), max(values))
    assert found.finite == len(values)
    assert len(found.counts) <= MOST_BINS
    assert list(found.counts) == counted(values, found.edges)
    assert found.edges[0] <= min(values)
    assert max(values) <= found.edges[-1]


def test_a_wrong_count_is_seen() -> None:
    """The independent count can fail: a number moved across an edge changes it."""
    values = [0.0, 0.5, 1.0]
    edges = bin_edges(0.0, 1.0)
    assert counted(values, edges) != counted([0.0, 0.5 - 2**-53, 1.0], edges)


def test_edges_are_round_numbers() -> None:
    """A reader sees −0.5, −0.45 … rather than −0.4983."""
    edges = bin_edges(-0.4983, 0.4512)
    assert edges[:2] == (-0.5, -0.45)
    assert edges[-1] == 0.5


def test_what_is_not_finite_is_counted_apart() -> None:
    """NaN and infinities lie in no bin."""
    values = np.array([[1.0, math.nan], [math.inf, -math.inf]], np.float32)
    found = distribution_of(Array(values, "float32"), 1.0, 1.0)
    assert (found.counts, found.nan, found.inf, found.edges) == ((1,), 1, 2, (1.0, 1.0))


@pytest.mark.parametrize("values", [[], [math.nan]])
def test_without_finite_numbers_there_are_no_bins(values: list[float]) -> None:
    """Neither edges nor counts."""
    found = distribution_of(Array(np.array(values), "float64"), math.nan, math.nan)
    assert (found.edges, found.counts) == ((), ())


def test_numbers_outside_are_not_dropped_silently() -> None:
    """A file that changed between two passes is seen."""
    with pytest.raises(ValueError, match="outside"):
        distributed([np.array([0.0, 40.0])], 0.0, 1.0)
