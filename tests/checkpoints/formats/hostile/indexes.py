"""Hostile JSON: layers, and indexes of shards."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
from safetensors.numpy import save

from tests.checkpoints.formats.hostile.cases import CANARY, Hostile, one_file
from tests.checkpoints.formats.hostile.headers import MORE

NAME = "model.safetensors.index.json"
SHARD = save({"fc.weight": np.ones((2, 3), np.float32)})


def _array(**changed: object) -> bytes:
    whole = {"shape": [1, 1], "dtype": "float32", "values": [[1]], **changed}
    return json.dumps({"weight": whole}).encode()


JSON = {
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"weight":' * 100_000,
    "deep and closed": b"[" * 50_000 + b"]" * 50_000,
    "a number of 10^5 digits": b'{"weight": [[' + b"9" * 100_000 + b"]]}",
    "a float beyond the largest": b'{"weight": [[1e999999999]], "bias": ["x"]}',
    "ragged rows": b'{"weight": [[1, 2], [3]]}',
    "text as numbers": b'{"weight": [["1", "2"]]}',
    "null as numbers": b'{"weight": [[null, 1]]}',
    "truth as numbers": b'{"weight": [[true, false]]}',
    "an object as a row": b'{"weight": [{"0": 1}]}',
    "no numbers": b'{"weight": []}',
    "the same key twice": b'{"weight": [[1]], "weight": [[2]]}',
    "text behind": b'{"weight": [[1]]} {"weight": [[2]]}',
    "cut": b'{"weight": [[1, 2',
    "a lone surrogate": b'{"weight": "\\ud800"}',
    "no UTF-8": b'{"weight": [["\xff"]]}',
    "a NUL": b'{"weight": [[1\0]]}',
    "escape codes": b'{"weight": "\x1b[2J"}',
    "a shape that is another": b'{"weight": {"shape": [9999999999, 9999999999], "dtype": "float32",'
    b' "values": [[1]]}}',
    "2^62 columns of nothing": _array(shape=[0, 2**62], values=[]),
    "2^62 rows of nothing": _array(shape=[2**62, 0], values=[]),
    "a width of 401 digits": _array(shape=[0, 10**400], values=[]),
    "a hundred dimensions": _array(shape=[0] * 100, values=[]),
    "a dtype that is a list": _array(dtype=[]),
    "a dtype that is an object": _array(dtype={}),
    "a place of text": _array(values=[[None]], nonfinite=[{"index": ["0", "0"], "value": "nan"}]),
    "a place that is true": _array(
        shape=[1, 2], values=[[1, None]], nonfinite=[{"index": [False, True], "value": "nan"}]
    ),
    "a hundred thousand places": _array(
        shape=[100_000, 1],
        values=[[None]] * 100_000,
        nonfinite=[{"index": [n, 0], "value": "nan"} for n in range(99_999)],
    ),
    "NaN": b'{"weight": [[NaN]]}',
    "a number of 10^6 digits": b'{"weight": [[' + b"9" * 10**6 + b"]]}",
    "a name of a million characters": b'{"' + b"a" * 10**6 + b'.weight": [["x"]]}',
    "an unknown dtype": b'{"weight": {"shape": [1, 1], "dtype": "os.system", "values": [[1]]}}',
    "a bias of another width": b'{"weight": [[1, 2]], "bias": [1, 2, 3]}',
}
LAYERLESS = ("no numbers", "a bias of another width")


def json_files() -> Iterator[Hostile]:
    """Yield JSON that is no layer."""
    for name, content in JSON.items():
        yield one_file(name, content, "json", layerless=name in LAYERLESS)


def _index(shard_of: object, **more: object) -> bytes:
    return json.dumps({"metadata": more, "weight_map": shard_of}).encode()


INDEXES: dict[str, bytes] = {
    "that is a list": b"[1, 2]",
    "that is text": b'"model.safetensors"',
    "that is nothing": b"null",
    "of nothing": b"{}",
    "of an empty map": _index({}),
    "of a list as its map": _index(["a.safetensors"]),
    "of text as its map": _index("a.safetensors"),
    "of deep lists": b'{"weight_map":' + b"[" * 100_000,
    "of deep maps": b'{"weight_map":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
    "cut": _index({"fc.weight": "a.safetensors"})[:-9],
    "of a key twice": b'{"weight_map":{"a":"a.safetensors","a":"b.safetensors"}}',
    "of numbers as files": _index({"fc.weight": 1}),
    "of lists as files": _index({"fc.weight": ["a.safetensors"]}),
    "of deep lists as files": _index({"fc.weight": 0}).replace(b"0", b"[" * 900 + b"]" * 900),
    "of a long list as a file": _index({"fc.weight": [1] * 100_000}),
    "of a tensor of a long name": _index({"w" * 10**6: 1}),
    "of a lone surrogate": _index({"fc.weight": "\ud800.safetensors"}),
    "of maps as files": _index({"fc.weight": {"a": "a.safetensors"}}),
    "of null as a file": _index({"fc.weight": None}),
    "of a file without a name": _index({"fc.weight": ""}),
    "of the folder": _index({"fc.weight": "."}),
    "of the folder above": _index({"fc.weight": ".."}),
    "of a file above": _index({"fc.weight": "../a.safetensors"}),
    "of a file far above": _index({"fc.weight": "../../../../etc/passwd"}),
    "of a file through a folder": _index({"fc.weight": "x/../../a.safetensors"}),
    "of an absolute name": _index({"fc.weight": "/etc/passwd"}),
    "of a name of Windows": _index({"fc.weight": "..\\a.safetensors"}),
    "of a drive": _index({"fc.weight": "C:a.safetensors"}),
    "of a URI": _index({"fc.weight": "https://example.invalid/a.safetensors"}),
    "of a file URI": _index({"fc.weight": "file:///etc/passwd"}),
    "of a NUL": _index({"fc.weight": "a.safetensors\0"}),
    "of escape codes": _index({"fc.weight": "\x1b[2Jgone.safetensors"}),
    "of itself": _index({"fc.weight": NAME}),
    "of a folder": _index({"fc.weight": "folder"}),
    "of missing files": _index({"fc.weight": "gone.safetensors", "fc.bias": "lost.safetensors"}),
    "of a long name": _index({"fc.weight": "a" * 5000 + ".safetensors"}),
    "of twenty thousand files": _index({f"{n}": f"{n}.safetensors" for n in range(20_000)}),
    "of a damaged file": _index({"fc.weight": "a.safetensors", "w": "damaged.safetensors"}),
    "of a pickle that calls": _index({"fc.weight": "a.safetensors", "w": "calls.bin"}),
    "of JSON": _index({"fc.weight": "a.safetensors", "w": "b.json"}),
    "of an empty file": _index({"fc.weight": "a.safetensors", "w": "empty.safetensors"}),
}


def index_files() -> Iterator[Hostile]:
    """Yield indexes that name files anywhere else, or what is none."""
    call = f"cos\nsystem\n(S'touch {CANARY}'\ntR.".encode()
    beside = {
        "a.safetensors": SHARD,
        "damaged.safetensors": MORE["tensors one byte apart"],
        "calls.bin": b"\x80\x02" + call,
        "b.json": b"[[1]]",
        "empty.safetensors": b"",
        "folder/x.txt": b"",
    }
    for name, content in INDEXES.items():
        yield Hostile(f"index {name}", {NAME: content, **beside}, NAME)
