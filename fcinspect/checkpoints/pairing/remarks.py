"""What a reader should know of how a linear layer was understood."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fcinspect.checkpoints.pairing.embeddings import may_be_table
from fcinspect.checkpoints.pairing.naming import last_part, match
from fcinspect.checkpoints.pairing.quantised import scale_of
from fcinspect.checkpoints.pairing.siblings import Siblings
from fcinspect.checkpoints.records import StoredTensor

MOST_NAMED = 3
"""Names of tied tensors in one remark."""
LORA = re.compile(
    r"(?s)(?P<base>.*?)[._]?(?P<factor>lora_[ABab]|lora_(?:down|up)|lora[._](?:down|up))"
    r"(?P<adapter>(?:[./].*)?)"
)
LORA_OTHERS = {
    "lora_A": "lora_B", "lora_B": "lora_A", "lora_a": "lora_b", "lora_b": "lora_a",
    "lora_down": "lora_up", "lora_up": "lora_down", "lora.down": "lora.up", "lora.up": "lora.down",
}  # fmt: skip
"""The other factor of a low-rank update, W + B·A."""
FIRST = ("lora_A", "lora_a", "lora_down", "lora.down")
"""The factors that the input meets first, (rank, in)."""
COPY = re.compile(
    r"(?i)(.*[./])?(ema|ema_model|model_ema|module_ema|state_dict_ema|ema_state_dict|ema_params"
    r"|ema_weights|params_ema|shadow|shadow_params|averaged_model|swa_model)[./].*"
)
"""Names under which training scripts keep a moving average of the weights."""
COPY_WORDS = "a moving average of weights (EMA): a copy beside the trained ones"


def is_copy(name: str) -> bool:
    """Whether a name says that the tensor is a moving average of another one."""
    return match(COPY, name) is not None


def remarks(
    path: str, weight: StoredTensor, bias: StoredTensor | None, siblings: Siblings
) -> Iterator[str]:
    """Yield the remarks on the layer `path`, a sentence each without its full stop."""
    yield from remarks_on_numbers(weight, bias, siblings)
    if "lora" in path:
        yield from _low_rank(path, weight, siblings)
    if bias is None and may_be_table(path):
        yield "2-D without a bias: maybe an embedding"


def remarks_on_numbers(
    weight: StoredTensor, bias: StoredTensor | None, siblings: Siblings
) -> Iterator[str]:
    """Yield what is to be known of the numbers of a weight, or of a stack of weights."""
    if weight.note is not None:
        yield weight.note
    if bias is not None:
        if bias.note is not None:
            yield bias.note
        if bias.dtype != weight.dtype and not weight.dtype.startswith("float8"):
            yield f"the bias is {bias.dtype} beside a weight of {weight.dtype}"
    scale = scale_of(weight, siblings.by_name)
    if scale is not None:
        yield (
            f"its numbers are to be multiplied by the {last_part(scale.name)} beside them, of shape"
            f" {scale.shape}"
        )
    if is_copy(weight.name):
        yield f"by its name {COPY_WORDS}"
    tied, count = siblings.tied(weight, MOST_NAMED)
    if tied:
        more = f" and {count - MOST_NAMED} more" if count > MOST_NAMED else ""
        yield f"shares its numbers with {', '.join(map(repr, tied))}{more}"


def _low_rank(path: str, weight: StoredTensor, siblings: Siblings) -> Iterator[str]:
    """LoRA, Hu et al. 2021: W + (alpha / rank)·B·A with A (rank, in) and B (out, rank)."""
    found = match(LORA, path)
    if found is None:
        return
    factor, base = found["factor"], found["base"]
    start, end = found.span("factor")
    other = siblings.by_name.get(weight.name[:start] + LORA_OTHERS[factor] + weight.name[end:])
    is_first = factor in FIRST
    rank = weight.shape[0 if is_first else 1]
    words = f"by its name factor {'A' if is_first else 'B'} of a low-rank update (LoRA)"
    if base:
        words += f" of {last_part(base)!r}"
    if other is not None and len(other.shape) == 2:
        first, second = (weight, other) if is_first else (other, weight)
        words += f", {first.shape[1]} → {second.shape[0]}"
    yield f"{words}, rank {rank}: not a layer on its own"
