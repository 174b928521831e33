"""What rounding can do to Y = X·Wᵀ + b, whatever the order of summation.

The bound is deterministic: no correct implementation that rounds to nearest leaves it, on any
input. It is the smaller of two (u the accumulator's unit roundoff, k the number of additions,
S = |X||W|ᵀ + |b|, P = |X||W|ᵀ)::

    (k+1)·u·S                                       Jeannerod and Rump, SIAM J. Matrix Anal.
                                                    Appl. 34(2), 2013: no restriction on k·u
    [uₚ·P + k·u·(M + uₚ·P)] / (1 − k·u)             M = (S + |y|)/2, for k·u < 1/2;
                                                    uₚ = 0 where products are exact

plus the reference's own error and (k+2)·η for underflow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.arrays import Float64Array, FloatArray, half_ulp, round_to
from fcinspect.rounding.exact import dot2
from fcinspect.rounding.formats import FLOAT32, FLOAT64, NumberFormat, format_named
from fcinspect.rounding.verdict import Verdict

BLOCK = 2**22
"""Weight elements that are held in float64 at a time."""

SLACK = 1.0 + 2.0**-40
"""Covers the rounding of the bounds' own evaluation, a few dozen float64 operations."""


@dataclass(frozen=True)
class DotArithmetic:
    """How a dot product is computed: three number formats."""

    inputs: NumberFormat
    accumulate: NumberFormat
    output: NumberFormat

    @property
    def words(self) -> str:
        """The three formats in words."""
        names = (self.inputs.name, self.accumulate.name, self.output.name)
        if len(set(names)) == 1:
            return f"compute, accumulate and output in {names[0]}"
        return f"inputs {names[0]}, accumulate {names[1]}, output {names[2]}"


def arithmetic_of(dtype: str) -> DotArithmetic:
    """Return how torch and numpy compute dot products of that dtype on a CPU."""
    number_format = format_named(dtype)
    accumulate = FLOAT64 if number_format is FLOAT64 else FLOAT32
    return DotArithmetic(number_format, accumulate, number_format)


@dataclass(frozen=True, eq=False)
class Admissible:
    """The results that rounding can explain, one interval per element."""

    low: Float64Array
    high: Float64Array
    reach: Float64Array
    """The bound as a distance: on y before the last rounding, plus half an ulp for that one"""
    decided: npt.NDArray[np.bool_]
    """False where a value is not finite or the accumulator may overflow."""


@dataclass(frozen=True, eq=False)
class DotCheck:
    """Computed results held against their admissible intervals; arrays are (rows, out)."""

    reference: Float64Array
    low: Float64Array
    high: Float64Array
    error: Float64Array
    """|result − reference|"""
    bound: Float64Array
    """How far rounding can take a correct result; the interval is this bound made sharp."""
    max_ratio: float
    """Largest error/bound of the decided elements; above 1 is outside."""
    worst: tuple[int, int] | None
    """(row, output) of that element."""
    outside: int
    """How many elements are outside their interval."""
    undecided: int
    """How many elements could not be decided."""

    @property
    def verdict(self) -> Verdict:
        """Outside before undecided before within."""
        if self.outside:
            return Verdict.OUTSIDE
        return Verdict.UNDECIDED if self.undecided else Verdict.WITHIN


