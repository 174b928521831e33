"""Checks of computed arrays: against bounds, against one another, and against exact results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from fcinspect.errors import Misbehaved
from fcinspect.layers.array import Array
from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.rounding.arrays import Float64Array, FloatArray, round_to
from fcinspect.rounding.dot import Admissible, DotCheck, judge
from fcinspect.rounding.formats import FLOAT64
from fcinspect.rounding.running import AllowedRange
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.causes import name_cause
from fcinspect.verification.check import Check, Worst
from fcinspect.verification.subject import LayerCall, Setting

FACTORS = {
    -1.0: "the sign is flipped",
    2.0: "it is twice what it should be",
    0.5: "it is half what it should be",
    0.0: "it is zero where it should not be",
}
"""What a constant factor between computed and reference numbers means."""


def of_dot(
    name: str, detail: str, check: DotCheck, computed: FloatArray, cause: str | None = None
) -> Check:
    """Return the check of an array, of whatever shape, from that of its rows and columns."""
    worst = None
    if check.worst is not None:
        flat = int(np.ravel_multi_index(check.worst, check.reference.shape))
        index = tuple(int(i) for i in np.unravel_index(flat, computed.shape))
        parts = (check.reference, check.low, check.high, check.bound)
        numbers = (float(part[check.worst]) for part in parts)
        worst = Worst(index, float(computed[index]), *numbers)
    return Check(
        name, check.verdict, detail, check.max_ratio, worst,
        cause if check.verdict is not Verdict.WITHIN else None,
        check.reference.size, check.outside, check.undecided,
    )  # fmt: skip


def of_operation(name: str, formula: str, check: DotCheck, computed: FloatArray) -> Check:
    """Return the check of an array, its bound on both sides, with what the errors' pattern says."""
    cause = _cause(check, computed) if check.outside else None
    found = of_dot(name, formula, check, computed, cause)
    worst = found.worst
    if worst is None or worst.bound is None:
        return found
    low, high = worst.reference - worst.bound, worst.reference + worst.bound
    return replace(found, worst=replace(worst, low=low, high=high))


def check_allowed(name: str, formula: str, allowed: AllowedRange, computed: FloatArray) -> Check:
    """Compare computed numbers with what their closed form allows for each of them."""
    columns = computed.shape[-1] if computed.ndim else 1
    rows = int(np.prod(computed.shape[:-1], dtype=np.int64))
    result, low, high, reference = (
        np.asarray(values, dtype=np.float64).reshape(rows, columns)
        for values in (computed, allowed.low, allowed.high, allowed.reference)
    )
    # a correct program may overflow on the way, or take the root of what rounding made negative
    decided = allowed.decided.reshape(rows, columns) & np.isfinite(result)
    admissible = Admissible(low, high, reach=np.zeros_like(reference), decided=decided)
    return of_operation(name, formula, judge(reference, admissible, result), computed)


def check_same(name: str, formula: str, pairs: list[tuple[FloatArray, FloatArray]]) -> Check:
    """Compare arrays that must hold the same numbers, bit for bit."""
    count, unequal = len(pairs), sum(not np.array_equal(a, b, equal_nan=True) for a, b in pairs)
    if not unequal:
        return Check(name, Verdict.WITHIN, formula, 0.0, elements=count)
    cause = f"{unequal} of {count} arrays differ from those handed over"
    return Check(name, Verdict.OUTSIDE, formula, np.inf, None, cause, count, unequal)


def _cause(check: DotCheck, computed: FloatArray) -> str | None:
    """Name the constant factor that would bring every element inside its interval."""
    result: Float64Array = np.asarray(computed, dtype=np.float64).reshape(check.reference.shape)
    with np.errstate(all="ignore"):
        for factor, words in FACTORS.items():
            if np.all(np.abs(result - factor * check.reference) <= 2 * check.bound):
                return words
    square = result.shape[0] == result.shape[1] > 1
    if square and np.all(np.abs(result.T - check.reference) <= 2 * check.bound):
        return "it is the transpose of what it should be"
    return None


