"""Keys of a state dict that differ by a prefix, or are those of a whole checkpoint."""

from __future__ import annotations

from collections import Counter

from fcinspect.diagnosis.messages.state_dict_report import LOAD, Explained, Report, count, some
from fcinspect.diagnosis.records import Cause

LIGHTNING = (
    'state = {k.removeprefix("model."): v for k, v in checkpoint["state_dict"].items()}\n' + LOAD
)
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
    "module.": (
        "module-prefix",
        "The model was saved while it was wrapped in nn.DataParallel or DistributedDataParallel",
    ),
    "_orig_mod.": (
        "compiled-prefix",
        "The model was saved after torch.compile, which wraps it",
    ),
    "_checkpoint_wrapped_module.": (
        "wrapper-prefix",
        "The model was saved while its layers were wrapped for activation checkpointing",
    ),
    "_fsdp_wrapped_module.": (
        "wrapper-prefix",
        "The model was saved while it was wrapped for FSDP",
    ),
}


def prefix_causes(report: Report) -> list[Explained]:
    """Return the causes that lie in how the keys begin, or in what stands around them."""
    return [*_whole_checkpoint(report), *_saved_prefix(report), *_wanted_prefix(report)]


def _whole_checkpoint(report: Report) -> list[Explained]:
    beside = [key for key in report.unexpected if key in BESIDE]
    holds = [key for key in STATE_KEYS if key in report.unexpected]
    if not report.missing or not (holds or len(beside) > 1):
        return []
    key = holds[0] if holds else "state_dict"
    lightning = "pytorch-lightning_version" in beside
    return [
        (
            len(report.missing) + len(beside) + len(holds),
            Cause(
                "whole-checkpoint",
                "A whole checkpoint was given, in which the state dict is one entry among others",
                f"the unexpected keys are entries of a checkpoint: {some([*holds, *beside])}",
                f'Load the entry "{key}" of it'
                + (
                    ', whose keys begin with the name of the model, "model." most often' * lightning
                ),
                (LIGHTNING if lightning else f'model.load_state_dict(checkpoint["{key}"])'),
            ),
        )
    ]


def _saved_prefix(report: Report) -> list[Explained]:
    """Explain keys of the state dict that fit once something is taken out of them."""
    missing = set(report.missing)
    prefixes = Counter(
        key[:dot] for key in report.unexpected for dot in dots(key) if key[dot:] in missing
    )
    found = [_prefix_saved(prefix, n, report) for prefix, n in prefixes.most_common(1)]
    for wrapper, (name, why) in WRAPPERS.items():
        inside = [
            key
            for key in report.unexpected
            if f".{wrapper}" in key and key.replace(wrapper, "") in missing
        ]
        if inside:
            cause = Cause(
                name,
                why,
                f'{len(inside)} of {count(report.unexpected, "unexpected key")} hold "{wrapper}" '
                "and are missing without it",
                f'Take "{wrapper}" out of the keys, or save the model inside the wrapper',
                f'state = {{k.replace("{wrapper}", ""): v for k, v in state.items()}}\n{LOAD}',
            )
            found.append((2 * len(inside), cause))
    return found


def _prefix_saved(prefix: str, fitting: int, report: Report) -> Explained:
    first = next((name for name in WRAPPERS if prefix.startswith(name)), None)
    name, why = (
        WRAPPERS[first]
        if first
        else (
            "checkpoint-prefix",
            f'The model was saved as the part "{prefix[:-1]}" of a larger module',
        )
    )
    return (
        2 * fitting,
        Cause(
            name,
            why,
            f'{fitting} of {count(report.unexpected, "unexpected key")} begin with "{prefix}" and '
            "are missing without it",
            f'Take "{prefix}" off the keys'
            + ("; next time save model.module.state_dict()" if first == "module." else ""),
            f'state = {{k.removeprefix("{prefix}"): v for k, v in state.items()}}\n{LOAD}',
        ),
    )


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
    why = (
        "The model is wrapped (nn.DataParallel, DistributedDataParallel or torch.compile) and the "
        "state dict is that of the model inside"
        if wrapped
        else f'The state dict is that of the part "{part}" of the model'
    )
    return [
        (
            2 * fitting,
            Cause(
                "prefix-expected",
                why,
                f'{fitting} of {count(report.missing, "missing key")} begin with "{prefix}" and '
                "are unexpected without it",
                "Load into the model before it is wrapped" if wrapped else "Load into that part",
                code,
            ),
        )
    ]
