"""Weights that are packed into integers: of what linear layer they are, where siblings tell.

The layouts are those of the files that AutoGPTQ, AutoAWQ, bitsandbytes, compressed-tensors and
OpenAI's gpt-oss (MXFP4) write; packed integers are never weights.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from fcinspect.checkpoints.pairing.naming import is_whole, match, split
from fcinspect.checkpoints.records import StoredTensor

SURE = re.compile(
    r"qweight|qzeros|g_idx|SCB|weight_format|(nested_)?(absmax|quant_map)|scales|weight_scales"
    r"|weight_(scale|scale_inv|scale_2|global_scale|zero_point|packed|shape|g_idx)|W_q"
    r"|scale_(weight|input)|q_(weight|scale|scale_max|groups|invperm|perm)|bitsandbytes__\w+"
    r"|_packed_params"
)
"""The last part of names that only quantisers give."""
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


def packed_weight(tensor: StoredTensor, by_name: Mapping[str, StoredTensor]) -> str | None:
    """Return what layer a tensor named weight holds in packed form, None if it is not packed."""
    prefix = split(tensor.name)[0]
    if f"{tensor.name}.absmax" in by_name:
        return _bitsandbytes(tensor, by_name)
    if f"{prefix}SCB" in by_name:
        return f"int8 numbers of bitsandbytes, {_layer(tensor.shape[::-1], 8)}"
    if not is_whole(tensor.dtype):
        return None
    scale = by_name.get(f"{prefix}weight_scale")
    if scale is None or len(tensor.shape) != 2:
        return None
    rows, columns = tensor.shape
    if tensor.dtype in ("U8", "uint8") and len(scale.shape) == 2 and scale.shape[0] == rows:
        return f"two 4-bit numbers a byte, {_layer((2 * columns, rows), 4)}"
    return f"quantised numbers, {_layer((columns, rows), 8)}"


def part_of_quantised(tensor: StoredTensor, by_name: Mapping[str, StoredTensor]) -> str | None:
    """Return what a tensor of another name is to a quantised layer, None if nothing."""
    prefix, last = split(tensor.name)
    match last:
        case "qweight":
            return _gptq_or_awq(tensor, prefix, by_name)
        case "weight_packed":
            return _compressed(tensor, prefix, by_name)
        case "B" if f"{prefix}s" in by_name and is_whole(tensor.dtype):
            return "packed integers of a quantised layer (Marlin)"
    if last in ("scale", "zero_point") and f"{prefix}{TORCH_PACKED}0" in by_name:
        return "of a quantised layer"
    if prefix.endswith(TORCH_PACKED):
        layer = f", {_layer(tensor.shape[::-1], 8)}" if last == "0" else ""
        return f"of a quantised layer (torch.ao){layer}"
    if last.endswith("_blocks") and f"{tensor.name[:-6]}scales" in by_name:
        return _mxfp4(tensor)
    owner = OWNERS.get(last)
    if owner is not None and prefix + owner in by_name:
        return f"of a quantised layer, restores the numbers of its {owner}"
    for ending in ("_scales", "_scale_inv", "_scale"):
        stem = tensor.name.removesuffix(ending)
        owners = [f"{stem}_blocks", stem] if stem != tensor.name else []
        for name in owners:
            if name in by_name and (name != stem or _is_small(by_name[name])):
                return f"of quantised layers, restores the numbers of their {split(name)[1]}"
    if tensor.name.endswith("_bias") and f"{tensor.name[:-5]}_blocks" in by_name:
        return "the biases of quantised layers"
    if match(SURE, last) or "._packed_params" in tensor.name:
        return "of a quantised layer"
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


def _is_small(tensor: StoredTensor) -> bool:
    """Whether a tensor's numbers have 8 bits or are packed."""
    return is_whole(tensor.dtype) or tensor.dtype.startswith(("float8", "F8", "F4"))


def _layer(widths: tuple[int, ...], bits: int) -> str:
    """Say what layer the numbers make, (in, out) -> "a linear layer 3 → 2 in 4 bits"."""
    if len(widths) != 2:
        return f"in {bits} bits each"
    return f"a linear layer {widths[0]} → {widths[1]} in {bits} bits"


def _gptq_or_awq(
    packed: StoredTensor, prefix: str, by_name: Mapping[str, StoredTensor]
) -> str | None:
    """GPTQ packs the inputs of an output into int32, AWQ the outputs of an input."""
    scales, zeros = by_name.get(f"{prefix}scales"), by_name.get(f"{prefix}qzeros")
    unknown = "packed integers of a quantised layer"
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
    shape = f"{prefix}weight_shape"
    where = " (see its weight_shape)" if shape in by_name else ""
    return (
        f"{words}, a linear layer to {outputs} outputs, from {8 * columns} inputs if in 4 bits,"
        f" {4 * columns} if in 8{where}"
    )


def _mxfp4(blocks: StoredTensor) -> str:
    """Experts × outputs × groups × 16 bytes."""
    if len(blocks.shape) < 3 or blocks.shape[-1] != MXFP4_GROUP // 2:
        return "packed blocks of quantised layers"
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
        layer = f"{numbers} of a linear layer, whose shape stands in its quant_state"
    return f"packed 4-bit numbers of bitsandbytes, {layer}"
