"""Keys of a state dict beside those of plain layers: adapters, buffers, what a profiler leaves."""

from __future__ import annotations

import re

from fcinspect.diagnosis.records import pick
from fcinspect.diagnosis.rules.state_dict_quantised import QUANTISED
from fcinspect.diagnosis.rules.state_dict_report import Explained, LoadingReport, count, some

LORA = re.compile(r"(?:^|[._])(?:lora_\w+|adapter\w*)(?:\.|$)|\.base_layer\.|^base_model\.model\.")
BUFFER = re.compile(
    r"(?:^|\.)(?:position_ids|inv_freq|relative_position_index|attn_mask)$"
    r"|\.h\.\d+\.attn\.(?:attention\.)?(?:masked_)?bias$"
)
"""What newer versions of a library compute, and older ones saved; or the other way round."""
LOSS = re.compile(r"(?:^|\.)(?:criterion|loss\w*|\w*_loss)\.(?:\w+\.)?(?:pos_)?weight$")
"""The class weights of a loss, which are buffers of a module that holds it."""
PROFILED = re.compile(r"(?:^|\.)total_(?:ops|params)$")
"""What a counter of operations (thop) leaves in a model."""
CUT = 24
"""No prefix that is cut off has more letters."""


def extras(report: LoadingReport) -> list[Explained]:
    """Return the causes for keys that are not those of plain layers."""
    return [*_adapter_name(report), *_adapters(report), *_buffers(report)]


def _adapter_name(report: LoadingReport) -> list[Explained]:
    """Explain keys with the name of the adapter (default) on one side only."""
    for cause, named, plain in (
        ("adapter-name", report.missing, report.unexpected),
        ("adapter-name/saved", report.unexpected, report.missing),
    ):
        pairs = {re.sub(r"(lora_\w+)\.(\w+)\.(?=weight$|bias$)", r"\1.", k): k for k in named}
        fitting = [key for key in plain if pairs.get(key, key) != key]
        if fitting:
            found = pairs[fitting[0]]
            name = re.sub(r".*lora_\w+\.(\w+)\.\w+$", r"\1", found)
            told = f"{fitting[0]} stands on one side and {found} on the other"
            return [(2 * len(fitting) + 1, pick(cause, told=told, adapter=name))]
    return []


def _adapters(report: LoadingReport) -> list[Explained]:
    found = []
    for cause, keys, others, side in (
        ("lora-checkpoint", report.unexpected, report.missing, "unexpected key"),
        ("lora-model", report.missing, report.unexpected, "missing key"),
    ):
        those = [key for key in keys if LORA.search(key) and not QUANTISED.search(key)]
        if cause == "lora-checkpoint" and report.model.startswith("Peft"):
            continue
        # wrapped base layers, whose plain names stand on the other side
        plain = any("base_layer" in key or key.startswith("base_model.") for key in those)
        if those:
            told = f"{len(those)} of {count(keys, side)} belong to adapters: {some(those)}"
            found.append((len(those) + len(others) * plain, pick(cause, told=told)))
    return found


def _buffers(report: LoadingReport) -> list[Explained]:
    """Explain buffers that a model computes for itself, and what a profiler leaves."""
    keys = report.unexpected + report.missing
    for cause, pattern in (
        ("buffer-not-saved", BUFFER),
        ("profiler-buffers", PROFILED),
        ("loss-weight-saved", LOSS),
    ):
        those = [key for key in keys if pattern.search(key)]
        if those and len(those) == len(keys):
            told = f"only {some(those)} {'differs' if len(those) == 1 else 'differ'}"
            return [(len(those), pick(cause, told=told))]
    return []


def cut(report: LoadingReport) -> list[Explained]:
    """Explain keys of which a fixed number of letters was cut off, as if they had a prefix."""
    missing = [*report.missing]
    lengths = set()
    for key in report.unexpected:
        whole = [m for m in missing if m.endswith(key) and 0 < len(m) - len(key) <= CUT]
        if not whole or all(m[len(m) - len(key) - 1] == "." for m in whole):
            return []
        lengths.add(frozenset(len(m) - len(key) for m in whole))
    common = frozenset.intersection(*lengths) if lengths else frozenset()
    if len(report.unexpected) < 2 or len(common) != 1:
        return []
    number = next(iter(common))
    pairs = []
    for key in report.unexpected:
        full = next(m for m in missing if m.endswith(key) and len(m) - len(key) == number)
        pair = f"{full[:number]}|{full[number:].partition('.')[0]}"
        if pair not in pairs:
            pairs.append(pair)
    prefix = {7: "module.", 6: "model."}.get(number, "")
    change = f'k.removeprefix("{prefix}")' if prefix else "k"
    told = pick("keys-cut", number=number, pairs=", ".join(pairs[:3]), change=change)
    return [(report.total, told)]
