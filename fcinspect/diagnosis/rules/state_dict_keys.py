"""Why keys of a state dict are missing or unexpected; each cause with how much it explains."""

from __future__ import annotations

import difflib
import re
from collections import Counter, defaultdict

from fcinspect.diagnosis.catalogue.parsing import lists
from fcinspect.diagnosis.records import pick
from fcinspect.diagnosis.rules.state_dict_extras import cut, extras
from fcinspect.diagnosis.rules.state_dict_quantised import quantised
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

NORMALISED = re.compile(
    r"(?:^|\.)(?:parametrizations\.\w+\.original\d?|parametrizations\.\w+\.0\.\w+|"
    r"\w+_(?:g|v|u|orig|mask))$"
)
STATISTICS = frozenset({"running_mean", "running_var", "num_batches_tracked"})
TIED = re.compile(
    r"(?:^|\.)(?:lm_head|decoder|embed_tokens|embed_out|output|cls\.predictions\.decoder)\.weight$"
)
STATE_KEYS, BESIDE = (lists("checkpoints")[of] for of in ("state", "beside"))
"""What the state dict is called in a checkpoint, and what else stands there."""
WRAPPERS = {
    "module.": "module-prefix",
    "_orig_mod.": "compiled-prefix",
    "_checkpoint_wrapped_module.": "wrapper-prefix",
    "_fsdp_wrapped_module.": "wrapper-prefix/fsdp",
    "_forward_module.": "module-prefix/strategy",
}
COUNTER = "num_batches_tracked"
"""What batch normalisation counts; it is not asked for where the state dict lacks it."""
LEAST_PART = 3
"""Of fewer modules it may be a head or one more layer rather than a whole part."""
MOST_WRITTEN = 12
"""Of more modules the new names are not written out; the order of the keys is taken."""


def key_causes(report: LoadingReport) -> list[Explained]:
    """Return all causes that explain missing or unexpected keys, in no order yet."""
    prefixes = [*_saved_prefix(report), *_wanted_prefix(report)]
    found = [
        *_whole_checkpoint(report),
        *prefixes,
        *_common_part(report),
        *quantised(report),
        *extras(report),
        *_parametrised(report),
        *_statistics(report),
        *_bias(report),
        *_tied(report),
    ]
    if not any(explained == report.total for explained, _ in found):
        # the keys that a prefix leaves are those of other layers, rather than renamed ones
        most = max((explained for explained, _ in prefixes), default=0)
        renamed = [] if 5 * most >= 3 * report.total else _renamed(report)
        found += [*renamed, *_other_layers(report)]
    return found


def _common_part(report: LoadingReport) -> list[Explained]:
    """Explain unexpected keys that all begin with one part, where the model misses nothing."""
    keys = report.unexpected
    if report.missing or report.mismatches or not keys or "." not in keys[0]:
        return []
    prefix = keys[0].partition(".")[0] + "."
    if not all(key.startswith(prefix) for key in keys):
        return []
    told = f'all {len(keys)} unexpected keys begin with "{prefix}"'
    if len(keys) == 1:
        told = f'the unexpected key begins with "{prefix}"'
    fix = f'Remove "{prefix}" from the keys'
    change = f'k.removeprefix("{prefix}")'
    again = pick(
        WRAPPERS.get(prefix, "checkpoint-prefix"), told=told, fix=fix, change=change,
        part=prefix[:-1], kept="", strict="",
    )  # fmt: skip
    if prefix in WRAPPERS:
        return [(len(keys), again)]
    number = re.search(r"\.(\d+)\.", keys[0])
    modules = {module_of(key) for key in keys}
    if prefix[:-1].isdigit() or len(modules) < LEAST_PART or (number and int(number[1])):
        return []
    missing = pick(
        "inner-module-missing", told=f"{told}, and none is missing", part=prefix[:-1],
        prefix=prefix, model=report.model,
    )  # fmt: skip
    return [(len(keys), missing), (len(keys) - 1, again)]


