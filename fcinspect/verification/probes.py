"""Inputs on which floating point is exact: every deviation is a fault, at every width.

Whole numbers of at most a with n·a² + |b| ≤ 2^t are multiplied and added without rounding in any
order, t being the accumulator's digits; so are sums of a single term. What the bound cannot see,
these do. A ready module keeps its own weights, and is sent one input at a time.

The accumulator's digits are read from what is lost between two large terms that cancel: +2^e, forty
ones and −2^e at random places add up to 40 as long as it holds 2^e + 40, for t digits up to
e = t − 1 in any order; beyond, the ones are lost (after Fasi, Higham, Mikaitis and Pranesh, PeerJ
Comput. Sci. 7:e330, 2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial

import numpy as np

from fcinspect.layers.array import Array
from fcinspect.rounding.arrays import Float64Array, FloatArray
from fcinspect.rounding.formats import FORMATS
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.array_checks import check_answer, check_exactly, first_wrong
from fcinspect.verification.check import Check, Planned
from fcinspect.verification.subject import ROWS, LayerCall, Layout, Setting, columns_of

LAYOUTS: tuple[Layout, ...] = ("strided", "transposed")
BATCHES = (0, 1, 2, 33)

ONES = 40
PLACEMENTS = 8
LEAST_INPUTS = ONES + 2
ASKED_AT = 64
"""Inputs where the layer's own are too few."""
MOST_INPUTS = 2048
"""Inputs beyond which more would tell no more."""

Parameters = Callable[[], tuple[Array, Array | None]]
"""Returns W and b of a ready module."""


def exact_probes(setting: Setting) -> tuple[Planned, ...]:
    """Return the exact probes of a kernel or factory, or those of a ready module."""
    if setting.subject.kind == "module":
        return _module_probes(setting)
    return (
        Planned("exact/whole numbers", partial(_dense, setting, "whole numbers")),
        Planned("exact/cancelling terms", partial(_cancelling, setting)),
        Planned("exact/one weight at a time", partial(_one_weight, setting)),
        Planned("exact/one input at a time", partial(_one_input, setting)),
        Planned("exact/zeros", partial(_zeros, setting)),
        *(Planned(f"exact/{way}", partial(_dense, setting, way, layout=way)) for way in LAYOUTS),
        Planned("exact/batches", partial(_batches, setting)),
        Planned("exact/other widths", partial(_shapes, setting)),
        Planned("exact/NaN", partial(_not_finite, setting, math.nan)),
        Planned("exact/Inf", partial(_not_finite, setting, math.inf)),
        Planned("exact/subnormal", partial(_subnormal, setting)),
    )


def fingerprint(setting: Setting) -> tuple[Planned, ...]:
    """Return the probe of the accumulator; none for a ready module, which keeps its weights."""
    if setting.subject.kind == "module":
        return ()
    return (Planned("fingerprint/accumulator", partial(_fingerprint, setting)),)


def _dense(
    setting: Setting,
    name: str,
    rows: int = ROWS,
    widths: tuple[int, int] | None = None,
    layout: Layout = "contiguous",
) -> Check:
    n, out = widths or (setting.in_features, setting.out_features)
    x, weight, bias = setting.operands(rows, n, out, seed=rows)
    told = f"x and W as {layout} views"
    if layout == "contiguous":
        told = f"up to {setting.amplitude(n)}: every sum is exact"
    return check_exactly(f"exact/{name}", told, setting, LayerCall(x, weight, bias, layout))


