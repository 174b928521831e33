"""Files whose many small parts would take far more to read than they take on a disk."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

from tests.checkpoints.formats.hostile.cases import Hostile, Raw, archive, code, one_file, tensor
from tests.checkpoints.formats.hostile.older import older
from tests.checkpoints.formats.test_safetensors import entry, file_of

INDEX = "model.safetensors.index.json"
ENTRY = b'"%d":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'


def _names_of_one_tensor(count: int) -> bytes:
    """Return a pickle in which many keys have the same tensor."""
    items = b"".join(code(f"{n}.weight") + b"h\x00" for n in range(count))
    return b"\x80\x02" + code(tensor()) + b"q\x000}(" + items + b"u."


def _members(count: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for number in range(count):
            target.writestr(f"{number}.npy", b"")
    return file.getvalue()


def _header_of_a_long_name(size: int) -> bytes:
    return file_of({"w" * size: entry([2], 0, 8)}, b"\0" * 8)


def floods() -> Iterator[Hostile]:
    """Yield a file of every format; each is refused before its parts are made."""
    yield one_file("flood, 1,500 names of a tensor", archive(_names_of_one_tensor(1500)), "pt")
    yield one_file("flood, 20,000 names of a tensor", archive(_names_of_one_tensor(20_000)), "pt")
    named = older(Raw(_names_of_one_tensor(20_000)[2:-1]))
    yield one_file("flood, 20,000 names of an older tensor", named, "pt")
    many = b"{" + b",".join(ENTRY % n for n in range(200_000)) + b"}"
    yield one_file("flood, 200,000 tensors", file_of(many), "safetensors")
    braces = b"{" + b",".join(ENTRY % n for n in range(60_000)) + b"}"
    yield one_file("flood, 60,000 tensors", file_of(braces), "safetensors")
    yield one_file("flood, a name of 17 MB", _header_of_a_long_name(17_000_000), "safetensors")
    yield one_file("flood, a name of 100 kB", _header_of_a_long_name(100_000), "safetensors")
    for words, row in (
        ("empty lists", b"[]"), ("lists of one number", b"[1]"), ("objects", b"{}"),
        ("objects of one key", b'{"a":0}'), ("short texts", b'""'), ("nulls", b"null"),
        ("numbers in 31 dimensions", b"[" * 29 + b"1" + b"]" * 29),
    ):  # fmt: skip
        many = b",".join([row] * (5_000_000 // (len(row) + 1)))
        yield one_file(f"flood, {words}", b'{"weight":[[' + many + b"]]}", "json")
    entries = {f"{n:07}.weight": "a.safetensors" for n in range(320_000)}
    index = json.dumps({"metadata": {}, "weight_map": entries}).encode()
    yield Hostile("flood, an index of 320,000 tensors", {INDEX: index}, INDEX)
    yield one_file("flood, 60,000 arrays", _members(60_000), "npz")
    storages = {f"data/{n}": b"" for n in range(60_000)}
    yield one_file("flood, 60,000 storages", archive(b"\x80\x02N.", storages), "pt")
