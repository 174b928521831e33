from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fcinspect.layers import statistics as module
from fcinspect.layers.array import Array
from fcinspect.layers.statistics import statistics_of


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
def test_moments_equal_exact_arithmetic(values: list[float]) -> None:
    """Mean and std are within a few roundings of the exact ones, relative to the largest number."""
    found = statistics_of(Array.of(np.array(values), "float64"))
    room = 2.0**-53 * (len(values) + 8) * max(map(abs, values))
    assert found.mean == pytest.approx(statistics.mean(values), rel=0, abs=room)
    assert found.std == pytest.approx(statistics.stdev(values), rel=1e-12, abs=4 * room)
    assert (found.min, found.max) == (min(values), max(values))


def test_std_is_torchs_sample_standard_deviation() -> None:
    """The divisor is n − 1."""
    values = torch.randn(1000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    found = statistics_of(Array(values.numpy(), "float64"))
    # two float64 computations of a well-conditioned sum of 1000 terms
    assert found.std == pytest.approx(values.std().item(), rel=2000 * 2.0**-53)


def test_a_small_spread_around_a_large_mean_is_not_lost() -> None:
    """Two passes do not cancel."""
    values = 100 + 1e-3 * np.random.default_rng(0).standard_normal(300_000)
    found = statistics_of(Array.of(values, "float64"))
    assert found.std == pytest.approx(float(np.std(values, ddof=1)), rel=1e-9)


def test_chunks_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The size of a chunk does not change what is found."""
    values = Array.of(np.random.default_rng(1).standard_normal((13, 11)), "float32")
    whole = statistics_of(values)
    monkeypatch.setattr(module, "CHUNK", 10)
    parts = statistics_of(values)
    assert (parts.min, parts.max, parts.zeros) == (whole.min, whole.max, whole.zeros)
    assert parts.mean == pytest.approx(whole.mean, rel=1e-12)
    assert parts.std == pytest.approx(whole.std, rel=1e-12)


def test_what_is_not_finite_is_counted_and_left_out() -> None:
    """Moments are those of the finite numbers."""
    values = Array.of(np.array([1.0, np.nan, 3.0, np.inf, -np.inf, 0.0, -0.0]), "float32")
    found = statistics_of(values)
    assert (found.nan, found.inf, found.zeros) == (1, 2, 2)
    assert (found.min, found.max, found.mean) == (0.0, 3.0, 1.0)


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, -math.inf]])
def test_without_finite_numbers_there_are_no_moments(values: list[float]) -> None:
    """Nothing to average gives nan, not an error."""
    found = statistics_of(Array.of(np.array(values), "float32"))
    assert all(map(math.isnan, (found.min, found.max, found.mean, found.std)))


def test_one_number_has_no_spread() -> None:
    """As in torch, std of one number is nan."""
    found = statistics_of(Array.of(np.array([3.0]), "float32"))
    assert (found.mean, math.isnan(found.std)) == (3.0, True)


@pytest.mark.parametrize("scale", [1e308, 1e-308, 5e-324])
def test_the_ends_of_the_range_do_not_overflow(scale: float) -> None:
    """Sums and squares near the ends of float64 are scaled."""
    found = statistics_of(Array.of(np.array([scale, scale, scale]), "float64"))
    assert (found.mean, found.std) == (scale, 0.0)
    mixed = statistics_of(Array.of(np.array([1.7e308, -1.7e308]), "float64"))
    assert (mixed.mean, mixed.std) == (0.0, math.inf)
