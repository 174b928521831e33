"""Pipes that have a name: what a shell makes of <(COMMAND), /dev/stdin, and mkfifo."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from fcinspect.checkpoints import storage
from tests.conftest import Result, Run

if sys.platform == "win32":
    pytest.skip("pipes of POSIX", allow_module_level=True)

WEIGHT = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)
KINDS = ("json", "safetensors", "npz", "npy", "pt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The same layer as a file of each kind."""
    (tmp_path / "layer.json").write_text(json.dumps({"weight": WEIGHT.tolist()}))
    save_file({"weight": WEIGHT}, tmp_path / "layer.safetensors")
    np.savez(tmp_path / "layer.npz", weight=WEIGHT)
    np.save(tmp_path / "layer.npy", WEIGHT)
    torch.save({"weight": torch.from_numpy(WEIGHT)}, tmp_path / "layer.pt")
    return tmp_path


def bash(folder: Path, line: str) -> Result:
    """Run a line in which FC stands for fcinspect."""
    done = subprocess.run(
        ["bash", "-c", line.replace("FC", f"{sys.executable} -m fcinspect")],
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pipe_is_read_as_its_file_is(folder: Path, kind: str) -> None:
    """By place and more than once, as every kind of file needs."""
    left = set(os.listdir(tempfile.gettempdir()))  # noqa: PTH208  # names alone
    for line in (
        f"FC show <(cat layer.{kind}) --json",
        f"cat layer.{kind} | FC show /dev/stdin --json",
        f"FC show /dev/stdin --json < layer.{kind}",
    ):
        result = bash(folder, line)
        assert (result.status, result.err) == (0, "")
        assert result.data["layer"]["weight"]["values"] == WEIGHT.tolist()
    new = set(os.listdir(tempfile.gettempdir())) - left  # noqa: PTH208  # names alone
    assert not [name for name in new if name.startswith("fcinspect-")]


def test_pipes_stand_wherever_files_do(folder: Path) -> None:
    """Beside each other, as inputs, and one that is slow."""
    for line in (
        "FC diff <(cat layer.pt) <(cat layer.npz)",
        "FC explain --in 3 --out 2 --x <(echo '[1,2,3]')",
        "FC scan <(sleep 1; cat layer.safetensors)",
        "FC draw <(cat layer.json) -q",
    ):
        result = bash(folder, line)
        assert (result.status, result.err) == (0, "")


def test_what_is_no_pipe_of_layers_is_refused(folder: Path) -> None:
    """Empty, endless, or a device."""
    for line, words in (
        ("FC show <(true)", "is empty"),
        ("FC show <(cat missing.json 2>/dev/null)", "is empty"),
        ("ulimit -f 1000; FC show <(cat /dev/zero)", "cannot be copied: File too large"),
        ("FC show /dev/zero", "is not a regular file"),
        ("FC diagnose <(echo RuntimeError)", "pass its text on standard input"),
    ):
        result = bash(folder, line)
        assert (result.status, result.err.count("\n")) in ((3, 1), (2, 1))
        assert words in result.err


@pytest.fixture
def fifo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pipe with a name, that nothing has been read from."""
    monkeypatch.setattr(storage, "_copies", {})
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def test_a_pipe_that_nobody_writes_to_is_refused(
    run: Run, fifo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hold us up for ever."""
    monkeypatch.setattr(storage, "PATIENCE", 0.2)
    result = run("show", fifo)
    assert (result.status, result.out) == (3, "")
    assert "is a pipe that nothing writes to" in result.err


def test_a_pipe_is_copied_up_to_a_bound(
    run: Run, fifo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is not filled by what never ends."""
    monkeypatch.setattr(storage, "LONGEST_COPY", 10)
    thread = threading.Thread(
        target=lambda: fifo.write_text('{"weight": [[1, 2]]}', encoding="utf-8")
    )
    thread.start()
    result = run("show", fifo)
    thread.join()
    assert result.status == 3
    assert "did not end within 10 bytes" in result.err
