from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from fcinspect.bridge.linear import create_layer, pickled_bytes
from fcinspect.checkpoints.saving import state_bytes, state_dict
from fcinspect.cli.sources import choose_layer, open_checkpoint
from fcinspect.errors import UsageError
from fcinspect.layers.linear import LinearRequest

FORMATS = ["float64", "float32", "bfloat16", "float16"]


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("widths", [(4, 3), (0, 3), (3, 0), (1, 1)])
def test_torch_reads_what_is_written_and_so_do_we(
    dtype: str, widths: tuple[int, int], tmp_path: Path
) -> None:
    """Saved layers equal torch's in every dtype and at width 0."""
    layer = create_layer(LinearRequest(*widths, dtype=dtype))
    for ending in (".safetensors", ".pt"):
        state = state_dict(layer)
        content = pickled_bytes(state) if ending == ".pt" else state_bytes(state, ending)
        loaded = (
            torch.load(io.BytesIO(content), weights_only=True)
            if ending == ".pt"
            else safetensors.torch.load(content)
        )
        torch.manual_seed(0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("warnings.warn", lambda *_, **__: None)
            module = torch.nn.Linear(*widths, dtype=getattr(torch, dtype))
        for key, expected in module.state_dict().items():
            assert loaded[key].dtype == expected.dtype
            assert torch.equal(loaded[key], expected)
        path = tmp_path / f"m{ending}"
        path.write_bytes(content)
        again = choose_layer(open_checkpoint(str(path)), None).read()
        assert again.dtype == dtype
        np.testing.assert_array_equal(again.weight.values, layer.weight.values)


def test_npz_holds_all_but_bfloat16() -> None:
    """numpy has no bfloat16: the refusal names the files that do."""
    layer = create_layer(LinearRequest(3, 2, dtype="float16"))
    with np.load(io.BytesIO(state_bytes(state_dict(layer), ".npz"))) as file:
        np.testing.assert_array_equal(file["weight"], layer.weight.values)
        assert file["bias"].dtype == np.float16
    with pytest.raises(UsageError, match=r"\.safetensors"):
        state_bytes(state_dict(create_layer(LinearRequest(3, 2, dtype="bfloat16"))), ".npz")
