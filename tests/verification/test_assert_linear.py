from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fcinspect.errors import UsageError
from fcinspect.rounding.accumulation import parse_accumulate
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification import assert_linear


def layer(dtype: torch.dtype = torch.float32, *batch: int) -> tuple[nn.Linear, torch.Tensor]:
    """Return a layer and an input."""
    torch.manual_seed(5)
    return nn.Linear(40, 6, dtype=dtype), torch.randn(*batch, 40).to(dtype)


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str
)
@pytest.mark.parametrize("batch", [(), (4,), (2, 3), (0,)])
def test_torch_s_own_layer_holds(dtype: torch.dtype, batch: tuple[int, ...]) -> None:
    """Parameters that require gradients and results with a graph are taken as they are."""
    made, x = layer(dtype, *batch)
    check = assert_linear(made(x), x, made.weight, made.bias)
    assert check.verdict is Verdict.WITHIN
    assert check.elements == 6 * int(np.prod(batch))


def test_nothing_handed_over_is_changed_or_frozen() -> None:
    """Arrays stay writeable and keep their numbers."""
    made, x = layer(torch.float32, 3)
    arrays = [part.detach().numpy() for part in (made(x), x, made.weight, made.bias)]
    before = [array.copy() for array in arrays]
    assert_linear(arrays[0], arrays[1], arrays[2], arrays[3])
    assert all(array.flags.writeable for array in arrays)
    assert all((a == b).all() for a, b in zip(arrays, before, strict=True))


def test_numpy_arrays_and_nested_lists() -> None:
    """numpy in its formats, lists in float64, also of foreign byte order."""
    random = np.random.default_rng(1)
    x, w, b = random.standard_normal((3, 5)), random.standard_normal((2, 5)), np.ones(2)
    y = x @ w.T + b
    assert_linear(y, x, w, b)
    assert_linear(y.tolist(), x.tolist(), w.tolist(), b.tolist())
    assert_linear(y.astype(">f8"), x, w, b)
    short = [part.astype(np.float32) for part in (x, w, b)]
    assert_linear(short[0] @ short[1].T + short[2], *short)


def test_bfloat16_of_ml_dtypes() -> None:
    """numpy's bfloat16, as jax has it."""
    bfloat16 = pytest.importorskip("ml_dtypes", reason="needs ml_dtypes").bfloat16
    made, x = layer(torch.bfloat16, 3)
    arrays = [
        part.detach().float().numpy().astype(bfloat16)
        for part in (made(x), x, made.weight, made.bias)
    ]
    assert_linear(*arrays)
    with pytest.raises(AssertionError, match="outside bound"):
        assert_linear(arrays[0] + bfloat16(1.0), *arrays[1:])


def test_the_message_names_element_interval_count_and_cause() -> None:
    """What is wrong, where, by how much, and why."""
    made, x = layer(torch.float32, 2, 3)
    y = (made(x) - made.bias).detach()
    with pytest.raises(AssertionError) as failed:
        assert_linear(y, x, made.weight, made.bias)
    said = str(failed.value)
    first, second, third, fourth = said.splitlines()
    assert first.startswith("outside bound: 36 of 36 elements of output (2, 3, 6) = input")
    assert "weight (6, 40)ᵀ + bias (6,)" in first
    index = tuple(map(int, second.partition("[")[2].partition("]")[0].split(",")))
    assert f"is {float(y[index])!r}, the exact value" in second
    assert third.startswith("  rounding allows ")
    assert third.endswith(" times the bound")
    assert fourth == "  likely cause: the bias is missing"


def test_one_wrong_number_is_found() -> None:
    """It is named by its place in the batch."""
    made, x = layer(torch.float32, 2, 3)
    y = made(x).detach()
    y[1, 2, 4] += 0.01
    with pytest.raises(AssertionError, match=r"1 of 36 elements(.|\n)*worst: output\[1, 2, 4\]"):
        assert_linear(y, x, made.weight, made.bias)


