from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fcinspect.errors import InputError
from tests.checkpoints.sharded import (
    SAFETENSORS,
    TORCH,
    arrays,
    files_of,
    model,
    opened,
    pickled,
    put,
)
from tests.conftest import Run

LAYER = {"fc.weight": np.ones((2, 3), np.float32)}
OTHER = {"other.weight": np.ones((2, 3), np.float32)}
ONE = SAFETENSORS.write(LAYER)
SHARDS = files_of(SAFETENSORS, model())
TRAINING = dict.fromkeys(
    (
        "optimizer.pt", "optimizer.bin", "scheduler.pt", "rng_state.pth", "rng_state_0.pth",
        "training_args.bin", "scaler.pt", "tokenizer.json", "config.json",
        "tokenizer_config.json", "README.md", ".hidden.safetensors",
        "bf16_zero_pp_rank_0_mp_rank_00_optim_states.pt", "random_states_0.pkl",
    ),
    b"x",
)  # fmt: skip


@pytest.mark.parametrize(
    ("files", "taken", "note"),
    [
        ({"a.safetensors": ONE}, "a.safetensors", None),
        ({"a.bin": pickled(LAYER)}, "a.bin", None),
        ({"a.pt": pickled(LAYER)}, "a.pt", None),
        ({"a.pth": pickled(LAYER)}, "a.pth", None),
        ({"a.ckpt": pickled(LAYER)}, "a.ckpt", None),
        ({"a.npz": arrays(LAYER)}, "a.npz", None),
        ({"model.safetensors": ONE, "pytorch_model.bin": b"x"}, "model.safetensors",
         "the folder also holds 'pytorch_model.bin', not read"),
        ({"model.safetensors": ONE, **files_of(TORCH, model())}, "model.safetensors",
         "'pytorch_model.bin.index.json'"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else None,
)  # fmt: skip
def test_the_one_checkpoint_of_a_folder_is_taken(
    files: dict[str, bytes], taken: str, note: str | None, tmp_path: Path
) -> None:
    """What training leaves beside it is not; what else could be meant is told."""
    found = opened(put(tmp_path, {**files, **TRAINING}))
    assert [layer.name for layer in found.layers] == ["fc"]
    assert [Path(file).name for file in found.files] == [taken]
    if note is None:
        assert found.notes == ()
    else:
        assert note in found.notes[0]


def test_an_index_comes_first(tmp_path: Path) -> None:
    """A safetensors index is preferred to a single file, a torch index to single torch files."""
    both = {**SHARDS, **files_of(TORCH, model()), "consolidated.safetensors": ONE}
    found = opened(put(tmp_path / "a", both))
    assert len(found.files) == 3
    assert "'consolidated.safetensors'" in " ".join(found.notes)
    found = opened(put(tmp_path / "b", {**files_of(TORCH, model()), "x.pt": b"x"}))
    assert [Path(file).suffix for file in found.files] == [".bin"] * 3
    assert "'x.pt'" in " ".join(found.notes)


@pytest.mark.parametrize(
    "files",
    [
        {"a.safetensors": ONE, "b.safetensors": ONE},
        {"a.pt": b"x", "b.npz": b"x"},
        {SAFETENSORS.shard(1, 2): ONE, SAFETENSORS.shard(1, 3): ONE},
        {"a.safetensors.index.json": b"{}", "b.safetensors.index.json": b"{}"},
    ],
    ids="+".join,
)
def test_unrelated_files_are_named(files: dict[str, bytes], tmp_path: Path, run: Run) -> None:
    """Which one is meant is not guessed."""
    result = run("show", put(tmp_path, files))
    assert (result.status, result.out) == (3, "")
    assert "holds 2 checkpoints" in result.err
    assert all(repr(name) in result.err for name in files)
    assert f"pass one of its files, such as '{tmp_path}/" in result.err


def test_the_usual_of_two_indices_is_taken(tmp_path: Path) -> None:
    """A variant such as model.fp16 has an index of its own, the plain name is the model's."""
    index = {"variant.fp16.safetensors.index.json": b"{}"}
    assert len(opened(put(tmp_path, {**SHARDS, **index})).layers) == 3


def test_a_folder_without_a_checkpoint(tmp_path: Path, run: Run) -> None:
    """It is said what was looked for, and what was there but is no weights."""
    result = run("show", put(tmp_path, TRAINING))
    assert result.status == 3
    assert "looked for *.safetensors.index.json, *.safetensors, *.bin.index.json" in result.err
    assert "'optimizer.bin'" in result.err
    assert "are not weights" in result.err


def test_subfolders_that_hold_checkpoints_are_named(tmp_path: Path, run: Run) -> None:
    """Pipelines keep each model in its own folder, caches theirs some levels down."""
    put(tmp_path, {"model_index.json": b"{}", "unet/a.safetensors": ONE, "x/y/b.pt": b"x",
                   "scheduler/config.json": b"{}", ".git/c.pt": b"x"})  # fmt: skip
    error = run("show", tmp_path).err
    assert f"its subfolders 'unet', 'x/y' hold some: pass '{tmp_path}/unet'" in error
    put(tmp_path, {"model.safetensors": ONE})
    notes = opened(tmp_path).notes
    assert notes == ("the subfolders 'unet', 'x/y' also hold weights, which were not read",)


def test_commands_take_a_folder(tmp_path: Path, run: Run) -> None:
    """show, explain and verify layer, with the layer's name."""
    put(tmp_path, SHARDS)
    assert "3 linear layers" in run("show", tmp_path).out
    assert "fc10 of" in run("show", tmp_path, "fc10").out
    assert "fc1 of" in run("explain", tmp_path, "fc1", "--x", "ones").out
    assert run("verify", "layer", tmp_path, "fc1").status == 0
    missing = run("explain", tmp_path, "fc3", "--x", "ones")
    assert missing.status == 3
    assert "did you mean" in missing.err


def test_file_uris_are_paths(tmp_path: Path, run: Run) -> None:
    """file:// needs no fsspec; escaped blanks are blanks."""
    put(tmp_path, {"a b.safetensors": ONE})
    assert run("show", f"file://{tmp_path}/a%20b.safetensors").status == 0
    assert run("show", f"file://localhost{tmp_path}").status == 0
    assert "three slashes" in run("show", "file://host/x.pt").err


def test_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's reason is passed on."""

    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        opened(tmp_path)


def test_step_takes_a_folder(tmp_path: Path, run: Run) -> None:
    """The layers of a checkpoint are a network; its problems are told."""
    shards = [
        {"fc1.weight": np.ones((3, 2), np.float32)},
        {"fc2.weight": np.ones((1, 3), np.float32)},
    ]
    files = files_of(SAFETENSORS, shards)
    result = run("step", put(tmp_path, files), "--x", "1,2", "--json")
    assert result.status == 0
    del files[SAFETENSORS.shard(1, 2)]
    (tmp_path / SAFETENSORS.shard(1, 2)).unlink()
    assert "is missing" in run("step", tmp_path, "--x", "1,2,3", "--json").document["warnings"][0]
