from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn

from fcinspect.checkpoints.records import (
    unreadable,
)
from tests.checkpoints.pairing.tensors import paired, tensor


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"fc.qweight": (48, 64), "fc.scales": (4, 64), "fc.g_idx": (512,)}, "512 → 64 in 3 bits"),
        ({"fc.qweight": (16, 64), "fc.scales": (2, 64), "fc.qzeros": (2, 8)}, "128 → 64 in 4 bits"),
        ({"fc.qweight": (16, 64), "fc.scales": (2, 64)}, "packed integers of a quantized layer"),
        ({"fc.qweight": (128, 16), "fc.scales": (1, 64)}, "(AWQ), a linear layer 128 → 64 in 8"),
        ({"fc.qweight": (0, 0), "fc.scales": (0, 0), "fc.g_idx": (0,)}, "packed integers"),
        ({"fc.weight_packed": (64, 16), "fc.weight_shape": (2,)}, "128 inputs if in 4 bits, 64 if"),
        ({"fc.weight": (64, 128), "fc.weight_scale": (64, 1)}, "128 → 64 in 8 bits"),
        ({"fc.weight": (64, 128)}, "holds I32"),
        ({"fc._packed_params._packed_params.0": (4, 3)}, "(torch.ao), a linear layer 3 → 4 in 8"),
    ],
)
def test_packed_weights_say_what_they_pack(parts: dict[str, tuple[int, ...]], words: str) -> None:
    """The widths are those of the layer, never those of the integers."""
    stored = [unreadable(name, "I32", shape, "holds I32") for name, shape in parts.items()]
    found = paired(*stored)
    assert found.layers == ()
    assert words in found.skipped[0].reason


def test_packed_weights_that_read_as_numbers_are_no_layer() -> None:
    """int8 of an .npz is read as float32 elsewhere, but not beside its scales."""
    assert paired(tensor("fc.weight", 4, 3)).layers
    assert paired(tensor("fc.weight", 4, 3), tensor("fc.SCB", 4)).layers == ()


def test_a_quantised_module_of_torch_is_told_by_its_widths() -> None:
    """Its packed parameters are those of torch.ao's own module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.ao is to move to another package
        plain = nn.Sequential(nn.Linear(5, 3))
        module = torch.ao.quantization.quantize_dynamic(plain)  # type: ignore[no-untyped-call]
    tensors = []
    for key, value in module.state_dict().items():
        parts = dict(enumerate(value)) if isinstance(value, tuple) else {None: value}
        tensors += [
            unreadable(
                key if number is None else f"{key}.{number}",
                str(part.dtype).removeprefix("torch."), tuple(part.shape), "is quantised",
            )
            for number, part in parts.items() if isinstance(part, torch.Tensor)
        ]  # fmt: skip
    found = paired(*tensors)
    assert found.layers == ()
    assert len(found.skipped) == 4
    assert all("of a quantized layer" in skip.reason for skip in found.skipped)
    assert [skip.reason for skip in found.skipped if "5 → 3 in 8 bits" in skip.reason]
