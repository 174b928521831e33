"""Why keys of a state dict are missing or unexpected; each cause with how much it explains."""

from __future__ import annotations

import re

from fcinspect.diagnosis.messages.state_dict_layers import layer_causes
from fcinspect.diagnosis.messages.state_dict_prefixes import prefix_causes
from fcinspect.diagnosis.messages.state_dict_report import (
    LOAD,
    Explained,
    Report,
    count,
    leaf_of,
    module_of,
    some,
)
from fcinspect.diagnosis.records import Cause

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
    saved = [key for key in report.unexpected if LORA.search(key)]
    wanted = [key for key in report.missing if LORA.search(key)]
    found = []
    if saved:
        cause = Cause(
            "lora-checkpoint",
            "The checkpoint holds adapters (LoRA), and the model is the plain one",
            f"{len(saved)} of {count(report.unexpected, 'unexpected key')} belong to adapters: "
            f"{some(saved)}",
            "Load the adapters onto the base model with the library that made them",
            "model = peft.PeftModel.from_pretrained(model, path).merge_and_unload()",
        )
        found.append((len(saved) + len(report.missing) * bool(_plain(saved)), cause))
    if wanted:
        cause = Cause(
            "lora-model",
            "The model already has adapters (LoRA), and the checkpoint is that of the base model",
            f"{len(wanted)} of {count(report.missing, 'missing key')} belong to adapters: "
            f"{some(wanted)}",
            "Load the base model first and add the adapters afterwards",
            "model.load_state_dict(state)\nmodel = peft.get_peft_model(model, config)",
        )
        found.append((len(wanted) + len(report.unexpected) * bool(_plain(wanted)), cause))
    return found


def _plain(keys: list[str]) -> list[str]:
    """Return keys of wrapped base layers, whose plain names stand on the other side."""
    return [key for key in keys if "base_layer" in key or key.startswith("base_model.")]


def _quantised(report: Report) -> list[Explained]:
    saved = [key for key in report.unexpected if QUANTISED.search(key)]
    if not saved:
        return []
    return [
        (
            len(saved) + len(report.missing),
            Cause(
                "quantised-checkpoint",
                "The checkpoint holds quantised weights, and the model has plain layers",
                f"{len(saved)} of {count(report.unexpected, 'unexpected key')} are scales or "
                f"packed weights: {some(saved)}",
                "Make the model with the library that quantised it, or load the checkpoint from "
                "before",
                "model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear})\n" + LOAD
                if any("_packed_params" in key for key in saved)
                else None,
            ),
        )
    ]


def _parametrised(report: Report) -> list[Explained]:
    saved = [key for key in report.unexpected if NORMALISED.search(key)]
    wanted = [key for key in report.missing if NORMALISED.search(key)]
    if bool(saved) == bool(wanted):
        return []
    keys = saved or wanted
    pruned = any(key.endswith("_mask") for key in keys)
    what = "pruning" if pruned else "weight or spectral normalisation"
    where, other = ("checkpoint", "model") if saved else ("model", "checkpoint")
    kind = "spectral_norm" if any(key.endswith("_u") for key in keys) else "weight_norm"
    remove = "prune.remove" if pruned else "parametrize.remove_parametrizations"
    layer = 'model.get_submodule("' + _owner(keys[0]) + '")' if _owner(keys[0]) else "model"
    code = (
        f"torch.nn.utils.parametrizations.{kind}({layer})\n{LOAD}"
        if saved and not pruned
        else f'torch.nn.utils.{remove}({layer}, "weight")\n{LOAD}'
        if wanted
        else f'torch.nn.utils.prune.identity({layer}, "weight")\n{LOAD}'
    )
    return [
        (
            len(keys) + sum(leaf_of(key) == "weight" for key in report.missing + report.unexpected),
            Cause(
                "parametrised-weight",
                f"The {where} has its weights in parts, as {what} keeps them; the {other} has "
                "them plain",
                f"{count(keys, 'key')} of the {where} are such parts: {some(keys)}",
                f"Give the model the same {what} before loading, or remove it where it was saved",
                code,
            ),
        )
    ]


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
        those = [key for key in keys if leaf_of(key) in STATISTICS]
        whole = {module_of(key) for key in keys if leaf_of(key) == "weight"}
        those = [key for key in those if module_of(key) not in whole]
        if not those or set(those) & set(others):
            continue
        code = (
            "model.load_state_dict(state, strict=False)"
            if side == "missing"
            else "state = {k: v for k, v in state.items() if k in model.state_dict()}\n" + LOAD
        )
        found.append(
            (
                len(those),
                Cause(
                    f"batch-norm-statistics-{side}",
                    "Only the model keeps running statistics of batch normalisation"
                    if side == "missing"
                    else "Only the checkpoint has running statistics of batch normalisation: the "
                    "model has another kind of normalisation, or track_running_stats=False",
                    f"{len(those)} of {count(keys, f'{side} key')} are such statistics: "
                    f"{some(those)}",
                    "Make the normalisation layers as they were when the model was saved; else "
                    "load without the statistics",
                    code,
                ),
            )
        )
    return found


def _bias(report: Report) -> list[Explained]:
    if report.mismatches or bool(report.missing) == bool(report.unexpected):
        return []
    keys = report.missing or report.unexpected
    if not all(leaf_of(key) in {"bias", "in_proj_bias"} for key in keys):
        return []
    lacking, having = ("checkpoint", "model") if report.missing else ("model", "checkpoint")
    return [
        (
            len(keys),
            Cause(
                "bias-missing" if report.missing else "bias-unexpected",
                f"The layers of the {lacking} were made with bias=False, those of the {having} "
                "with a bias",
                f"{count(keys, 'key')} and nothing else, all of them a bias: {some(keys)}",
                "Make the layers as they were when the model was saved",
                "nn.Linear(in_features, out_features, bias="
                f"{'False' if report.missing else 'True'})",
            ),
        )
    ]


def _tied(report: Report) -> list[Explained]:
    keys = [key for key in report.missing if TIED.search(key)]
    if len(keys) != 1 or len(report.missing) != 1:
        return []
    head = module_of(keys[0])
    return [
        (
            1,
            Cause(
                "tied-weights",
                "The weight is tied to the embedding, and the file keeps only one of the two, as "
                "safetensors does",
                f"{keys[0]} is the only key that is missing",
                "Load without it, then tie the weight to the embedding of your model",
                "model.load_state_dict(state, strict=False)\n"
                f"model.{head}.weight = model.embedding.weight",
            ),
        )
    ]
