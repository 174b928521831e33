"""Remarks on tensors: why they are not part of a linear layer, or how the layer was read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fcinspect.checkpoints.pairing import naming
from fcinspect.checkpoints.records import StoredTensor

OPTIMIZER = re.compile(
    r"(?i)(?:.*[./])?(?:optim|optimizers?|opt)(?:_states?|_state_dicts?)?[./](?:.*[./])?state[./].*"
)
"""Names in the state of an optimizer."""
MEMORY = "optimizer state"
DIMENSIONS = {
    0: "one number, without dimensions",
    1: "one-dimensional, e.g. of a normalization layer",
    3: "three-dimensional, e.g. of a Conv1d or of stacked experts",
    4: "four-dimensional, a convolution's weight",
    5: "five-dimensional, a convolution's weight",
}
COUNTED = ("one number", "one-dimensional", "two-dimensional", "three-dimensional",
           "four-dimensional", "five-dimensional")  # fmt: skip
"""Of the tensors that are not named weight, by their dimensions."""
RECURRENT = "part of a recurrent layer (RNN, LSTM, GRU)"
KNOWN = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"(weight|bias)_([ih]h|hr)(_l\d+(_reverse)?)?", RECURRENT),
        (r"in_proj_(weight|bias)", "three attention projections in one array"),
        (r"[qkv]_proj_weight|bias_[kv]", "part of an attention layer with built-in projections"),
        (r"exp_avg(_sq(_row|_col)?)?|momentum_buffer|max_exp_avg_sq|square_avg|acc_delta", MEMORY),
        (r"running_(mean|var)|num_batches_tracked", "part of a batch normalization"),
        (r"(.*_)?position_ids|(.*_)?token_type_ids", "position indices, not parameters"),
        (r"inv_freq|(.*_)?(cos|sin)_cached", "part of a rotary position embedding"),
        (r"masked_bias", "a mask, not a parameter"),
        (
            r"(.*_)?pos(ition(al)?)?_(emb|embd|embed|embedding|encoding)s?|positional_encodings?|pe",
            "a position table",
        ),
        (r"(.*_)?(cls|class|mask|dist|distillation|register)_?(token|embedding)s?", "a token"),
        (r"lora_embedding_[AB]", "part of a low-rank update (LoRA) of an embedding"),
        (r"lora_magnitude_vector", "part of a low-rank update (DoRA)"),
    )
)
"""What the last part of a name says of a tensor that is not called weight or bias."""
NORM = re.compile(
    r"(?i)(.*_)?(layer|batch|group|instance|rms)?_?norm\d*|ln(_?\d+|_f|_pre|_post|_final)?|bn\d*"
)
"""Names of normalization layers."""
MOST_NAMED = 3
"""Names of tied tensors in one remark."""
LORA = re.compile(
    r"(?s)(?P<base>.*?)[._]?(?P<factor>lora_[ABab]|lora_(?:down|up)|lora[._](?:down|up))"
    r"(?P<adapter>(?:[./].*)?)"
)
LORA_OTHERS = {
    "lora_A": "lora_B", "lora_a": "lora_b", "lora_down": "lora_up", "lora.down": "lora.up"
}  # fmt: skip
"""The factor of a low-rank update W + B·A that the input meets first -> the other one."""

COPY = re.compile(
    r"(?i)(.*[./])?(ema|ema_model|model_ema|module_ema|state_dict_ema|ema_state_dict|ema_params"
    r"|ema_weights|params_ema|shadow|shadow_params|averaged_model|swa_model)[./].*"
)
"""Names under which training scripts keep a moving average of the weights."""
COPY_WORDS = "a moving average of weights (EMA): a copy beside the trained ones"


def is_memory(name: str) -> bool:
    """Whether a name says that the tensor belongs to an optimizer."""
    return naming.match(OPTIMIZER, name) is not None


def many_dimensional(tensor: StoredTensor, siblings: naming.Siblings) -> str:
    """Return why a tensor named weight is no linear layer's, when it is not two-dimensional."""
    shape = tensor.shape
    if len(shape) == 4 and shape[2:] == (1, 1):
        return "four-dimensional, a 1×1 convolution's weight"
    if len(shape) == 3 and shape[2] == 1:
        return "three-dimensional, e.g. a Conv1d with kernel size 1"
    if len(shape) == 1 and f"{naming.split(tensor.name)[0]}running_mean" in siblings.by_name:
        return "one-dimensional, part of a batch normalization"
    return DIMENSIONS.get(len(shape), f"{len(shape)}-dimensional")


