"""Hostile .safetensors files."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
from safetensors.numpy import save

from tests.checkpoints.formats.hostile.cases import Hostile, one_file
from tests.checkpoints.formats.test_safetensors import BAD, entry, file_of


def safetensors_files() -> Iterator[Hostile]:
    """Yield breaches of the format, and a sound file cut at every boundary."""
    for name, (content, _) in BAD.items():
        yield one_file(name, content, "safetensors")
    for name, content in MORE.items():
        yield one_file(name, content, "safetensors")
    weights = {f"{n}.weight": np.ones((2, 3), np.float32) for n in range(3)}
    sound = save(weights)
    length = int.from_bytes(sound[:8], "little")
    boundaries = {0: "nothing", 8: "length", 8 + length: "header", len(sound): "file"}
    boundaries |= {8 + length + 24 * n: f"tensor {n}" for n in (1, 2)}
    header = sound[8 : 8 + length]
    boundaries |= {8 + header.index(mark): f"before {mark!r}" for mark in (b":", b"[", b"}", b",")}
    for at, words in sorted(boundaries.items()):
        for cut, where in ((at - 1, "a byte before the end of"), (at, "at the end of")):
            if 0 < cut < len(sound):
                yield one_file(f"cut {where} {words}", sound[:cut], "safetensors")
    for place in range(8):
        longer = sound[:place] + b"\xff" + sound[place + 1 :]
        yield one_file(f"length with byte {place} set", longer, "safetensors")


def _with(**changed: object) -> bytes:
    return file_of({"w": {**entry([2], 0, 8), **changed}}, b"\0" * 8)


MORE = {
    "10^18 numbers": _with(shape=[10**9, 10**9]),
    "10^18 numbers of nothing": file_of({"w": entry([10**18, 10**18], 0, 0)}),
    "2^62 columns of nothing": file_of({"w.weight": entry([0, 2**62], 0, 0)}),
    "2^62 rows of nothing": file_of({"w.weight": entry([2**62, 0], 0, 0)}),
    "10^15 experts of nothing": file_of({"mlp.experts.weight": entry([10**15, 2, 0], 0, 0)}),
    "four megabytes of empty lists": file_of(b'{"w":[' + b"[]," * 1_400_000 + b"[]]}"),
    "four megabytes of short texts": file_of(
        b'{"__metadata__":{' + b",".join(b'"%x":""' % n for n in range(400_000)) + b"}}"
    ),
    "a name of a million characters": file_of({"w" * 10**6: entry([3], 0, 8)}, b"\0" * 8),
    "a lone surrogate in a name": file_of(
        b'{"\\ud800":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}', b"\0" * 8
    ),
    "many dimensions": file_of({"w": entry([2] * 5000, 0, 8)}, b"\0" * 8),
    "offsets of 2^64": _with(data_offsets=[2**64, 2**64 + 8]),
    "offsets of 2^63 - 1": _with(data_offsets=[2**63 - 9, 2**63 - 1]),
    "negative offsets": _with(data_offsets=[-8, 0]),
    "offsets as text": _with(data_offsets=["0", "8"]),
    "offsets of fractions": _with(data_offsets=[0.0, 8.0]),
    "offsets of 4300 digits": file_of(
        b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,' + b"8" * 4301 + b"]}}", b"\0" * 8
    ),
    "three offsets": _with(data_offsets=[0, 4, 8]),
    "shape as an object": _with(shape={"0": 2}),
    "shape of null": _with(shape=[None]),
    "shape nested": _with(shape=[[2]]),
    "dtype as a list": _with(dtype=["F32"]),
    "dtype as a number": _with(dtype=32),
    "no offsets": file_of({"w": {"dtype": "F32", "shape": []}}),
    "not a number as a width": file_of(
        b'{"w":{"dtype":"F32","shape":[NaN],"data_offsets":[0,8]}}', b"\0" * 8
    ),
    "infinity as an offset": file_of(
        b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,Infinity]}}', b"\0" * 8
    ),
    "deep lists": file_of(b'{"w":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "deep metadata": file_of(b'{"__metadata__":' + b'{"a":' * 50_000),
    "metadata twice": file_of(b'{"__metadata__":{},"__metadata__":{}}'),
    "key twice in an entry": file_of(
        b'{"w":{"dtype":"F32","shape":[2],"shape":[1],"data_offsets":[0,8]}}', b"\0" * 8
    ),
    "two headers": file_of(json.dumps({"w": entry([2], 0, 8)}).encode() * 2, b"\0" * 8),
    "header of blanks": file_of(b" " * 1000),
    "header of zeros": file_of(b"\0" * 1000),
    "header in UTF-16": file_of(json.dumps({"w": entry([2], 0, 8)}).encode("utf-16"), b"\0" * 8),
    "header with a NUL": file_of(b'{"w\0":{}}'),
    "twenty thousand tensors in one place": file_of(
        {f"{n}": entry([2], 0, 8) for n in range(20_000)}, b"\0" * 8
    ),
    "tensors one byte apart": file_of(
        {f"{n}": entry([2], n, n + 8) for n in range(1000)}, b"\0" * 1007
    ),
}
