"""Which single fault gives the numbers that rounding does not explain.

A fault is a hypothesis: other operands, another arithmetic, or something done to the result. It is
named only if its own numbers explain every element within their bound; the first that does, in
order from the plain to the particular, is the answer. No hypothesis is fitted to more numbers
than it explains.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fcinspect.rounding.accumulation import TF32_PRECISION, DotArithmetic, arithmetic_of
from fcinspect.rounding.arrays import Float64Array, FloatArray, round_to
from fcinspect.rounding.formats import BFLOAT16, FLOAT16, FLOAT32, NumberFormat
from fcinspect.verification.fault_results import (
    constant_offset,
    fitted_factor,
    place_causes,
    result_causes,
)
from fcinspect.verification.observed import Observed

ELEVEN = NumberFormat("11 bits, as in tf32 and float16", TF32_PRECISION, 127, -126, 4)

MOST_SCATTER = 1.0
"""Correct sums measured at most 0.38 of u·√((n+1)·(Σx²w² + b² + y²)); 1 leaves room."""
LEAST_SCATTER = 0.04
MOST_BIAS = 0.8
"""The mean of errors, as a share of their root mean square, up to which they scatter."""


def name_cause(
    x: FloatArray,
    weight: FloatArray,
    bias: FloatArray | None,
    result: FloatArray,
    arithmetic: DotArithmetic,
) -> str | None:
    """Return the words of the single fault that reproduces the result, or None.

    x is (rows, n), weight (out, n), bias (out) or None, result (rows, out). None also where
    nothing is outside, or all rows or outputs have operands that are not finite.
    """
    if not (result.size and weight.size and result.shape == (len(x), len(weight))):
        return None
    with np.errstate(all="ignore"):
        b = None if bias is None else np.asarray(bias, dtype=np.float64)
        y = np.asarray(result, dtype=np.float64)
        seen = Observed.of(x, weight, b, y, arithmetic)
        if seen is None or not seen.wrong.any():
            return None
        return next(_causes(seen), None) or _cause_of_part(seen) or narrow_sums(seen)


def _cause_of_part(seen: Observed) -> str | None:
    """Return what explains the rows or outputs that hold all wrong elements, and which they are."""
    wrong = seen.part_that_is_wrong()
    # one number is explained by too much
    if wrong is None or wrong[0].y.size < 2:
        return None
    cause = next(_causes(wrong[0]), None)
    return f"{cause} {wrong[1]}" if cause else None


def _causes(seen: Observed) -> Iterator[str]:
    yield from result_causes(seen)
    yield from operand_causes(seen)
    yield from place_causes(seen)
    yield from constant_offset(seen)
    yield from arithmetic_causes(seen)
    yield from fitted_factor(seen)


def operand_causes(seen: Observed) -> Iterator[str]:
    """Yield the altered operand that gives the result."""
    count = len(seen.weight)
    # where all outputs are looked at, their order is reported in full
    for shift in (1, -1) if len(seen.outputs) < count else ():
        moved = (np.asarray(seen.outputs) - shift) % count
        bias = None if seen.bias is None else seen.bias[moved]
        if seen.explained_by(weight=_wide(seen.weight[moved]), bias=bias):
            yield "the outputs are shifted by 1"
    for words, weight in _other_weights(seen):
        if seen.explained_by(weight=weight):
            yield words
    for words, x in _other_inputs(seen):
        if seen.explained_by(x=x):
            yield words


def _wide(values: FloatArray) -> Float64Array:
    return np.asarray(values, dtype=np.float64)


def _other_weights(seen: Observed) -> Iterator[tuple[str, Float64Array]]:
    outputs, n = seen.weight.shape
    chosen = list(seen.outputs)
    if outputs == n > 1:
        yield "the weight is used transposed", _wide(seen.weight.T[chosen])
    elif min(outputs, n) > 1:
        reshaped = _wide(seen.weight.reshape(n, outputs).T[chosen])
        yield "the weight is reshaped to (in, out) instead of transposed", reshaped
    yield "the absolute value of the weight is used", np.abs(seen.w)


def _other_inputs(seen: Observed) -> Iterator[tuple[str, Float64Array]]:
    x = seen.xs
    rows, n = seen.x.shape
    if n > 1:
        yield "the inputs are read in reverse order", x[:, ::-1]
        yield "input j is used as input j+1", np.roll(x, 1, axis=1)
        yield "input j+1 is used as input j", np.roll(x, -1, axis=1)
        shifted = np.pad(x[:, 1:], ((0, 0), (0, 1)))
        yield "the inputs are shifted by one, and the first is left out", shifted
        shifted = np.pad(x[:, :-1], ((0, 0), (1, 0)))
        yield "the inputs are shifted by one, and the last is left out", shifted
        means = np.broadcast_to(x.mean(axis=1, keepdims=True), x.shape)
        yield "each input is replaced by the mean of its row", means
    if rows > 1 and n > 1:
        reshaped = _wide(seen.x.T.reshape(seen.x.shape)[list(seen.rows)])
        yield "the input is reshaped instead of transposed", reshaped
    yield "negative inputs are treated as zero", np.maximum(x, 0.0)
    yield "the absolute value of the inputs is used", np.abs(x)
    if (np.abs(x) > 1).any():
        yield "inputs are clipped to −1 … 1", np.clip(x, -1.0, 1.0)


def arithmetic_causes(seen: Observed) -> Iterator[str]:
    """Yield the narrower format that explains the errors."""
    if not np.isfinite(seen.y).all():
        return
    for number_format in _narrower(seen, FLOAT32, ELEVEN, BFLOAT16):
        yield from _rounded_operands(seen, number_format)
    yield from _rounded_result(seen)
    yield from _quantised(seen)
    yield from _computed_in(seen, _narrower(seen, FLOAT32, FLOAT16, BFLOAT16))


def _narrower(seen: Observed, *formats: NumberFormat) -> list[NumberFormat]:
    inputs = seen.arithmetic.inputs
    return [narrow for narrow in formats if narrow.precision < inputs.precision]


def _rounded_result(seen: Observed) -> Iterator[str]:
    output = seen.arithmetic.output
    for number_format in (FLOAT32, FLOAT16, BFLOAT16):
        fewer = number_format.precision < output.precision
        if not fewer or not np.array_equal(round_to(seen.y, number_format), seen.y):
            continue
        low, high = (round_to(end, number_format) for end in (seen.check.low, seen.check.high))
        if ((low <= seen.y) & (seen.y <= high)).all():
            yield f"the result is rounded to {number_format.name}"


def _rounded_operands(seen: Observed, number_format: NumberFormat) -> Iterator[str]:
    for narrow, how in ((round_to, "rounded"), (_cut, "truncated")):
        x, weight = narrow(seen.xs, number_format), narrow(seen.w, number_format)
        altered = {
            "inputs and weights": (x, weight),
            "inputs": (x, None),
            "weights": (None, weight),
        }
        for what, operands in altered.items():
            if seen.explained_by(*operands):
                yield f"{what} are {how} to {number_format.name}"


def _cut(values: Float64Array, number_format: NumberFormat) -> Float64Array:
    """Return values truncated to the format's digits."""
    bits = 53 - number_format.precision
    kept = np.ascontiguousarray(values).view(np.int64) >> bits << bits
    return kept.view(np.float64)


