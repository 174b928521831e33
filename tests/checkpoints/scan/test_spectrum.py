from __future__ import annotations

import math

import numpy as np
import pytest

from fcinspect.checkpoints.scan import singular
from fcinspect.checkpoints.scan.records import Spectrum
from fcinspect.checkpoints.scan.singular import spectrum_of
from fcinspect.errors import InputError
from fcinspect.rounding.arrays import FloatArray
from tests.checkpoints.scan.spectra import (
    gaussian,
    passes,
    singular_values,
    with_singular_values,
)


def found(matrix: FloatArray, rows: int = 7) -> Spectrum:
    """Return the spectrum of a matrix of finite numbers."""
    result = spectrum_of(passes(matrix, rows), matrix.shape)
    assert result is not None
    return result


def agrees(values: FloatArray, true: FloatArray, shape: tuple[int, ...]) -> bool:
    """Whether eigenvalues of the Gram matrix are within its rounding of the true ones.

    γ(m + n)·‖W‖F² bounds that of the sums, and the eigenvalues' own is a modest multiple of u·λ₁.
    """
    bound = 2.0**-53 * (sum(shape) * float((true**2).sum()) + 100 * float(true[0] ** 2))
    return bool((np.abs(values**2 - true**2) <= bound).all())


MATRICES: dict[str, FloatArray] = {
    "square": gaussian(120, 120),
    "tall": gaussian(400, 50),
    "wide": gaussian(50, 400),
    "float32": gaussian(90, 100).astype(np.float32),
    "known": with_singular_values(np.linspace(3, 1, 60), 80, 60),
    "orthogonal": with_singular_values(np.ones(70), 70, 90),
    "rank 5": with_singular_values([9.0, 4.0, 3.0, 2.0, 1.0], 70, 60),
    "graded": with_singular_values(np.geomspace(1, 1e-12, 50), 60, 50),
    "one number": np.array([[-7.0]]),
    "1×n": gaussian(1, 300),
    "n×1": gaussian(300, 1),
}


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("panel", [1 << 23, 1500])
def test_all_singular_values_are_those_of_the_svd(
    name: str, panel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In panels that hold the matrix, and in small ones over many passes."""
    monkeypatch.setattr(singular, "PANEL", panel)
    monkeypatch.setattr(singular, "STRIPE", 32 if panel == 1500 else 512)
    matrix = MATRICES[name]
    true, result = singular_values(matrix), found(matrix)
    assert agrees(result.values, true, matrix.shape)
    assert (np.diff(result.values) <= 0).all()
    assert result.largest == pytest.approx(true[0], rel=1e-13)
    assert result.norm == pytest.approx(np.linalg.norm(matrix.astype(np.float64)), rel=1e-13)
    assert result.stable_rank == pytest.approx((true**2).sum() / true[0] ** 2, rel=1e-12)
    assert result.histogram is not None
    assert sum(result.histogram.counts) == result.rank


def test_a_wrong_value_is_seen() -> None:
    """The comparison can fail."""
    true = singular_values(gaussian(40, 30))
    assert agrees(true, true, (40, 30))
    assert not agrees(true * (1 + 1e-10), true, (40, 30))


@pytest.mark.parametrize("shape", [(80, 60), (60, 80)])
def test_rank_counts_what_is_above_the_resolution(shape: tuple[int, int]) -> None:
    """Values of 0 and below √(max(m, n)·ε)·σ₁ are not told apart, others are."""
    values = [5.0, 2.0, 1.0, 1e-3, 5e-6]
    result = found(with_singular_values(values, *shape))
    assert result.rank == 5
    assert result.resolution == pytest.approx(5.0 * math.sqrt(80 * 2.0**-52))
    assert found(with_singular_values([5.0, 2.0, 1e-9], *shape)).rank == 2
    assert result.rank_above(1e-4) == 4
    assert result.rank_above(0.0) == 5
    assert not result.condition_is_reliable


@pytest.mark.parametrize(
    ("smallest", "reliable"), [(1.0, True), (1e-3, True), (1e-6, True), (2e-8, False), (0.0, False)]
)
def test_the_condition_number_says_whether_it_is_reliable(smallest: float, reliable: bool) -> None:
    """Up to 10⁷ it is within 5 % of the true one; beyond, that it may be anything is said."""
    matrix = with_singular_values([1.0, 1.0, 1.0, smallest], 4, 4)
    result = found(matrix)
    assert result.condition_is_reliable is reliable
    if reliable:
        assert result.condition_number == pytest.approx(1 / smallest, rel=0.05)
    else:
        assert result.condition_number is None or result.condition_number > 1e7


def test_rounding_to_a_format_fills_the_rank_that_noise_takes_away() -> None:
    """A matrix of rank 5 rounded to 11 bits has full rank, 5 above u·‖W‖F."""
    exact = with_singular_values([9.0, 4.0, 3.0, 2.0, 1.0], 70, 60)
    result = found(exact.astype(np.float16).astype(np.float32))
    assert result.rank == 60
    assert result.rank_above(2.0**-11 * result.norm) == 5


def test_effective_rank_is_the_exponential_of_the_entropy() -> None:
    """Of k equal values it is k."""
    assert found(with_singular_values([2.0] * 8, 30, 20)).effective_rank == pytest.approx(8)
    values = np.array([4.0, 2.0, 1.0])
    shares = values / 7
    expected = math.exp(-(shares * np.log(shares)).sum())
    assert found(with_singular_values(values, 30, 20)).effective_rank == pytest.approx(expected)


@pytest.mark.parametrize("exponent", [700, -700, -1040, 1000])
def test_squares_neither_overflow_nor_vanish(exponent: int) -> None:
    """Huge, tiny and subnormal numbers."""
    matrix = np.ldexp(gaussian(40, 30), exponent)
    true = singular_values(np.ldexp(matrix, -exponent))
    result = found(matrix)
    # subnormal numbers have few digits to write the values in
    last = 0.0 if exponent > -1000 else 2.0**-34
    assert np.ldexp(result.values, -exponent) == pytest.approx(true, rel=1e-12, abs=last)
    assert result.rank == 30
    assert result.condition_number == pytest.approx(true[0] / true[-1], rel=1e-6)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (5, 4), (4, 5)])
def test_nothing_and_zeros(shape: tuple[int, int]) -> None:
    """No value, or all 0; no condition number, no histogram."""
    result = found(np.zeros(shape))
    assert list(result.values) == [0.0] * min(shape)
    assert (result.rank, result.stable_rank, result.effective_rank) == (0, 0.0, 0.0)
    assert result.condition_number is None
    assert not result.condition_is_reliable
    assert result.histogram is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite(value: float) -> None:
    """There are no singular values: undecided; nor where a later pass has such a number."""
    matrix = gaussian(50, 40)
    changed = matrix.copy()
    changed[30, 20] = value
    assert spectrum_of(passes(changed), (50, 40)) is None
    looks = iter([matrix, changed])
    assert spectrum_of(lambda: [next(looks)], (50, 40)) is None


def test_what_does_not_fit_is_refused_before_it_is_read() -> None:
    """The Gram matrix of a million squared is 24 TB."""

    def never() -> list[FloatArray]:
        raise AssertionError("read")

    with pytest.raises(InputError, match="all singular values of a 1,000,000 × 2,000,000"):
        spectrum_of(never, (10**6, 2 * 10**6))
