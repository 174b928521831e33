"""Every fault that is planted is named, and nothing is named that is not there."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from fcinspect.rounding.accumulation import arithmetic_of
from fcinspect.rounding.arrays import Float64Array, round_to
from fcinspect.rounding.dot import check_products
from fcinspect.rounding.formats import FORMATS, format_named
from fcinspect.verification.causes import ELEVEN, name_cause

Layer = Callable[[Float64Array, Float64Array, Float64Array], Float64Array]


def zeroed(x: Float64Array, places: slice | list[int], factor: float = 0.0) -> Float64Array:
    """Return x with some inputs multiplied by a factor."""
    altered = x.copy()
    altered[:, places] *= factor
    return altered


def changed(weight: Float64Array, j: int, k: int, by: float) -> Float64Array:
    """Return W with one number changed."""
    altered = weight.copy()
    altered[j, k] += by
    return altered


def sums_in(name: str) -> Layer:
    """Return the layer that keeps its partial sums in a format."""
    kept = FORMATS[name]

    def layer(x: Float64Array, w: Float64Array, b: Float64Array) -> Float64Array:
        total: Float64Array = np.zeros((len(x), len(w)))
        for k in range(x.shape[1]):
            total = round_to(total + x[:, k, None] * w[None, :, k], kept)
        return total + b

    return layer


def int8(w: Float64Array) -> Float64Array:
    """Return W rounded to int8 with a scale for each row."""
    scale = np.abs(w).max(axis=1, keepdims=True) / 127
    return np.asarray(np.rint(w / scale) * scale)


FAULTS: dict[str, Layer] = {
    "the result is all zeros": lambda x, w, b: 0 * (x @ w.T + b),
    "the bias is missing": lambda x, w, b: x @ w.T,
    "the bias is added twice": lambda x, w, b: x @ w.T + 2 * b,
    "the bias is subtracted": lambda x, w, b: x @ w.T - b,
    "the bias is added in reverse order": lambda x, w, b: x @ w.T + b[::-1],
    "the bias is added one place too late": lambda x, w, b: x @ w.T + np.roll(b, 1),
    "the bias is added one place too early": lambda x, w, b: x @ w.T + np.roll(b, -1),
    "the mean of the bias is added": lambda x, w, b: x @ w.T + b.mean(),
    "the sum of the bias is added": lambda x, w, b: x @ w.T + b.sum(),
    "the bias is added to the first row only":
        lambda x, w, b: x @ w.T + np.where(np.arange(len(x))[:, None] == 0, b, 0),
    "the bias is added 5 times": lambda x, w, b: x @ w.T + 5 * b,
    "the sign of the result is flipped": lambda x, w, b: -(x @ w.T + b),
    "the sign of W·x is flipped": lambda x, w, b: -(x @ w.T) + b,
    "the result is doubled": lambda x, w, b: 2 * (x @ w.T + b),
    "the result is halved": lambda x, w, b: 0.5 * (x @ w.T + b),
    "the result is divided by 5, the number of rows": lambda x, w, b: (x @ w.T + b) / 5,
    "W·x is divided by √{n}, the square root of in_features":
        lambda x, w, b: (x @ w.T) / np.sqrt(x.shape[1]) + b,
    "the result is multiplied by 1.05": lambda x, w, b: 1.05 * (x @ w.T + b),
    "relu is applied": lambda x, w, b: np.maximum(x @ w.T + b, 0),
    "tanh is applied": lambda x, w, b: np.tanh(x @ w.T + b),
    "the absolute value of the result": lambda x, w, b: np.abs(x @ w.T + b),
    "the rows are in reverse order": lambda x, w, b: (x @ w.T + b)[::-1],
    "the outputs are in reverse order": lambda x, w, b: (x @ w.T + b)[:, ::-1],
    "the outputs are shifted by 1": lambda x, w, b: np.roll(x @ w.T + b, 1, axis=1),
    "outputs 1 and 3 are swapped": lambda x, w, b: (x @ w.T + b)[:, [0, 3, 2, 1, 4, 5, 6]],
    "all rows equal row 0": lambda x, w, b: np.repeat((x @ w.T + b)[:1], len(x), axis=0),
    "row 4 holds row 3": lambda x, w, b: (x @ w.T + b)[[0, 1, 2, 3, 3]],
    "the result is reshaped instead of transposed": lambda x, w, b:
        (x @ w.T + b).T.reshape(len(x), -1),
    "the weight is reshaped to (in, out) instead of transposed":
        lambda x, w, b: x @ w.reshape(w.shape[::-1]) + b,
    "the absolute value of the weight": lambda x, w, b: x @ np.abs(w).T + b,
    "the inputs are read in reverse order": lambda x, w, b: x[:, ::-1] @ w.T + b,
    "input j is used as input j+1": lambda x, w, b: np.roll(x, 1, axis=1) @ w.T + b,
    "the input is reshaped instead of transposed":
        lambda x, w, b: x.T.reshape(x.shape) @ w.T + b,
    "negative inputs are treated as zero": lambda x, w, b: np.maximum(x, 0) @ w.T + b,
    "the absolute value of the inputs": lambda x, w, b: np.abs(x) @ w.T + b,
    "inputs from {tail} on are left out":
        lambda x, w, b: zeroed(x, slice(x.shape[1] // 16 * 15, None)) @ w.T + b,
    "inputs before 3 are left out": lambda x, w, b: zeroed(x, slice(3)) @ w.T + b,
    "input 7 is left out": lambda x, w, b: zeroed(x, [7]) @ w.T + b,
    "input 7 is counted twice": lambda x, w, b: zeroed(x, [7], 2.0) @ w.T + b,
    "input 7 is subtracted": lambda x, w, b: zeroed(x, [7], -1.0) @ w.T + b,
    "weight [2, 5] is off by 0.5": lambda x, w, b: x @ changed(w, 2, 5, 0.5).T + b,
    "weight [2, 5] is treated as 0": lambda x, w, b: x @ changed(w, 2, 5, -w[2, 5]).T + b,
    "bias [2] is off by 0.5": lambda x, w, b: x @ w.T + b + 0.5 * (np.arange(len(b)) == 2),
    "bias [2] is treated as 0": lambda x, w, b: x @ w.T + b * (np.arange(len(b)) != 2),
    "a constant 0.5 is added to every output": lambda x, w, b: x @ w.T + b + 0.5,
    "a constant 2 is subtracted from every output": lambda x, w, b: x @ w.T + b - 2,
    "the result is all zeros in row 4":
        lambda x, w, b: (x @ w.T + b) * (np.arange(len(x)) != 4)[:, None],
    "the result is all zeros in outputs from 4 on":
        lambda x, w, b: (x @ w.T + b) * (np.arange(len(w)) < 4),
}  # fmt: skip

PRECISION: dict[str, Layer] = {
    "inputs and weights are rounded to bfloat16":
        lambda x, w, b: round_to(x, FORMATS["bfloat16"]) @ round_to(w, FORMATS["bfloat16"]).T + b,
    "inputs and weights are rounded to 11 bits":
        lambda x, w, b: round_to(x, ELEVEN) @ round_to(w, ELEVEN).T + b,
    "inputs are rounded to bfloat16": lambda x, w, b: round_to(x, FORMATS["bfloat16"]) @ w.T + b,
    "weights are rounded to 11 bits": lambda x, w, b: x @ round_to(w, FORMATS["float16"]).T + b,
    "weights are rounded to int8": lambda x, w, b: x @ int8(w).T + b,
    "the result is rounded to bfloat16": lambda x, w, b: round_to(x @ w.T + b, FORMATS["bfloat16"]),
    "partial sums are kept in bfloat16": sums_in("bfloat16"),
    "partial sums are kept in float16": sums_in("float16"),
}  # fmt: skip


def operands(
    dtype: str, n: int, rows: int = 5, outputs: int = 7, seed: int = 0
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return x, W, b in the format."""
    random = np.random.default_rng((seed, n))
    shapes = ((rows, n), (outputs, n), (outputs,))
    x, w, b = (round_to(random.standard_normal(s), format_named(dtype)) for s in shapes)
    return x, w, b


