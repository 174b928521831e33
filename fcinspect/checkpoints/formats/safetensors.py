"""Reading .safetensors: a checked header, then only the bytes that are asked for.

Format: 8 bytes n (little-endian), n bytes of JSON {name: {"dtype", "shape", "data_offsets"}},
then the data, which the tensors fill from its first byte to its last without hole or overlap.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import closing
from typing import Any

from fcinspect.checkpoints.places import Extent, FilePlace, claim, open_storage, unique_keys
from fcinspect.checkpoints.records import StoredTensor, unreadable
from fcinspect.checkpoints.storage import Storage
from fcinspect.errors import InputError
from fcinspect.masking import masked_name

LARGEST_HEADER = 100_000_000
"""Bytes of JSON; the format's own limit."""
SMALL_HEADER = 1 << 20
"""Bytes of JSON that are parsed whatever they are."""
BYTES_A_BRACKET, BYTES_A_TEXT = 12, 8
"""The least of a larger header: a tensor has three brackets and five texts in fifty bytes."""
MOST_TENSORS = 50_000
"""Tensors of every file."""
BYTES_A_TENSOR = 4096
"""A larger file may have one more for so many bytes of numbers."""
FEW_TEXTS = 200_000
"""Texts of the metadata."""
LONGEST_NAME = 1 << 16
"""Characters of a tensor's name."""
LONGEST_TEXT = 1 << 23
"""Bytes of a text in the header; those of its metadata may be longer than any name."""
TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
MOST_DIMENSIONS = 64
"""As many as an array of numpy has."""

