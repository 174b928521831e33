from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from fcinspect.checkpoints.formats import torch_file
from fcinspect.checkpoints.formats.torch_tensors import named_tensors
from fcinspect.checkpoints.scan import engines
from fcinspect.checkpoints.scan.records import Wanted
from fcinspect.checkpoints.scan.scanning import scan
from fcinspect.errors import InputError
from tests.checkpoints.formats.hostile.cases import archive, pickled, tensor
from tests.checkpoints.formats.test_torch_zip import require_same
from tests.checkpoints.sharded import SAFETENSORS, files_of, model, opened, put

LONGEST_LINE = 500
ROOT = Path(__file__).parents[3]


def _torch(*, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    base = torch.arange(12.0).reshape(3, 4)
    nested = {"fc": {"weight": base, "bias": base[:, 1]}, "t.weight": base.T, "n": [1, "x"]}
    torch.save(nested, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def _packed() -> bytes:
    state = {"fc.weight": tensor(), "fc.bias": tensor(None, 0, (2,), (3,))}
    return archive(pickled(state), packed=True)


def _arrays() -> bytes:
    file = io.BytesIO()
    np.savez(file, weight=np.ones((2, 3)), bias=np.asfortranarray(np.ones((2, 2), np.float16)))
    return file.getvalue()


def _pickle() -> bytes:
    state = {"fc.weight": tensor(), "fc.bias": tensor(None, 0, (2,), (3,)), "n": [1, 2.5, None]}
    return pickled({"model": state, 3: (True, "x", {"a": []})})


SHARDS = model()
SOUND: dict[str, Callable[[], bytes]] = {
    "safetensors": lambda: save({"a.weight": np.ones((2, 3), np.float32), "b": np.ones(2)}),
    "pt": _torch,
    "older": partial(_torch, zipped=False),
    "packed": _packed,
    "pickle": _pickle,
    "npz": _arrays,
    "json": lambda: b'{"weight": [[1, 2.5], [3, -4e2]], "bias": [1, 2]}',
    "index": lambda: files_of(SAFETENSORS, SHARDS)[SAFETENSORS.index],
}
CHANGES = st.lists(
    st.tuples(
        st.integers(0, 1 << 16),
        st.sampled_from(["set", "flip", "insert", "delete", "cut", "repeat", "number"]),
        st.integers(0, 255),
    ),
    min_size=1,
    max_size=4,
)


def changed(content: bytes, changes: list[tuple[int, str, int]]) -> bytes:
    """Return a file with some bytes changed."""
    data = bytearray(content)
    for place, way, value in changes:
        at = place % max(len(data), 1)
        match way:
            case "set":
                data[at : at + 1] = bytes([value])
            case "flip":
                data[at : at + 1] = bytes([data[at] ^ (1 << value % 8)]) if data else b""
            case "insert":
                data[at:at] = bytes([value]) * (value % 9)
            case "delete":
                del data[at : at + value % 9]
            case "cut":
                del data[-(value + 1) :]
            case "repeat":
                data[at:at] = data[at : at + value]
            case "number":
                data[at : at + 4] = (2**32 - 1 - value).to_bytes(4, "little")
    return bytes(data)


@pytest.mark.parametrize("ending", SOUND)
@given(changes=CHANGES)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(changes=[(0, "cut", 0)])
@pytest.mark.filterwarnings("ignore")
def test_whatever_is_changed_in_a_file_it_is_read_or_refused(
    ending: str, changes: list[tuple[int, str, int]], tmp_path: Path
) -> None:
    """A damaged file is a checkpoint or one line; reading its layers, too."""
    require_read_or_refused(changed(SOUND[ending](), changes), ending, tmp_path)


def require_read_or_refused(content: bytes, ending: str, folder: Path) -> None:
    """Open a file, read and scan its layers; any exception but InputError goes through.

    A pickle stands in a sound zip file, an index beside sound shards.
    """
    if ending == "pickle":
        content, ending = archive(content), "pt"
    path = folder / f"m.{ending}"
    if ending == "index":
        path = put(folder, files_of(SAFETENSORS, SHARDS)) / SAFETENSORS.index
    path.write_bytes(content)
    try:
        layers = opened(path).layers
        for layer in layers:
            assert layer.read().weight.shape == (layer.out_features, layer.in_features)
        with engines.local(1) as engine:
            found = list(scan(layers, engine, Wanted(True, True), lambda count: None))
        assert [layer.name for layer in found] == [layer.name for layer in layers]
    except InputError as error:
        message = error.message
    else:
        return
    assert "\n" not in message
    assert len(message) < LONGEST_LINE + len(str(path))


@given(changes=CHANGES)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@pytest.mark.filterwarnings("ignore")
def test_a_changed_pickle_is_read_as_torch_reads_it_or_not_at_all(
    changes: list[tuple[int, str, int]], tmp_path: Path
) -> None:
    """Where both read a damaged file, names, shapes and bits are the same."""
    path = tmp_path / "m.pt"
    path.write_bytes(archive(changed(_pickle(), changes), {"data/0": bytes(range(24))}))
    try:
        ours = torch_file.tensors_of(str(path))
        theirs = torch.load(path, weights_only=True)
        expected = named_tensors(theirs, torch.Tensor, "torch")
    except Exception:  # one of them refuses
        return
    assert [tensor.name for tensor in ours] == list(expected)
    for stored in ours:
        if stored.problem is None:
            require_same(stored, expected[stored.name])


@pytest.mark.slow
@pytest.mark.parametrize("ending", SOUND)
def test_a_fuzzer_that_follows_the_code_finds_nothing(ending: str, tmp_path: Path) -> None:
    """Ten thousand files by atheris, which looks for inputs that reach new lines."""
    pytest.importorskip("atheris", reason="needs atheris")
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "sound").write_bytes(SOUND[ending]())
    done = subprocess.run(
        [sys.executable, "-m", "tests.checkpoints.formats.hostile.fuzz", ending, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
