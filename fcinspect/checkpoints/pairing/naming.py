"""What the name of a tensor says about it, and what tensors of one state dict say about each other.

A table that rows are looked up in (nn.Embedding, entries × width) and a linear layer without bias
(out × in) look the same: only names tell them apart. A bias does, too: nn.Embedding never has any.
Weights that are packed into integers show by their siblings of what linear layer they are. The
layouts are those of the files that AutoGPTQ, AutoAWQ, bitsandbytes, compressed-tensors and OpenAI's
gpt-oss (MXFP4) write; packed integers are never weights.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from fcinspect.checkpoints.records import StoredTensor

WEIGHT = re.compile(r"(?s)(?:(?P<path>.*)(?P<separator>[./]))?(?P<leaf>weight|kernel)")
SHORT_WEIGHTS = ("W", "w")
"""What formulas call a weight; its bias is b."""
BIAS = re.compile(r"(?s)(?:.*[./])?bias")
WHOLE = re.compile(r"(?i)u?int\d*|[ui]\d+|q?u?int\d+|quint\dx\d|bool")
"""Integer formats, in torch's words and in those of safetensors."""
LONGEST_JUDGED = 256
"""Letters; nobody gives longer names, and a pattern may take the square of a name's length."""
_WORDS = (
    r"word|token|tok|char|character|byte|vocab|pos|position|positional|type|segment|seg|speaker|spk"
    r"|label|class|cls|user|item|lang|language|entity|relation|level|category|query|row|col|column"
    r"|task|src|tgt|absolute|relative|rel|modality"
)
"""What entries of a table stand for: things that are counted, not measured."""
TABLE = re.compile(
    rf"(?i)embs?|embeds?|embeddings?|wte|wpe|(.*_)?({_WORDS})_?(emb|embd|embed|embedding)s?"
    r"|embed_?(tokens?|positions?|pos|in|words?)|embedding_?table|lookup(_?table)?"
    r"|(.*_)?(codebooks?|relative_attention_bias|relative_position_bias_table)"
)
"""Names that are given to tables alone."""
GENERIC = re.compile(r"(?i)emb(ed(ding)?)?s?")
"""Names of tables that do not say what is looked up."""
HINT = re.compile(
    r"(?i)(.*_)?(emb\w*|\w+(emb|embed|embeds|embedding|embeddings)|vocab\w*|tokens?|pos|positions?"
    r"|lookup|codes|dictionary)(_.*|\d*)"
)
"""Names that are given to tables and to linear layers."""
LAYER = re.compile(
    r"(?i).*(proj|linear|fc\d*|dense|head|mlp|unembed|embed_out|to_\w+|_out|_in|ff\d*)(_.*|\d*)"
)
"""Names that are given to linear layers, whatever else is in them."""
SHARED = re.compile(r"(?i)shared")
"""T5 and BART name so the table that encoder and decoder share."""
COMPANION = re.compile(r"(?i)embed_(tokens|positions)|relative_attention_bias")
"""Tables that stand beside a table named shared."""

SURE = re.compile(
    r"qweight|qzeros|g_idx|SCB|weight_format|(nested_)?(absmax|quant_map)|scales|weight_scales"
    r"|weight_(scale|scale_inv|scale_2|global_scale|zero_point|packed|shape|g_idx)|W_q"
    r"|scale_(weight|input)|q_(weight|scale|scale_max|groups|invperm|perm)|bitsandbytes__\w+"
    r"|_packed_params"
)
"""The last part of names that only quantizers give."""
OWNERS = {
    "qzeros": "qweight", "scales": "qweight", "g_idx": "qweight", "SCB": "weight",
    "weight_format": "weight", "weight_shape": "weight_packed", "weight_g_idx": "weight_packed",
    "weight_zero_point": "weight_packed", "weight_scale": "weight", "weight_scale_inv": "weight",
    "weight_scale_2": "weight", "weight_global_scale": "weight_packed", "scale_weight": "weight",
    "input_scale": "weight", "weight_scales": "weight", "output_scale": "weight",
    "input_global_scale": "weight_packed", "input_zero_point": "weight",
}  # fmt: skip
"""Whose numbers a tensor helps to restore, by the last part of its name."""
PACKED = ("qweight", "weight_packed", "W_q", "q_weight")
"""The last part of names that packed weights have, and nothing else."""
TORCH_PACKED = "_packed_params._packed_params."
"""torch.ao's quantised Linear keeps its weight (.0) and bias (.1) under this name."""
MXFP4_GROUP = 32
"""Numbers that share a scale: 16 bytes of two each (OCP Microscaling Formats, 2023)."""
SCALES = ("weight_scale", "weight_scale_inv", "scale_weight")
"""What a float8 weight is multiplied by; the "inv" of DeepSeek's name does not mean a division."""


