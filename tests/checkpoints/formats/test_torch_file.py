from __future__ import annotations

import collections
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from fcinspect.checkpoints.formats import torch_file, torch_tensors, unpickling
from fcinspect.checkpoints.formats.torch_file import Archive
from fcinspect.errors import InputError
from tests.checkpoints.formats.test_torch_zip import require_same
from tests.checkpoints.sharded import opened


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
    found = opened(path)
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
    found = opened(saved(content, tmp_path / "m.pt"))
    assert [layer.name for layer in found.layers] == ["fc"]
    (skip,) = found.skipped
    assert (skip.name, skip.reason) == ("optimizer.state.0.exp_avg", "optimizer state")


def test_two_models_in_one_file_keep_their_names(tmp_path: Path) -> None:
    """Wrappers stay where leaving them out would make names collide."""
    state = nn.Linear(3, 2).state_dict()
    found = opened(saved({"model": state, "net": state}, tmp_path / "m.pt"))
    assert [layer.name for layer in found.layers] == ["model", "net"]


def test_a_broadcast_bomb_is_refused(tmp_path: Path) -> None:
    """A file of a kilobyte cannot claim a terabyte by stride 0."""
    bomb = torch.ones(1).expand(10**6, 10**6)
    path = saved({"fc.weight": bomb}, tmp_path / "m.pt")
    assert Path(path).stat().st_size < 5000
    with pytest.raises(InputError, match="claims 1000000000000 numbers, but its storage holds 1"):
        opened(path)


def test_other_tensors_are_skipped_with_their_reason(tmp_path: Path) -> None:
    """Sparse tensors and whole numbers are no weights."""
    content = {
        "a.weight": torch.eye(2).to_sparse(),
        "b.weight": torch.ones(2, 2, dtype=torch.int8),
    }
    found = opened(saved(content, tmp_path / "m.pt"))
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
        opened(str(path))
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400
    if kind in ("module", "script", "system", "no tensors"):
        assert "state_dict()" in str(caught.value.hint)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["m.pt"]


def older(content: Any, path: Path) -> str:
    """Save as torch did before 1.6."""
    return saved(content, path, _use_new_zipfile_serialization=False)


def _rewritten(path: Path, way: int, change: Callable[[str, bytes], bytes]) -> str:
    with zipfile.ZipFile(path) as source:
        contents = {info.filename: source.read(info) for info in source.infolist()}
    with zipfile.ZipFile(path, "w", way) as target:
        for name, data in contents.items():
            target.writestr(name, change(name, data))
    return str(path)


def packed(content: Any, path: Path) -> str:
    """Save with every member deflated."""
    saved(content, path)
    return _rewritten(path, zipfile.ZIP_DEFLATED, lambda name, data: data)


def turned(content: Any, path: Path, way: int = zipfile.ZIP_STORED) -> str:
    """Save as a big-endian machine does; all numbers have one dtype."""
    saved(content, path)
    first = next(iter(content.values()))
    width = first.element_size() // (1 + first.is_complex())

    def swapped(name: str, data: bytes) -> bytes:
        if "/data/" in name:
            return np.frombuffer(data, np.uint8).reshape(-1, width)[:, ::-1].tobytes()
        return b"big" if name.endswith("/byteorder") else data

    return _rewritten(path, way, swapped)


def packed_and_turned(content: Any, path: Path) -> str:
    """Both at once."""
    return turned(content, path, zipfile.ZIP_DEFLATED)


WRITERS = (older, packed, turned, packed_and_turned)
BASE = torch.arange(60.0).reshape(6, 10)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64]
)
def test_older_packed_and_turned_files_are_read_as_torch_reads_them(
    write: Callable[[Any, Path], str], dtype: torch.dtype, tmp_path: Path
) -> None:
    """Bit for bit, whatever the view; and the rows that are asked for."""
    base = (BASE / 7).to(dtype)
    content = {
        "whole": base, "columns": base[:, 2:5], "rows": base[1::2], "turned": base.T,
        "one": base[3, 4], "tied": base, "none": base[:0], "own": base[2:3].clone(),
    }  # fmt: skip
    path = write(content, tmp_path / "m.pt")
    expected = torch.load(path, weights_only=True)
    found = {tensor.name: tensor for tensor in torch_file.tensors_of(path)}
    assert list(found) == list(expected)
    for name, stored in found.items():
        if dtype.is_complex:
            assert "holds complex64" in str(stored.problem)
        else:
            require_same(stored, expected[name])
    if not dtype.is_complex:
        some = found["columns"].read([4, 1])
        np.testing.assert_array_equal(some, expected["columns"][[4, 1]].double().numpy())


def test_an_older_file_is_read_by_place(tmp_path: Path) -> None:
    """Its numbers lie in the file as they are: tied weights are the same place."""
    path = older({"a.weight": BASE, "b.weight": BASE}, tmp_path / "m.pt")
    one, other = torch_file.tensors_of(path)
    assert one.place == other.place is not None


