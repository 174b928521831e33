"""What holds for any state dict, however odd its names and shapes are."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcinspect.checkpoints.pairing.naming import is_whole
from fcinspect.checkpoints.pairing.pair import pair
from fcinspect.checkpoints.places import FilePlace
from fcinspect.checkpoints.records import Layout, StoredTensor, unreadable
from fcinspect.checkpoints.storage import Stamp
from fcinspect.errors import InputError

PARTS = (
    "weight", "bias", "kernel", "scale", "experts", "moe", "w1", "gate_up_proj", "down_proj",
    "gate_up_proj_bias", "gate_up_proj_blocks", "gate_up_proj_scales", "w1_bias", "w1_scale",
    "qweight", "qzeros", "scales", "g_idx", "SCB", "absmax", "quant_map", "weight_scale",
    "weight_packed", "weight_shape", "lora_A", "lora_B", "lora", "down", "up", "to_q_lora",
    "parametrizations", "original", "original0", "original1", "0", "_u", "weight_g", "weight_v",
    "weight_orig", "weight_mask", "running_mean", "optimizer", "state", "exp_avg", "ema", "shared",
    "wte", "embed_tokens", "relative_attention_bias", "norm", "c_proj", "c_attn", "c_fc", "fc",
    "in_proj_weight", "weight_ih_l0", "position_ids", "pos_embed", "_packed_params", "", "\x1b[2J",
)  # fmt: skip
NAMES = st.builds(
    lambda parts, separator: separator.join(parts),
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=4),
    st.sampled_from("../"),
)
SHAPES = st.lists(st.sampled_from((0, 1, 2, 3, 4, 6, 8, 16, 32, 1 << 62)), max_size=4).map(tuple)
DTYPES = st.sampled_from(("float32", "bfloat16", "float8_e4m3fn", "U8", "I32", "int8", "F4", "C64"))


@st.composite
def state_dicts(draw: st.DrawFn) -> list[StoredTensor]:
    """Return tensors without numbers, as a header may describe them."""
    found = []
    for name in draw(st.lists(NAMES, unique=True, max_size=12)):
        dtype, shape = draw(DTYPES), draw(SHAPES)
        known = dtype.islower() and dtype != "int8"
        place = FilePlace("x", Stamp(0), dtype, draw(st.integers(0, 3)), shape) if known else None
        tensor = unreadable(name, dtype, shape, f"holds {dtype}", place)
        found.append(replace(tensor, problem=None) if "float8" not in dtype and known else tensor)
    return found


@given(state_dicts(), st.sampled_from(("out,in", "in,out")))
def test_every_tensor_is_told_once_and_layers_are_matrices(
    tensors: list[StoredTensor], layout: Layout
) -> None:
    """Nothing is lost, nothing is told twice, and no integer is ever a weight."""
    try:
        found = pair(tensors, "x", layout)
    except InputError as refused:
        if "two layers named" not in refused.message:
            raise
        return
    told = [skip.name for skip in found.skipped]
    stacks = set()
    for layer in found.layers:
        weight, bias = layer.weight, layer.bias
        assert len(weight.shape) == 2
        assert not is_whole(weight.dtype)
        assert bias is None or (bias.shape == (layer.out_features,) and not is_whole(bias.dtype))
        stack = weight.name.endswith("]")
        for part in (weight, bias):
            if part is not None and stack:
                stacks.add(part.name.rpartition("[")[0])
            elif part is not None:
                told.append(part.name)
    assert sorted([*told, *stacks]) == sorted(tensor.name for tensor in tensors)
    assert all(skip.reason and "\n" not in skip.reason for skip in found.skipped)


@pytest.mark.parametrize(
    "part", ["_", "a_", "emb_", "lora_A.", "ema.", "experts.", "state.", "norm_", "to_", "1", "/"]
)
@pytest.mark.parametrize("end", [".weight", ".bias", "!", ""])
@pytest.mark.parametrize("shape", [(4, 4), (3, 4, 4), (4,)])
@pytest.mark.sampled(4)
def test_absurdly_long_names_take_no_time(part: str, end: str, shape: tuple[int, ...]) -> None:
    """A name of a megabyte is read in a moment."""
    name = part * (1_000_000 // len(part)) + end
    tensor = replace(unreadable(name, "float32", shape, "none"), problem=None)
    start = time.process_time()
    pair([tensor], "x")
    assert time.process_time() - start < 1