def match(pattern: re.Pattern[str], words: str) -> re.Match[str] | None:
    """Return how a whole name fits a pattern, None where it does not or is absurdly long."""
    return pattern.fullmatch(words) if len(words) <= LONGEST_JUDGED else None


def module_path(key: str) -> str:
    """Return the layer that a state-dict key belongs to: "fc1" for "fc1.weight"."""
    found = WEIGHT.fullmatch(key)
    return key if found is None else found["path"] or ""


def spelled_out(keys: Collection[str]) -> dict[str, str]:
    """Return "fc1.weight" for "fc1.W" or "fc1.w", and "fc1.bias" for the "fc1.b" beside it.

    A key whose long name stands there as well keeps its own, and so does a "b" without a weight.
    """
    found = {}
    for key in keys:
        path, last = split(key)
        if last in SHORT_WEIGHTS and f"{path}weight" not in keys:
            found[key] = f"{path}weight"
    for path in [split(key)[0] for key in found]:
        if f"{path}b" in keys and f"{path}bias" not in keys:
            found[f"{path}b"] = f"{path}bias"
    return found


def split(name: str) -> tuple[str, str]:
    """Return all but the last part of a name, its separator included, and the last part."""
    last = last_part(name)
    return name[: len(name) - len(last)], last


def last_part(name: str) -> str:
    """Return what stands after the last dot or slash."""
    return name.rpartition(".")[2].rpartition("/")[2]


def is_whole(dtype: str) -> bool:
    """Whether a dtype holds integers."""
    return WHOLE.fullmatch(dtype) is not None


