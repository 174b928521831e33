"""Checks of computed arrays: against the bounds of their closed form, or against one another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fcinspect.rounding.arrays import Float64Array, FloatArray
from fcinspect.rounding.dot import Admissible, DotCheck, judge
from fcinspect.rounding.running import AllowedRange
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Worst

FACTORS = {
    -1.0: "the sign is flipped",
    2.0: "it is twice what it should be",
    0.5: "it is half of what it should be",
    0.0: "it is zero where it should not be",
}
"""What a constant factor between computed and reference numbers says."""


def of_dot(
    name: str, detail: str, check: DotCheck, computed: FloatArray, cause: str | None = None
) -> Check:
    """Return the check of an array, of whatever shape, from that of its rows and columns."""
    worst = None
    if check.worst is not None:
        flat = int(np.ravel_multi_index(check.worst, check.reference.shape))
        index = tuple(int(i) for i in np.unravel_index(flat, computed.shape))
        reference, low, high, bound = (
            float(part[check.worst])
            for part in (check.reference, check.low, check.high, check.bound)
        )
        worst = Worst(index, float(computed[index]), reference, low, high, bound)
    return Check(
        name,
        check.verdict,
        detail,
        max_ratio=check.max_ratio,
        worst=worst,
        cause=cause if check.verdict is not Verdict.WITHIN else None,
        elements=check.reference.size,
        outside=check.outside,
        undecided=check.undecided,
    )


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
    """Hold computed numbers against what their closed form allows for each of them."""
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
    """Hold arrays that must be the same numbers, bit for bit, against each other."""
    unequal = sum(not np.array_equal(a, b, equal_nan=True) for a, b in pairs)
    return Check(
        name,
        Verdict.OUTSIDE if unequal else Verdict.WITHIN,
        formula,
        max_ratio=float("inf") if unequal else 0.0,
        cause=f"{unequal} of {len(pairs)} arrays are not the ones handed over" if unequal else None,
        elements=len(pairs),
        outside=unequal,
    )


def _cause(check: DotCheck, computed: FloatArray) -> str | None:
    """Name the constant factor that would bring every element inside its interval."""
    result: Float64Array = np.asarray(computed, dtype=np.float64).reshape(check.reference.shape)
    with np.errstate(all="ignore"):
        for factor, words in FACTORS.items():
            if np.all(np.abs(result - factor * check.reference) <= 2 * check.bound):
                return words
    transposed = result.T
    if (
        result.shape == transposed.shape
        and min(result.shape) > 1
        and np.all(np.abs(transposed - check.reference) <= 2 * check.bound)
    ):
        return "it is the transpose of what it should be"
    return None
