from __future__ import annotations

import math

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from fcinspect.checkpoints.scan import singular
from fcinspect.checkpoints.scan.jobs import size_of
from fcinspect.checkpoints.scan.records import LeadingSingularValue
from fcinspect.checkpoints.scan.singular import leading_singular_value
from fcinspect.errors import InputError
from fcinspect.rounding.arrays import FloatArray
from tests.checkpoints.scan.spectra import (
    gaussian,
    passes,
    singular_values,
    with_singular_values,
)


def found(matrix: FloatArray, *, most_steps: int = 64) -> LeadingSingularValue:
    """Return what is found of a matrix of finite numbers."""
    result = leading_singular_value(passes(matrix), matrix.shape, most_steps=most_steps)
    assert result is not None
    return result


def is_accurate(sigma: float, true: float) -> bool:
    """Whether σ is as near to σ₁ as promised."""
    return true * (1 - 1e-4) <= sigma <= true * (1 + 1e-6)


def is_honest(result: LeadingSingularValue, values: FloatArray) -> bool:
    """Whether some singular value is as near to σ as the residual and the error bound say."""
    eigenvalue = np.abs(values**2 - result.sigma**2).min()
    nearest = np.abs(values - result.sigma).min()
    # LAPACK's own error, a modest multiple of u·σ₁
    slack = 2.0**-48 * values.max()
    return bool(
        eigenvalue <= result.residual * result.sigma**2 + 2 * slack * values.max()
        and nearest <= result.error_bound * result.sigma + slack
    )


MATRICES: dict[str, FloatArray] = {
    "square": gaussian(300, 300),
    "tall": gaussian(900, 60),
    "wide": gaussian(60, 900),
    "float32": gaussian(256, 384).astype(np.float32),
    "uniform, mean far from 0": np.random.default_rng(2).random((200, 150)),
    "spiked": with_singular_values([3.0], 400, 300) + gaussian(400, 300) / 40,
    "a spike on the edge": with_singular_values([1.05], 400, 400) + gaussian(400, 400) / 40,
    "rank 3": with_singular_values([5.0, 4.9, 1.0], 200, 100),
    "rank 1": np.outer(np.arange(1.0, 50.0), np.arange(1.0, 30.0)),
    "clustered top": with_singular_values(np.linspace(1.0, 0.999, 150), 200, 180),
    "twice the top": with_singular_values([2.0, 2.0, 1.0, 0.5], 90, 80),
    "a value hardly above many equal ones": with_singular_values([1.0005] + [1.0] * 299, 300, 300),
    "orthogonal": with_singular_values(np.ones(120), 120, 120),
    "graded": with_singular_values(np.geomspace(1.0, 1e-14, 150), 200, 150),
    "rows graded": gaussian(200, 150) * np.geomspace(1, 1e-30, 200)[:, None],
    "one number": np.array([[-7.0]]),
    "1×n": gaussian(1, 500),
    "n×1": gaussian(500, 1),
    "one number that is not 0": np.eye(40)[:, :1] @ np.eye(30)[3:4],
}


@pytest.mark.parametrize("name", MATRICES)
def test_the_largest_singular_value_is_found(name: str) -> None:
    """σ is within 10⁻⁴ below and 10⁻⁶ above LAPACK's σ₁, and the residual is honest."""
    matrix = MATRICES[name]
    values, result = singular_values(matrix), found(matrix)
    assert is_accurate(result.sigma, values[0])
    assert is_honest(result, values)
    assert result.converged
    assert result.stable_rank == pytest.approx((values**2).sum() / values[0] ** 2, rel=3e-4)
    assert 1 <= result.steps <= min(64, matrix.shape[1])


def test_promises_can_fail() -> None:
    """A value a little off, or one whose residual is said too small, is seen."""
    assert not is_accurate(1 - 2e-4, 1.0)
    assert not is_accurate(1 + 2e-6, 1.0)
    values = np.array([2.0, 1.0])
    assert is_honest(LeadingSingularValue(1.999, 0.01, 1, 1.0), values)
    assert not is_honest(LeadingSingularValue(1.999, 1e-6, 1, 1.0), values)


@pytest.mark.parametrize("steps", [1, 2, 4, 8, 16])
def test_a_stop_too_early_has_a_large_residual(steps: int) -> None:
    """The bound holds at every step, and says that too few were taken."""
    matrix = gaussian(300, 300)
    values, result = singular_values(matrix), found(matrix, most_steps=steps)
    assert result.steps == steps
    assert result.sigma < values[0] * (1 - 1e-6)
    assert is_honest(result, values)
    assert result.residual > 1e-3
    assert not result.converged


def test_no_step_after_the_last_is_taken() -> None:
    """One pass to look at the numbers, and one a step."""
    matrix, count = gaussian(80, 100), 0

    def counted() -> object:
        nonlocal count
        count += 1
        return passes(matrix)()

    result = leading_singular_value(counted, matrix.shape)  # type: ignore[arg-type]
    assert result is not None
    assert count == result.steps + 1


