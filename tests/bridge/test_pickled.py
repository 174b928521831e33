from __future__ import annotations

import collections
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fcinspect.bridge.pickled import open_pickled
from fcinspect.errors import InputError


class Net(nn.Module):
    """A module that can only be loaded by running its pickle."""


def saved(content: Any, path: Path, **options: Any) -> str:
    """Save with torch.save and return the path."""
    torch.save(content, path, **options)
    return str(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_state_dicts_of_both_formats_are_read(zipped: bool, tmp_path: Path) -> None:
    """Zip files and the older bare pickles hold the same layers."""
    module = nn.Sequential(collections.OrderedDict(fc1=nn.Linear(3, 4), fc2=nn.Linear(4, 2)))
    path = saved(module.state_dict(), tmp_path / "m.pt", _use_new_zipfile_serialization=zipped)
    found = open_pickled(path)
    assert [layer.name for layer in found.layers] == ["fc1", "fc2"]
    np.testing.assert_array_equal(
        found.layers[1].read([1]).weight.values,
        module.fc2.weight[[1]].detach().numpy(),  # type: ignore[union-attr, index]  # a Linear
    )


def test_wrapped_state_dicts_lose_their_wrapper(tmp_path: Path) -> None:
    """A training checkpoint's layers have their module paths, its optimizer has none."""
    state = nn.Linear(3, 2).state_dict()
    moments = {"state": {0: {"exp_avg": torch.ones(2, 3)}}, "param_groups": [{"lr": 0.1}]}
    content = {"state_dict": {f"fc.{k}": v for k, v in state.items()}, "optimizer": moments, "n": 3}
    found = open_pickled(saved(content, tmp_path / "m.pt"))
    assert [layer.name for layer in found.layers] == ["fc"]
    (skip,) = found.skipped
    assert (skip.name, skip.reason) == ("optimizer.state.0.exp_avg", "an optimizer's memory")


def test_two_models_in_one_file_keep_their_names(tmp_path: Path) -> None:
    """Wrappers stay where leaving them out would make names collide."""
    state = nn.Linear(3, 2).state_dict()
    found = open_pickled(saved({"model": state, "net": state}, tmp_path / "m.pt"))
    assert [layer.name for layer in found.layers] == ["model", "net"]


def test_a_broadcast_bomb_is_refused(tmp_path: Path) -> None:
    """A file of a kilobyte cannot claim a terabyte by stride 0."""
    bomb = torch.ones(1).expand(10**6, 10**6)
    path = saved({"fc.weight": bomb}, tmp_path / "m.pt")
    assert Path(path).stat().st_size < 5000
    with pytest.raises(InputError, match="claims 1000000000000 numbers, its storage holds 1"):
        open_pickled(path)


def test_other_tensors_are_skipped_with_their_reason(tmp_path: Path) -> None:
    """Sparse tensors and whole numbers are no weights."""
    content = {
        "a.weight": torch.eye(2).to_sparse(),
        "b.weight": torch.ones(2, 2, dtype=torch.int8),
    }
    found = open_pickled(saved(content, tmp_path / "m.pt"))
    assert "sparse" in found.skipped[0].reason
    assert "int8" in found.skipped[1].reason


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["module", "script", "system", "truncated", "text", "no tensors"])
def test_everything_else_is_refused_in_one_line(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in a file is run, and the refusal says what to do instead."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "m.pt"
    match kind:
        case "module":
            torch.save(Net(), path)
        case "script":
            torch.jit.save(torch.jit.script(nn.Linear(2, 3)), path)
        case "system":
            path.write_bytes(b"\x80\x02cos\nsystem\nX\x0c\x00\x00\x00touch hackedq\x00\x85R.")
        case "truncated":
            torch.save({"weight": torch.ones(20, 30)}, path)
            path.write_bytes(path.read_bytes()[:500])
        case "text":
            path.write_text("hello world")
        case "no tensors":
            torch.save({"epoch": 3}, path)
    with pytest.raises(InputError) as caught:
        open_pickled(str(path))
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400
    if kind in ("module", "script", "system", "no tensors"):
        assert "state_dict()" in str(caught.value.hint)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["m.pt"]