def _cancelling(setting: Setting) -> Check:
    """Large terms of which only a small sum is left: narrow outputs hold it exactly."""
    n, out = setting.in_features, setting.out_features
    random, pairs = np.random.default_rng((1, n, out)), n // 2
    small = min(setting.amplitude(n), 8)
    large = max(1, min(2**setting.input_bits, int(2.0**setting.exact_bits) // (small * (n + 2))))
    x, weight = np.zeros((ROWS, n)), np.zeros((out, n))
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
    call = LayerCall(setting.array(x), setting.array(weight), bias)
    return check_exactly("exact/cancelling terms", "a small sum remains", setting, call)


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
    weight = setting.array(_significands(setting, (out, n), 3))
    bias = setting.array(np.zeros(out)) if setting.bias else None
    call = LayerCall(setting.array(_basis_vectors(n)), weight, bias)
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
    call = LayerCall(x, setting.array(weight), bias)
    detail = f"y is one input of {setting.input_bits} bits"
    return check_exactly("exact/one input at a time", detail, setting, call)


def _zeros(setting: Setting) -> Check:
    n, out = setting.in_features, setting.out_features
    weight = setting.array(_significands(setting, (out, n), 5))
    bias = setting.array(_significands(setting, (out,), 6)) if setting.bias else None
    call = LayerCall(setting.array(np.zeros((ROWS, n))), weight, bias)
    return check_exactly("exact/zeros", "x = 0: y is b" if bias else "x = 0: y is 0", setting, call)


def _batches(setting: Setting) -> Check:
    """Batches of no, one, two and odd numbers of rows, and of as many as outputs."""
    out = setting.out_features
    sizes = sorted({0, 1, 2, 33, *([out] if 0 < out <= 512 else [])})
    probes = {_rows(rows): partial(_dense, setting, "batches", rows) for rows in sizes}
    return first_wrong("exact/batches", f"of {', '.join(map(str, sizes))} rows", probes)


def _rows(count: int) -> str:
    """Return "1 row", "2 rows"."""
    return f"{count} row{'s' * (count != 1)}"


def _shapes(setting: Setting) -> Check:
    """Neighbouring widths, where tiles end; square and not."""
    n, out = setting.in_features, setting.out_features
    shapes = [(k, setting.fewer_outputs(k)) for k in (n - 1, n + 1, n + 5, 32) if k > 0 and k != n]
    square = max(1, min(n, out, 64))
    shapes += [(square, square), (square, square + 3), (square + 1, square)]
    probes = {
        f"in_features {k}, out_features {m}": partial(_dense, setting, "", widths=(k, m))
        for k, m in shapes
    }
    widths = ", ".join(str(k) for k in sorted({k for k, _ in shapes}))
    return first_wrong("exact/other widths", f"in_features {widths}, square or not", probes)


def _not_finite(setting: Setting, value: float) -> Check:
    """One input that is not finite: it taints its row as IEEE 754 says, and no other."""
    x, weight, bias = setting.operands(ROWS, setting.in_features, setting.out_features, seed=7)
    spoilt = np.array(x.values)
    name, detail = _spoil(spoilt, value)
    call = LayerCall(Array(spoilt, setting.dtype), weight, bias)
    return check_exactly(f"exact/{name}", detail, setting, call)


def _subnormal(setting: Setting) -> Check:
    """Numbers below the normal range, one term each."""
    n, arithmetic = setting.in_features, setting.arithmetic
    smallest = max(f.smallest_subnormal for f in (arithmetic.inputs, arithmetic.accumulate))
    x = np.random.default_rng((8, n)).integers(1, 64, (ROWS, n)) * smallest
    weight = _one_of_each(setting.out_features, n)
    call = LayerCall(setting.array(x), setting.array(weight), None)
    detail = "y is one subnormal input"
    detail += ", or 0 if flushed" if arithmetic.flush else ""
    return check_exactly("exact/subnormal", detail, setting, call)


def _module_probes(setting: Setting) -> tuple[Planned, ...]:
    own, zeros = cache(setting.own_parameters), np.zeros((ROWS, setting.in_features))
    large = 2.0 ** (min(setting.arithmetic.inputs.largest_exponent, 127) // 4)
    basis = partial(_basis, setting, own)
    return (
        Planned("exact/zeros", partial(_asked, setting, own, "zeros", "x = 0: y is b", zeros)),
        Planned("exact/basis vectors", partial(basis, 1.0, "basis vectors")),
        Planned("exact/large basis vectors", partial(basis, large, "large basis vectors")),
        *(Planned(f"exact/{way}", partial(basis, 1.0, way, way)) for way in LAYOUTS),
        Planned("exact/batches", partial(_module_batches, setting, own)),
        Planned("exact/NaN", partial(_module_not_finite, setting, own, np.nan)),
        Planned("exact/Inf", partial(_module_not_finite, setting, own, np.inf)),
    )


def _asked(
    setting: Setting,
    own: Parameters,
    name: str,
    detail: str,
    x: Float64Array,
    layout: Layout = "contiguous",
) -> Check:
    given = setting.array(x)
    whole = LayerCall(given, *own(), layout)
    output = setting.subject.call(LayerCall(given, layout=layout)).output
    return check_answer(f"exact/{name}", detail, output, whole, setting.arithmetic)


def _basis(
    setting: Setting, own: Parameters, scale: float, name: str, layout: Layout = "contiguous"
) -> Check:
    x = _basis_vectors(setting.in_features, scale)
    told = f"x has a single {scale:g}"
    detail = f"{told}, as a {layout} view" if layout != "contiguous" else f"{told}: y is W·x + b"
    return _asked(setting, own, name, detail, x, layout)


def _basis_vectors(n: int, scale: float = 1.0) -> Float64Array:
    columns = columns_of(n)
    x = np.zeros((len(columns), n))
    x[np.arange(len(columns)), columns] = scale
    return x


def _one_of_each(rows: int, n: int) -> Float64Array:
    """Return rows of zeros with a 1 each: in the first column, the second, and so on."""
    found = np.zeros((rows, n))
    if n:
        found[np.arange(rows), np.arange(rows) % n] = 1.0
    return found


def _module_batches(setting: Setting, own: Parameters) -> Check:
    def batch(rows: int) -> Check:
        x = _one_of_each(rows, setting.in_features)
        return _asked(setting, own, "batches", f"{rows} basis vectors", x)

    probes = {_rows(rows): partial(batch, rows) for rows in BATCHES}
    return first_wrong("exact/batches", f"of {', '.join(map(str, BATCHES))} rows", probes)


def _module_not_finite(setting: Setting, own: Parameters, value: float) -> Check:
    x = np.zeros((ROWS, setting.in_features))
    name, detail = _spoil(x, value)
    return _asked(setting, own, name, detail, x)


def _spoil(x: FloatArray, value: float) -> tuple[str, str]:
    """Write NaN or Inf into two rows; return its name, and what must come of it."""
    n = x.shape[1]
    if n:
        x[1, n // 2] = value
        x[3, 0] = -value
    name = "NaN" if math.isnan(value) else "Inf"
    return name, f"{name} in two rows affects only these rows"


def _fingerprint(setting: Setting) -> Check:
    name, inputs = "fingerprint/accumulator", setting.arithmetic.inputs
    n = setting.in_features
    n = min(n, MOST_INPUTS) if n >= LEAST_INPUTS else ASKED_AT
    # the large terms are products: what x carries is taken from the weights' range
    shift = 12 if inputs.largest_exponent < 100 else 0
    highest = min(setting.exact_bits + 2, inputs.largest_exponent + shift)
    exponents = np.arange(6, highest + 1)
    weight = np.zeros((len(exponents), PLACEMENTS, n))
    random = np.random.default_rng(n)
    for row, placement in np.ndindex(weight.shape[:2]):
        places = random.permutation(n)[:LEAST_INPUTS]
        large = 2.0 ** (exponents[row] - shift)
        weight[row, placement, places[2:]] = 2.0**-shift
        weight[row, placement, places[:2]] = large, -large
    x = setting.array(np.full((1, n), 2.0**shift))
    w = setting.array(weight.reshape(-1, n))
    bias = setting.array(np.zeros(len(w.values))) if setting.bias else None
    output = setting.subject.call(LayerCall(x, w, bias)).output
    if output.shape != (1, len(w.values)):
        words = f"the result has shape {output.shape} instead of {(1, len(w.values))}"
        return Check(name, Verdict.OUTSIDE, "sums of +2^e, forty ones and −2^e", cause=words)
    kept = (output.values.reshape(len(exponents), PLACEMENTS) == ONES).all(axis=1)
    lost = np.flatnonzero(~kept)
    largest = int(exponents[lost[0]]) - 1 if lost.size else int(exponents[-1])
    return _verdict(name, largest, bool(lost.size), setting)


def _verdict(name: str, largest: int, seen: bool, setting: Setting) -> Check:
    """Return the finding for sums that are exact up to 2^largest."""
    declared = setting.exact_bits
    at = "" if setting.in_features >= LEAST_INPUTS else f" ({ASKED_AT} inputs)"
    known = next((f.name for f in FORMATS.values() if f.precision == largest + 1), None)
    digits = known or f"{largest + 1} bits"
    if not seen or largest + 1 > declared:
        return Check(name, Verdict.WITHIN, f"sums are exact to at least {declared} bits{at}")
    detail = f"sums are kept in {digits}{at}"
    if largest + 1 >= declared:
        return Check(name, Verdict.WITHIN, detail)
    cause = f"partial sums are kept in {digits}" if largest > 5 else "terms of a sum are lost"
    return Check(name, Verdict.OUTSIDE, detail, cause=cause)
