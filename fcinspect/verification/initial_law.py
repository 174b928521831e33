"""Whether a freshly made layer starts as nn.Linear does: U(−1/√in, 1/√in) for weight and bias."""

from __future__ import annotations

from functools import partial

import numpy as np

from fcinspect.errors import UsageError
from fcinspect.layers.array import Array
from fcinspect.layers.initialisation import (
    InitialisationLaw,
    bias_law,
    normal_law,
    obeys,
    uniform_law,
    weight_law,
)
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Planned, holds
from fcinspect.verification.probes import Setting

OTHERS = (
    "kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal", "orthogonal", "zeros",
    "ones",
)  # fmt: skip


def initialisation_checks(setting: Setting) -> tuple[Planned, ...]:
    """Return the checks of a factory's fresh modules; none for kernels and ready modules."""
    if setting.subject.kind != "factory":
        return ()
    planned = [Planned("initialisation/weight", partial(_weight, setting))]
    if setting.bias:
        planned.append(Planned("initialisation/bias", partial(_bias, setting)))
    planned += [
        Planned("initialisation/rows differ", partial(_rows, setting)),
        Planned("initialisation/seeds", partial(_seeds, setting)),
    ]
    return tuple(planned)


def _made(setting: Setting, seed: int, name: str) -> Array | None:
    n, out = setting.in_features, setting.out_features
    values = setting.subject.made(n, out, setting.bias, seed).parameter(name)
    if values is not None and values.shape == (n, out) != (out, n):
        return Array(np.array(values.values.T), values.dtype)
    return values


def _missing(name: str, what: str) -> Check:
    return Check(name, Verdict.OUTSIDE, f"the fresh {what}", cause=f"the module has no {what!r}")


def _weight(setting: Setting) -> Check:
    values = _made(setting, 0, "weight")
    if values is None:
        return _missing("initialisation/weight", "weight")
    law = weight_law("default", setting.in_features, setting.out_features)
    return _law("initialisation/weight", law, values, setting)


def _bias(setting: Setting) -> Check:
    values = _made(setting, 0, "bias")
    if values is None:
        return _missing("initialisation/bias", "bias")
    return _law("initialisation/bias", bias_law(setting.in_features), values, setting)


def _law(name: str, law: InitialisationLaw, values: Array, setting: Setting) -> Check:
    found = obeys(law, values)
    if found.verdict is Verdict.WITHIN:
        return Check(name, Verdict.WITHIN, f"{law.words}: {found.detail}", elements=values.size)
    fits = next(
        (other for other in _other_laws(setting) if obeys(other, values).verdict is Verdict.WITHIN),
        None,
    )
    said = f"it is {fits.words}" if fits else "it is no known law"
    cause = f"the {name.rpartition('/')[2]} is not drawn from {law.words}: {said}"
    return Check(name, found.verdict, found.detail, cause=cause, elements=values.size)


def _other_laws(setting: Setting) -> list[InitialisationLaw]:
    """Return what people draw from instead, the particular first."""
    n, out = setting.in_features, setting.out_features
    laws = [
        InitialisationLaw("normal", "normal", "N(0, 1)", 1.0),
        InitialisationLaw("uniform", "uniform", "U(−1, 1)", 1.0),
        uniform_law("fan_out", f"1/√{out}", 1, out),
        uniform_law("squared", f"√(1/{n}²)", 1, n * n),
        uniform_law("gain", f"√(3/{n})", 3, n),
        normal_law("he", f"2/{n}", n),
        normal_law("lecun", f"2/(2·{n})", 2 * n),
        normal_law("fan_out normal", f"2/{out}", out),
        InitialisationLaw("small", "normal", "N(0, 0.01²)", 0.01),
        InitialisationLaw("bert", "normal", "N(0, 0.02²)", 0.02),
    ]
    for name in OTHERS:
        try:
            laws.append(weight_law(name, n, out))
        except UsageError:
            continue
    return laws


def _rows(setting: Setting) -> Check:
    """Rows that are equal learn the same: no two may be, nor columns."""
    name, detail = "initialisation/rows differ", "no two rows or columns are equal"
    values = _made(setting, 0, "weight")
    if values is None:
        return _missing(name, "weight")
    for axis, word in ((0, "rows"), (1, "columns")):
        count, length = values.shape[axis], values.shape[1 - axis]
        # numbers of few digits may repeat by chance
        if count < 2 or length < 8:
            continue
        distinct = np.unique(values.values, axis=axis).shape[axis]
        if distinct < count:
            cause = f"only {distinct} of {count} {word} of the fresh weight differ"
            return holds(name, False, detail, cause)
    return holds(name, True, detail)


def _seeds(setting: Setting) -> Check:
    """torch.manual_seed decides: the same seed gives the same layer, another another."""
    first, again, other = (_made(setting, seed, "weight") for seed in (0, 0, 1))
    name, detail = "initialisation/seeds", "torch.manual_seed decides the weight"
    if first is None or again is None or other is None:
        return _missing(name, "weight")
    if not np.array_equal(first.values, again.values):
        return holds(name, False, detail, "the same torch.manual_seed gives different weights")
    same = first.size >= 4 and np.array_equal(first.values, other.values)
    return holds(name, not same, detail, "every torch.manual_seed gives the same weights")
