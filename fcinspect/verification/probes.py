"""Inputs on which floating point is exact: every deviation is a fault, at every width.

Whole numbers of at most a with n·a² + |b| ≤ 2^t are multiplied and added without rounding in any
order, t being the accumulator's digits; so are sums of a single term. What the bound cannot see,
these do.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from fcinspect.layers.array import Array
from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.rounding.arrays import Float64Array
from fcinspect.verification.check import Check, Planned
from fcinspect.verification.exact_check import check_exactly, first_wrong
from fcinspect.verification.module_probes import module_probes
from fcinspect.verification.setting import MOST_WEIGHTS, ROWS, Setting, columns_of
from fcinspect.verification.subject import Call, Layout, Subject


def exact_probes(
    subject: Subject,
    in_features: int,
    out_features: int,
    bias: bool,
    dtype: str,
    arithmetic: DotArithmetic,
) -> tuple[Planned, ...]:
    """Return the exact probes of a kernel or factory, or those of a ready module.

    Kernels and factories take every weight; a ready module keeps its own, and is sent one input
    at a time.
    """
    setting = Setting(subject, in_features, out_features, bias, dtype, arithmetic)
    if subject.kind == "module":
        return module_probes(setting)
    return (
        Planned("exact/whole numbers", partial(_dense, setting, "whole numbers", ROWS)),
        Planned("exact/cancelling terms", partial(_cancelling, setting)),
        Planned("exact/one weight at a time", partial(_one_weight, setting)),
        Planned("exact/one input at a time", partial(_one_input, setting)),
        Planned("exact/zeros", partial(_zeros, setting)),
        *(
            Planned(f"exact/{layout}", partial(_dense, setting, layout, ROWS, layout=layout))
            for layout in _LAYOUTS
        ),
        Planned("exact/batches", partial(_batches, setting)),
        Planned("exact/other widths", partial(_shapes, setting)),
        Planned("exact/NaN", partial(_not_finite, setting, math.nan)),
        Planned("exact/Inf", partial(_not_finite, setting, math.inf)),
        Planned("exact/subnormal", partial(_subnormal, setting)),
    )


_LAYOUTS: tuple[Layout, ...] = ("strided", "transposed")


def _dense(
    setting: Setting,
    name: str,
    rows: int,
    n: int | None = None,
    out: int | None = None,
    *,
    layout: Layout = "contiguous",
) -> Check:
    n = setting.in_features if n is None else n
    out = setting.out_features if out is None else out
    x, weight, bias = setting.operands(rows, n, out, seed=rows)
    a = setting.amplitude(n)
    told = f"x and W as {layout} views"
    if layout == "contiguous":
        told = f"up to {a}: every sum is exact"
    return check_exactly(f"exact/{name}", told, setting, Call(x, weight, bias, layout))


def _cancelling(setting: Setting) -> Check:
    """Large terms of which only a small sum is left: narrow outputs hold it exactly."""
    n, out = setting.in_features, setting.out_features
    detail = "a small sum is left"
    random = np.random.default_rng((1, n, out))
    pairs = n // 2
    small = min(setting.amplitude(n), 8)
    large = max(1, min(2**setting.input_bits, int(2.0**setting.exact_bits) // (small * (n + 2))))
    x = np.zeros((ROWS, n))
    weight = np.zeros((out, n))
    order = random.permutation(n)
    first, second = order[:pairs], order[pairs : 2 * pairs]
    x[:, first] = x[:, second] = random.integers(-small, small, (ROWS, pairs), endpoint=True)
    weight[:, first] = random.integers(1, large, (out, pairs), endpoint=True)
    weight[:, second] = -weight[:, first]
    # what is left over: ± one input
    for j in range(out if pairs else 0):
        weight[j, first[random.integers(pairs)]] -= 1
    bias = setting.integers((out,), n, 2) if setting.bias else None
    if bias is not None:
        bias = setting.array(np.clip(bias.values.astype(np.float64), -4, 4))
    call = Call(setting.array(x), setting.array(weight), bias)
    return check_exactly("exact/cancelling terms", detail, setting, call)


def _significands(setting: Setting, shape: tuple[int, ...], seed: int) -> Float64Array:
    """Return odd numbers of all digits, distinct as far as they go."""
    random = np.random.default_rng((seed, *shape))
    bits = setting.input_bits
    low, high = 2 ** (bits - 1), 2**bits
    odd = random.integers(low // 2, high // 2, shape) * 2 + 1
    signs = random.choice([-1.0, 1.0], shape)
    return np.asarray(np.ldexp(odd * signs, 1 - bits))


def _one_weight(setting: Setting) -> Check:
    """Basis vectors: each output is one weight, whose last digit counts."""
    n, out = setting.in_features, setting.out_features
    columns = columns_of(n)
    x = np.zeros((len(columns), n))
    x[np.arange(len(columns)), columns] = 1.0
    weight = setting.array(_significands(setting, (out, n), 3))
    bias = setting.array(np.zeros(out)) if setting.bias else None
    call = Call(setting.array(x), weight, bias)
    detail = f"y is one weight of {setting.input_bits} bits"
    return check_exactly("exact/one weight at a time", detail, setting, call)


def _one_input(setting: Setting) -> Check:
    """Each output selects one input, whose last digit counts."""
    n, out = setting.in_features, setting.out_features
    weight = np.zeros((out, n))
    if n:
        weight[np.arange(out), (np.arange(out) * max(1, n // max(out, 1)) + out) % n] = 1.0
    x = setting.array(_significands(setting, (ROWS, n), 4))
    bias = setting.array(np.zeros(out)) if setting.bias else None
    call = Call(x, setting.array(weight), bias)
    detail = f"y is one input of {setting.input_bits} bits"
    return check_exactly("exact/one input at a time", detail, setting, call)


def _zeros(setting: Setting) -> Check:
    n, out = setting.in_features, setting.out_features
    weight = setting.array(_significands(setting, (out, n), 5))
    bias = setting.array(_significands(setting, (out,), 6)) if setting.bias else None
    call = Call(setting.array(np.zeros((ROWS, n))), weight, bias)
    return check_exactly("exact/zeros", "x = 0: y is b" if bias else "x = 0: y is 0", setting, call)


def _fewer(setting: Setting, n: int) -> int:
    """Return how many outputs a probe of another shape takes."""
    return max(1, min(setting.out_features, MOST_WEIGHTS // max(n, 1)))


def _batches(setting: Setting) -> Check:
    """Batches of no, one, two and odd numbers of rows, and of as many as outputs."""
    out = setting.out_features
    sizes = sorted({0, 1, 2, 33, *([out] if 0 < out <= 512 else [])})
    probes = {f"{rows} rows": partial(_dense, setting, "batches", rows) for rows in sizes}
    return first_wrong("exact/batches", f"of {', '.join(map(str, sizes))} rows", probes)


def _shapes(setting: Setting) -> Check:
    """Neighbouring widths, where tiles end; square and not."""
    n, out = setting.in_features, setting.out_features
    shapes = [(k, _fewer(setting, k)) for k in (n - 1, n + 1, n + 5, 32) if k > 0 and k != n]
    square = max(1, min(n, out, 64))
    shapes += [(square, square), (square, square + 3), (square + 1, square)]
    probes = {
        f"in_features {k}, out_features {m}": partial(_dense, setting, "other widths", ROWS, k, m)
        for k, m in dict.fromkeys(shapes)
    }
    widths = ", ".join(str(k) for k in sorted({k for k, _ in shapes}))
    return first_wrong("exact/other widths", f"in_features {widths}, square and not", probes)


def _not_finite(setting: Setting, value: float) -> Check:
    """One input that is not finite: it taints its row as IEEE 754 says, and no other."""
    n, out = setting.in_features, setting.out_features
    name = "NaN" if math.isnan(value) else "Inf"
    x, weight, bias = setting.operands(ROWS, n, out, seed=7)
    spoilt = np.array(x.values)
    if n:
        spoilt[1, n // 2] = value
        spoilt[3, 0] = -value
    call = Call(Array(spoilt, setting.dtype), weight, bias)
    detail = f"{name} in two rows taints these and no other"
    return check_exactly(f"exact/{name}", detail, setting, call)


def _subnormal(setting: Setting) -> Check:
    """Numbers below the normal range, one term each."""
    n, out = setting.in_features, setting.out_features
    arithmetic = setting.arithmetic
    smallest = max(f.smallest_subnormal for f in (arithmetic.inputs, arithmetic.accumulate))
    random = np.random.default_rng((8, n))
    x = random.integers(1, 64, (ROWS, n)) * smallest
    weight = np.zeros((out, n))
    if n:
        weight[np.arange(out), np.arange(out) % n] = 1.0
    call = Call(setting.array(x), setting.array(weight), None)
    detail = "y is one subnormal input"
    if setting.arithmetic.flush:
        detail += ", or 0 where these are flushed"
    return check_exactly("exact/subnormal", detail, setting, call)