def admissible(
    y: Float64Array,
    y_error: Float64Array,
    product_magnitude: Float64Array,
    bias: Float64Array | None,
    n: int,
    arithmetic: DotArithmetic,
    flushed: Float64Array | float = 0.0,
) -> Admissible:
    """Return the interval of results for exact values within `y` ± `y_error`.

    All arrays are (rows, out); `product_magnitude` is |X||W|ᵀ, `n` the number of products,
    `flushed` the magnitude of terms with a subnormal operand, which some CPUs take for zero.
    """
    b = np.zeros(y.shape[-1]) if bias is None else bias
    with np.errstate(all="ignore"):
        magnitude = (product_magnitude + np.abs(b)) * SLACK
        spread = _spread(y, y_error, product_magnitude * SLACK, magnitude, n, bias, arithmetic)
        spread = (spread + y_error + flushed) * SLACK
        if arithmetic.inputs.itemsize == 2:
            spread = spread + (2 * n + 2) * arithmetic.accumulate.smallest_normal
        low, high = _rounded(y, spread, arithmetic.output)
        if bias is not None and arithmetic.output is not arithmetic.accumulate:
            # PyTorch rounds before it adds the bias where it has no fused kernel
            inner = _rounded(y - b, spread + np.abs(y) * 2.0**-52, arithmetic.output)
            low = np.minimum(low, round_to(inner[0] + b, arithmetic.output))
            high = np.maximum(high, round_to(inner[1] + b, arithmetic.output))
        reach = spread + half_ulp(np.abs(y) + spread, arithmetic.output)
        decided = np.isfinite(y) & (magnitude < arithmetic.accumulate.largest)
    return Admissible(low, high, reach, decided)


def _spread(
    y: Float64Array,
    y_error: Float64Array,
    product_magnitude: Float64Array,
    magnitude: Float64Array,
    n: int,
    bias: Float64Array | None,
    arithmetic: DotArithmetic,
) -> Float64Array:
    """Return the bound of the module's docstring, without the reference's error."""
    u = arithmetic.accumulate.unit_roundoff
    additions = max(n - (bias is None), 0)
    products_exact = 2 * arithmetic.inputs.precision <= arithmetic.accumulate.precision
    if n == 0:
        return np.zeros_like(y)
    spread = (additions + (not products_exact)) * u * magnitude
    if additions * u < 0.5:
        u_p = 0.0 if products_exact else u
        middle = (magnitude + np.abs(y) + y_error) / 2
        second = u_p * product_magnitude + additions * u * (middle + u_p * product_magnitude)
        spread = np.minimum(spread, second / (1 - additions * u))
    underflow: Float64Array = spread + (n + 2) * arithmetic.accumulate.smallest_subnormal
    return underflow


def _rounded(
    y: Float64Array, spread: Float64Array, output: NumberFormat
) -> tuple[Float64Array, Float64Array]:
    """Return y ± spread rounded to the output format; where spread is 0, y rounded."""
    low = np.where(spread == 0, y, np.nextafter(y - spread, -np.inf))
    high = np.where(spread == 0, y, np.nextafter(y + spread, np.inf))
    return round_to(low, output), round_to(high, output)


def check_products(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | None,
    result: FloatArray,
    computed_in: DotArithmetic | str,
) -> DotCheck:
    """Hold a computed Y = X·Wᵀ + b against the exact value and the bound.

    x is (rows, n), weight (out, n), bias (out,) or None, result (rows, out): numbers of the
    arithmetic that is declared, or of the dtype that is named, computed as on a CPU.
    The reference is float64 arithmetic for inputs of up to 24 bits and twice that precision for
    float64 inputs; its own error is part of the bound.
    """
    arithmetic = arithmetic_of(computed_in) if isinstance(computed_in, str) else computed_in
    # NaN, Inf and overflow are told by the verdict
    with np.errstate(all="ignore"):
        return _check_products(x, weight, bias, result, arithmetic)


