"""Statistics of one pass, held against float64 and exact sums."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from fcinspect.checkpoints.records import in_memory
from fcinspect.checkpoints.scan import jobs
from fcinspect.checkpoints.scan.matrix import Merging
from fcinspect.checkpoints.scan.records import MatrixStatistics
from tests.checkpoints.scan.matrices import Float64, exact_moments, numbers_of, scanned, stored

RNG = np.random.default_rng(0)
DTYPES = ("float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2")
TOLERANCE = 1e-6


def normal(*shape: int) -> Float64:
    """Return numbers of a weight."""
    return RNG.normal(0, 0.02, shape)


def with_specials(*shape: int) -> Float64:
    """Return numbers among which are NaN, both infinities and both zeros."""
    values = normal(*shape)
    values[1, :5] = [math.nan, math.inf, -math.inf, 0.0, -0.0]
    return values


CASES = {
    "normal": normal(300, 500),
    "uniform": RNG.uniform(-0.05, 0.05, (400, 384)),
    "positive": RNG.uniform(0, 1, (300, 200)),
    "a mean far beyond the spread": RNG.normal(100, 1e-3, (300, 500)),
    "a mean of the spread's size": RNG.normal(0.02, 0.02, (300, 500)),
    "huge": RNG.normal(0, 1e18, (200, 300)),
    "near float32's end": RNG.uniform(-3e38, 3e38, (100, 100)),
    "tiny": RNG.normal(0, 1e-20, (200, 300)),
    "subnormal in float32": RNG.normal(0, 1e-41, (64, 100)),
    "huge beside small": np.where(RNG.random((200, 200)) < 0.01, 1e17, normal(200, 200)),
    "not finite": with_specials(300, 500),
    "all NaN": np.full((3, 4), math.nan),
    "zeros": np.zeros((64, 65)),
    "sparse": normal(100, 300) * (RNG.random((100, 300)) < 0.1),
    "a prime width": normal(100, 1567),
    "a width of twice a prime": normal(30, 2 * 1567),
    "one column": normal(5000, 1),
    "one row": normal(1, 5000),
    "one number": np.array([[3.5]]),
    "no columns": np.zeros((4, 0)),
    "no rows": np.zeros((0, 4)),
}
IN_FLOAT64 = {
    "beyond float32": RNG.normal(0, 1e200, (100, 120)),
    "near float64's end": RNG.uniform(-1, 1, (100, 100)) * 1.7e308,
    "squares vanish": RNG.normal(0, 1e-200, (100, 120)),
    "subnormal": RNG.normal(0, 1e-312, (64, 100)),
    "both ends": np.where(RNG.random((300, 400)) < 0.5, 1e-250, 1e250) * normal(300, 400),
    "small rows, then huge ones": np.repeat([1e-300, 1.0, 1e300], 500)[:, None] * normal(1500, 300),
    "huge rows, then small ones": np.repeat([1e300, 1.0, 1e-300], 500)[:, None] * normal(1500, 300),
}


def agrees(found: MatrixStatistics, values: Float64) -> None:
    """Assert that all counts are exact and all sums within TOLERANCE."""
    numbers = found.numbers
    finite = values[np.isfinite(values)]
    assert numbers.count == values.size
    assert numbers.zeros == np.count_nonzero(values == 0)
    assert numbers.nan == np.count_nonzero(np.isnan(values))
    assert numbers.inf == np.count_nonzero(np.isinf(values))
    assert numbers.finite == finite.size
    if not finite.size:
        assert math.isnan(numbers.min)
        assert math.isnan(numbers.mean)
        assert math.isnan(numbers.std)
        assert math.isnan(numbers.norm) if numbers.count else numbers.norm == 0
        return
    assert (numbers.min, numbers.max) == (finite.min(), finite.max())
    mean, std, norm = exact_moments(values)
    # a mean that is nearly 0 by chance is held against the error that drawing has
    scale = max(abs(mean), 0 if finite.size == 1 else std / math.sqrt(finite.size))
    assert abs(numbers.mean - mean) <= TOLERANCE * scale
    assert numbers.std == pytest.approx(std, rel=TOLERANCE, abs=0, nan_ok=True)
    assert numbers.norm == pytest.approx(norm, rel=TOLERANCE, abs=0)


def lines_agree(found: MatrixStatistics, weight: Float64) -> None:
    """Assert that dead outputs and inputs are right, and that σ₁ lies in its interval."""
    alive = weight != 0
    for places, axis in ((found.dead_outputs, 1), (found.dead_inputs, 0)):
        dead = np.flatnonzero(~alive.any(axis=axis)) if weight.size else np.zeros(0)
        assert (places.count, places.first) == (len(dead), tuple(dead[:8]))
    if not np.isfinite(weight).all():
        assert found.spectral_low is None
        assert found.spectral_high is None
        return
    assert found.spectral_low is not None
    assert found.spectral_high is not None
    exponent = math.frexp(float(np.abs(weight).max(initial=0.0)))[1]
    scaled = np.ldexp(weight, -exponent)
    sigma = np.linalg.svd(scaled, compute_uv=False).max(initial=0.0)
    # float64's svd itself errs by some u
    assert math.ldexp(found.spectral_low, -exponent) <= sigma * (1 + 1e-12)
    assert math.ldexp(found.spectral_high, -exponent) >= sigma * (1 - 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_statistics_are_those_of_float64(name: str, dtype: str, tmp_path: Path) -> None:
    """Counts are exact, and sums right, for every kind of numbers in every format."""
    tensor = stored(CASES[name], dtype, tmp_path)
    values = numbers_of(tensor)
    found = scanned(tensor)
    agrees(found, values)
    lines_agree(found, values)


@pytest.mark.parametrize("name", IN_FLOAT64)
def test_float64_is_served_over_its_whole_range(name: str, tmp_path: Path) -> None:
    """Squares beyond float64's range neither overflow nor vanish."""
    tensor = stored(IN_FLOAT64[name], "float64", tmp_path)
    found = scanned(tensor)
    agrees(found, numbers_of(tensor))
    lines_agree(found, numbers_of(tensor))


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("of_columns", [False, True])
def test_small_jobs_and_panels_say_the_same(
    dtype: str, of_columns: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However a matrix is cut, the statistics are right; so are those of a matrix cut to panels."""
    values = with_specials(90, 700)
    values[7] = values[3]
    values[40] = 0
    values[:, 650] = values[:, 20]
    values[:, 699] = 0
    values[1, 699] = math.nan
    tensor = stored(values, dtype, tmp_path)
    for tile, size, rows in ((256, 4096, 64), (64, 512, 3), (1 << 17, 1 << 25, 1 << 16)):
        monkeypatch.setattr(jobs, "TILE", tile)
        monkeypatch.setattr(jobs, "JOB_BYTES", size)
        monkeypatch.setattr(jobs, "JOB_ROWS", rows)
        found = scanned(tensor, outputs_are_columns=of_columns)
        agrees(found, numbers_of(tensor))
        weight = numbers_of(tensor).T if of_columns else numbers_of(tensor)
        lines_agree(found, weight)
        assert found.duplicate_outputs is not None
        assert found.duplicate_outputs.first == ((650,) if of_columns else (7,))


def test_a_row_wider_than_a_panel_is_served(tmp_path: Path) -> None:
    """A matrix of a few very long rows is gone through in panels of columns."""
    values = np.repeat(normal(1, 1_200_000), 3, axis=0)
    values[1, 1_199_999] += 1
    tensor = stored(values, "float32", tmp_path)
    found = scanned(tensor)
    assert len(list(jobs.jobs_of(tensor.place))) == 3  # type: ignore[arg-type]  # it lies in a file
    agrees(found, numbers_of(tensor))
    assert found.duplicate_outputs is not None
    assert found.duplicate_outputs.first == (2,)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float8_e4m3fn"])
@pytest.mark.parametrize("width", [1, 3, 64, 100, 101])
def test_equal_outputs_are_told_and_permuted_ones_are_not(
    dtype: str, width: int, tmp_path: Path
) -> None:
    """Only rows that are equal bit for bit are; a one-hot matrix has none."""
    one_hot = stored(np.eye(max(width, 2)), dtype, tmp_path)
    assert scanned(one_hot).duplicate_outputs == scanned(
        one_hot, outputs_are_columns=True
    ).duplicate_outputs  # fmt: skip
    found = scanned(one_hot).duplicate_outputs
    assert found is not None
    assert found.count == 0
    values = np.arange(20 * width).reshape(20, width) % 11 - 5.0
    values[13] = values[2]
    values[17] = values[2]
    tensor = stored(values, dtype, tmp_path)
    rows = [row.tobytes() for row in numbers_of(tensor)]
    later = [i for i, row in enumerate(rows) if row in rows[:i] and np.any(numbers_of(tensor)[i])]
    found = scanned(tensor).duplicate_outputs
    assert found is not None
    assert (found.count, found.first) == (len(later), tuple(later[:8]))
    assert {13, 17} <= set(later)


def test_rows_that_differ_in_one_number_are_not_called_equal(tmp_path: Path) -> None:
    """The digest looks at some words of a long row only; what it takes for equal is compared."""
    values = np.repeat(normal(1, 5001), 40, axis=0)
    values[np.arange(38), np.arange(38) * 131] += 1
    found = scanned(stored(values, "float32", tmp_path)).duplicate_outputs
    assert found is not None
    assert (found.count, found.first) == (1, (39,))


def test_long_rows_are_compared_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A difference in any piece is seen, and rows of several pieces are equal if all are."""
    monkeypatch.setattr("fcinspect.checkpoints.scan.matrix.PIECE", 1000)
    values = np.repeat(normal(1, 777), 5, axis=0)
    for row, column in ((1, 0), (2, 300), (3, 776)):
        values[row, column] += 1
    found = scanned(stored(values, "float32", tmp_path)).duplicate_outputs
    assert found is not None
    assert (found.count, found.first) == (1, (4,))


def test_zeros_of_both_signs_are_dead_and_not_duplicates(tmp_path: Path) -> None:
    """A row of zeros is dead, whatever their signs; dead rows are no duplicates of each other."""
    values = np.array([[0.0, -0.0], [0.0, 0.0], [1.0, 2.0], [0.0, 0.0]])
    found = scanned(stored(values, "float32", tmp_path))
    assert (found.dead_outputs.count, found.dead_outputs.first) == (3, (0, 1, 3))
    assert found.duplicate_outputs is not None
    assert found.duplicate_outputs.count == 0


def test_too_many_outputs_are_not_searched_for_equal_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not looked for is None, not "none found"."""
    monkeypatch.setattr("fcinspect.checkpoints.scan.matrix.MOST_DIGESTS", 10)
    assert scanned(stored(np.ones((11, 3)), "float32", tmp_path)).duplicate_outputs is None


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_numbers_in_memory_say_the_same_as_in_a_file(dtype: str, tmp_path: Path) -> None:
    """A layer of JSON, or of a file that must be unpacked, goes through the same steps."""
    tensor = stored(with_specials(60, 70), dtype, tmp_path)
    held = in_memory("weight", tensor.read(None), dtype)
    # nan is not equal to itself
    assert repr(scanned(held)) == repr(scanned(tensor))


def test_a_tile_that_is_taken_in_twice_is_seen(tmp_path: Path) -> None:
    """The comparison above can fail: a job whose result is added twice changes the statistics."""
    tensor = stored(normal(30, 40), "float32", tmp_path)
    assert tensor.place is not None
    (job,) = jobs.jobs_of(tensor.place)
    merging = Merging(tensor.place)
    for _ in range(2):
        merging.add(job, jobs.carry_out([job])[0])
    merging.close()
    with pytest.raises(AssertionError):
        agrees(merging.matrix(None), numbers_of(tensor))


ELEMENTS = st.floats(width=32) | st.sampled_from([0.0, -0.0, 1e-45, 3e38, math.inf, math.nan])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    values=npst.arrays(np.float32, npst.array_shapes(min_dims=2, max_dims=2, max_side=40),
                       elements=ELEMENTS),
    dtype=st.sampled_from(DTYPES),
)  # fmt: skip
def test_any_matrix_is_served(
    values: np.ndarray[tuple[int, int], np.dtype[np.float32]], dtype: str, tmp_path: Path
) -> None:
    """Whatever the numbers are, they are counted exactly and summed rightly."""
    tensor = stored(torch.tensor(values), dtype, tmp_path)
    found = scanned(tensor)
    agrees(found, numbers_of(tensor))
    lines_agree(found, numbers_of(tensor))
