from __future__ import annotations

import math

import numpy as np
import pytest

from fcinspect.layers import law_bounds
from fcinspect.layers.law_bounds import (
    largest_singular_value,
    longest_row,
    most_zeros,
    normal_reach,
    uniform_reach,
)
from fcinspect.rounding.arrays import Float64Array
from fcinspect.rounding.formats import BFLOAT16, FLOAT16, FLOAT32, FLOAT64

OFTEN = 0.1
"""A probability that can be tried out."""
TRIES = 400


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(law_bounds, "DELTA", OFTEN)


def is_rare(failures: int) -> bool:
    """Whether so many failures are within 4 standard deviations of 10 % of the tries."""
    return failures <= TRIES * OFTEN + 4 * math.sqrt(TRIES * OFTEN * (1 - OFTEN))


def draws(kind: str, *shape: int) -> list[Float64Array]:
    """Return numbers of U(−1, 1) or N(0, 1), again and again."""
    rng = np.random.default_rng(5)
    if kind == "uniform":
        return [rng.uniform(-1, 1, shape) for _ in range(TRIES)]
    return [rng.standard_normal(shape) for _ in range(TRIES)]


def test_the_largest_of_uniform_numbers() -> None:
    """It falls short of the bound as often as is said, neither more nor much less often."""
    short = sum(
        bool(values.max() < uniform_reach(1.0, 500, FLOAT64)) for values in draws("uniform", 500)
    )
    assert is_rare(short)
    assert short > TRIES * OFTEN / 2


def test_the_largest_of_normal_numbers() -> None:
    """It is below and above the two values as often as is said."""
    low, high = normal_reach(500, FLOAT64)
    largest = [values.max() for values in draws("normal", 500)]
    for failures in (sum(x < low for x in largest), sum(x > high for x in largest)):
        assert is_rare(failures)
        assert failures > TRIES * OFTEN / 2


def test_a_coarse_grid_has_no_far_numbers() -> None:
    """Of 2^8 uniforms no normal number comes beyond √(16·ln 2)."""
    assert normal_reach(10**9, BFLOAT16)[0] == 0.98 * math.sqrt(16 * math.log(2))
    assert normal_reach(10**9, FLOAT64)[0] > 5.5


@pytest.mark.parametrize("kind", ["uniform", "normal"])
@pytest.mark.parametrize("shape", [(40, 60), (5, 300), (300, 5)])
def test_rows_and_singular_values(kind: str, shape: tuple[int, int]) -> None:
    """Neither is exceeded more often than is said, nor are the bounds far off."""
    longest = longest_row(kind, 1.0, shape, FLOAT64)
    leading = largest_singular_value(kind, 1.0, shape, FLOAT64)
    found = [
        (
            max(np.linalg.norm(values, axis=axis).max() for axis in (0, 1)),
            np.linalg.svd(values, compute_uv=False)[0],
        )
        for values in draws(kind, *shape)
    ]
    assert is_rare(sum(row > longest for row, _ in found))
    assert is_rare(sum(sigma > leading for _, sigma in found))
    assert np.mean([row for row, _ in found]) > 0.7 * longest
    # of uniform numbers the spread is 8.5 % less than the bound takes, and the rest is for chance
    assert np.mean([sigma for _, sigma in found]) > 0.5 * leading


def test_zeros() -> None:
    """A grid of 2^8 has about one in 128 at most, float32 none to speak of."""
    rng = np.random.default_rng(5)
    most = most_zeros(1.0, 10_000, BFLOAT16)
    counts = [int((rng.integers(-128, 128, 10_000) == 0).sum()) for _ in range(TRIES)]
    assert is_rare(sum(count > most for count in counts))
    assert most < 1.3 * 10_000 / 128
    assert most_zeros(1.0, 10_000, FLOAT32) < 5
    # numbers below half the smallest of the format are zero
    assert most_zeros(1e-6, 10_000, FLOAT16) > 500