def _check_products(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | None,
    result: FloatArray,
    arithmetic: DotArithmetic,
) -> DotCheck:
    rows, n = x.shape
    outputs = weight.shape[0]
    step = max(1, BLOCK // max(n, 1))
    parts = [
        _check_block(
            np.asarray(x, dtype=np.float64),
            np.asarray(weight[start : start + step], dtype=np.float64),
            None if bias is None else np.asarray(bias[start : start + step], dtype=np.float64),
            arithmetic,
        )
        for start in range(0, outputs, step)
    ]
    if not parts:
        empty: Float64Array = np.zeros((rows, 0))
        return DotCheck(empty, empty, empty, empty, empty, 0.0, None, 0, 0)
    reference = np.concatenate([y for y, _ in parts], axis=1)
    allowed = Admissible(
        low=np.concatenate([part.low for _, part in parts], axis=1),
        high=np.concatenate([part.high for _, part in parts], axis=1),
        reach=np.concatenate([part.reach for _, part in parts], axis=1),
        decided=np.concatenate([part.decided for _, part in parts], axis=1),
    )
    return judge(reference, allowed, np.asarray(result, dtype=np.float64))


def judge(reference: Float64Array, allowed: Admissible, result: Float64Array) -> DotCheck:
    """Return how results stand to their admissible intervals."""
    low, high = allowed.low, allowed.high
    decided = allowed.decided
    with np.errstate(all="ignore"):
        inside = (low <= result) & (result <= high)
        error = np.where(result == reference, 0.0, np.abs(result - reference))
        side = np.where(result >= reference, high - reference, reference - low)
        bound = np.maximum(side, allowed.reach)
        ratio = np.where(error == 0, 0.0, error / bound)
        # beyond the interval and yet within its reach: a fault of less than one ulp
        ratio = np.where(inside, np.fmin(ratio, 1.0), np.fmax(ratio, np.nextafter(1.0, 2.0)))
    ratio = np.where(decided, ratio, -1.0)
    worst = None
    if ratio.size and ratio.max() >= 0:
        row, column = np.unravel_index(int(ratio.argmax()), ratio.shape)
        worst = (int(row), int(column))
    return DotCheck(
        reference,
        low,
        high,
        error,
        bound,
        max_ratio=float(ratio[worst]) if worst else 0.0,
        worst=worst,
        outside=int((decided & ~inside).sum()),
        undecided=int((~decided).sum()),
    )


def _check_block(
    x: Float64Array,
    weight: Float64Array,
    bias: Float64Array | None,
    arithmetic: DotArithmetic,
) -> tuple[Float64Array, Admissible]:
    """Return the reference and what is admissible for some of the outputs."""
    n = x.shape[1]
    with np.errstate(all="ignore"):
        magnitude = np.abs(x) @ np.abs(weight).T
        if arithmetic.inputs is FLOAT64:
            y = dot2(x, weight)
            gamma = n * 2.0**-53 / (1 - n * 2.0**-53)
            y_error = gamma * gamma * magnitude + 5 * n * FLOAT64.smallest_subnormal
            flushed: Float64Array | float = 0.0
        else:
            y = x @ weight.T
            y_error = n * 2.0**-53 * magnitude
            flushed = flushed_magnitude(x, weight, arithmetic)
        if bias is not None:
            y = y + bias
        y_error = (
            y_error + 2 * 2.0**-53 * np.abs(y) + 2.0**-53 * (0 if bias is None else np.abs(bias))
        )
        # the float64 sum of magnitudes may itself be too small by its rounding
        magnitude = magnitude * (1 + (n + 2) * 2.0**-53)
        allowed = admissible(y, y_error, magnitude, bias, n, arithmetic, flushed)
    rows_finite, outputs_finite = (np.isfinite(part).all(axis=1) for part in (x, weight))
    finite = np.logical_and.outer(rows_finite, outputs_finite)
    if bias is not None:
        finite = finite & np.isfinite(bias)[None, :]
    return y, replace(allowed, decided=allowed.decided & finite)


def flushed_magnitude(
    x: Float64Array, weight: Float64Array, arithmetic: DotArithmetic
) -> Float64Array | float:
    """Return the magnitude of terms with a subnormal operand, for 16-bit inputs."""
    if arithmetic.inputs.itemsize != 2:
        return 0.0
    tiny = arithmetic.inputs.smallest_normal
    x_small = np.where(np.abs(x) < tiny, np.abs(x), 0.0)
    w_small = np.where(np.abs(weight) < tiny, np.abs(weight), 0.0)
    if not x_small.any() and not w_small.any():
        return 0.0
    flushed: Float64Array = x_small @ np.abs(weight).T + np.abs(x) @ w_small.T
    return flushed
