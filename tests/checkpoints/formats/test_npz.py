from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fcinspect.checkpoints.formats import npz
from fcinspect.checkpoints.pairing.pair import pair
from fcinspect.errors import InputError


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_read_bit_for_bit(dtype: str, order: str, tmp_path: Path) -> None:
    """Byte order and memory order of the file do not matter."""
    weight = np.asarray(np.random.default_rng(0).normal(size=(3, 4)).astype(dtype), order=order)  # type: ignore[call-overload]  # "C" or "F"
    np.savez_compressed(tmp_path / "m.npz", **{"fc1.weight": weight})
    (tensor,) = npz.tensors_of(str(tmp_path / "m.npz"))
    assert tensor.name == "fc1.weight"
    np.testing.assert_array_equal(tensor.read(None), weight)
    np.testing.assert_array_equal(tensor.read([2, 0]), weight[[2, 0]])
    assert tensor.read(None).dtype.isnative


def test_a_lone_array_is_a_weight(tmp_path: Path) -> None:
    """An .npy file is one layer without a name."""
    np.save(tmp_path / "w.npy", np.eye(2))
    (tensor,) = npz.tensors_of(str(tmp_path / "w.npy"))
    assert (tensor.name, tensor.shape, tensor.dtype) == ("weight", (2, 2), "float64")


def test_whole_numbers_become_float32_and_say_what_was_rounded(tmp_path: Path) -> None:
    """The reader is told of the first number that float32 does not hold."""
    np.savez(tmp_path / "m.npz", weight=np.array([[1, 2**24 + 1]]), bias=np.array([2**24]))
    weight, bias = npz.tensors_of(str(tmp_path / "m.npz"))
    assert weight.dtype == "float32"
    assert weight.rounding is not None
    assert bias.rounding is not None
    assert weight.rounding() == "1 of 2 were rounded: 16777217 became 16777216"
    assert bias.note == "bias holds int64 numbers, read as float32"
    assert bias.rounding() is None


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    """Objects and complex numbers are skipped with their reason."""
    np.savez(tmp_path / "m.npz", weight=np.array([{"a": 1}], dtype=object), c=np.ones(2, complex))
    weight, other = npz.tensors_of(str(tmp_path / "m.npz"))
    assert "never loaded" in str(weight.problem)
    assert "complex128" in str(other.problem)


