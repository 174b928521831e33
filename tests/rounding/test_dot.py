from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fcinspect.rounding.arrays import round_to
from fcinspect.rounding.dot import DotCheck, check_products
from fcinspect.rounding.formats import FORMATS, format_named
from fcinspect.rounding.verdict import Verdict

Floats = npt.NDArray[np.float64]
KINDS = ("normal", "uniform", "positive", "constant", "heavy", "cancelling", "tiny", "subnormal")


def numbers(random: np.random.Generator, shape: tuple[int, ...], kind: str, dtype: str) -> Floats:
    """Return numbers of a dtype, distributed as `kind` says."""
    values = random.standard_normal(shape)
    if kind == "uniform":
        values = random.uniform(-1, 1, shape)
    elif kind == "positive":
        values = np.abs(values)
    elif kind == "constant":
        values = np.full(shape, 0.1)
    elif kind == "heavy":
        values = values * np.exp(2 * random.standard_normal(shape))
    elif kind == "cancelling":
        half = shape[-1] // 2
        values[..., half : 2 * half] = -values[..., :half]
    elif kind == "tiny":
        values = values * (1e-3 if dtype == "float16" else 1e-15)
    elif kind == "subnormal":
        values = values * format_named(dtype).smallest_normal
    return round_to(values, format_named(dtype))


def tensor(values: Floats | None, dtype: str) -> torch.Tensor | None:
    """Return the torch tensor of these numbers."""
    return None if values is None else torch.from_numpy(values).to(getattr(torch, dtype))


def array(values: torch.Tensor) -> Floats:
    """Return a tensor's numbers in float64."""
    return values.double().numpy()


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(list(FORMATS)),
    kind=st.sampled_from(KINDS),
    n=st.sampled_from([1, 2, 3, 5, 16, 33, 64, 127, 256, 1000]),
    out=st.integers(1, 20),
    rows=st.integers(1, 9),
    with_bias=st.booleans(),
    way=st.sampled_from(["linear", "rows", "matmul", "columns", "reversed", "chunks"]),
)
def test_no_correct_result_is_called_wrong(
    seed: int, dtype: str, kind: str, n: int, out: int, rows: int, with_bias: bool, way: str
) -> None:
    """Whatever torch computes, in any order and layout, is within the bound."""
    random = np.random.default_rng(seed)
    x = numbers(random, (rows, n), kind, dtype)
    w = numbers(random, (out, n), kind, dtype)
    b = numbers(random, (out,), "normal", dtype) if with_bias else None
    tx, tw, tb = tensor(x, dtype), tensor(w, dtype), tensor(b, dtype)
    assert tx is not None
    assert tw is not None
    y: Any
    if way == "rows":
        y = torch.stack([torch.nn.functional.linear(row, tw, tb) for row in tx])
    elif way == "matmul":
        y = tx @ tw.T if tb is None else tx @ tw.T + tb
    elif way == "columns":
        y = torch.nn.functional.linear(tx.T.contiguous().T, tw.T.contiguous().T, tb)
    elif way == "reversed":
        y = torch.nn.functional.linear(tx.flip(1), tw.flip(1), tb)
    elif way == "chunks" and dtype in ("float32", "float64"):
        y = sum(a @ c.T for a, c in zip(torch.split(tx, 7, 1), torch.split(tw, 7, 1), strict=True))
        y = y if tb is None else y + tb
    else:
        y = torch.nn.functional.linear(tx, tw, tb)
    check = check_products(x, w, b, array(y), dtype)
    assert check.outside == 0, (check.max_ratio, check.worst)


def example(dtype: str, n: int = 64) -> tuple[Floats, Floats, Floats, Floats]:
    """Return x, W, b and torch's y."""
    random = np.random.default_rng(7)
    x, w = numbers(random, (5, n), "normal", dtype), numbers(random, (6, n), "normal", dtype)
    b = numbers(random, (6,), "normal", dtype)
    y = torch.nn.functional.linear(tensor(x, dtype), tensor(w, dtype), tensor(b, dtype))  # type: ignore[arg-type]  # none is None
    return x, w, b, array(y)


