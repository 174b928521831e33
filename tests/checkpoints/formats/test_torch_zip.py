from __future__ import annotations

import argparse
import collections
import io
import os
import pathlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from fcinspect.checkpoints.formats import torch_file
from fcinspect.checkpoints.records import StoredTensor
from fcinspect.errors import InputError
from fcinspect.rounding.arrays import to_bytes
from tests.checkpoints.formats.hostile.cases import G, R, archive, pickled
from tests.checkpoints.formats.hostile.cases import tensor as saved_tensor
from tests.checkpoints.sharded import opened

RNG = torch.Generator().manual_seed(0)


def drawn(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Return numbers of a normal law."""
    return torch.randn(*shape, generator=RNG).to(dtype)


def saved(content: Any, path: Path, **options: Any) -> str:
    """Save with torch.save and return the path."""
    torch.save(content, path, **options)
    return str(path)


def read(path: str) -> dict[str, StoredTensor]:
    """Return the tensors of a file that is read without torch."""
    found = torch_file.tensors_of(path)
    assert found is not None
    return {tensor.name: tensor for tensor in found}


def bits(tensor: torch.Tensor) -> bytes:
    """Return the bytes of a tensor's numbers, rows first."""
    if not tensor.numel():
        return b""
    rows_first = torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach())
    return rows_first.reshape(-1).view(torch.uint8).numpy().tobytes()


def require_same(stored: StoredTensor, tensor: torch.Tensor) -> None:
    """Hold name, shape, dtype and every bit against torch's; by rows, too, and by place."""
    assert stored.dtype == str(tensor.dtype).removeprefix("torch.")
    assert stored.shape == tuple(tensor.shape)
    assert to_bytes(stored.read(None), stored.dtype) == bits(tensor)
    if tensor.ndim:
        rows = [row for row in (2, 0, 1, 1) if row < len(tensor)]
        assert to_bytes(stored.read(rows), stored.dtype) == bits(tensor[rows])
    if stored.place is not None:
        assert to_bytes(stored.place.read(), stored.dtype) == bits(tensor)


BASE = drawn(6, 5)
VIEWS: dict[str, tuple[torch.Tensor, bool]] = {
    "plain": (drawn(3, 4), True),
    "vector": (drawn(7), True),
    "scalar": (torch.tensor(2.5), True),
    "empty": (torch.empty(0, 3), True),
    "empty columns": (torch.empty(3, 0), True),
    "three dimensions": (drawn(2, 3, 4), True),
    "transposed": (BASE.t(), True),
    "rows from the middle": (BASE[2:5], True),
    "transposed rows": (BASE[2:5].t(), True),
    "one row": (BASE[3], True),
    "one column": (BASE[:, 3], False),
    "a column as a matrix": (BASE[:, 3:4], False),
    "some columns": (BASE[:, 1:3], False),
    "some columns, transposed": (BASE[:, 1:3].t(), False),
    "every second row": (BASE[::2], False),
    "every second column": (BASE[:, ::2], False),
    "permuted": (drawn(2, 3, 4).permute(2, 0, 1), False),
    "width 1": (drawn(5, 1), True),
    "height 1": (drawn(1, 5).t(), True),
    "overlapping windows": (drawn(9).unfold(0, 3, 3)[:, :2], False),
    "parameter": (nn.Parameter(drawn(2, 3)), True),
    "half": (drawn(2, 3, dtype=torch.float16), True),
    "bfloat16": (drawn(2, 3, dtype=torch.bfloat16), True),
    "bfloat16, some columns": (drawn(4, 3, dtype=torch.bfloat16)[:, 1:], False),
    "double": (drawn(2, 3, dtype=torch.float64), True),
    "not a number": (torch.tensor([[float("nan"), -0.0, 1e-45]]), True),
}


@pytest.mark.parametrize("name", VIEWS)
def test_every_view_is_read_bit_for_bit(name: str, tmp_path: Path) -> None:
    """Whatever torch.save wrote is read as torch.load reads it; it has a place where it can."""
    tensor, has_place = VIEWS[name]
    path = saved({"w": tensor}, tmp_path / "m.pt")
    (stored,) = read(path).values()
    require_same(stored, torch.load(path, weights_only=True)["w"])
    assert (stored.place is not None) == has_place


