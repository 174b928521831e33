"""Why keys of a state dict are missing or unexpected; each cause with how much it explains."""

from __future__ import annotations

import re

from fcinspect.diagnosis.records import pick
from fcinspect.diagnosis.rules.state_dict_layers import layer_causes
from fcinspect.diagnosis.rules.state_dict_prefixes import prefix_causes
from fcinspect.diagnosis.rules.state_dict_report import (
    LOAD,
    Explained,
    Report,
    count,
    leaf_of,
    module_of,
    some,
)

NORMALISED = re.compile(
    r"(?:^|\.)(?:parametrizations\.\w+\.original\d?|parametrizations\.\w+\.0\.\w+|"
    r"\w+_(?:g|v|u|orig|mask))$"
)
LORA = re.compile(r"(?:^|[._])(?:lora_\w+|adapter\w*)(?:\.|$)|\.base_layer\.|^base_model\.model\.")
QUANTISED = re.compile(
    r"_packed_params|(?:^|\.)(?:zero_point|scale|scales|qweight|qzeros|g_idx|SCB|weight_scale)$|"
    r"\.(?:absmax|quant_map|quant_state\S*|nested_absmax)$"
)
STATISTICS = frozenset({"running_mean", "running_var", "num_batches_tracked"})
TIED = re.compile(
    r"(?:^|\.)(?:lm_head|decoder|embed_tokens|embed_out|output|cls\.predictions\.decoder)\.weight$"
)


def key_causes(report: Report) -> list[Explained]:
    """Return all causes that explain missing or unexpected keys, in no order yet."""
    found = [
        *prefix_causes(report),
        *_adapters(report),
        *_quantised(report),
        *_parametrised(report),
        *_statistics(report),
        *_bias(report),
        *_tied(report),
    ]
    if not any(explained == report.total for explained, _ in found):
        found += layer_causes(report)
    return found


def _adapters(report: Report) -> list[Explained]:
    found = []
    for cause, keys, others, side in (
        ("lora-checkpoint", report.unexpected, report.missing, "unexpected key"),
        ("lora-model", report.missing, report.unexpected, "missing key"),
    ):
        those = [key for key in keys if LORA.search(key)]
        # wrapped base layers, whose plain names stand on the other side
        plain = any("base_layer" in key or key.startswith("base_model.") for key in those)
        if those:
            told = f"{len(those)} of {count(keys, side)} belong to adapters: {some(those)}"
            found.append((len(those) + len(others) * plain, pick(cause, told=told)))
    return found


def _quantised(report: Report) -> list[Explained]:
    saved = [key for key in report.unexpected if QUANTISED.search(key)]
    if not saved:
        return []
    packed = any("_packed_params" in key for key in saved)
    cause = "quantised-checkpoint/packed" if packed else "quantised-checkpoint"
    of = count(report.unexpected, "unexpected key")
    told = f"{len(saved)} of {of} are scales or packed weights: {some(saved)}"
    return [(len(saved) + len(report.missing), pick(cause, told=told))]


def _parametrised(report: Report) -> list[Explained]:
    saved = [key for key in report.unexpected if NORMALISED.search(key)]
    wanted = [key for key in report.missing if NORMALISED.search(key)]
    if bool(saved) == bool(wanted):
        return []
    keys = saved or wanted
    pruned = any(key.endswith("_mask") for key in keys)
    kind = "spectral_norm" if any(key.endswith("_u") for key in keys) else "weight_norm"
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
        what="pruning" if pruned else "weight or spectral normalisation",
        told=f"{count(keys, 'key')} of the {where} are such parts: {some(keys)}",
        code=code,
    )
    plain = sum(leaf_of(key) == "weight" for key in report.missing + report.unexpected)
    return [(len(keys) + plain, cause)]


def _owner(key: str) -> str:
    return (
        re.sub(r"(?:^|\.)parametrizations\..*$", "", key)
        if "parametriz" in key
        else (module_of(key))
    )


def _statistics(report: Report) -> list[Explained]:
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


def _bias(report: Report) -> list[Explained]:
    if report.mismatches or bool(report.missing) == bool(report.unexpected):
        return []
    keys = report.missing or report.unexpected
    if not all(leaf_of(key) in {"bias", "in_proj_bias"} for key in keys):
        return []
    cause = "bias-missing" if report.missing else "bias-unexpected"
    told = f"{count(keys, 'key')} and nothing else, all of them a bias: {some(keys)}"
    return [(len(keys), pick(cause, told=told))]


def _tied(report: Report) -> list[Explained]:
    keys = [key for key in report.missing if TIED.search(key)]
    if len(keys) != 1 or len(report.missing) != 1:
        return []
    return [(1, pick("tied-weights", key=keys[0], head=module_of(keys[0])))]
