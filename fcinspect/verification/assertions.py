"""For other people's test suites: a linear layer's output, held against derived bounds."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from fcinspect.errors import UsageError
from fcinspect.layers.array import Array
from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.rounding.arrays import carrier
from fcinspect.rounding.formats import FORMATS, format_named
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Worst
from fcinspect.verification.output import (
    Claim,
    declared,
    mixed_formats,
    unfit_operands,
    unfit_output,
)


def assert_linear(
    output: object,
    input: object,
    weight: object,
    bias: object = None,
    *,
    accumulate: str | DotArithmetic | None = None,
    out: object = None,
) -> Check:
    """Assert that output = input·weightᵀ + bias, as far as rounding can tell; no tolerance.

    The arguments are torch tensors on any device, numpy arrays or nested lists (of float64), in
    the shapes of `torch.nn.functional.linear`: input (*batch, in_features), weight
    (out_features, in_features), bias (out_features), output (*batch, out_features). The format is
    that of the operands. `accumulate` declares how sums are formed where that is not as on a CPU,
    in the words of `fcinspect verify output --accumulate`. `out` is the dtype of the output where
    it is not that of the operands.

    Returns the verdict with its numbers (`max_ratio`, `worst`). Raises AssertionError when the
    output has another shape or dtype, when an element is outside its bound, and when one has no
    bound (overflow, NaN); UsageError for operands that do not fit together.
    """
    __tracebackhide__ = True
    x, held = array_of(input, "input"), array_of(weight, "weight")
    b = None if bias is None else array_of(bias, "bias")
    y = array_of(output, "output")
    expected = x.dtype if out is None else _dtype_name(out)
    arithmetic = _arithmetic(x.dtype, accumulate, expected)
    problem = unfit_operands(x.shape, held.shape, None if b is None else b.shape)
    problem = problem or mixed_formats(x, held, b, arithmetic)
    if problem:
        raise UsageError(f"assert_linear: {problem}")
    problem = unfit_output("output", y.shape, x.shape, held.shape)
    if not problem and y.dtype != expected:
        problem = f"output is {y.dtype}, expected {expected}"
        problem += f"; out={y.dtype!r} declares it" if out is None else ""
    if problem:
        raise AssertionError(problem)
    claim = Claim(x, held, b, y, arithmetic, "output")
    check = claim.check("output")
    if check.verdict is not Verdict.WITHIN:
        raise AssertionError(_message(claim, check))
    return check


def array_of(values: object, name: str) -> Array:
    """Return a tensor, an array or nested lists as an array, numbers unchanged.

    Nested lists are float64. Raises UsageError for what holds no floating-point numbers.
    """
    if isinstance(values, Array):
        return values
    dtype = None
    try:
        plain: Any = values
        if hasattr(plain, "detach"):
            dtype = str(plain.dtype).removeprefix("torch.")
            plain = plain.detach().cpu()
            plain = (plain.float() if dtype == "bfloat16" else plain.resolve_neg()).numpy()
        elif isinstance(plain, list | tuple | float):
            plain, dtype = np.array(plain, dtype=np.float64), "float64"
        else:
            plain = np.asarray(plain)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UsageError(f"{name} cannot be read as an array: {reason}") from None
    dtype = dtype or plain.dtype.name
    if dtype not in FORMATS:
        raise UsageError(f"{name} holds {dtype}: expected numbers of {', '.join(FORMATS)}")
    return Array(_carried(plain, dtype), dtype)


def _carried(plain: npt.NDArray[Any], dtype: str) -> npt.NDArray[Any]:
    """Return a read-only view of the numbers, or a copy where their carrier is another dtype."""
    return plain.astype(carrier(dtype), copy=False).view()


def _arithmetic(dtype: str, accumulate: str | DotArithmetic | None, output: str) -> DotArithmetic:
    if isinstance(accumulate, DotArithmetic):
        return replace(accumulate, output=format_named(output))
    try:
        return declared(dtype, accumulate, output)
    except UsageError as error:
        said = error.message.removeprefix("--")
        raise UsageError(f"assert_linear: {said}", error.hint) from None


def _dtype_name(dtype: object) -> str:
    """Return the name of a dtype of torch or numpy, or the name itself."""
    name = getattr(dtype, "__name__", None) or str(dtype).removeprefix("torch.")
    if name not in FORMATS:
        raise UsageError(f"assert_linear: out is {dtype!r}: expected one of {', '.join(FORMATS)}")
    return name


def _message(claim: Claim, check: Check) -> str:
    """Return what is wrong, where, by how much, and why."""
    count = check.outside or check.undecided
    lines = [
        f"{check.verdict}: {count:,} of {check.elements:,} elements of output {claim.y.shape} ="
        f" input {claim.x.shape} · weight {claim.weight.shape}ᵀ"
        + ("" if claim.bias is None else f" + bias {claim.bias.shape}")
        + f" ({claim.arithmetic.words})"
    ]
    if check.worst is not None and check.outside:
        lines += _place(check.worst, check.max_ratio)
    if check.outside and check.undecided:
        lines.append(f"  {check.undecided:,} more have no bound")
    if check.cause is not None:
        lines.append(f"  {'likely cause' if check.outside else 'because'}: {check.cause}")
    return "\n".join(lines)


def _place(worst: Worst, ratio: float | None) -> list[str]:
    """Return the element that is furthest outside, its interval and its error."""
    index = ", ".join(map(str, worst.index))
    first = f"  worst: output[{index}] is {worst.computed!r}, the exact value {worst.reference!r}"
    if worst.low is None:
        return [first]
    if worst.low == worst.high:
        return [first, f"  only {worst.low!r} is right there"]
    second = f"  rounding reaches {worst.low!r} to {worst.high!r}"
    if ratio is not None and math.isfinite(worst.computed):
        second += f"; the error is {ratio:.4g} times the bound"
    return [first, second]