@pytest.mark.parametrize("scale", [1e200, 1e-200, 1e300, 2.0**-1060, 1e-30, 1e30])
def test_squares_neither_overflow_nor_vanish(scale: float) -> None:
    """Huge, tiny and subnormal numbers are scaled by a power of two."""
    unit = gaussian(60, 40)
    matrix = unit * scale
    # a subnormal number has few digits: the true values are those of the matrix held
    true = singular_values(np.ldexp(matrix, -round(math.log2(scale))))[0]
    sigma = np.ldexp(found(matrix).sigma, -round(math.log2(scale)))
    assert is_accurate(float(sigma), true)


def test_huge_and_tiny_numbers_in_one_matrix() -> None:
    """What is 2^-1000 of the largest may vanish, and nothing else."""
    matrix = np.diag([1e-300, 3e250, 1e250, 1e-320])
    assert is_accurate(found(matrix).sigma / 3e250, 1.0)
    assert is_accurate(found(matrix[::-1, ::-1]).sigma / 3e250, 1.0)


def test_beyond_float64_is_inf() -> None:
    """σ₁ of 4 × 4 times the largest number is no float64."""
    assert found(np.full((4, 4), 1.7e308)).sigma == math.inf


def test_float32_subnormal_numbers() -> None:
    """They are normal in float64."""
    matrix = (gaussian(50, 30) * 1e-42).astype(np.float32)
    assert is_accurate(found(matrix).sigma, singular_values(matrix)[0])


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0), (5, 4)])
def test_nothing_and_zeros(shape: tuple[int, int]) -> None:
    """σ₁ is 0, exactly and without a step."""
    result = found(np.zeros(shape))
    assert result == LeadingSingularValue(0.0, 0.0, 0, 0.0)
    assert result.converged


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite(value: float) -> None:
    """There is no singular value: undecided."""
    matrix = gaussian(50, 40)
    matrix[30, 20] = value
    assert leading_singular_value(passes(matrix), matrix.shape) is None


@pytest.mark.parametrize("later", [math.nan, math.inf, 0.0])
def test_numbers_that_change_between_passes(later: float) -> None:
    """Where a later pass is not finite, or all zero, there is no number."""
    first = gaussian(20, 10)
    looks = iter([first, np.full((20, 10), later)])
    assert leading_singular_value(lambda: [next(looks)], (20, 10)) is None


def test_the_same_bits_at_every_run() -> None:
    """The start is fixed, and one BLAS thread sums in one order."""
    matrix = gaussian(300, 200)
    with threadpool_limits(1, user_api="blas"):
        first, second = found(matrix), found(matrix)
    assert first == second


def test_a_short_basis_starts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where few vectors fit, the steps go on from the best, to the same value."""
    values = np.concatenate([[1.3, 1.2, 1.1], np.linspace(1, 0, 297)])
    matrix = with_singular_values(values, 300, 300)
    for vectors in (4, 8, 12):
        monkeypatch.setattr(singular, "BASIS_BYTES", vectors * 8 * 300)
        result = found(matrix)
        assert result.steps > vectors
        assert is_accurate(result.sigma, 1.3)
        assert is_honest(result, values)
        assert result.converged


def test_a_start_that_hardly_points_the_right_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps go on until even a ten-thousandth of the usual part would have been seen."""
    matrix = np.eye(200)
    matrix[0, 0] = 1.001
    start = np.ones(200) / math.sqrt(200)
    start[0] *= 1e-4
    monkeypatch.setattr(singular, "_normal", lambda length: start / np.linalg.norm(start))
    assert is_accurate(found(matrix).sigma, 1.001)
    # with a tolerance for nothing but the residual the first step would have been the last
    monkeypatch.setattr(singular, "UNLUCKY", 1.0)
    assert not is_accurate(found(matrix).sigma, 1.001)


def test_a_basis_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is allocated."""
    monkeypatch.setattr("fcinspect.layers.memory.free", lambda: 2**20)
    row = np.ones((1, 10**7), dtype=np.float32)
    with pytest.raises(InputError, match="columns would take"):
        leading_singular_value(passes(row), row.shape)


def test_size_is_the_frobenius_norm() -> None:
    """Of ordinary numbers unscaled; of others by a power of two."""
    matrix = gaussian(30, 20)
    size = size_of(passes(matrix))
    assert size is not None
    scale, norm = size
    assert scale == 0
    assert norm == pytest.approx(np.linalg.norm(matrix), rel=1e-14)
    mixed = np.array([[1.0, 1e300], [1e-300, -1e300]])
    size = size_of(passes(mixed, 1))
    assert size is not None
    scale, norm = size
    assert norm * 2.0**scale == pytest.approx(math.sqrt(2) * 1e300, rel=1e-14)
    assert size_of(passes(np.array([[1.0], [math.nan]]))) is None
