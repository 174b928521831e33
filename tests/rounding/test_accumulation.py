"""Declared arithmetic: what computes so is within its bound, and outside the undeclared one."""

from __future__ import annotations

import numpy as np
import pytest

from fcinspect.errors import UsageError
from fcinspect.rounding.accumulation import arithmetic_of, parse_accumulate
from fcinspect.rounding.arrays import Float64Array, round_to
from fcinspect.rounding.dot import check_products
from fcinspect.rounding.formats import FORMATS, NumberFormat, format_named

TF32 = NumberFormat("tf32", 11, 127, -126, 4)
KINDS = ("normal", "positive", "constant", "cancelling", "heavy")


def numbers(seed: int, shape: tuple[int, ...], kind: str, dtype: str) -> Float64Array:
    """Return numbers of the dtype."""
    random = np.random.default_rng((seed, *shape))
    values = random.standard_normal(shape)
    if kind == "positive":
        values = np.abs(values)
    elif kind == "constant":
        values = np.full(shape, 0.1)
    elif kind == "cancelling":
        half = shape[-1] // 2
        values[..., half : 2 * half] = -values[..., :half]
    elif kind == "heavy":
        values = values * np.exp(random.standard_normal(shape))
    return round_to(values, format_named(dtype))


def cut(values: Float64Array, kept: NumberFormat) -> Float64Array:
    """Return values truncated to the format's digits."""
    with np.errstate(divide="ignore"):
        step = np.exp2(np.floor(np.log2(np.abs(values) + (values == 0))) - kept.precision + 1)
    return np.asarray(np.trunc(values / step) * step)


def in_turn(
    x: Float64Array, w: Float64Array, kept: NumberFormat, *, truncated: int | None = None
) -> Float64Array:
    """Return X·Wᵀ summed one product (one block of products) after the other in a format."""
    total: Float64Array = np.zeros((len(x), len(w)))
    block = truncated or 1
    for k in range(0, x.shape[1], block):
        part = x[:, k : k + block] @ w[:, k : k + block].T
        total = (
            cut(total + part, kept) if truncated else round_to(total + round_to(part, kept), kept)
        )
    return total


def split(x: Float64Array, w: Float64Array, parts: int, stored: NumberFormat) -> Float64Array:
    """Return X·Wᵀ in parts whose sums are stored in a format."""
    sums = [
        round_to(in_turn(a, b, FORMATS["float32"]), stored)
        for a, b in zip(np.array_split(x, parts, 1), np.array_split(w, parts, 1), strict=True)
    ]
    total = sums[0]
    for other in sums[1:]:
        total = round_to(total + other, FORMATS["float32"])
    return total


def computed(way: str, x: Float64Array, w: Float64Array) -> Float64Array:
    """Return X·Wᵀ as `way` declares."""
    float32 = FORMATS["float32"]
    match way:
        case "rz:4" | "rz:16":
            return in_turn(x, w, float32, truncated=int(way[3:]))
        case "tf32":
            return in_turn(round_to(x, TF32), round_to(w, TF32), float32)
        case "tf32:truncated":
            return in_turn(cut(x, TF32), cut(w, TF32), float32)
        case "split:4:bfloat16":
            return split(x, w, 4, FORMATS["bfloat16"])
        case "split:2:float16":
            return split(x, w, 2, FORMATS["float16"])
        case "float64":
            return np.asarray(x @ w.T)
        case _:
            return in_turn(x, w, FORMATS[way])


WAYS = ("rz:4", "rz:16", "tf32", "tf32:truncated", "split:4:bfloat16", "split:2:float16",
        "float16", "bfloat16", "float64")  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_declared_is_within(way: str, kind: str) -> None:
    """Whoever computes as declared is right, whatever the numbers."""
    for seed, n in enumerate((1, 3, 16, 65, 300)):
        x, w = numbers(seed, (4, n), kind, "float32"), numbers(seed + 9, (5, n), kind, "float32")
        y = round_to(computed(way, x, w), FORMATS["float32"])
        check = check_products(x, w, None, y, parse_accumulate(way, "float32"))
        assert (check.outside, check.undecided) == (0, 0), (n, check.max_ratio)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "float64"])
def test_what_is_not_declared_is_outside(way: str) -> None:
    """The same numbers are no correct float32 sums."""
    x, w = numbers(0, (8, 64), "normal", "float32"), numbers(1, (8, 64), "normal", "float32")
    if way.startswith("rz"):
        # truncation only shows in sums of one sign, added one by one
        x, w = np.abs(x), np.abs(w)
        y = in_turn(x, w, FORMATS["float32"], truncated=1)
        assert check_products(x, w, None, y, "float32").max_ratio > 0.4
        return
    y = round_to(computed(way, x, w), FORMATS["float32"])
    assert check_products(x, w, None, y, "float32").outside


def test_flushing_to_zero_may_be_declared() -> None:
    """A float32 GPU kernel that takes subnormal numbers for zero."""
    x = np.full((2, 8), 1e-40, dtype=np.float32).astype(np.float64)
    w = np.ones((3, 8))
    y = np.zeros((2, 3))
    assert check_products(x, w, None, y, "float32").outside == 6
    assert check_products(x, w, None, y, parse_accumulate("ftz", "float32")).outside == 0


def test_parts_combine() -> None:
    """Several declarations widen the bound together."""
    both = parse_accumulate("rz:8, tf32,split:3:bfloat16", "float32")
    assert (both.truncation_block, both.tf32, both.partials) == (8, "nearest", 3)
    assert both.partial_format is FORMATS["bfloat16"]
    said = both.words
    for part in (
        "truncated in blocks of 8",
        "rounded to tf32",
        "3 partial sums stored in bfloat16",
    ):
        assert part in said


@pytest.mark.parametrize(
    "text",
    ["", "rz", "rz:0", "rz:-1", "rz:x", "split", "split:0", "split:2:int8", "tf32:up", "float31",
     "float32,float64", "ftz,ftz", "rz:4,,tf32"],
)  # fmt: skip
def test_what_means_nothing_is_refused(text: str) -> None:
    """One line that names the text and the expected form."""
    with pytest.raises(UsageError) as refused:
        parse_accumulate(text, "float32")
    assert "expected" in refused.value.message


def test_tf32_is_for_float32() -> None:
    """No other inputs are rounded to it."""
    with pytest.raises(UsageError, match="float32 inputs"):
        parse_accumulate("tf32", "bfloat16")


@pytest.mark.parametrize("dtype", FORMATS)
def test_nothing_declared_is_a_cpu(dtype: str) -> None:
    """The accumulator is float32, or float64 for float64."""
    arithmetic = arithmetic_of(dtype)
    assert arithmetic.accumulate.name == ("float64" if dtype == "float64" else "float32")
    assert arithmetic.flush == (format_named(dtype).itemsize == 2)