def _quantised(seen: Observed) -> Iterator[str]:
    """Name weights that were rounded to whole multiples of a scale."""
    for levels, name in ((127, "int8"), (7, "int4")):
        for axis, words in ((1, "one scale per row"), (None, "one scale")):
            held = seen.w if axis == 1 else seen.weight
            ends = (held.max(axis=axis, keepdims=True), -held.min(axis=axis, keepdims=True))
            largest = _wide(np.maximum(*ends))
            scale = np.where(largest > 0, largest, 1.0) / levels
            weight = round_to(np.rint(seen.w / scale) * scale, seen.arithmetic.inputs)
            if seen.explained_by(weight=weight):
                yield f"weights are rounded to {name} with {words}"


def _computed_in(seen: Observed, narrower: list[NumberFormat]) -> Iterator[str]:
    for number_format in narrower:
        if not np.array_equal(round_to(seen.y, number_format), seen.y):
            continue
        x, weight, bias = (round_to(part, number_format) for part in (seen.xs, seen.w, seen.b))
        check = seen.under(x, weight, bias, arithmetic_of(number_format.name))
        if not check.outside and not check.undecided:
            yield f"the layer is computed in {number_format.name}"


def narrow_sums(seen: Observed) -> str | None:
    """Name the format in which partial sums are kept, by how much the errors scatter."""
    if not np.isfinite(seen.y).all():
        return None
    squares = (seen.xs**2) @ (seen.w**2).T
    size = np.sqrt((seen.n + 1) * (squares + seen.b**2 + seen.right**2))
    own = seen.arithmetic.output.unit_roundoff * np.abs(seen.y)
    error = np.maximum(np.abs(seen.y - seen.right) - own, 0.0) / np.where(size > 0, size, 1.0)
    # rounding errs to both sides; what was added or scaled leaves a mean
    signed = ((seen.y - seen.right) / np.where(size > 0, size, 1.0)).ravel()
    if abs(signed.mean()) > MOST_BIAS * float(np.sqrt((signed**2).mean())):
        return None
    # of normally distributed numbers half are beyond 0.6745 deviations; single faults leave it
    scatter = float(np.median(error)) / 0.6745
    for number_format in (BFLOAT16, FLOAT16, FLOAT32):
        if number_format.precision >= seen.arithmetic.accumulate.precision:
            continue
        share = scatter / number_format.unit_roundoff
        kept = replace(seen.arithmetic, accumulate=number_format)
        if LEAST_SCATTER <= share <= MOST_SCATTER and seen.explained_by(arithmetic=kept):
            return f"partial sums are kept in {number_format.name}"
    return None
