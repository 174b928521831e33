"""Keys of layers that were renamed, renumbered, added or taken away."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict

from fcinspect.diagnosis.records import pick
from fcinspect.diagnosis.rules.state_dict_report import (
    LOAD,
    Explained,
    LoadingReport,
    count,
    dots,
    leaf_of,
    module_of,
    some,
)

COUNTER = "num_batches_tracked"
"""What batch normalisation counts; it is not asked for where the state dict lacks it."""
MOST_WRITTEN = 12
"""Of more modules the new names are not written out; the order of the keys is taken."""


def layer_causes(report: LoadingReport) -> list[Explained]:
    """Return the causes that lie in which layers the model and the saved one have."""
    return [*_renamed(report), *_other_layers(report)]


def _renamed(report: LoadingReport) -> list[Explained]:
    """Explain modules whose names differ and whose parameters have the same names."""
    pairs, prefixes = _pairs(report), _prefixes(report)
    if not pairs and prefixes is None:
        return []
    keys = sum(
        module_of(key) in pairs or module_of(key) in pairs.values()
        for key in report.missing + report.unexpected
    )
    numbers = all(re.sub(r"\d+", "#", a) == re.sub(r"\d+", "#", b) for a, b in pairs.items())
    shown = some(f"{old or '(top)'} → {new or '(top)'}" for old, new in pairs.items())
    if prefixes is not None and not numbers:
        old, new = prefixes
        shown = f'"{old}" → "{new}"'
        code = f'old, new = "{old}", "{new}"\n'
        code += "state = {new + k.removeprefix(old) if k.startswith(old) else k: v "
        code += f"for k, v in state.items()}}\n{LOAD}"
        keys = len(report.missing) + len(report.unexpected)
    elif "" in pairs or "" in pairs.values() or len(pairs) > MOST_WRITTEN:
        code = "state = dict(zip(model.state_dict(), state.values(), strict=True))\n" + LOAD
    else:
        written = ", ".join(f'"{old}": "{new}"' for old, new in pairs.items())
        code = f'names = {{{written}}}\nparts = {{k: k.rpartition(".") for k in state}}\n'
        code += 'state = {f"{names.get(m, m)}.{p}": state[k] for k, (m, _, p) in parts.items()}\n'
        code += LOAD
    cause = "layers-renumbered" if numbers else "layers-renamed"
    return [(keys, pick(cause, shown=shown, code=code))]


def _prefixes(report: LoadingReport) -> tuple[str, str] | None:
    """Return how the keys began and how they begin now, where nothing else differs."""
    missing = [key for key in report.missing if leaf_of(key) != COUNTER]
    unexpected = [key for key in report.unexpected if leaf_of(key) != COUNTER]
    for dot in dots(missing[0]) if missing else ():
        new, rest = missing[0][:dot], missing[0][dot:]
        for key in unexpected:
            old = key.removesuffix(rest)
            if not (key.endswith(f".{rest}") and all(k.startswith(old) for k in unexpected)):
                continue
            if {new + k.removeprefix(old) for k in unexpected} == set(missing):
                return old, new
    return None


def _pairs(report: LoadingReport) -> dict[str, str]:
    """Return module of the state dict -> module of the model, by their parameters and names."""
    saved, wanted = _modules(report.unexpected), _modules(report.missing)
    pairs: dict[str, str] = {}
    left = dict(wanted)
    for old, leaves in list(saved.items())[:500]:
        fitting = [new for new, others in left.items() if others == leaves]
        if not fitting:
            continue
        pattern = re.sub(r"\d+", "#", old)
        new = next((n for n in fitting if re.sub(r"\d+", "#", n) == pattern), None)
        if new is None:
            close = difflib.get_close_matches(old, fitting[:50], n=1, cutoff=0.0)
            new = close[0] if close and len(fitting) > 1 and _alike(old, close[0]) else fitting[0]
        pairs[old] = new
        del left[new]
    return pairs


def _alike(old: str, new: str) -> bool:
    return difflib.SequenceMatcher(None, old, new).ratio() > 0.5


def _modules(keys: tuple[str, ...]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        if leaf_of(key) != COUNTER:
            found[module_of(key)].add(leaf_of(key))
    return {module: frozenset(leaves) for module, leaves in found.items()}


def _other_layers(report: LoadingReport) -> list[Explained]:
    missing, unexpected = count(report.missing, "key"), count(report.unexpected, "key")
    if report.missing and report.unexpected:
        told = f"{missing} missing, {unexpected} unexpected: {some(report.missing)}"
        return [(0, pick("other-model", told=f"{told} against {some(report.unexpected)}"))]
    keys = report.missing or report.unexpected
    modules = some(dict.fromkeys(module_of(key) or key for key in keys))
    if report.missing:
        told = f"{missing} missing and none unexpected, of {modules}"
        return [(len(keys), pick("layers-missing", told=told))]
    if report.unexpected:
        told = f"{unexpected} unexpected and none missing, of {modules}"
        return [(len(keys), pick("layers-unexpected", told=told))]
    return []