@pytest.mark.parametrize("write", WRITERS)
def test_no_file_of_torch_loads_torch(write: Callable[[Any, Path], str], tmp_path: Path) -> None:
    """Whatever its kind; on TAB, too, its layers are offered."""
    path = write({"fc.weight": BASE}, tmp_path / "m.pt")
    code = (
        "import sys; from fcinspect.cli import run\n"
        f"status = run(['scan', {path!r}])\n"
        "assert 'torch' not in sys.modules\nsys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert "fc" in done.stdout


@pytest.mark.parametrize("write", WRITERS)
def test_every_flipped_byte_is_read_as_torch_reads_it_or_refused(
    write: Callable[[Any, Path], str], tmp_path: Path
) -> None:
    """A number that the file does not hold is never shown."""
    path = Path(write({"fc.weight": BASE[:2, :2].clone()}, tmp_path / "m.pt"))
    sound = path.read_bytes()
    for at in range(0, len(sound), 3):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 0x10]) + sound[at + 1 :])
        try:
            found = torch_file.tensors_of(str(path))
            held = {tensor.name: tensor.read(None) for tensor in found if tensor.problem is None}
        except InputError:
            continue
        try:
            expected = torch.load(path, weights_only=True)
        except Exception:  # torch refuses more
            continue
        for name, values in held.items():
            np.testing.assert_array_equal(values, expected[name].numpy())


@pytest.mark.parametrize("write", WRITERS)
def test_every_cut_is_refused(write: Callable[[Any, Path], str], tmp_path: Path) -> None:
    """Nothing is made up for what is missing at the end."""
    path = Path(write({"fc.weight": BASE}, tmp_path / "m.pt"))
    sound = path.read_bytes()
    for length in range(1, len(sound), 7):
        path.write_bytes(sound[:length])
        with pytest.raises(InputError):
            torch_file.tensors_of(str(path))


def test_a_changed_number_in_a_packed_file_is_seen(tmp_path: Path) -> None:
    """Its checksum tells."""
    path = Path(packed({"fc.weight": BASE}, tmp_path / "m.pt"))
    with zipfile.ZipFile(path) as archive:
        (info,) = (i for i in archive.infolist() if i.filename.endswith("/data/0"))
    data = path.read_bytes()
    entry = data.index(b"PK\1\2", data.index(b"PK\1\2"))
    while not data[entry + 46 :].startswith(info.filename.encode()):
        entry = data.index(b"PK\1\2", entry + 1)
    crc = int.from_bytes(data[entry + 16 : entry + 20], "little") ^ 1
    path.write_bytes(data[: entry + 16] + crc.to_bytes(4, "little") + data[entry + 20 :])
    (tensor,) = torch_file.tensors_of(str(path))
    with pytest.raises(InputError, match="truncated or damaged"):
        tensor.read(None)


def test_a_packed_storage_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many tensors show it."""
    path = packed({f"{n}.weight": BASE[n:] for n in range(5)}, tmp_path / "m.pt")
    found = torch_file.tensors_of(path)
    asked: list[str] = []
    real = Archive.numbers_of

    def counted(self: Archive, key: str) -> bytes:
        asked.append(key)
        return real(self, key)

    monkeypatch.setattr(Archive, "numbers_of", counted)
    for tensor in found:
        tensor.read(None)
    assert asked == ["0"]


def test_an_older_file_behind_a_uri_is_read(tmp_path: Path) -> None:
    """It needs no local copy."""
    memory = pytest.importorskip("fsspec").filesystem("memory")
    for write in WRITERS:
        content = Path(write({"fc.weight": BASE}, tmp_path / "m.pt")).read_bytes()
        memory.pipe_file("/older/m.pt", content)
        (layer,) = opened("memory://older/m.pt").layers
        assert (layer.read().weight.values == BASE.numpy()).all()
    memory.rm("/older", recursive=True)


def test_a_pickle_is_read_as_far_as_a_pickle_may_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older file's pickles end somewhere; its numbers may be as many as they are."""
    monkeypatch.setattr(unpickling, "LARGEST_PICKLE", 1000)
    large = older({"fc.weight": torch.ones(400, 400)}, tmp_path / "m.pt")
    assert [tensor.shape for tensor in torch_file.tensors_of(large)] == [(400, 400)]
    beside = older({"fc.weight": BASE, "x": "a" * 1000}, tmp_path / "m.pt")
    with pytest.raises(InputError, match="its pickle has more than 1000 bytes"):
        torch_file.tensors_of(beside)


def test_views_that_show_a_file_again_and_again_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading them all would take the square of the file's bytes."""
    monkeypatch.setattr(torch_tensors, "FEW_BYTES", 1 << 20)
    whole = torch.zeros(300, 300)
    content = {f"{n}.weight": whole[n:] for n in range(80)}
    path = saved(content, tmp_path / "m.pt")
    assert len(torch_file.tensors_of(path)) == 80
    monkeypatch.setattr(torch_tensors, "MOST_SHOWN", 50)
    with pytest.raises(InputError, match="more than 50 times the"):
        torch_file.tensors_of(path)


def test_a_text_that_is_too_long_is_no_name(tmp_path: Path) -> None:
    """A tensor is never shown under a name that the file does not hold."""
    path = saved({"a" * (1 << 21): BASE}, tmp_path / "m.pt")
    with pytest.raises(InputError, match="a key of its dicts has more than 1048576 bytes"):
        torch_file.tensors_of(path)


def test_pythons_unpickler_is_what_it_was() -> None:
    """pickle._Unpickler has no public name: what formats/unpickling.py relies on is there."""
    pure: Any = pickle._Unpickler
    assert callable(pure.load)
    assert {"find_class", "persistent_load", "get_extension", "_instantiate", "pop_mark"} <= {
        *dir(pure)
    }
    ours = unpickling._Unpickler.dispatch
    assert set(ours) == set(pure.dispatch)
    for builds in (pickle.REDUCE, pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.BUILD, pickle.SETITEMS):
        assert ours[builds[0]] is not pure.dispatch[builds[0]]
    # what Python learns is looked at before it is let through
    assert len(pure.dispatch) == 68