def test_a_transposed_matrix_lies_by_columns(tmp_path: Path) -> None:
    """Its place says so, and is where the matrix itself lies."""
    found = read(saved({"w": BASE, "t": BASE.t()}, tmp_path / "m.pt"))
    one, other = found["w"].place, found["t"].place
    assert one is not None
    assert other is not None
    assert (one.begin, one.transposed, one.shape) == (other.begin, False, (6, 5))
    assert (other.transposed, other.shape) == (True, (5, 6))


def test_tied_weights_have_the_same_place(tmp_path: Path) -> None:
    """Two names of one tensor lie in the same bytes."""
    weight = nn.Parameter(drawn(4, 3))
    found = read(saved({"embed.weight": weight, "head.weight": weight}, tmp_path / "m.pt"))
    assert found["embed.weight"].place == found["head.weight"].place is not None


def test_of_many_tied_tensors_few_are_named(tmp_path: Path) -> None:
    """A thousand names of one tensor are no million names in remarks."""
    path = saved(dict.fromkeys([f"{n}.weight" for n in range(1000)], BASE), tmp_path / "m.pt")
    first, *_, last = opened(path).layers
    words = "shares its numbers with '{}.weight', '{}.weight', '{}.weight' and 996 more"
    assert first.warnings == (words.format(1, 2, 3),)
    assert last.warnings == (words.format(0, 1, 2),)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_eight_bit_formats_have_a_place_and_no_layer(dtype: torch.dtype, tmp_path: Path) -> None:
    """Their numbers can be scanned, and are those that torch reads."""
    every = torch.arange(256, dtype=torch.uint8).view(dtype).reshape(16, 16)
    (stored,) = read(saved({"w": every}, tmp_path / "m.pt")).values()
    assert "expected float64" in str(stored.problem)
    assert stored.place is not None
    np.testing.assert_array_equal(stored.place.read(), every.float().numpy())


@pytest.mark.filterwarnings("ignore")
def test_other_tensors_are_skipped_with_their_reason(tmp_path: Path) -> None:
    """Whole numbers, complex, sparse, quantized, nested and meta tensors are no layers."""
    content = {
        "int8": torch.ones(2, 2, dtype=torch.int8),
        "uint16": torch.ones(2, 2, dtype=torch.uint16),
        "bool": torch.ones(2, dtype=torch.bool),
        "complex64": torch.ones(2, dtype=torch.complex64),
        "sparse": torch.eye(2).to_sparse(),
        "csr": torch.eye(2).to_sparse_csr(),
        "quantized": torch.quantize_per_tensor(torch.ones(2, 3), 0.1, 0, torch.qint8),
        "meta": torch.ones(2, 4, device="meta"),
        "negated": torch.ones(2, dtype=torch.complex64).conj().imag,
    }
    found = read(saved(content, tmp_path / "m.pt"))
    for name in ("int8", "uint16", "bool", "complex64"):
        assert f"holds {name}" in str(found[name].problem)
    for name in ("sparse", "quantized", "meta", "negated"):
        assert found[name].problem == f"is a {name} tensor, without plain numbers"
    assert "sparse" in str(found["csr"].problem)
    assert [found[n].shape for n in ("sparse", "quantized", "meta")] == [(2, 2), (2, 3), (2, 4)]
    assert found["quantized"].dtype == "qint8"