def other(tensor: StoredTensor, siblings: naming.Siblings) -> str:
    """Return why a tensor that is not named weight belongs to no linear layer."""
    name = tensor.name
    last = naming.last_part(name)
    if is_memory(name):
        return MEMORY
    reason = naming.part_of_quantised(tensor, siblings.by_name) or _reparametrised(tensor, siblings)
    reason = reason or next(
        (known for pattern, known in KNOWN if naming.match(pattern, last)), None
    )
    if reason is not None:
        return reason
    if naming.BIAS.fullmatch(name):
        return _bias(tensor, siblings)
    if naming.match(COPY, name) and tensor.shape:
        return COPY_WORDS
    if naming.match(naming.TABLE, last) and len(tensor.shape) >= 2:
        return "by its name a lookup table, such as an embedding"
    if tensor.problem is not None:
        return tensor.problem
    count = len(tensor.shape)
    words = COUNTED[count] if count < len(COUNTED) else f"{count}-dimensional"
    return f"{words}, and not named weight"


def _bias(tensor: StoredTensor, siblings: naming.Siblings) -> str:
    """Return whose bias it is: never that of a linear layer that was found."""
    if len(tensor.shape) == 4 and tensor.shape[:2] == (1, 1):
        return "an attention mask, not the bias of a layer"
    prefix = tensor.name.removesuffix("bias")
    by_name = siblings.by_name
    for beside, reason in BIASES_BESIDE:
        if f"{prefix}{beside}" in by_name:
            return reason
    weight = by_name.get(f"{prefix}weight") or by_name.get(f"{prefix}kernel")
    if weight is None:
        scale = by_name.get(f"{prefix}scale")
        if scale is not None and scale.shape == tensor.shape:
            return "part of a normalization layer"
        return "a bias without a two-dimensional weight"
    if naming.is_whole(weight.dtype):
        return "the bias of a quantized layer"
    if f"{prefix}running_mean" in by_name:
        return "part of a batch normalization"
    if len(weight.shape) > 3:
        return "a convolution's bias"
    return f"the bias of a {BIASED[len(weight.shape)]}"


BIASED = (
    "one-dimensional weight, e.g. of a normalization layer",
    "one-dimensional weight, e.g. of a normalization layer",
    "two-dimensional weight that is not a layer either",
    "three-dimensional weight, e.g. of a Conv1d",
)
"""The weights beside biases that are no layers, by their dimensions."""
OF_OTHERS = "the bias of a layer with a reparametrized weight"
BIASES_BESIDE = (
    ("qweight", "the bias of a quantized layer"),
    ("weight_packed", "the bias of a quantized layer"),
    ("in_proj_weight", "part of an attention layer"),
    ("weight_g", OF_OTHERS),
    ("weight_orig", OF_OTHERS),
    ("parametrizations.weight.original0", OF_OTHERS),
    ("parametrizations.weight.original", OF_OTHERS),
)
"""What stands beside a bias, and whose it then is."""