def named(layer: Layer, dtype: str, n: int, outputs: int = 7) -> str:
    """Return the cause of what the layer computes; skips where rounding explains it."""
    x, w, b = operands(dtype, n, outputs=outputs)
    result = round_to(layer(x, w, b), format_named(dtype))
    if not check_products(x, w, b, result, dtype).outside:
        pytest.skip("rounding explains it")
    return name_cause(x, w, b, result, arithmetic_of(dtype)) or ""


@pytest.mark.parametrize("n", [16, 64, 1024])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64"])
@pytest.mark.parametrize("words", FAULTS)
@pytest.mark.sampled(2)
def test_a_planted_fault_is_named(words: str, dtype: str, n: int) -> None:
    """The words are those of the fault, whatever the width and the format."""
    if "weight [2, 5] is off" in words and (dtype, n) == ("bfloat16", 1024):
        pytest.skip("five rows of 8 bits do not tell which of 1024 weights it is")
    expected = words.format(n=n, tail=n // 16 * 15)
    if dtype == "bfloat16":
        # a fitted number has as many digits as the results
        expected = re.sub(r"(?<=constant )[0-9.]+.*| 0\.5$| 1\.05$", "", expected)
    assert named(FAULTS[words], dtype, n).startswith(expected)


@pytest.mark.parametrize("n", [16, 64, 1024])
@pytest.mark.parametrize("words", PRECISION)
def test_lost_digits_are_named(words: str, n: int) -> None:
    """Which numbers were kept in which format."""
    assert named(PRECISION[words], "float32", n).startswith(words)


SMALL = (0.001, -0.02, 1 / 3)


@pytest.mark.parametrize("offset", [*SMALL, 1e-5])
@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("seed", range(3))
def test_an_offset_is_taken_for_nothing_else(dtype: str, offset: float, seed: int) -> None:
    """Where rounding hides what it is, nothing is named."""
    x, w, b = operands(dtype, 64, rows=33, outputs=48, seed=seed)
    result = round_to(round_to(x @ w.T + b, format_named(dtype)) + offset, format_named(dtype))
    cause = name_cause(x, w, b, result, arithmetic_of(dtype))
    assert cause is None or cause.startswith("a constant ")
    if dtype in ("float32", "float64") and offset in SMALL:
        how = "added to" if offset > 0 else "subtracted from"
        assert cause is not None
        found = re.fullmatch(rf"a constant ([0-9.]+) is {how} every output", cause)
        assert found is not None
        assert float(found[1]) == pytest.approx(abs(offset), rel=2e-4)


def test_a_square_weight_transposed_is_named() -> None:
    """It fits, and no shape betrays it."""
    cause = named(lambda x, w, b: x @ w + b, "float32", 16, outputs=16)
    assert cause == "the weight is used transposed"


def test_a_bias_over_rows_is_named() -> None:
    """As many rows as outputs: broadcasting hides the fault."""
    cause = named(lambda x, w, b: x @ w.T + b[:, None], "float32", 16, outputs=5)
    assert cause == "the bias is added to rows instead of outputs"


@pytest.mark.parametrize("seed", range(20))
def test_noise_has_no_cause(seed: int) -> None:
    """What no single fault explains is not explained."""
    x, w, b = operands("float32", 64, seed=seed)
    result = x @ w.T + b
    wild = round_to(result + np.random.default_rng(seed).standard_normal(result.shape),
                    FORMATS["float32"])  # fmt: skip
    assert name_cause(x, w, b, wild, arithmetic_of("float32")) is None


def test_correct_sums_in_a_narrower_format_stay_within_what_the_tests_assume() -> None:
    """The planted results are outside, so that there is something to explain."""
    x, w, b = operands("float32", 64)
    for layer in PRECISION.values():
        result = round_to(layer(x, w, b), FORMATS["float32"])
        assert check_products(x, w, b, result, "float32").outside
