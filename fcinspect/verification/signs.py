"""Random signs: rounding errors scatter like a walk, and faults too small for the bound show.

On inputs of random signs the errors of a correct sum stay, with probability 1 − δ, within bounds
that grow like √n instead of n (Higham and Mary, SIAM J. Sci. Comput. 41(5), 2019; Ipsen and Zhou,
SIAM J. Matrix Anal. Appl. 41(4), 2020). On other data the signs may conspire: there they decide
nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from fcinspect.errors import Misbehaved
from fcinspect.layers.array import Array
from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.rounding.arrays import Float64Array
from fcinspect.rounding.dot import DotCheck, check_products
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.array_checks import of_dot
from fcinspect.verification.causes import name_cause
from fcinspect.verification.check import Check, Planned, Worst
from fcinspect.verification.subject import LayerCall, Setting

DELTA = 1e-9
"""The probability with which a correct layer may leave each of these bounds."""
SHARE = 0.6
"""Of the theory's bound, which takes every rounding for the largest: those of uniformly
distributed digits have 1/√3 of its deviation."""
ROWS = 32


def random_sign_tests(setting: Setting) -> tuple[Planned, ...]:
    """Return the tests on random signs; of the layer's own weights for a ready module."""
    if setting.in_features == 0 or setting.out_features == 0:
        return ()
    return (Planned("random signs/elements", partial(_tests, setting)),)


def applies(arithmetic: DotArithmetic) -> bool:
    """Whether errors scatter: truncation and declared rounding of inputs lean to one side."""
    plain = arithmetic.truncation_block is None and arithmetic.tf32 is None
    return plain and arithmetic.partials == 1


def _tests(setting: Setting) -> Iterator[Check]:
    x, weight, bias, output = _asked(setting)
    held = None if bias is None else bias.values
    check = check_products(x.rows, weight.values, held, output.rows, setting.arithmetic)
    wide = [np.asarray(part.values, dtype=np.float64) for part in (x, weight, output)]
    b = None if held is None else np.asarray(held, dtype=np.float64)
    operands = (wide[0], wide[1], b, wide[2])
    cause = name_cause(*operands, setting.arithmetic) if check.outside else None
    detail = "each error against the bound"
    yield of_dot("random signs/elements", detail, check, output.values, cause)
    if applies(setting.arithmetic) and not check.outside and not check.undecided:
        yield from _scatter(setting, check, *operands)


def _asked(setting: Setting) -> tuple[Array, Array, Array | None, Array]:
    n, out = setting.in_features, setting.out_features
    random = np.random.default_rng((n, out))
    x = Array.of(random.standard_normal((ROWS, n)), setting.dtype)
    if setting.subject.kind == "module":
        weight, bias = setting.own_parameters()
        call = LayerCall(x)
    else:
        out = setting.fewer_outputs(n)
        weight = Array.of(random.standard_normal((out, n)), setting.dtype)
        bias = Array.of(random.standard_normal(out), setting.dtype) if setting.bias else None
        call = LayerCall(x, weight, bias)
    output = setting.subject.call(call).output
    if output.shape != (ROWS, out):
        raise Misbehaved(f"the result has shape {output.shape} instead of {(ROWS, out)}")
    return x, weight, bias, output


def _scatter(
    setting: Setting,
    check: DotCheck,
    x: Float64Array,
    weight: Float64Array,
    bias: Float64Array | None,
    result: Float64Array,
) -> Iterator[Check]:
    """Hold the errors against the three statistical bounds."""
    arithmetic, n = setting.arithmetic, x.shape[1]
    u = arithmetic.accumulate.unit_roundoff
    y = check.reference
    b = np.zeros(y.shape[1]) if bias is None else bias
    squares = (x * x) @ (weight * weight).T
    magnitude = (np.abs(x) @ np.abs(weight).T + np.abs(b) + np.abs(y)) / 2
    last = _last_rounding(arithmetic, y, b, result)
    error = result - y
    t = math.sqrt(2 * math.log(2 * n * y.size / DELTA))
    root = np.sqrt(squares)
    bound = SHARE * t * u * (math.sqrt(n + 1) * np.minimum(t * root + np.abs(b), magnitude) + root)
    ratio = np.abs(error) / (bound + last + check.bound * 2.0**-20)
    at = np.unravel_index(int(ratio.argmax()), ratio.shape)
    worst = Worst((int(at[0]), int(at[1])), float(result[at]), float(y[at]))
    detail = f"each error against √n; δ = {DELTA:g}"
    cause = name_cause(x, weight, bias, result, arithmetic) if ratio.max() > 1 else None
    yield _statistical("walk", detail, ratio, worst, cause)
    scale = u * np.sqrt((n + 1) * (squares + b * b + y * y))
    beyond = np.maximum(np.abs(error) - last, 0.0)
    yield _mean_square(beyond, scale)
    yield _regression(error, SHARE * scale + last, x, weight)


def _last_rounding(
    arithmetic: DotArithmetic, y: Float64Array, b: Float64Array, result: Float64Array
) -> Float64Array:
    """Return how far rounding the result, and what is before the bias, can take it."""
    if arithmetic.output.precision >= arithmetic.accumulate.precision:
        return np.zeros_like(y)
    u = arithmetic.output.unit_roundoff * (1 + 2.0**-8)
    sizes: Float64Array = np.maximum(np.abs(y), np.abs(result)) + np.abs(y - b) * (np.abs(b) > 0)
    smallest = arithmetic.output.smallest_subnormal
    return np.asarray(u * sizes + smallest + 2 * arithmetic.accumulate.smallest_normal)


def _mean_square(error: Float64Array, scale: Float64Array) -> Check:
    share = np.sqrt(np.mean((error / np.where(scale > 0, scale, 1.0)) ** 2))
    cause = "partial sums are kept with fewer digits than declared"
    found = _statistical("root mean square", "all errors together against √n", share, None, cause)
    return replace(found, elements=error.size)


def _statistical(
    name: str, detail: str, ratio: Float64Array, worst: Worst | None, cause: str | None
) -> Check:
    most = float(ratio.max())
    return Check(
        f"random signs/{name}", Verdict.OUTSIDE if most > 1 else Verdict.WITHIN, detail, most,
        worst, cause if most > 1 else None, ratio.size, int((ratio > 1).sum()),
    )  # fmt: skip


def _regression(
    error: Float64Array, deviation: Float64Array, x: Float64Array, weight: Float64Array
) -> Check:
    """Test every weight for an error of its own: e regressed on each input."""
    slopes = error.T @ x
    spread = np.sqrt((deviation * deviation).T @ (x * x))
    t = math.sqrt(2 * math.log(2 * slopes.size / DELTA))
    ratio = np.divide(np.abs(slopes), t * spread, out=np.zeros_like(slopes), where=spread > 0)
    j, k = (int(i) for i in np.unravel_index(int(ratio.argmax()), ratio.shape))
    worst, off = None, 0.0
    if ratio[j, k] > 1:
        off = float(slopes[j, k] / (x[:, k] ** 2).sum())
        worst = Worst((j, k), float(weight[j, k] + off), float(weight[j, k]))
    cause = f"weight [{j}, {k}] is off by {off:.4g}"
    return _statistical("each weight", "regression on each input", ratio, worst, cause)