def test_an_optimizer_and_other_data_beside_the_weights(tmp_path: Path) -> None:
    """A whole training checkpoint gives the layers of its model; moments are no layers."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    optimizer = torch.optim.Adam(model.parameters())
    model(drawn(5, 3)).sum().backward()
    optimizer.step()
    content = {
        "epoch": 3,
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "best": np.float64(0.5),
        "history": np.arange(3),
        "args": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("/x")),
        "counts": collections.Counter("aab"),
        "sets": {1, 2},
        "default": collections.defaultdict(list, {"a": [1]}),
        "rng": torch.get_rng_state(),
        "size": torch.Size([2]),
        "device": torch.device("cpu"),
    }
    path = saved(content, tmp_path / "m.pth.tar")
    found = opened(path)
    assert [layer.name for layer in found.layers] == ["0", "2"]
    require_same(found.layers[1].weight, model.state_dict()["2.weight"])
    reasons = {skip.name: skip.reason for skip in found.skipped}
    assert reasons["optimizer.state.0.exp_avg"] == "optimizer state"
    assert "default" not in str(reasons)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_is_read(protocol: int, tmp_path: Path) -> None:
    """Frames and names on the stack are another spelling of the same pickle."""
    state = nn.Linear(3, 2).state_dict()
    path = saved({"model": state, "n": 2**70}, tmp_path / "m.pt", pickle_protocol=protocol)
    found = read(path)
    assert list(found) == ["weight", "bias"]
    require_same(found["weight"], state["weight"])


def test_a_packed_pickle_beside_plain_numbers_is_read(tmp_path: Path) -> None:
    """Where the numbers lie as they are, the pickle may be packed."""
    state = {f"{n}.weight": drawn(2, 3) for n in range(9)}
    path, packed = saved(state, tmp_path / "m.pt"), tmp_path / "packed.pt"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(packed, "w") as target:
        for info in source.infolist():
            way = zipfile.ZIP_DEFLATED if info.filename.endswith(".pkl") else zipfile.ZIP_STORED
            target.writestr(info.filename, source.read(info), way)
    found = read(str(packed))
    for name, tensor in state.items():
        require_same(found[name], tensor)


def test_nothing_of_the_weights_is_read_on_opening(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the list of members, their headers and the pickle are asked for."""
    path = saved({f"{n}.weight": drawn(300, 400) for n in range(4)}, tmp_path / "m.pt")
    asked: list[int] = []
    real = os.preadv

    def recorded(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        asked.append(sum(map(len, buffers)))
        return real(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", recorded)
    found = read(path)
    assert sum(asked) < 10_000
    asked.clear()
    found["1.weight"].read([7])
    assert asked == [1600]


def test_a_file_that_changes_is_refused(tmp_path: Path) -> None:
    """A file cut short after it was opened gives no number."""
    (stored,) = read(saved({"w": drawn(10, 4)[:, 1:]}, tmp_path / "m.pt")).values()
    os.truncate(tmp_path / "m.pt", 500)
    with pytest.raises(InputError, match="truncated while"):
        stored.read(None)


def test_same_names_are_refused(tmp_path: Path) -> None:
    """The keys 1 and "1" would be one name."""
    path = saved({1: drawn(2, 2), "1": drawn(2, 2)}, tmp_path / "m.pt")
    with pytest.raises(InputError, match="two tensors named '1'"):
        torch_file.tensors_of(path)


SHAPES = st.lists(st.integers(0, 4), max_size=3)
DTYPES = st.sampled_from([torch.float64, torch.float32, torch.float16, torch.bfloat16])
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(
    tensors=st.dictionaries(NAMES, st.tuples(DTYPES, SHAPES), min_size=1, max_size=5),
    seed=st.integers(0, 2**32 - 1),
    data=st.data(),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_random_bits_and_views_come_back(
    tensors: dict[str, tuple[torch.dtype, list[int]]], seed: int, data: Any, tmp_path: Path
) -> None:
    """Any names, shapes, views and bits are read as torch reads them."""
    rng = np.random.default_rng(seed)
    content = {}
    for name, (dtype, shape) in tensors.items():
        raw = rng.bytes(int(np.prod(shape)) * dtype.itemsize)
        whole = torch.empty(shape, dtype=dtype)
        if raw:
            whole = torch.frombuffer(bytearray(raw), dtype=dtype).reshape(shape)
        order = data.draw(st.permutations(range(len(shape))))
        step = data.draw(st.integers(1, 3))
        content[name] = whole.permute(*order)[::step] if shape else whole
    path = saved(content, tmp_path / "m.pt")
    found = read(path)
    loaded = torch.load(path, weights_only=True)
    assert list(found) == list(loaded)
    for name, tensor in loaded.items():
        require_same(found[name], tensor)


def test_a_file_in_memory_of_another_library_is_read(tmp_path: Path) -> None:
    """A zip file that Python wrote, with torch's members in another order, is the same file."""
    buffer = io.BytesIO()
    torch.save({"fc.weight": BASE}, buffer)
    with zipfile.ZipFile(buffer) as source:
        contents = {info.filename: source.read(info) for info in source.infolist()}
    with zipfile.ZipFile(tmp_path / "m.pt", "w") as target:
        for name in sorted(contents, reverse=True):
            target.writestr(name, contents[name])
    require_same(read(str(tmp_path / "m.pt"))["fc.weight"], BASE)


def test_a_file_behind_a_uri_is_read() -> None:
    """A file that no disk holds is read bit for bit, by place."""
    memory = pytest.importorskip("fsspec", reason="needs fsspec").filesystem("memory")
    state = {f"{n}.weight": drawn(300, 400) for n in range(5)}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    memory.pipe_file("/zipped/m.pt", buffer.getvalue())
    found = {layer.name: layer for layer in opened("memory://zipped/m.pt").layers}
    for name, tensor in state.items():
        require_same(found[name.removesuffix(".weight")].weight, tensor)
    memory.rm("/zipped", recursive=True)


def test_a_file_of_very_many_tensors_is_read(tmp_path: Path) -> None:
    """The bound on a pickle's work grows with the storages that it names."""
    zero, count = torch.zeros(1, 2), 20_000
    state = {index: {"step": torch.tensor(1.0), "exp_avg": zero.clone()} for index in range(count)}
    path = saved({"fc.weight": BASE, "optimizer": {"state": state}}, tmp_path / "m.pt")
    assert len(read(path)) == 2 * count + 1


def test_pairs_of_python_2_are_a_dict(tmp_path: Path) -> None:
    """An OrderedDict may be given its items as an argument."""
    pairs = [["fc.weight", saved_tensor()], ("fc.bias", saved_tensor(None, 0, (2,), (3,)))]
    content = R(G("collections", "OrderedDict"), (pairs,))
    (tmp_path / "m.pt").write_bytes(archive(pickled(content)))
    assert list(read(str(tmp_path / "m.pt"))) == ["fc.weight", "fc.bias"]


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1, 3 << 20])
def test_long_texts_beside_the_tensors_are_passed_over(size: int, tmp_path: Path) -> None:
    """They are no names of tensors; what follows them is read all the same."""
    beside = {"text": "é" * (size // 2) + "a" * (size % 2), "bytes": b"b" * size}
    path = saved({**beside, "array": bytearray(size), "fc.weight": BASE}, tmp_path / "m.pt")
    found = read(path)
    assert list(found) == ["fc.weight"]
    require_same(found["fc.weight"], BASE)


def test_a_long_text_that_is_cut_is_damage(tmp_path: Path) -> None:
    """No text is passed over that the pickle does not hold whole."""
    for begin in (b"X", b"\x8d", b"B", b"\x8e", b"\x96"):
        width = 4 if begin in b"XB" else 8
        length = (2 << 20).to_bytes(width, "little")
        content = b"\x80\x05" + begin + length + b"a" * ((2 << 20) - 1)
        (tmp_path / "m.pt").write_bytes(archive(content))
        with pytest.raises(InputError, match="has no end"):
            read(str(tmp_path / "m.pt"))


def test_tensors_deep_in_containers_of_others_are_found(tmp_path: Path) -> None:
    """What holds no tensor is not looked into; what lies beside it is."""
    state = {"a": [[1, 2], [[3], [{"weight": BASE}]], (), {}], "b": ([], {"c": (BASE.T,)})}
    found = read(saved(state, tmp_path / "m.pt"))
    assert list(found) == ["a.1.1.0.weight", "b.1.c.0"]
