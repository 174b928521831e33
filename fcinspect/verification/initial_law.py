"""Whether a freshly made layer starts as nn.Linear does: U(−1/√in, 1/√in) for weight and bias.

Few numbers tell little of their law, so those of several fresh modules are taken together; a
correct layer is called wrong with probability 1e-9 (layers/law_bounds.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from functools import partial

import numpy as np

from fcinspect.errors import UsageError
from fcinspect.layers.array import Array
from fcinspect.layers.initialisation import (
    InitialisationLaw,
    bias_law,
    is_orthogonal,
    normal_law,
    obeys,
    uniform_law,
    weight_law,
)
from fcinspect.layers.law_bounds import DELTA
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Planned, holds
from fcinspect.verification.subject import Setting

ENOUGH = 1024
"""The numbers to draw, from as many modules as that takes."""
MOST_MODULES = 128
MOST_NUMBERS = 2**22
"""The most numbers that all those modules may hold, unless a single one holds more."""


def initialisation_checks(setting: Setting) -> tuple[Planned, ...]:
    """Return the checks of a factory's fresh modules; none for kernels and ready modules."""
    if setting.subject.kind != "factory":
        return ()
    n, out = setting.in_features, setting.out_features
    laws = {"weight": weight_law("default", n, out)}
    laws |= {"bias": bias_law(n)} if setting.bias else {}
    return (
        *(Planned(f"initialisation/{w}", partial(_law, setting, w, laws[w])) for w in laws),
        Planned("initialisation/rows differ", partial(_rows, setting)),
        Planned("initialisation/seeds", partial(_seeds, setting)),
    )


def _made(setting: Setting, seed: int, name: str) -> Array | None:
    n, out = setting.in_features, setting.out_features
    values = setting.subject.made(n, out, setting.bias, seed).parameter(name)
    if values is not None and values.shape == (n, out) != (out, n):
        return Array(np.array(values.values.T), values.dtype)
    return values


def _missing(name: str, what: str) -> Check:
    return Check(name, Verdict.OUTSIDE, f"the fresh {what}", cause=f"the module has no {what!r}")