def _parametrised(report: LoadingReport) -> list[Explained]:
    saved = [key for key in report.unexpected if NORMALISED.search(key)]
    wanted = [key for key in report.missing if NORMALISED.search(key)]
    if bool(saved) == bool(wanted):
        return []
    keys = saved or wanted
    if saved and all(key.endswith(".weight_v") for key in report.unexpected):
        beside = set(report.missing) & {key.removesuffix("_v") for key in saved}
        if len(beside) == len(report.missing):
            told = f"only weight_v is unexpected, and weight missing, as {keys[0]}"
            return [(report.total, pick("spectral-norm-version", told=told))]
    pruned = any(key.endswith("_mask") for key in keys)
    kind = "spectral_norm" if any(key.endswith(("_u", "_orig")) for key in keys) else "weight_norm"
    remove = "prune.remove" if pruned else "parametrize.remove_parametrizations"
    layer = f'model.get_submodule("{_owner(keys[0])}")' if _owner(keys[0]) else "model"
    code = f'torch.nn.utils.prune.identity({layer}, "weight")\n{LOAD}'
    if wanted:
        code = f'torch.nn.utils.{remove}({layer}, "weight")\n{LOAD}'
    elif not pruned:
        code = f"torch.nn.utils.parametrizations.{kind}({layer})\n{LOAD}"
    where, other = ("checkpoint", "model") if saved else ("model", "checkpoint")
    cause = pick(
        "parametrised-weight",
        where=where,
        other=other,
        what="pruning" if pruned else "weight or spectral normalization",
        told=f"{count(keys, 'key')} of the {where} are such parts: {some(keys)}",
        code=code,
    )
    plain = sum(leaf_of(key) == "weight" for key in report.missing + report.unexpected)
    return [(len(keys) + plain, cause)]


def _owner(key: str) -> str:
    plain = re.sub(r"(?:^|\.)parametrizations\..*$", "", key)
    return plain if "parametriz" in key else module_of(key)


def _statistics(report: LoadingReport) -> list[Explained]:
    found = []
    for keys, others, side in (
        (report.missing, report.unexpected, "missing"),
        (report.unexpected, report.missing, "unexpected"),
    ):
        whole = {module_of(key) for key in keys if leaf_of(key) == "weight"}
        those = [k for k in keys if leaf_of(k) in STATISTICS and module_of(k) not in whole]
        if those and not set(those) & set(others):
            of = count(keys, f"{side} key")
            told = f"{len(those)} of {of} are such statistics: {some(those)}"
            found.append((len(those), pick(f"batch-norm-statistics-{side}", told=told)))
    return found


def _bias(report: LoadingReport) -> list[Explained]:
    if report.mismatches or bool(report.missing) == bool(report.unexpected):
        return []
    keys = report.missing or report.unexpected
    if not all(leaf_of(key) in {"bias", "in_proj_bias"} for key in keys):
        return []
    cause = "bias-missing" if report.missing else "bias-unexpected"
    kind = "a bias" if len(keys) == 1 else "all biases"
    told = f"only {count(keys, 'key')}, {kind}: {some(keys)}"
    return [(len(keys), pick(cause, told=told))]


def _tied(report: LoadingReport) -> list[Explained]:
    keys = [key for key in report.missing if TIED.search(key)]
    if len(keys) != 1 or len(report.missing) != 1:
        return []
    return [(1, pick("tied-weights", key=keys[0], head=module_of(keys[0])))]


def _whole_checkpoint(report: LoadingReport) -> list[Explained]:
    beside = [key for key in report.unexpected if key in BESIDE]
    holds = [key for key in STATE_KEYS if key in report.unexpected]
    known = len(beside) + len(holds)
    if not (holds or len(beside) > 1) or (not report.missing and 2 * known <= report.total):
        return []
    lightning = "pytorch-lightning_version" in beside
    cause = "whole-checkpoint/lightning" if lightning else "whole-checkpoint"
    key = holds[0] if holds else "state_dict"
    entries = some([*holds, *beside])
    chosen = pick(cause, key=key, entries=entries, model=report.model)
    return [(len(report.missing) + (known if report.missing else report.total), chosen)]


