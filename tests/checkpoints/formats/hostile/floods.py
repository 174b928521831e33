"""Files whose many small parts would take far more to read than they take on a disk."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from functools import partial

from tests.checkpoints.formats.hostile.cases import Hostile, Raw, archive, code, one_file, tensor
from tests.checkpoints.formats.hostile.older import older
from tests.checkpoints.formats.test_safetensors import entry, file_of

INDEX = "model.safetensors.index.json"
ENTRY = b'"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'


def _names_of_one_tensor(count: int) -> bytes:
    """Return a pickle in which many keys have the same tensor."""
    items = b"".join(code(f"{n}.weight") + b"h\x00" for n in range(count))
    return b"\x80\x02" + code(tensor()) + b"q\x000}(" + items + b"u."


def _names(count: int) -> bytes:
    return archive(_names_of_one_tensor(count))


def _members(count: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for number in range(count):
            target.writestr(f"{number}.npy", b"")
    return file.getvalue()


def _header_of_a_long_name(size: int) -> bytes:
    return file_of({"w" * size: entry([2], 0, 8)}, b"\0" * 8)


def _header(count: int) -> bytes:
    return file_of(b"{" + b",".join(ENTRY % n for n in range(count)) + b"}")


def _older() -> bytes:
    return older(Raw(_names_of_one_tensor(20_000)[2:-1]))


def _rows(row: bytes) -> bytes:
    return b'{"weight":[[' + b",".join([row] * (5_000_000 // (len(row) + 1))) + b"]]}"


def _index() -> bytes:
    entries = {f"{n:07}.weight": "a.safetensors" for n in range(320_000)}
    return json.dumps({"metadata": {}, "weight_map": entries}).encode()


def _storages() -> bytes:
    return archive(b"\x80\x02N.", {f"data/{n}": b"" for n in range(60_000)})


def floods() -> Iterator[Hostile]:
    """Yield a file of every format; each is refused before its parts are made."""
    for count in (1500, 20_000):
        yield one_file(f"flood, {count:,} names of a tensor", partial(_names, count), "pt")
    yield one_file("flood, 20,000 names of an older tensor", _older, "pt")
    for count in (200_000, 60_000):
        yield one_file(f"flood, {count:,} tensors", partial(_header, count), "safetensors")
    for words, size in (("17 MB", 17_000_000), ("100 kB", 100_000)):
        long = partial(_header_of_a_long_name, size)
        yield one_file(f"flood, a name of {words}", long, "safetensors")
    for words, row in (
        ("empty lists", b"[]"), ("lists of one number", b"[1]"), ("objects", b"{}"),
        ("objects of one key", b'{"a":0}'), ("short texts", b'""'), ("nulls", b"null"),
        ("numbers in 31 dimensions", b"[" * 29 + b"1" + b"]" * 29),
    ):  # fmt: skip
        yield one_file(f"flood, {words}", partial(_rows, row), "json")
    yield Hostile("flood, an index of 320,000 tensors", {INDEX: _index}, INDEX)
    yield one_file("flood, 60,000 arrays", partial(_members, 60_000), "npz")
    yield one_file("flood, 60,000 storages", _storages, "pt")