def check_exactly(name: str, detail: str, setting: Setting, call: LayerCall) -> Check:
    """Call the subject; only the exact result, rounded once to the output format, is right.

    PyTorch's 16-bit kernels may round before they add the bias; that is right too.
    """
    return check_answer(name, detail, setting.subject.call(call).output, call, setting.arithmetic)


def check_answer(
    name: str, detail: str, output: Array, call: LayerCall, arithmetic: DotArithmetic
) -> Check:
    """Compare what a call with these parameters returned with the exact result."""
    assert call.weight is not None
    expected = (*call.x.shape[:-1], call.weight.shape[0])
    if output.shape != expected:
        words = f"the result has shape {output.shape} instead of {expected}"
        return Check(name, Verdict.OUTSIDE, detail, cause=words)
    if not output.size:
        return Check(name, Verdict.WITHIN, detail)
    x, weight = (np.asarray(part, dtype=np.float64) for part in (call.x.rows, call.weight.values))
    bias = None if call.bias is None else np.asarray(call.bias.values, dtype=np.float64)
    with np.errstate(all="ignore"):
        reference, allowed = _exactly_admissible(x, weight, bias, arithmetic)
        result = np.asarray(output.rows, dtype=np.float64)
        judged = judge(reference, allowed, result)
    cause = None
    if judged.outside:
        exactly = replace(without_rounding(arithmetic), flush=False)
        cause = _tainted(x, result) or name_cause(x, weight, bias, result, exactly)
    check = of_dot(name, detail, judged, output.values, cause)
    return replace(check, max_ratio=np.inf if judged.outside else 0.0)


def without_rounding(arithmetic: DotArithmetic) -> DotArithmetic:
    """Return the arithmetic of sums that are exact, which leave no room for rounding."""
    return replace(arithmetic, accumulate=FLOAT64, truncation_block=None, partials=1)


def _exactly_admissible(
    x: Float64Array, weight: Float64Array, bias: Float64Array | None, arithmetic: DotArithmetic
) -> tuple[Float64Array, Admissible]:
    """Return the exact results, and the one or two that rounding to the output can give."""
    products = x @ weight.T
    exact = products if bias is None else products + bias
    once = round_to(exact, arithmetic.output)
    low, high = once, once
    if bias is not None:
        twice = round_to(round_to(products, arithmetic.output) + bias, arithmetic.output)
        low, high = np.minimum(once, twice), np.maximum(once, twice)
    if arithmetic.flush:
        flushed = np.abs(exact) < arithmetic.inputs.smallest_normal * (1 + x.shape[1])
        low = np.where(flushed, np.minimum(low, 0.0), low)
        high = np.where(flushed, np.maximum(high, 0.0), high)
    decided = np.ones(exact.shape, dtype=np.bool_)
    return exact, Admissible(low, high, np.zeros_like(exact), decided)


def _tainted(x: Float64Array, result: Float64Array) -> str | None:
    """Return what happened to numbers that are not finite."""
    tainted = ~np.isfinite(x).all(axis=1)
    if not tainted.any():
        return None
    if np.isfinite(result[tainted]).any():
        return "NaN or Inf in the input does not reach the output"
    if not np.isfinite(result[~tainted]).all():
        return "NaN or Inf in one row spreads to other rows"
    return None


def first_wrong(name: str, detail: str, probes: Mapping[str, Callable[[], Check]]) -> Check:
    """Make several probes; return the first that is wrong, and where, or that all are right."""
    made = []
    for where, probe in probes.items():
        try:
            check = probe()
        except Misbehaved as fault:
            raise Misbehaved(str(fault), where) from None
        made.append(check)
        if check.verdict is not Verdict.WITHIN:
            cause = f"{check.cause or 'wrong numbers'}, with {where}"
            wrong = f"{detail}; wrong with {where}"
            return replace(check, name=name, detail=wrong, cause=cause, where=where)
    elements = sum(check.elements for check in made)
    most = max((check.max_ratio for check in made if check.max_ratio is not None), default=None)
    return Check(name, Verdict.WITHIN, detail, most, elements=elements)