def _saved_prefix(report: LoadingReport) -> list[Explained]:
    """Explain keys of the state dict that fit once something is taken out of them."""
    missing = set(report.missing)
    of = count(report.unexpected, "unexpected key")
    prefixes = Counter(
        key[:dot] for key in report.unexpected for dot in dots(key) if key[dot:] in missing
    )
    found: list[Explained] = []
    for prefix, fitting in prefixes.most_common(1):
        wrapper = next((name for name in WRAPPERS if prefix.startswith(name)), None)
        cause = WRAPPERS[wrapper] if wrapper else "checkpoint-prefix"
        begins = f'{fitting} of {of} begin with "{prefix}" and are missing without it'
        fix = f'Remove "{prefix}" from the keys'
        if wrapper == "module.":
            fix += "; next time save model.module.state_dict()"
        change = f'k.removeprefix("{prefix}")'
        whole = fitting == len(report.unexpected)
        kept = "" if whole else f" if {change} in model.state_dict()"
        strict = "" if fitting >= len(report.missing) else ", strict=False"
        told = pick(
            cause, told=begins, fix=fix, change=change, part=prefix[:-1], kept=kept, strict=strict
        )
        found.append((2 * fitting, told))
    for wrapper, cause in WRAPPERS.items():
        holding = (key for key in report.unexpected if f".{wrapper}" in key)
        inside = [key for key in holding if key.replace(wrapper, "") in missing]
        if inside:
            holds = f'{len(inside)} of {of} contain "{wrapper}" and are missing without it'
            fix = f'Remove "{wrapper}" from the keys, or save the model inside the wrapper'
            change = f'k.replace("{wrapper}", "")'
            told = pick(cause, told=holds, fix=fix, change=change, kept="", strict="")
            found.append((2 * len(inside), told))
    return found


def _wanted_prefix(report: LoadingReport) -> list[Explained]:
    """Explain keys of the model that begin with what the state dict's keys lack."""
    unexpected = set(report.unexpected)
    prefixes = Counter(
        key[:dot] for key in report.missing for dot in dots(key) if key[dot:] in unexpected
    )
    if not prefixes:
        return []
    prefix, fitting = prefixes.most_common(1)[0]
    part = "_orig_mod" if prefix == "_orig_mod." else prefix[:-1]
    wrapped = prefix in WRAPPERS
    dotted = all(name.isidentifier() for name in part.split("."))
    inner = f"model.{part}" if dotted else f'model.get_submodule("{part}")'
    code = f"{inner}.load_state_dict(state)"
    if not wrapped and fitting < len(report.unexpected):
        code = f'state = {{f"{prefix}{{k}}": v for k, v in state.items()}}\n'
        code += "model.load_state_dict(state, strict=False)"
    told = f'{fitting} of {count(report.missing, "missing key")} begin with "{prefix}"'
    left = [key for key in report.missing if key.startswith(prefix)]
    left = [key.removeprefix(prefix) for key in left if key.removeprefix(prefix) not in unexpected]
    if wrapped and fitting > len(left) > 0:
        told += f" (without it, {some(left)} would still be missing)"
    cause = "prefix-expected/wrapped" if wrapped else "prefix-expected"
    return [(2 * fitting, pick(cause, told=told, part=part, code=code))]


def _renamed(report: LoadingReport) -> list[Explained]:
    """Explain modules whose names differ and whose parameters have the same names."""
    letters = cut(report)
    if letters:
        return letters
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
        return [(0, pick("other-model", told=f"{told} versus {some(report.unexpected)}"))]
    keys = report.missing or report.unexpected
    modules = some(dict.fromkeys(module_of(key) or key for key in keys))
    if report.missing:
        told = f"{missing} missing and none unexpected, of {modules}"
        return [(len(keys), pick("layers-missing", told=told))]
    if report.unexpected:
        told = f"{unexpected} unexpected and none missing, of {modules}"
        return [(len(keys), pick("layers-unexpected", told=told))]
    return []