def member(shape: tuple[int, ...], data: bytes = b"") -> bytes:
    """Return an .npy file that claims a shape and holds other bytes."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<f4", "fortran_order": False, "shape": shape}
    )
    return file.getvalue() + data


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (member((10**9, 10**9)), "0 bytes of numbers"),
        (member((2, 2), b"\0" * 15), "15 bytes of numbers"),
        (member((1,), b"\0" * 5), "5 bytes of numbers"),
        (b"\x93NUMPY\x01\x00\xff\xff{'descr'", "not a valid array"),
        (b"\x93NUMPY\x09\x00\x00\x00", "version"),
        (b"nothing", "not a valid array"),
        (b"", "not a valid array"),
    ],
)
def test_damaged_members_are_refused(content: bytes, words: str, tmp_path: Path) -> None:
    """A claimed shape is held against the bytes before anything is allocated."""
    with zipfile.ZipFile(tmp_path / "m.npz", "w") as archive:
        archive.writestr("weight.npy", content)
    with pytest.raises(InputError, match=words):
        npz.tensors_of(str(tmp_path / "m.npz"))


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    """Truncation is seen at once, a flipped bit when the array is read."""
    np.savez(tmp_path / "m.npz", weight=np.ones((200, 200)))
    content = (tmp_path / "m.npz").read_bytes()
    (tmp_path / "short.npz").write_bytes(content[:-10])
    with pytest.raises(InputError, match="not a valid"):
        npz.tensors_of(str(tmp_path / "short.npz"))
    flipped = bytearray(content)
    flipped[200_000] ^= 1
    (tmp_path / "flipped.npz").write_bytes(flipped)
    (tensor,) = npz.tensors_of(str(tmp_path / "flipped.npz"))
    with pytest.raises(InputError, match="CRC"):
        tensor.read(None)


@pytest.mark.parametrize("dtype", ["<f8", "<f4", "<f2"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("lone", [True, False], ids=["npy", "npz"])
def test_unpacked_arrays_have_a_place(dtype: str, order: str, lone: bool, tmp_path: Path) -> None:
    """Their bytes lie in the file as they are, so that a scan reads them in parts."""
    weight = np.asarray(np.random.default_rng(1).normal(size=(5, 7)).astype(dtype), order=order)  # type: ignore[call-overload]  # "C" or "F"
    path = tmp_path / ("w.npy" if lone else "w.npz")
    if lone:
        np.save(path, weight)
    else:
        np.savez(path, first=np.ones(3), weight=weight, bias=weight[0])
    tensor = {t.name: t for t in npz.tensors_of(str(path))}["weight"]
    assert tensor.place is not None
    assert tensor.place.transposed == (order == "F")
    raw = path.read_bytes()[tensor.place.begin :][: weight.nbytes]
    assert raw == weight.tobytes(order=order)
    np.testing.assert_array_equal(tensor.place.read(), weight)
    np.testing.assert_array_equal(tensor.read([4, 1]), weight[[4, 1]])


def test_what_is_no_plain_run_of_bytes_has_no_place(tmp_path: Path) -> None:
    """Packed, big-endian, integer and column-ordered cubes are read whole, or not at all."""
    cube = np.asfortranarray(np.ones((2, 3, 4), np.float32))
    np.savez_compressed(tmp_path / "a.npz", weight=np.ones((2, 2), np.float32))
    np.savez(tmp_path / "b.npz", a=np.ones((2, 2), ">f4"), b=np.ones((2, 2), int), weight=cube)
    tensors = [t for name in "ab" for t in npz.tensors_of(str(tmp_path / f"{name}.npz"))]
    assert [t.place for t in tensors] == [None] * 4
    np.testing.assert_array_equal(tensors[3].read(None), cube)


def test_a_member_that_lies_behind_the_end_has_no_place(tmp_path: Path) -> None:
    """A list of members that points beyond the file is refused."""
    np.savez(tmp_path / "m.npz", weight=np.ones((20, 20)))
    content = bytearray((tmp_path / "m.npz").read_bytes())
    central = content.rindex(b"PK\x01\x02")
    content[central + 42 : central + 46] = (len(content) - 10).to_bytes(4, "little")
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InputError):
        npz.tensors_of(str(tmp_path / "bad.npz"))


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "uint32", "int64", "uint64"])
def test_rounded_integers_are_counted_exactly(dtype: str, tmp_path: Path) -> None:
    """Against Python's integers, which are exact, for values around every power of two."""
    limits = np.iinfo(dtype)
    near = [s * (2**k + d) for k in range(65) for d in (-3, -1, 0, 1, 2) for s in (1, -1)]
    held = sorted({v for v in near if limits.min <= v <= limits.max} | {limits.min, limits.max})
    np.savez(tmp_path / "m.npz", weight=np.array([held], dtype=dtype))
    (tensor,) = npz.tensors_of(str(tmp_path / "m.npz"))
    lost = [v for v in held if int(np.float32(v)) != v]
    assert tensor.rounding is not None
    told = tensor.rounding()
    if lost:
        became = int(np.float32(lost[0]))
        assert told == f"{len(lost)} of {len(held)} were rounded: {lost[0]} became {became}"
    else:
        assert told is None
    np.testing.assert_array_equal(tensor.read(None), np.array([held], dtype).astype(np.float32))


def test_integers_are_not_read_for_a_listing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be as many as they like; the layer's remarks tell what was rounded."""
    np.savez(tmp_path / "m.npz", weight=np.full((2, 3), 2**24 + 1))
    with monkeypatch.context() as closed:
        closed.setattr(npz.Member, "values", None)
        (layer,) = pair(npz.tensors_of(str(tmp_path / "m.npz")), "'m'").layers
    assert layer.warnings == ("weight holds int64 numbers, read as float32",)
    assert layer.remarks() == (
        "weight holds int64 numbers, read as float32; 6 of 6 were rounded:"
        " 16777217 became 16777216",
    )


def test_the_list_of_members_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An array is read by its place: with a list read for each, many would take their square."""
    arrays: dict[str, Any] = {f"a{n}": np.full((2, 3), n) for n in range(20)}
    np.savez_compressed(tmp_path / "m.npz", **arrays)
    found = npz.tensors_of(str(tmp_path / "m.npz"))

    def read(*arguments: object) -> None:
        raise AssertionError("the list is read again")

    monkeypatch.setattr(zipfile, "ZipFile", read)
    for number, tensor in enumerate(found):
        assert (tensor.read(None) == number).all()
