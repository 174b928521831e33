"""Hostile .npz and .npy files."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import numpy as np

from tests.checkpoints.formats.hostile.cases import Hostile, one_file
from tests.checkpoints.formats.hostile.zips import zipped


def npy(header: str, data: bytes = b"", *, length: int | None = None, version: int = 1) -> bytes:
    """Return an array file of that header, sound or not."""
    text = header.encode("latin1").ljust(54) + b"\n"
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + size.to_bytes(2, "little") + text + data


def described(shape: str = "(2, 3)", descr: str = "'<f4'", order: str = "False") -> str:
    """Return a header's dict."""
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


DATA = b"\0" * 24
ARRAYS = {
    "10^18 numbers": npy(described("(1000000000, 1000000000)")),
    "2^62 rows": npy(described("(4611686018427387904, 3)"), DATA),
    "size that wraps to 0": npy(described("(4294967296, 4294967296)")),
    "2^62 rows of nothing": npy(described("(4611686018427387904, 0)")),
    "2^62 columns of nothing": npy(described("(0, 4611686018427387904)")),
    "10^18 texts of nothing": npy(described("(1000000000, 1000000000)", "'|S0'")),
    "negative shape": npy(described("(-2, -3)"), DATA),
    "shape of a fraction": npy(described("(2.0, 3)"), DATA),
    "shape of true": npy(described("(True, 24)"), DATA[:23]),
    "shape of text": npy(described("'23'"), DATA),
    "shape of a call": npy(described("(__import__('os').system('touch hostile_canary'),)"), DATA),
    "shape of a power": npy(described("(9**9**9,)"), DATA),
    "no shape": npy("{'descr': '<f4', 'fortran_order': False}", DATA),
    "one key more": npy(described()[:-1] + "'x': 1}", DATA),
    "no dict": npy("[1, 2]", DATA),
    "deep header": npy("(" * 5000, DATA),
    "long header": npy(" " * 40_000 + described(), DATA),
    "header beyond the file": npy(described(), DATA, length=65_000),
    "header of nothing": npy("", DATA, length=0),
    "header of NULs": npy("\0" * 60, DATA),
    "order that is no truth": npy(described(order="'C'"), DATA),
    "dtype of nothing": npy(described(descr="'<f0'"), DATA),
    "dtype of a gigabyte": npy(described(descr="'|S1000000000'"), DATA),
    "dtype unknown": npy(described(descr="'<q99'"), DATA),
    "dtype of text": npy(described(descr="'os.system'"), DATA),
    "dtype nested": npy(described(descr="[('a', " * 100 + "'<f4'" + ")]" * 100), DATA),
    "version 9": npy(described(), DATA, version=9),
    "version 2 as 1": npy(described(), DATA, version=2),
    "a byte too few": npy(described(), DATA[:-1]),
    "a byte too many": npy(described(), DATA + b"\0"),
    "no numbers": npy(described()),
    "its name alone": b"\x93NUMPY",
    "nothing behind its version": b"\x93NUMPY\1\0",
}
LAYERLESS = {
    "pickled objects": npy(described(descr="'|O'"), b"cos\nsystem\n(S'touch hostile_canary'\ntR."),
    "pickled objects of no shape": npy(described("()", "'|O'"), b"cos\nsystem\n."),
}


def array_files() -> Iterator[Hostile]:
    """Yield arrays that lie of themselves, alone and in a zip file, and zip files that are none."""
    for name, content in ARRAYS.items():
        yield one_file(name, content, "npy")
        if not name.startswith(("its name", "nothing behind")):
            yield one_file(name, zipped([("weight.npy", content)]), "npz")
    for name, content in LAYERLESS.items():
        yield one_file(name, content, "npy", layerless=True)
        yield one_file(name, zipped([("weight.npy", content)]), "npz", layerless=True)
    sound = npy(described(), DATA)
    packed = zipped([("weight.npy", sound)], zipfile.ZIP_DEFLATED)
    yield one_file("two of one name", zipped([("weight.npy", sound)] * 2), "npz")
    yield one_file("encrypted", _encrypted(zipped([("weight.npy", sound)])), "npz")
    yield one_file("bomb of a header", zipped(
        [("weight.npy", npy(described("(1000000000, 1000000000)"), b"\0" * 10**6))],
        zipfile.ZIP_DEFLATED), "npz")  # fmt: skip
    yield one_file("packed bytes set to 255", packed.replace(packed[45:60], b"\xff" * 15), "npz")
    yield one_file("of nothing", zipped([]), "npz")
    zeros = npy(described("(9175040, 2)"), b"\0" * (70 << 20))
    yield one_file("bomb of numbers", zipped([("weight.npy", zeros)], zipfile.ZIP_DEFLATED), "npz")
    whole = io.BytesIO()
    np.savez(whole, weight=np.ones((2, 3)), bias=np.ones(2))
    content = whole.getvalue()
    for cut in range(4, len(content), 60):
        yield one_file(f"cut at byte {cut}", content[:cut], "npz")


def _encrypted(content: bytes) -> bytes:
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = content.index(mark) + place
        content = content[:at] + b"\1" + content[at + 1 :]
    return content
