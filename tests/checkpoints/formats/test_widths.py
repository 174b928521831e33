from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from fcinspect.checkpoints.places import WIDEST_OF_NOTHING, claim
from tests.checkpoints.sharded import arrays, opened, pickled
from tests.conftest import Run

EMPTY = [(0, 4), (4, 0), (0, 0), (0, 300_000)]


@pytest.mark.parametrize("ending", ["safetensors", "pt", "npz", "npy", "json"])
@pytest.mark.parametrize("shape", EMPTY)
@pytest.mark.parametrize("command", ["show", "scan"])
def test_layers_without_numbers_are_served(
    command: str, shape: tuple[int, int], ending: str, tmp_path: Path, run: Run
) -> None:
    """A width of 0 is no damage as long as the other is one that a layer may have."""
    weight = np.zeros(shape, np.float32)
    path = tmp_path / f"m.{ending}"
    match ending:
        case "safetensors":
            path.write_bytes(save({"weight": weight}))
        case "pt":
            path.write_bytes(pickled({"weight": weight}))
        case "npz":
            path.write_bytes(arrays({"weight": weight}))
        case "npy":
            np.save(path, weight)
        case "json":
            document = {"shape": shape, "dtype": "float32", "values": weight.tolist()}
            path.write_text(json.dumps({"weight": document}))
    (layer,) = opened(path).layers
    assert (layer.out_features, layer.in_features) == shape
    assert run(command, path, "--json").status == 0


def test_an_older_file_claims_no_more_than_others(tmp_path: Path, run: Run) -> None:
    """It is held to the same widths."""
    path = tmp_path / "m.pth"
    weight = torch.empty(2**40, 0)
    torch.save({"weight": weight}, path, _use_new_zipfile_serialization=False)
    result = run("show", path)
    assert (result.status, result.out, result.err.count("\n")) == (3, "", 1)
    assert "claims 1099511627776 empty rows or columns" in result.err


def test_a_claim_is_one_of_nothing_that_is_too_wide() -> None:
    """Arrays with numbers claim nothing: their bytes are counted."""
    assert claim((0, WIDEST_OF_NOTHING)) is None
    assert claim((2**62, 2**62)) is None
    assert claim(()) is None
    assert claim((WIDEST_OF_NOTHING + 1, 0)) is not None
    assert "10^30" in str(claim((0, 2**62, 2**62)))