def test_undecided_is_no_success() -> None:
    """Sums that may overflow raise, and say that nothing is decided."""
    x = torch.full((1, 4), 1e30)
    with pytest.raises(AssertionError, match=r"^undecided: 1 of 1(.|\n)*range of float32"):
        assert_linear(torch.full((1, 1), torch.inf), x, x)


@pytest.mark.parametrize("out", ["float32", torch.float32, np.float32, np.dtype("float32")])
def test_another_output_format_is_declared(out: Any) -> None:
    """By its name, or as torch and numpy have it; without a declaration it is a fault."""
    made, x = layer(torch.bfloat16, 4)
    exact = nn.functional.linear(x.double(), made.weight.double(), made.bias.double()).float()
    assert_linear(exact, x, made.weight, made.bias, out=out)
    wanted = "output is float32, expected bfloat16; declare it with out='float32'"
    with pytest.raises(AssertionError, match=wanted):
        assert_linear(exact, x, made.weight, made.bias)
    with pytest.raises(AssertionError, match="outside bound"):
        assert_linear(made(x).float(), x, made.weight, made.bias, out=out)


def test_how_sums_are_formed_is_declared() -> None:
    """float16 sums are outside unless declared, by text or as a record."""
    made, x = layer(torch.float16, 4)
    terms = (x[:, None] * made.weight).detach().numpy()
    y = np.cumsum(terms, axis=-1)[..., -1] + made.bias.detach().numpy()
    assert y.dtype == np.float16
    with pytest.raises(AssertionError, match="outside bound"):
        assert_linear(y, x, made.weight, made.bias)
    assert_linear(y, x, made.weight, made.bias, accumulate="float16")
    declared = parse_accumulate("float16", "float16")
    assert_linear(y, x, made.weight, made.bias, accumulate=declared)


def test_an_output_of_another_shape_is_a_finding() -> None:
    """The layer under test is wrong, not the test."""
    made, x = layer(torch.float32, 4)
    with pytest.raises(AssertionError, match=r"output has shape \(6, 4\): expected \(4, 6\)"):
        assert_linear(made(x).T, x, made.weight, made.bias)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((2, 3)), np.ones((2, 4)), np.ones((3, 5))), r"x has shape \(2, 4\): W of shape"),
        ((np.ones((2, 3)), np.ones((2, 4)), np.ones((3, 4)), np.ones(2)), r"b has shape \(2,\)"),
        ((np.ones(3), np.ones(4), np.ones((3, 4), np.float32)), "x is float64, W is float32"),
        ((np.ones(3), np.ones(4, int), np.ones((3, 4))), "input has dtype int64: expected one of"),
        ((np.ones(3), [[1.0], [2.0, 3.0]], np.ones((3, 4))), "input cannot be read as an array"),
        ((np.ones(3), "x", np.ones((3, 4))), "input has dtype str"),
        ((torch.ones(3), torch.ones(4).to_sparse(), torch.ones(3, 4)), "input cannot be read"),
        ((torch.ones(3), torch.ones(4, device="meta"), torch.ones(3, 4)), "input cannot be read"),
    ],
)
def test_operands_that_do_not_fit_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    """By the name of the argument and what would fit."""
    with pytest.raises(UsageError, match=message):
        assert_linear(*arguments)


def test_declarations_that_mean_nothing_are_refused() -> None:
    """An unknown dtype and unknown words."""
    made, x = layer(torch.float32, 4)
    with pytest.raises(UsageError, match="out is 'int8'"):
        assert_linear(made(x), x, made.weight, made.bias, out="int8")
    with pytest.raises(UsageError, match="accumulate 'sideways'"):
        assert_linear(made(x), x, made.weight, made.bias, accumulate="sideways")


def test_the_import_alone_loads_nothing_heavy() -> None:
    """Whoever imports a record of the room pays neither for numpy nor for torch."""
    script = (
        "import sys, fcinspect.verification;"
        "print([name for name in ('numpy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.strip() == "[]"