def fits(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern of a shell, or is that very text: experts[3]."""
    return name == pattern or fnmatchcase(name, pattern)


def is_table(path: str, *, shared: bool) -> bool:
    """Whether a weight without bias is an embedding by its name; `shared` as in `Siblings`."""
    last, numbered = _telling_part(path)
    if numbered and match(GENERIC, last):  # "embedding.0" may be the first layer of a sequence
        return False
    return match(TABLE, last) is not None or (shared and match(SHARED, last) is not None)


def may_be_table(path: str) -> bool:
    """Whether the name of a weight without bias fits an embedding as well as a linear layer."""
    last, _ = _telling_part(path)
    return match(HINT, last) is not None and match(LAYER, last) is None


def _telling_part(path: str) -> tuple[str, bool]:
    """Return the last part of a path that is no number, and whether numbers follow it."""
    last = last_part(path)
    if not last.isdecimal():
        return last, False
    return last_part(path[: -len(last) - 1]), True


@dataclass(frozen=True, eq=False)
class Siblings:
    """The tensors of one state dict."""

    by_name: dict[str, StoredTensor]
    """In the order of the file."""

    @cached_property
    def has_shared_tables(self) -> bool:
        """Whether encoder and decoder have tables, so that "shared" is one, too (T5, BART)."""
        names = (last_part(name.removesuffix(".weight")) for name in self.by_name)
        return any(match(COMPANION, name) for name in names)

    @cached_property
    def _at_place(self) -> dict[object, list[str]]:
        found: dict[object, list[str]] = {}
        for tensor in self.by_name.values():
            if tensor.place is not None and tensor.place.numbers is not None:
                found.setdefault(tensor.place.numbers, []).append(tensor.name)
        return found

    def tied(self, tensor: StoredTensor, most: int) -> tuple[list[str], int]:
        """Return some other names of the numbers at the same place, and how many there are."""
        if tensor.place is None:
            return [], 0
        names = self._at_place.get(tensor.place.numbers, [])
        some = [name for name in names[: most + 1] if name != tensor.name]
        return some[:most], max(0, len(names) - 1)


def packed_weight(tensor: StoredTensor, by_name: Mapping[str, StoredTensor]) -> str | None:
    """Return what layer a tensor named weight holds in packed form, None if it is not packed."""
    prefix = split(tensor.name)[0]
    if f"{tensor.name}.absmax" in by_name:
        return _bitsandbytes(tensor, by_name)
    if f"{prefix}SCB" in by_name:
        return f"bitsandbytes int8 codes, {_layer(tensor.shape[::-1], 8)}"
    if not is_whole(tensor.dtype):
        return None
    scale = by_name.get(f"{prefix}weight_scale")
    if scale is None or len(tensor.shape) != 2:
        return None
    rows, columns = tensor.shape
    if tensor.dtype in ("U8", "uint8") and len(scale.shape) == 2 and scale.shape[0] == rows:
        return f"two 4-bit codes per byte, {_layer((2 * columns, rows), 4)}"
    return f"quantized codes, {_layer((columns, rows), 8)}"


def part_of_quantised(tensor: StoredTensor, by_name: Mapping[str, StoredTensor]) -> str | None:
    """Return what a tensor of another name is to a quantised layer, None if nothing."""
    prefix, last = split(tensor.name)
    if last == "qweight":
        return _gptq_or_awq(tensor, prefix, by_name)
    if last == "weight_packed":
        return _compressed(tensor, prefix, by_name)
    if last == "B" and is_packed_layer(tensor, by_name):
        return "packed integers of a quantized layer (Marlin)"
    if last in ("scale", "zero_point") and f"{prefix}{TORCH_PACKED}0" in by_name:
        return "part of a quantized layer"
    if prefix.endswith(TORCH_PACKED):
        layer = f", {_layer(tensor.shape[::-1], 8)}" if last == "0" else ""
        return f"part of a quantized layer (torch.ao){layer}"
    if last.endswith("_blocks") and f"{tensor.name[:-6]}scales" in by_name:
        return _mxfp4(tensor)
    owner = OWNERS.get(last)
    if owner is not None and prefix + owner in by_name:
        return f"part of a quantized layer, used with its {owner}"
    stacked = _scaled_stack(tensor.name, by_name)
    if stacked is not None:
        return f"part of quantized layers, used to dequantize their {split(stacked)[1]}"
    if tensor.name.endswith("_bias") and f"{tensor.name[:-5]}_blocks" in by_name:
        return "the biases of quantized layers"
    if match(SURE, last) or "._packed_params" in tensor.name:
        return "part of a quantized layer"
    return None


def is_packed_layer(tensor: StoredTensor, by_name: Mapping[str, StoredTensor]) -> bool:
    """Whether a tensor of another name than weight is the packed weight of a layer, or of many."""
    prefix, last = split(tensor.name)
    if last in PACKED:
        return True
    if last == "B":
        return f"{prefix}s" in by_name and is_whole(tensor.dtype)
    if prefix.endswith(TORCH_PACKED):
        return last == "0"
    return last.endswith("_blocks") and f"{tensor.name[:-6]}scales" in by_name


def scale_of(weight: StoredTensor, by_name: Mapping[str, StoredTensor]) -> StoredTensor | None:
    """Return what a float8 weight is to be multiplied by, None where the file has nothing."""
    if not weight.dtype.startswith("float8"):
        return None
    prefix, last = split(weight.name)
    names = [prefix + name for name in SCALES] if last == "weight" else []
    names += [f"{weight.name}_scale", f"{weight.name}_scale_inv"]
    return next((by_name[name] for name in names if name in by_name), None)


def _scaled_stack(name: str, by_name: Mapping[str, StoredTensor]) -> str | None:
    """Return the stack of 8-bit or packed numbers that a tensor holds the scales of, if any."""
    stem = re.sub(r"(_scales|_scale_inv|_scale)\Z", "", name)
    if stem == name:
        return None
    if f"{stem}_blocks" in by_name:
        return f"{stem}_blocks"
    dtype = by_name[stem].dtype if stem in by_name else ""
    is_small = is_whole(dtype) or dtype.startswith(("float8", "F8", "F4"))
    return stem if is_small else None


def _layer(widths: tuple[int, ...], bits: int) -> str:
    """Say what layer the numbers make, (in, out) -> "a linear layer 3 → 2 in 4 bits"."""
    if len(widths) != 2:
        return f"in {bits} bits each"
    return f"a linear layer {widths[0]} → {widths[1]} in {bits} bits"


def _gptq_or_awq(packed: StoredTensor, prefix: str, by_name: Mapping[str, StoredTensor]) -> str:
    """GPTQ packs the inputs of an output into int32, AWQ the outputs of an input."""
    scales, zeros = by_name.get(f"{prefix}scales"), by_name.get(f"{prefix}qzeros")
    unknown = "packed integers of a quantized layer"
    if scales is None or len(scales.shape) != 2 or len(packed.shape) != 2:
        return unknown
    rows, columns = packed.shape
    outputs = scales.shape[1]
    if not rows or not columns or not outputs:
        return unknown
    if columns < outputs and 32 * columns % outputs == 0:
        bits = 32 * columns // outputs
        return f"packed integers (AWQ), {_layer((rows, outputs), bits)}"
    index = by_name.get(f"{prefix}g_idx")
    inputs = math.prod(index.shape) if index is not None else 0
    if not inputs and zeros is not None and len(zeros.shape) == 2 and zeros.shape[1]:
        inputs = rows * outputs // zeros.shape[1]  # both are packed the same way
    if columns != outputs or not inputs or 32 * rows % inputs:
        return unknown
    return f"packed integers (GPTQ), {_layer((inputs, outputs), 32 * rows // inputs)}"


def _compressed(packed: StoredTensor, prefix: str, by_name: Mapping[str, StoredTensor]) -> str:
    """compressed-tensors packs the inputs; how many bits each has stands in no shape but bytes'."""
    words = "packed integers (compressed-tensors)"
    if len(packed.shape) != 2:
        return words
    outputs, columns = packed.shape
    if packed.dtype in ("U8", "uint8"):
        return f"{words}, {_layer((2 * columns, outputs), 4)}"
    where = " (see its weight_shape)" if f"{prefix}weight_shape" in by_name else ""
    return (
        f"{words}, a linear layer to {outputs} outputs, from {8 * columns} inputs if in 4 bits,"
        f" {4 * columns} if in 8{where}"
    )


def _mxfp4(blocks: StoredTensor) -> str:
    """Experts × outputs × groups × 16 bytes."""
    if len(blocks.shape) < 3 or blocks.shape[-1] != MXFP4_GROUP // 2:
        return "packed blocks of quantized layers"
    *stack, outputs, groups, _ = blocks.shape
    layer = _layer((groups * MXFP4_GROUP, outputs), 4)
    each = f"{math.prod(stack)} experts, each {layer}" if stack else layer
    return f"packed 4-bit floats (MXFP4), {each}"


def _bitsandbytes(weight: StoredTensor, by_name: Mapping[str, StoredTensor]) -> str:
    """Two numbers a byte, (numbers / 2, 1); the shape stands in the state, outputs in the bias."""
    numbers = 2 * math.prod(weight.shape)
    bias = by_name.get(f"{split(weight.name)[0]}bias")
    if bias is not None and len(bias.shape) == 1 and bias.shape[0] and not numbers % bias.shape[0]:
        layer = _layer((numbers // bias.shape[0], bias.shape[0]), 4)
    else:
        layer = f"{numbers} of a linear layer, whose shape is in its quant_state"
    return f"packed bitsandbytes 4-bit codes, {layer}"
