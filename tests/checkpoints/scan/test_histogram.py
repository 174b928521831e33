from __future__ import annotations

import numpy as np
import pytest

from fcinspect.checkpoints.scan.singular import histogram_of


def test_numbers_near_each_other_are_counted_from_0_in_equal_bins() -> None:
    """Every number is in one bin; the largest in the last."""
    found = histogram_of(np.array([16.0, 8.5, 1.5, 1.0, 0.5]))
    assert found is not None
    assert found.scale == "linear"
    assert found.edges == tuple(float(edge) for edge in range(17))
    assert found.counts == (1, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1)


def test_numbers_far_apart_are_counted_in_logarithms() -> None:
    """From the smallest to the largest."""
    values = np.ldexp(np.ones(17), np.arange(17))
    found = histogram_of(values)
    assert found is not None
    assert found.scale == "log"
    assert found.edges == pytest.approx(tuple(values), rel=1e-14)
    assert sum(found.counts) == 17


@pytest.mark.parametrize("seed", range(20))
def test_none_is_lost(seed: int) -> None:
    """Rounded edges hold all numbers, whatever these are."""
    rng = np.random.default_rng(seed)
    for spread in (0.1, 1.0, 5.0, 30.0):
        values = np.exp(rng.standard_normal(100) * spread)
        found = histogram_of(values)
        assert found is not None
        assert sum(found.counts) == 100
        assert len(found.counts) == 16


def test_edges_are_scaled_and_nothing_has_no_histogram() -> None:
    """By a power of two; equal numbers are all in the last bin."""
    assert histogram_of(np.zeros(0)) is None
    found = histogram_of(np.ones(3), exponent=300)
    assert found is not None
    assert found.edges[-1] == 2.0**300
    assert found.counts[-1] == 3