FAULTS = {
    "weight flipped": lambda x, w, b: x @ np.where(np.indices(w.shape).sum(0) == 0, -w, w).T + b,
    "bias dropped": lambda x, w, b: x @ w.T,
    "bias twice": lambda x, w, b: x @ w.T + 2 * b,
    "last column dropped": lambda x, w, b: x[:, :-1] @ w[:, :-1].T + b,
    "outputs rotated": lambda x, w, b: np.roll(x @ w.T + b, 1, axis=1),
    "inputs reversed": lambda x, w, b: x[:, ::-1] @ w.T + b,
    "scaled": lambda x, w, b: (x @ w.T + b) * 1.05,
}


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_outside(fault: str, dtype: str) -> None:
    """Every fault that people really make is found."""
    x, w, b, y = example(dtype)
    assert check_products(x, w, b, y, dtype).verdict is Verdict.WITHIN
    wrong = round_to(FAULTS[fault](x, w, b), format_named(dtype))
    check = check_products(x, w, b, wrong, dtype)
    assert check.verdict is Verdict.OUTSIDE
    assert check.max_ratio > 1
    assert check.worst is not None


@pytest.mark.parametrize("dtype", FORMATS)
def test_the_worst_element_is_named(dtype: str) -> None:
    """One wrong number is found at its place."""
    x, w, b, y = example(dtype)
    y[3, 4] += 1.0
    check = check_products(x, w, b, y, dtype)
    assert (check.outside, check.worst) == (1, (3, 4))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_partial_sums_in_a_smaller_format_are_found(dtype: str) -> None:
    """float16 partial sums in a float32 layer leave the bound."""
    x, w, b, _ = example(dtype)
    total = np.zeros((5, 6))
    for k in range(x.shape[1]):
        total = round_to(total + x[:, k, None] * w[None, :, k], format_named("float16"))
    assert check_products(x, w, b, total + b, dtype).verdict is Verdict.OUTSIDE


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["x", "w", "b"])
def test_what_is_not_finite_is_undecided(bad: float, where: str) -> None:
    """NaN and Inf in the input are never reported as success, and taint only their elements."""
    x, w, b, y = example("float32")
    {"x": x, "w": w, "b": b}[where][(0,) * (1 if where == "b" else 2)] = bad
    check = check_products(x, w, b, y, "float32")
    assert check.verdict is Verdict.UNDECIDED
    assert check.undecided == (6 if where == "x" else 5)


def test_a_result_that_is_not_finite_is_outside() -> None:
    """NaN from finite numbers of moderate size is a fault."""
    x, w, b, y = example("float32")
    y[0, 0] = np.nan
    assert check_products(x, w, b, y, "float32").verdict is Verdict.OUTSIDE


def test_possible_overflow_is_undecided() -> None:
    """Where the accumulator may overflow no verdict is given."""
    x, w = np.full((1, 4), 1e30), np.full((1, 4), 1e30)
    check = check_products(x, w, None, np.array([[np.inf]]), "float32")
    assert check.verdict is Verdict.UNDECIDED


def test_the_bound_is_nearly_reached() -> None:
    """The bound is sharp: a legal order of summation takes more than 80 % of it."""
    n = 4096
    x = np.concatenate([[1.0], np.full(n - 1, 2.0**-24)])[None, :]
    w = np.ones((1, n))
    sequential = np.array([[1.0]])  # 1 + 2^-24 rounds back to 1, every time
    check: DotCheck = check_products(x, w, None, sequential, "float32")
    assert check.verdict is Verdict.WITHIN
    assert check.max_ratio > 0.8


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large layers are checked block by block with the same result."""
    x, w, b, y = example("float64")
    whole = check_products(x, w, b, y, "float64")
    monkeypatch.setattr("fcinspect.rounding.dot.BLOCK", 100)
    parts = check_products(x, w, b, y, "float64")
    np.testing.assert_array_equal(whole.high, parts.high)
    assert whole.max_ratio == parts.max_ratio


def test_an_empty_batch_and_no_outputs_are_within() -> None:
    """Nothing to check is nothing wrong."""
    empty = np.zeros((0, 3))
    assert check_products(empty, np.ones((2, 3)), None, np.zeros((0, 2)), "float32").worst is None
    assert check_products(np.ones((2, 3)), empty, None, np.zeros((2, 0)), "float32").outside == 0


def test_without_inputs_the_output_is_the_bias() -> None:
    """in_features = 0 leaves no room for rounding."""
    b = np.array([0.5, 0.25])
    x, w = np.zeros((1, 0)), np.zeros((2, 0))
    assert check_products(x, w, b, b[None, :], "float32").verdict is Verdict.WITHIN
    wrong = np.array([[0.5, np.nextafter(np.float32(0.25), 1)]])
    assert check_products(x, w, b, wrong, "float32").verdict is Verdict.OUTSIDE
