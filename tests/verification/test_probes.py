"""Each family of probes finds what it is made for, and nothing in a correct layer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from fcinspect.bridge.subject import InProcess
from fcinspect.rounding.accumulation import arithmetic_of, parse_accumulate
from fcinspect.rounding.arrays import Float64Array, round_to
from fcinspect.rounding.formats import FORMATS
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Plan, carried_out
from fcinspect.verification.layer import family_checks
from fcinspect.verification.subject import LayerSubject, Setting
from tests.verification.planted import Kernel, Planted, right


def checks(
    subject: LayerSubject,
    n: int = 64,
    out: int = 12,
    dtype: str = "float32",
    how: str = "",
    *,
    bias: bool = True,
) -> tuple[Check, ...]:
    """Put a subject through all families."""
    arithmetic = parse_accumulate(how, dtype) if how else arithmetic_of(dtype)
    setting = Setting(subject, n, out, bias, dtype, arithmetic)
    planned = list(family_checks(setting))
    return carried_out(Plan("layer", "x", tuple(planned))).checks  # fmt: skip


def wrong(found: tuple[Check, ...]) -> dict[str, str | None]:
    """Return the causes of what is not within bound, by name."""
    return {check.name: check.cause for check in found if check.verdict is not Verdict.WITHIN}


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (17, 5), (64, 64), (100, 1), (257, 31)])
@pytest.mark.sampled(3)
def test_torchs_own_layers_pass(dtype: str, shape: tuple[int, int]) -> None:
    """nn.Linear with and without bias, F.linear and a ready module."""
    n, out = shape
    torch.manual_seed(0)
    ready = nn.Linear(n, out, dtype=getattr(torch, dtype))
    assert wrong(checks(InProcess(nn.Linear, "factory", "", dtype), n, out, dtype)) == {}
    without = checks(InProcess(nn.Linear, "factory", "", dtype), n, out, dtype, bias=False)
    assert wrong(without) == {}
    kernel = InProcess(nn.functional.linear, "kernel", "", dtype)
    assert wrong(checks(kernel, n, out, dtype)) == {}
    assert wrong(checks(InProcess(ready, "module", "", dtype), n, out, dtype)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("n", [1, 2, 3, 7, 63, 64, 65, 100, 1023, 1024, 1025, 4096])
@pytest.mark.parametrize("out", [1, 2, 17, 64, 1000])
def test_torchs_own_layers_pass_at_every_width(dtype: str, n: int, out: int) -> None:
    """The grid."""
    for bias in (True, False):
        subject = InProcess(nn.Linear, "factory", "", dtype)
        assert wrong(checks(subject, n, out, dtype, bias=bias)) == {}


@pytest.mark.parametrize("dtype", FORMATS)
def test_one_rounding_is_right(dtype: str) -> None:
    """A kernel that computes in float64 and rounds once."""
    assert wrong(checks(Planted(), dtype=dtype)) == {}


def in_turn(kept: str) -> Kernel:
    """Return the kernel that keeps its partial sums in a format."""

    def kernel(x: Float64Array, w: Float64Array, b: Float64Array) -> Float64Array:
        total: Float64Array = np.zeros((len(x), len(w)))
        for k in range(x.shape[1]):
            total = round_to(total + x[:, k, None] * w[None, :, k], FORMATS[kept])
        return total + b

    return kernel


@pytest.mark.parametrize("kept", ["float32", "float16", "bfloat16"])
def test_the_fingerprint_reads_the_accumulator(kept: str) -> None:
    """The digits that sums are kept in are told; fewer than declared are a fault."""
    found = {check.name: check for check in checks(Planted(in_turn(kept)), n=100)}
    accumulator = found["fingerprint/accumulator"]
    assert kept in accumulator.detail
    if kept == "float32":
        assert accumulator.verdict is Verdict.WITHIN
    else:
        assert accumulator.cause == f"partial sums are kept in {kept}"


def test_a_declared_accumulator_is_no_fault() -> None:
    """Sums in float16 where float16 is declared."""
    subject = Planted(in_turn("float16"), differentiable=False)
    assert wrong(checks(subject, n=100, how="float16")) == {}


def cut(x: Float64Array, bits: int) -> Float64Array:
    """Return x rounded to so many bits."""
    scale = np.exp2(bits - 1 - np.floor(np.log2(np.abs(x) + (x == 0))))
    return np.asarray(np.where(np.isfinite(x), np.rint(x * scale) / scale, x))


def near_zero_lost(x: Float64Array, w: Float64Array, b: Float64Array) -> Float64Array:
    """Take subnormal inputs for zero."""
    return right(np.where(np.abs(x) < FORMATS["float32"].smallest_normal, 0, x), w, b)


KERNELS: dict[str, tuple[Kernel, str, str]] = {
    "tf32": (lambda x, w, b: right(cut(x, 11), cut(w, 11), b), "exact/one weight", "11 bits"),
    "bfloat16 inputs": (lambda x, w, b: right(cut(x, 8), w, b), "exact/one input", "bfloat16"),
    "tail": (lambda x, w, b: right(x[:, :60], w[:, :60], b) if x.shape[1] == 64 else right(x, w, b),
             "exact/whole numbers", "inputs from 60 on are left out"),
    "tile": (lambda x, w, b: right(x[:, : len(x.T) // 8 * 8], w[:, : len(x.T) // 8 * 8], b),
             "exact/other widths", "left out"),
    "NaN": (lambda x, w, b: right(np.nan_to_num(x), w, b), "exact/NaN", "does not reach"),
    "Inf": (lambda x, w, b: np.clip(right(x, w, b), -1e38, 1e38), "exact/Inf", "does not reach"),
    "taint": (lambda x, w, b: right(x, w, b) + 0 * x.sum(), "exact/NaN", "other rows"),
    "subnormal": (near_zero_lost, "exact/subnormal", ""),
    "one row": (lambda x, w, b: right(x, w, b) * (2 if len(x) == 1 else 1), "exact/batches",
                "doubled, with 1 row"),
    "bias": (lambda x, w, b: right(x, w, 0 * b), "exact/zeros", "the result is all zeros"),
    "rounded up": (lambda x, w, b: right(x, w * (1 + 2.0**-22), b), "exact/one weight", ""),
}  # fmt: skip


@pytest.mark.parametrize("fault", KERNELS)
def test_each_probe_finds_its_fault(fault: str) -> None:
    """By name, and with the cause."""
    kernel, name, cause = KERNELS[fault]
    found = wrong(checks(Planted(kernel, differentiable=False)))
    hits = [words or "" for check, words in found.items() if check.startswith(name)]
    assert hits, found
    assert any(cause in words for words in hits), hits


def test_random_signs_find_one_weight_that_is_off() -> None:
    """Too little for the bound, and yet named with its place."""

    def kernel(x: Float64Array, w: Float64Array, b: Float64Array) -> Float64Array:
        altered = w.copy()
        if w.shape == (12, 1024):
            altered[3, 5] += 5e-4
        return right(x, altered, b)

    found = wrong(checks(Planted(kernel, differentiable=False), n=1024))
    assert "weight [3, 5] is off by 0.0005" in str(found.get("random signs/each weight"))


def test_random_signs_find_what_leans() -> None:
    """Sums that are truncated instead of rounded scatter further than √n allows."""

    def kernel(x: Float64Array, w: Float64Array, b: Float64Array) -> Float64Array:
        y = right(x, w, b)
        return np.asarray(y * (1 - 3e-7 * np.sqrt(x.shape[1])))

    found = wrong(checks(Planted(kernel, differentiable=False), n=1024))
    assert any(name.startswith("random signs/") for name in found)


Gradient = Callable[[Float64Array, Float64Array, Float64Array], Float64Array]

GRADIENTS: dict[str, tuple[str, Gradient, str]] = {
    "mean": ("grad_weight", lambda g, x, w: g.T @ x / len(g), "divided by the number of rows"),
    "twice": ("grad_weight", lambda g, x, w: 2 * g.T @ x, "counted twice"),
    "first row": ("grad_weight", lambda g, x, w: g[:1].T @ x[:1], "first row only"),
    "zero": ("grad_weight", lambda g, x, w: 0 * g.T @ x, "is zero"),
    "sign": ("grad_bias", lambda g, x, w: -g.sum(axis=0), "sign is flipped"),
    "bias mean": ("grad_bias", lambda g, x, w: g.mean(axis=0), "divided by the number of rows"),
    "transposed": ("grad_input", lambda g, x, w: g @ w.T, "the weight is transposed"),
    "last row": ("grad_bias", lambda g, x, w: g[:-1].sum(axis=0), "leaves out the last row"),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("fault", GRADIENTS)
def test_a_wrong_gradient_is_named(fault: str, dtype: str) -> None:
    """Square weights, so that no shape betrays a transpose."""
    part, gradient, cause = GRADIENTS[fault]
    subject = Planted(**{part: gradient})  # type: ignore[arg-type]  # a gradient by its name
    found = wrong(checks(subject, n=16, out=16, dtype=dtype))
    assert found
    assert all(name.startswith(f"gradients/{part.removeprefix('grad_')}") for name in found)
    assert any(cause in (words or "") for words in found.values()), found


def test_a_ready_modules_weights_are_read_back() -> None:
    """One wrong weight of a ready module is found by the basis vectors."""

    class Off(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            weight = self.weight.detach().clone()
            weight[2, 7] *= 1 + 2.0**-22
            return nn.functional.linear(x, weight, self.bias)

    torch.manual_seed(0)
    found = wrong(checks(InProcess(Off(64, 12), "module", "", "float32")))
    assert any(name.startswith("exact/") and "basis" in name for name in found)