def _reparametrised(tensor: StoredTensor, siblings: naming.Siblings) -> str | None:
    """Name what torch.nn.utils keeps instead of a weight; where it is linear, of which layer."""
    prefix, last = naming.split(tensor.name)
    by_name = siblings.by_name
    match last:
        # W = g·v/|v|, row by row (Salimans and Kingma 2016); v has W's shape
        case "weight_g" | "weight_v" if f"{prefix}weight_g" in by_name:
            return HALF + _of(by_name.get(f"{prefix}weight_v"))
        case "original0" | "original1" if "parametrizations." in prefix:
            return HALF + _of(by_name.get(f"{prefix}original1"))
        case "weight_g" | "weight_v" | "weight_u" if f"{prefix}weight_orig" in by_name:
            return "a singular vector of a weight under spectral norm"
        case "weight_orig" if f"{prefix}weight_mask" in by_name:
            return "a weight before its pruning mask" + _of(tensor)
        case "weight_orig":
            return "a weight before spectral norm" + _of(tensor)
        case "weight_mask" | "bias_mask" | "bias_orig":
            return "part of a pruned layer"
        case "_u" | "_v" if "parametrizations." in prefix:
            return "a singular vector of a weight under spectral norm"
        case "original" if "parametrizations." in prefix:
            spectral = f"{prefix}0._u" in by_name
            kind = "spectral norm" if spectral else "its parametrization"
            return f"a weight before {kind}" + _of(tensor)
        case "weight_g" | "weight_v":
            return HALF
    return "part of a parametrization" if "parametrizations." in prefix else None


HALF = "half of a normalized weight (weight norm)"


def _of(weight: StoredTensor | None) -> str:
    """Name the layer that a weight of this shape would belong to; "" for other shapes."""
    if weight is None or len(weight.shape) != 2:
        return ""
    outputs, inputs = weight.shape
    return f" of a linear layer {inputs} → {outputs}"


def remarks(
    path: str, weight: StoredTensor, bias: StoredTensor | None, siblings: naming.Siblings
) -> Iterator[str]:
    """Yield the remarks on the layer `path`, a sentence each without its full stop."""
    yield from remarks_on_numbers(weight, bias, siblings)
    if "lora" in path:
        yield from _low_rank(path, weight, siblings)
    if bias is None and naming.may_be_table(path):
        yield "2-D without a bias: maybe an embedding"


def remarks_on_numbers(
    weight: StoredTensor, bias: StoredTensor | None, siblings: naming.Siblings
) -> Iterator[str]:
    """Yield what is to be known of the numbers of a weight, or of a stack of weights."""
    yield from (tensor.note for tensor in (weight, bias) if tensor is not None and tensor.note)
    is_float8 = weight.dtype.startswith("float8")
    if bias is not None and bias.dtype != weight.dtype and not is_float8:
        yield f"the bias is {bias.dtype}, the weight {weight.dtype}"
    scale = naming.scale_of(weight, siblings.by_name)
    if scale is not None:
        name = naming.last_part(scale.name)
        yield f"its numbers must be multiplied by its {name}, of shape {scale.shape}"
    if naming.match(COPY, weight.name):
        yield f"by its name {COPY_WORDS}"
    tied, count = siblings.tied(weight, MOST_NAMED)
    if tied:
        more = f" and {count - MOST_NAMED} more" if count > MOST_NAMED else ""
        yield f"shares its numbers with {', '.join(map(repr, tied))}{more}"


def _low_rank(path: str, weight: StoredTensor, siblings: naming.Siblings) -> Iterator[str]:
    """LoRA, Hu et al. 2021: W + (alpha / rank)·B·A with A (rank, in) and B (out, rank)."""
    found = naming.match(LORA, path)
    if found is None:
        return
    factor, base = found["factor"], found["base"]
    start, end = found.span("factor")
    others = {**LORA_OTHERS, **{second: first for first, second in LORA_OTHERS.items()}}
    other = siblings.by_name.get(weight.name[:start] + others[factor] + weight.name[end:])
    is_first = factor in LORA_OTHERS  # (rank, in)
    rank = weight.shape[0 if is_first else 1]
    words = f"by its name factor {'A' if is_first else 'B'} of a low-rank update (LoRA)"
    if base:
        words += f" of {naming.last_part(base)!r}"
    if other is not None and len(other.shape) == 2:
        first, second = (weight, other) if is_first else (other, weight)
        words += f", {first.shape[1]} → {second.shape[0]}"
    yield f"{words}, rank {rank}: not a layer on its own"
