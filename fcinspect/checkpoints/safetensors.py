"""Reading .safetensors: a checked header, then only the bytes that are asked for.

Format: 8 bytes n (little-endian), n bytes of JSON {name: {"dtype", "shape", "data_offsets"}},
then the data, which the tensors fill from its first byte to its last without hole or overlap.
Nothing is mapped into memory: a file that shrinks while it is read is refused, not a crash.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.checkpoints.json_array import unique_keys
from fcinspect.checkpoints.records import StoredTensor, unreadable
from fcinspect.errors import InputError

if TYPE_CHECKING:
    from fcinspect.rounding.arrays import FloatArray

LARGEST_HEADER = 100_000_000
"""Bytes of JSON; the format's own limit."""
LARGEST_READ = 1 << 30
"""Bytes asked of the system at once; it gives at most 2 GiB."""

READABLE = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""The formats that layers are read from, in our words."""

BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64,
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "C64": 64,
    "F8_E5M2": 8, "F8_E4M3": 8, "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8, "F8_E8M0": 8,
    "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip
"""Bits of one number of every dtype of the format."""


@dataclass(frozen=True)
class Entry:
    """One tensor as the header describes it."""

    name: str
    """The state-dict key."""
    dtype: str
    """The format in the file's words, "F32"."""
    shape: tuple[int, ...]
    """The shape, outermost dimension first."""
    begin: int
    """First byte in the file."""
    end: int
    """The byte after the last."""


class _Unsound(Exception):
    """A header that breaks the format; the message says where."""


def tensors_of(path: str) -> tuple[StoredTensor, ...]:
    """Return the tensors of a .safetensors file, fc2 before fc10; raises InputError."""
    return tuple(_stored(path, entry) for entry in sorted(entries_of(path), key=_natural))


def entries_of(path: str) -> tuple[Entry, ...]:
    """Return the checked header of a .safetensors file, in the order of the data."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        try:
            return _checked(_header(descriptor, size), size)
        except _Unsound as error:
            raise InputError(f"{path!r} is no sound safetensors file: {error}") from None
    finally:
        os.close(descriptor)


def _header(descriptor: int, size: int) -> tuple[dict[str, Any], int]:
    """Return the header's JSON and where the data begins."""
    if size < 8:
        raise _Unsound(f"it has {size} bytes, its header's length alone takes 8")
    length = int.from_bytes(os.pread(descriptor, 8, 0), "little")
    if length > LARGEST_HEADER:
        raise _Unsound(f"its header claims {length} bytes: at most {LARGEST_HEADER} are allowed")
    if 8 + length > size:
        raise _Unsound(f"it is truncated: the header ends at byte {8 + length}, the file at {size}")
    text = os.pread(descriptor, length, 8)
    if not text.startswith(b"{"):
        raise _Unsound("its header does not begin with '{'")
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


def _twice(name: str) -> _Unsound:
    return _Unsound(f"{name!r} stands in its header twice")


def _checked(header_and_start: tuple[dict[str, Any], int], size: int) -> tuple[Entry, ...]:
    header, start = header_and_start
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise _Unsound("its metadata are not strings")
    entries = sorted(
        (_entry(name, value, start) for name, value in header.items()),
        key=lambda entry: (entry.begin, entry.end),
    )
    position = start
    for entry in entries:
        if entry.begin != position:
            what = "a hole" if entry.begin > position else "an overlap"
            raise _Unsound(f"there is {what} before {entry.name!r}, at byte {entry.begin}")
        position = entry.end
    if position > size:
        raise _Unsound(f"it is truncated: the data end at byte {position}, the file at {size}")
    if position < size:
        raise _Unsound(f"{size - position} bytes follow the last tensor")
    return tuple(entries)


def _entry(name: str, value: object, start: int) -> Entry:
    if not isinstance(value, dict):
        raise _Unsound(f"{name!r} is not described by an object")
    dtype = value.get("dtype")
    if not isinstance(dtype, str):
        raise _Unsound(f"{name!r} has no dtype")
    shape = _whole_numbers(value.get("shape"))
    if shape is None:
        raise _Unsound(f"the shape of {name!r} is not a list of whole numbers")
    offsets = _whole_numbers(value.get("data_offsets"))
    if offsets is None or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _Unsound(f"the data_offsets of {name!r} are not two whole numbers in order")
    begin, end = offsets
    if dtype in BITS and math.prod(shape) * BITS[dtype] != (end - begin) * 8:
        raise _Unsound(
            f"{name!r} has {end - begin} bytes, which is not what {dtype} of shape {shape} takes"
        )
    return Entry(name, dtype, shape, start + begin, start + end)


def _whole_numbers(value: object) -> tuple[int, ...] | None:
    """Return a list of whole numbers, None for anything else."""
    # 2^63 and more is an overflow for every other reader
    if isinstance(value, list) and all(type(v) is int and 0 <= v < 2**63 for v in value):
        return tuple(value)
    return None


def _stored(path: str, entry: Entry) -> StoredTensor:
    dtype = READABLE.get(entry.dtype)
    if dtype is None:
        known = "holds" if entry.dtype in BITS else "holds the unknown format"
        problem = f"{known} {entry.dtype}: layers are read from {', '.join(READABLE)}"
        return unreadable(entry.name, entry.dtype, entry.shape, problem)
    return StoredTensor(entry.name, dtype, entry.shape, partial(_read, path, entry, dtype))


def _read(path: str, entry: Entry, dtype: str, rows: Sequence[int] | None) -> FloatArray:
    from fcinspect.rounding.arrays import from_bytes

    if rows is None:
        return from_bytes(_bytes(path, [(entry.begin, entry.end)]), dtype).reshape(entry.shape)
    width = math.prod(entry.shape[1:]) * BITS[entry.dtype] // 8
    spans = [
        (entry.begin + first * width, entry.begin + (last + 1) * width)
        for first, last in _runs(rows)
    ]
    return from_bytes(_bytes(path, spans), dtype).reshape(len(rows), *entry.shape[1:])


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of each run of consecutive rows."""
    for _, run in itertools.groupby(enumerate(rows), key=lambda pair: pair[1] - pair[0]):
        members = [row for _, row in run]
        yield members[0], members[-1]


def _bytes(path: str, spans: list[tuple[int, int]]) -> bytearray:
    """Return the bytes of these spans, one after the other."""
    data = bytearray(sum(end - begin for begin, end in spans))
    view = memoryview(data)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        filled = 0
        for begin, end in spans:
            while begin < end:
                wanted = min(end - begin, LARGEST_READ)
                got = os.preadv(descriptor, [view[filled : filled + wanted]], begin)
                if not got:
                    raise InputError(f"{path!r} was truncated while it was read")
                begin += got
                filled += got
    finally:
        os.close(descriptor)
    return data


def _natural(entry: Entry) -> list[tuple[int, int | str]]:
    """Order names as people do: fc2 before fc10."""
    parts = re.split(r"([0-9]{1,18})", entry.name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]
