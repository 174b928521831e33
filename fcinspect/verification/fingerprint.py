"""The accumulator's digits, read from what is lost between two large terms that cancel.

+2^e, forty ones and −2^e at random places add up to 40 as long as the accumulator holds 2^e + 40:
for t digits up to e = t − 1 in any order; beyond, the ones are lost (after Fasi, Higham, Mikaitis
and Pranesh, PeerJ Comput. Sci. 7:e330, 2021).
"""

from __future__ import annotations

from functools import partial

import numpy as np

from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.rounding.formats import FORMATS
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Planned
from fcinspect.verification.setting import Setting
from fcinspect.verification.subject import Call, Subject

ONES = 40
PLACEMENTS = 8
LEAST_INPUTS = ONES + 2
ASKED_AT = 64
"""Inputs where the layer's own are too few."""
MOST_INPUTS = 2048
"""Inputs beyond which more would tell no more."""


def fingerprint(
    subject: Subject,
    in_features: int,
    out_features: int,
    bias: bool,
    dtype: str,
    arithmetic: DotArithmetic,
) -> tuple[Planned, ...]:
    """Return the probe of the accumulator; none for a ready module, which keeps its weights."""
    if subject.kind == "module":
        return ()
    setting = Setting(subject, in_features, out_features, bias, dtype, arithmetic)
    return (Planned("fingerprint/accumulator", partial(_fingerprint, setting)),)


def _fingerprint(setting: Setting) -> Check:
    name = "fingerprint/accumulator"
    n = setting.in_features
    n = min(n, MOST_INPUTS) if n >= LEAST_INPUTS else ASKED_AT
    inputs = setting.arithmetic.inputs
    # the large terms are products: what x carries is taken from the weights' range
    shift = 12 if inputs.largest_exponent < 100 else 0
    highest = min(setting.exact_bits + 2, inputs.largest_exponent + shift)
    exponents = np.arange(6, highest + 1)
    weight = np.zeros((len(exponents), PLACEMENTS, n))
    random = np.random.default_rng(n)
    for row, exponent in enumerate(exponents):
        for placement in range(PLACEMENTS):
            places = random.permutation(n)[:LEAST_INPUTS]
            weight[row, placement, places[2:]] = 2.0**-shift
            weight[row, placement, places[:2]] = np.array([1.0, -1.0]) * 2.0 ** (exponent - shift)
    x = setting.array(np.full((1, n), 2.0**shift))
    w = setting.array(weight.reshape(-1, n))
    bias = setting.array(np.zeros(len(w.values))) if setting.bias else None
    output = setting.subject.call(Call(x, w, bias)).output
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
        detail = f"sums are exact to {declared} bits at least{at}"
        return Check(name, Verdict.WITHIN, detail)
    detail = f"sums are kept in {digits}{at}"
    if largest + 1 >= declared:
        return Check(name, Verdict.WITHIN, detail)
    cause = f"partial sums are kept in {digits}" if largest > 5 else "terms of a sum are lost"
    return Check(name, Verdict.OUTSIDE, detail, cause=cause)