def _pooled(setting: Setting, what: str, first: Array) -> tuple[Array, int]:
    """Return the numbers of a parameter in several fresh modules (`first`, …), and how many."""
    whole = max(1, (setting.in_features + 1) * setting.out_features)
    modules = min(-(-ENOUGH // max(1, first.size)), MOST_MODULES, max(1, MOST_NUMBERS // whole))
    parts = [first.values.reshape(-1)]
    for seed in range(1, modules):
        more = _made(setting, seed, what)
        if more is None:
            break
        # where the seed changes nothing there is nothing to add, except to a constant
        if np.array_equal(more.values.reshape(-1), parts[0]) and np.ptp(parts[0]) > 0:
            break
        parts.append(more.values.reshape(-1))
    return Array(np.concatenate(parts), first.dtype), len(parts)


def _law(setting: Setting, what: str, law: InitialisationLaw) -> Check:
    name = f"initialisation/{what}"
    first = _made(setting, 0, what)
    if first is None:
        return _missing(name, what)
    pooled, modules = _pooled(setting, what, first)
    found, count = obeys(law, pooled), pooled.size
    taken = f" in {modules} fresh modules" if modules > 1 else ""
    if found.verdict is Verdict.WITHIN:
        return Check(name, Verdict.WITHIN, f"{law.words}{taken}", elements=count)
    detail = f"{found.detail}{taken}"
    if found.verdict is Verdict.UNDECIDED:
        return Check(name, found.verdict, detail, cause=found.detail, elements=count)
    cause = (
        f"the {what} is not drawn from {law.words}: {_what_instead(setting, what, first, pooled)}"
    )
    return Check(name, found.verdict, detail, cause=cause, elements=count)


def _what_instead(setting: Setting, what: str, first: Array, values: Array) -> str:
    if np.ptp(values.values) == 0:
        return f"every number is {float(values.values[0]):g}"
    if what == "weight" and len(first.shape) == 2 and is_orthogonal(first):
        return f"it is {weight_law('orthogonal', setting.in_features, setting.out_features).words}"
    square = float(np.square(values.values, dtype=np.float64).mean())
    nearest: dict[str, tuple[float, str]] = {}
    for words, law in _other_laws(setting, what):
        if not _decides(law, values) or obeys(law, values).verdict is not Verdict.WITHIN:
            continue
        expected = law.scale**2 / (3 if law.kind == "uniform" else 1)
        found = (abs(math.log(square / expected)), words)
        nearest[law.kind] = min(nearest.get(law.kind, found), found)
    if "uniform" in nearest:
        return f"it is {nearest['uniform'][1]}"
    return f"it fits {nearest['normal'][1]}" if "normal" in nearest else "it is not a known law"


def _decides(law: InitialisationLaw, values: Array) -> bool:
    """Whether these numbers can tell the law from its neighbours, and do not speak against it.

    The mean square must be known to a half of itself (Hoeffding's and Laurent and Massart's
    bounds of `obeys`), and the largest number lies where that of so many must lie.
    """
    log, count = math.log(2 / DELTA), values.size
    largest = float(np.abs(values.values).max()) / law.scale
    if law.kind == "uniform":
        return 3 * math.sqrt(log / (2 * count)) < 0.5 and min(1.0, largest) ** count >= DELTA
    if 2 * math.sqrt(log / count) >= 0.5:
        return False
    largest /= math.sqrt(2)
    return math.erf(largest) ** count >= DELTA and count * math.erfc(largest) >= DELTA


def _other_laws(setting: Setting, what: str) -> Iterator[tuple[str, InitialisationLaw]]:
    n, out = setting.in_features, setting.out_features
    fan_out = uniform_law("fan_out", f"1/√{out}", 1, out)
    squared = uniform_law("squared", f"1/{n}", 1, n * n)
    named = []
    published = ("kaiming_uniform", "xavier_uniform", "kaiming_normal", "xavier_normal")
    for name in published if what == "weight" else ():
        with suppress(UsageError):
            named.append(weight_law(name, n, out))
    yield f"{fan_out.words}, with out_features instead of in_features", fan_out
    yield f"{squared.words}, without the square root", squared
    for law in [
        InitialisationLaw("uniform", "uniform", "U(−1, 1)", 1.0),
        InitialisationLaw("uniform", "uniform", "U(−0.1, 0.1)", 0.1),
        uniform_law("gain", f"√(3/{n})", 3, n),
        *(law for law in named if law.kind == "uniform"),
        InitialisationLaw("normal", "normal", "N(0, 1)", 1.0),
        InitialisationLaw("small", "normal", "N(0, 0.01²)", 0.01),
        InitialisationLaw("bert", "normal", "N(0, 0.02²)", 0.02),
        normal_law("lecun", f"1/{n}", 2 * n),
        normal_law("fan_out normal", f"2/{out}", out),
        *(law for law in named if law.kind == "normal"),
    ]:
        known = "_" in law.name
        yield (f"{law.name}, {law.words}" if known else law.words), law


def _rows(setting: Setting) -> Check:
    """Rows that are equal learn the same: no two may be, nor columns."""
    name, detail = "initialisation/rows differ", "no two rows or columns are equal"
    values = _made(setting, 0, "weight")
    if values is None:
        return _missing(name, "weight")
    for axis, word in ((0, "rows"), (1, "columns")):
        count, length = values.shape[axis], values.shape[1 - axis]
        # numbers of few digits may repeat by chance
        enough = count >= 2 and length >= 8
        distinct = np.unique(values.values, axis=axis).shape[axis] if enough else count
        if distinct < count:
            cause = f"only {distinct} of {count} {word} of the fresh weight are distinct"
            return holds(name, False, detail, cause)
    return holds(name, True, detail)


def _seeds(setting: Setting) -> Check:
    """torch.manual_seed decides: the same seed gives the same layer, another another."""
    first, again, other = (_made(setting, seed, "weight") for seed in (0, 0, 1))
    name, detail = "initialisation/seeds", "torch.manual_seed sets the weight"
    if first is None or again is None or other is None:
        return _missing(name, "weight")
    if not np.array_equal(first.values, again.values):
        return holds(name, False, detail, "the same torch.manual_seed gives different weights")
    same = first.size >= 4 and np.array_equal(first.values, other.values)
    return holds(name, not same, detail, "every torch.manual_seed gives the same weights")
