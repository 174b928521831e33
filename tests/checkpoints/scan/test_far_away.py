"""Scanning what lies behind a URI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from safetensors.torch import save

from fcinspect.checkpoints import remote
from fcinspect.checkpoints.places import ReadAhead
from fcinspect.checkpoints.storage import Stamp, Storage
from tests.conftest import Run

fsspec = pytest.importorskip("fsspec", reason="needs fsspec")


@pytest.fixture
def uri() -> Iterator[str]:
    """Two megabytes of layers in memory."""
    torch.manual_seed(0)
    system = fsspec.filesystem("memory")
    tensors = {f"fc{k}.weight": torch.randn(250, 200) for k in range(10)}
    tensors |= {f"fc{k}.bias": torch.randn(250) for k in range(10)}
    system.pipe_file("/far/model.safetensors", save(tensors))
    yield "memory://far/model.safetensors"
    system.store.clear()


def test_a_file_far_away_says_what_a_near_one_says(uri: str, tmp_path: Any, run: Run) -> None:
    """Statistics and singular values are the same, bit for bit."""
    near = tmp_path / "model.safetensors"
    near.write_bytes(fsspec.filesystem("memory").cat_file("/far/model.safetensors"))
    told = [run("scan", place, "--json", "--spectral").data["layers"] for place in (near, uri)]
    for layers in told:
        for layer in layers:
            layer["source"] = ""
    assert json.dumps(told[0]) == json.dumps(told[1])


def test_long_pieces_are_asked_for_and_each_byte_once(
    uri: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small tensors beside each other come in one answer."""
    asked: list[int] = []
    read = remote.RemoteFile._part

    def counting(self: remote.RemoteFile, begin: int, end: int) -> bytes:
        asked.append(end - begin)
        return read(self, begin, end)

    monkeypatch.setattr(remote.RemoteFile, "_part", counting)
    assert run("scan", uri, "--quiet", "--workers", 1).status == 0
    assert len(asked) < 20
    assert sum(asked) < 3 * 2_010_000


def test_a_piece_that_is_kept_serves_what_lies_in_it() -> None:
    """Reads forwards, backwards, across pieces and longer than a piece give the right bytes."""

    class Bytes(Storage):
        uri, stamp = "x", Stamp(1000)

        def read_into(self, view: memoryview, begin: int) -> None:
            assert begin + len(view) <= 1000
            view[:] = bytes((k * 7) % 256 for k in range(begin, begin + len(view)))

    ahead: Any = ReadAhead(Bytes())
    ahead.PIECE = 64
    for begin, length in ((0, 10), (10, 50), (60, 10), (5, 3), (100, 300), (936, 64), (0, 1000)):
        data = bytearray(length)
        ahead.read_into(memoryview(data), begin)
        assert bytes(data) == bytes((k * 7) % 256 for k in range(begin, begin + length))