READABLE = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""The formats that layers are read from, in our words."""
SCANNED = {**READABLE, "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2"}
"""Those whose numbers are known, in our words."""

BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64,
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "C64": 64,
    "F8_E5M2": 8, "F8_E4M3": 8, "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8, "F8_E8M0": 8,
    "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip
"""Bits of one number of every dtype of the format."""


class _Unsound(Exception):
    """A header that breaks the format; the message says where."""


def tensors_of(path: str) -> tuple[StoredTensor, ...]:
    """Return the tensors of a .safetensors file, fc2 before fc10; raises InputError."""
    with closing(open_storage(path)) as storage:
        try:
            tensors = _checked(*_header(storage), storage)
        except _Unsound as error:
            name = repr(masked_name(path))
            raise InputError(f"{name} is not a valid safetensors file: {error}") from None
    return tuple(sorted(tensors, key=lambda tensor: natural_key(tensor.name)))


def data_size(path: str) -> int:
    """Return how many bytes of numbers a sound .safetensors file holds."""
    with closing(open_storage(path)) as storage:
        return storage.stamp.size - 8 - int.from_bytes(storage.read(0, 8), "little")


def _header(storage: Storage) -> tuple[dict[str, Any], int]:
    size = storage.stamp.size
    if size < 8:
        raise _Unsound(f"it has {size} bytes, but the length of its header alone takes 8")
    length = int.from_bytes(storage.read(0, 8), "little")
    if length > LARGEST_HEADER:
        raise _Unsound(f"its header claims {length} bytes: at most {LARGEST_HEADER} are allowed")
    if 8 + length > size:
        raise _Unsound(f"it is truncated: its header ends at byte {8 + length}, the file at {size}")
    text = storage.read(8, length)
    if not text.startswith(b"{"):
        raise _Unsound("its header does not begin with '{'")
    if length > SMALL_HEADER:
        _check_large(text, MOST_TENSORS + (size - length) // BYTES_A_TENSOR)
    try:
        header = json.loads(text.decode(), object_pairs_hook=unique_keys(_twice))
    except RecursionError:
        raise _Unsound("its header is nested too deeply") from None
    except ValueError as error:  # JSON, UTF-8, or an integer of thousands of digits
        reason = str(error).split(": ")[0]
        raise _Unsound(f"its header is not JSON ({reason})") from None
    if not isinstance(header, dict):
        raise _Unsound("its header is not an object")
    return header, 8 + length


def _check_large(header: bytearray, most: int) -> None:
    """Refuse a header before it is parsed where it is no table of at most so many tensors."""
    for begin in range(0, len(header) - LONGEST_TEXT, LONGEST_TEXT):
        if header.find(b'"', begin, begin + LONGEST_TEXT) < 0:
            raise _Unsound(f"its header has a string of more than {LONGEST_TEXT} bytes")
    # about how many texts there are
    texts = (header.count(b'"') - header.count(b'\\"')) // 2
    # a tensor has five: its name, three keys and its dtype
    if texts > 5 * most + FEW_TEXTS:
        raise _Unsound(f"it has too many tensors for its few numbers: at most {most} are read")
    brackets, texts, objects = _brackets(header), header.count(b'"') // 2, header.count(b"{")
    # the header itself and its metadata are objects, too
    if not _is_sparse(brackets, texts, len(header)) or objects > most + 2:
        texts = 0  # counted: they may hold brackets and quotes themselves
        for text in TEXT.finditer(header):
            texts += 1
            brackets -= _brackets(text[0])
            objects -= text[0].count(b"{")
    if not _is_sparse(brackets, texts, len(header)):
        raise _Unsound(f"its header of {len(header)} bytes does not describe tensors: refused")
    if objects > most + 2:
        raise _Unsound(f"it has {objects - 1} tensors for its few numbers: at most {most} are read")


def _brackets(json: bytes | bytearray) -> int:
    return json.count(b"[") + json.count(b"{")


def _is_sparse(brackets: int, texts: int, size: int) -> bool:
    return brackets * BYTES_A_BRACKET <= size and texts * BYTES_A_TEXT <= size


def _twice(name: str) -> _Unsound:
    return _Unsound(f"{name!r} appears twice in its header")


def _checked(header: dict[str, Any], start: int, storage: Storage) -> list[StoredTensor]:
    """Return the tensors in the order of their data, which fill the file from `start` on."""
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _Unsound("its metadata is not all strings")
    spans = [(name, _span(name, value)) for name, value in header.items()]
    spans.sort(key=lambda item: item[1])
    position, size = 0, storage.stamp.size - start
    for name, (begin, end) in spans:
        if begin != position:
            what = "a gap" if begin > position else "an overlap"
            raise _Unsound(f"there is {what} before {name!r}, at byte {start + begin}")
        position = end
    if position > size:
        ends = f"the data end at byte {start + position}, the file at {start + size}"
        raise _Unsound(f"it is truncated: {ends}")
    if position < size:
        raise _Unsound(f"{size - position} bytes follow the last tensor")
    return [
        _stored(name, header[name]["dtype"], tuple(header[name]["shape"]), start, span, storage)
        for name, span in spans
    ]


def _span(name: str, value: object) -> tuple[int, int]:
    """Return the first byte of a tensor in the data, and the one after the last."""
    if len(name) > LONGEST_NAME:
        raise _Unsound(f"it has a name of {len(name)} characters: at most {LONGEST_NAME} are read")
    if not isinstance(value, dict):
        raise _Unsound(f"{name!r} is not described by an object")
    dtype = value.get("dtype")
    if not isinstance(dtype, str):
        raise _Unsound(f"{name!r} has no dtype")
    shape = _whole_numbers(value.get("shape"))
    if shape is None:
        raise _Unsound(f"the shape of {name!r} is not a list of integers >= 0")
    offsets = _whole_numbers(value.get("data_offsets"))
    if offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _Unsound(f"the data_offsets of {name!r} are not two integers >= 0 in ascending order")
    begin, end = offsets
    if len(shape) > MOST_DIMENSIONS:
        raise _Unsound(f"{name!r} has {len(shape)} dimensions: at most {MOST_DIMENSIONS} are read")
    if dtype in BITS and math.prod(shape) * BITS[dtype] != (end - begin) * 8:
        what = f"{dtype} of shape {shape}"
        raise _Unsound(f"{name!r} has {end - begin} bytes, which does not match {what}")
    too_wide = claim(shape)
    if too_wide is not None:
        raise _Unsound(f"{name!r} {too_wide}")
    return begin, end


def _whole_numbers(value: object) -> tuple[int, ...] | None:
    # 2^63 and more is an overflow for every other reader
    if isinstance(value, list) and all(type(v) is int and 0 <= v < 2**63 for v in value):
        return tuple(value)
    return None


def _stored(
    name: str, held: str, shape: tuple[int, ...], start: int, span: tuple[int, int], file: Storage
) -> StoredTensor:
    """Return a tensor whose numbers are in the file's format `held`."""
    begin, size = start + span[0], span[1] - span[0]
    place = None
    if held in SCANNED:
        place = FilePlace(file.uri, file.stamp, SCANNED[held], begin, shape)
    if place is not None and held in READABLE:
        return StoredTensor(name, place.dtype, shape, place.read, place=place)
    known = "holds" if held in BITS else "holds the unknown dtype"
    problem = f"{known} {held}: expected {', '.join(READABLE)}"
    extent = Extent(file.uri, file.stamp, begin, size)
    return unreadable(name, SCANNED.get(held, held), shape, problem, place, extent)


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Order names as people do: fc2 before fc10."""
    parts = re.split(r"([0-9]{1,18})", name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]
