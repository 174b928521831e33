"""A call on numbers for which every sum is exact, held against the exact result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from fcinspect.errors import Misbehaved
from fcinspect.layers.array import Array
from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.rounding.arrays import Float64Array, round_to
from fcinspect.rounding.dot import Admissible, judge
from fcinspect.rounding.formats import FLOAT64
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.array_checks import of_dot
from fcinspect.verification.causes import name_cause
from fcinspect.verification.check import Check
from fcinspect.verification.subject import LayerCall, Setting


def check_exactly(name: str, detail: str, setting: Setting, call: LayerCall) -> Check:
    """Call the subject; only the exact result, rounded once to the output format, is right.

    PyTorch's 16-bit kernels may round before they add the bias: that is right too. Raises
    Misbehaved as the call does.
    """
    output = setting.subject.call(call).output
    return check_answer(name, detail, output, call, setting.arithmetic)


def check_answer(
    name: str, detail: str, output: Array, call: LayerCall, arithmetic: DotArithmetic
) -> Check:
    """Hold what a call with these parameters returned against the exact result."""
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
        # sums that are exact leave no room for rounding
        exactly = replace(
            arithmetic, accumulate=FLOAT64, truncation_block=None, partials=1, flush=False
        )
        cause = _tainted(x, result) or name_cause(x, weight, bias, result, exactly)
    check = of_dot(name, detail, judged, output.values, cause)
    return replace(check, max_ratio=np.inf if judged.outside else 0.0)


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
        low, high = (
            np.where(flushed, np.minimum(low, 0.0), low),
            np.where(flushed, np.maximum(high, 0.0), high),
        )
    decided = np.ones(exact.shape, dtype=np.bool_)
    return exact, Admissible(low, high, np.zeros_like(exact), decided)


def _tainted(x: Float64Array, result: Float64Array) -> str | None:
    """Return what happened to numbers that are not finite."""
    tainted = ~np.isfinite(x).all(axis=1)
    if not tainted.any():
        return None
    if np.isfinite(result[tainted]).any():
        return "NaN or Inf in the input is swallowed"
    if not np.isfinite(result[~tainted]).all():
        return "NaN or Inf in one row taints other rows"
    return None


def first_wrong(name: str, detail: str, probes: Mapping[str, Callable[[], Check]]) -> Check:
    """Make several probes; return the first that is wrong, told where, or that all are right."""
    made = []
    for where, probe in probes.items():
        try:
            check = probe()
        except Misbehaved as fault:
            raise Misbehaved(str(fault), where) from None
        made.append(check)
        if check.verdict is not Verdict.WITHIN:
            cause = f"{check.cause or 'wrong numbers'}, at {where}"
            wrong = f"{detail}; wrong at {where}"
            return replace(check, name=name, detail=wrong, cause=cause, where=where)
    elements = sum(check.elements for check in made)
    most = max((check.max_ratio for check in made if check.max_ratio is not None), default=None)
    return Check(name, Verdict.WITHIN, detail, most, elements=elements)
