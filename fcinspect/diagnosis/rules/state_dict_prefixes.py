"""Keys of a state dict that differ by a prefix, or are those of a whole checkpoint."""

from __future__ import annotations

from collections import Counter

from fcinspect.diagnosis.records import pick
from fcinspect.diagnosis.rules.state_dict_report import Explained, Report, count, some

STATE_KEYS = (
    *("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights"),
    *("params", "module", "ema", "model_dict", "model_weights", "generator"),
)
"""What the state dict is called in a checkpoint, the commonest first."""
BESIDE = frozenset(
    {
        *("epoch", "optimizer", "optimizer_state_dict", "optim", "optimizer_state", "scheduler"),
        *("lr_scheduler", "lr_schedulers", "loss", "args", "config", "best_acc", "best_acc1"),
        *("global_step", "step", "iteration", "callbacks", "hyper_parameters", "loops", "scaler"),
        *("pytorch-lightning_version", "optimizer_states", "arch", "amp", "meta", "metrics"),
    }
)
"""What else stands in a checkpoint."""
WRAPPERS = {
    "module.": "module-prefix",
    "_orig_mod.": "compiled-prefix",
    "_checkpoint_wrapped_module.": "wrapper-prefix",
    "_fsdp_wrapped_module.": "wrapper-prefix/fsdp",
}


def prefix_causes(report: Report) -> list[Explained]:
    """Return the causes that lie in how the keys begin, or in what stands around them."""
    return [*_whole_checkpoint(report), *_saved_prefix(report), *_wanted_prefix(report)]


def _whole_checkpoint(report: Report) -> list[Explained]:
    beside = [key for key in report.unexpected if key in BESIDE]
    holds = [key for key in STATE_KEYS if key in report.unexpected]
    if not report.missing or not (holds or len(beside) > 1):
        return []
    lightning = "pytorch-lightning_version" in beside
    cause = "whole-checkpoint/lightning" if lightning else "whole-checkpoint"
    key = holds[0] if holds else "state_dict"
    explained = len(report.missing) + len(beside) + len(holds)
    return [(explained, pick(cause, key=key, entries=some([*holds, *beside])))]


def _saved_prefix(report: Report) -> list[Explained]:
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
        fix = f'Take "{prefix}" off the keys'
        if wrapper == "module.":
            fix += "; next time save model.module.state_dict()"
        change = f'k.removeprefix("{prefix}")'
        told = pick(cause, told=begins, fix=fix, change=change, part=prefix[:-1])
        found.append((2 * fitting, told))
    for wrapper, cause in WRAPPERS.items():
        inside = [
            key
            for key in report.unexpected
            if f".{wrapper}" in key and key.replace(wrapper, "") in missing
        ]
        if inside:
            holds = f'{len(inside)} of {of} hold "{wrapper}" and are missing without it'
            fix = f'Take "{wrapper}" out of the keys, or save the model inside the wrapper'
            told = pick(cause, told=holds, fix=fix, change=f'k.replace("{wrapper}", "")')
            found.append((2 * len(inside), told))
    return found


def dots(key: str) -> list[int]:
    """Return the places in a key behind its dots."""
    return [place + 1 for place, sign in enumerate(key) if sign == "."]


def _wanted_prefix(report: Report) -> list[Explained]:
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
    cause = "prefix-expected/wrapped" if wrapped else "prefix-expected"
    return [(2 * fitting, pick(cause, told=told, part=part, code=code))]
