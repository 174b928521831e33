"""The files that torch.save wrote before torch 1.6, and still writes when it is told to.

Format: five pickles (a magic number, the version, the machine, the tensors as views of storages,
the list of the storages' keys); then of each storage, in the order of that list, its number of
numbers in eight bytes and the numbers, all of them little-endian.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

from fcinspect.checkpoints.access.handles import at_once
from fcinspect.checkpoints.access.storage import Seekable, Storage, read_part
from fcinspect.checkpoints.formats.allowed import ITEMSIZE, SavedStorage
from fcinspect.checkpoints.formats.torch_tensors import checked_tensors, not_torch, stored_tensors
from fcinspect.checkpoints.formats.unpickling import Stream, read_pickle
from fcinspect.checkpoints.records import StoredTensor
from fcinspect.errors import InputError
from fcinspect.masking import masked_name

MAGIC = 0x1950A86A20F9469CFC6C
"""The number that these files begin with."""
VERSION = 1001
"""The only version there ever was."""
COUNT = 8
"""Bytes that tell how many numbers of a storage follow."""
AHEAD = 1 << 16
"""Bytes of the pickles that are read at a time."""


def tensors_in_stream(storage: Storage) -> tuple[StoredTensor, ...]:
    """Return the tensors of such a file; raises InputError for every other."""
    source, size = repr(masked_name(storage.uri)), storage.stamp.size
    stream = Stream(io.BufferedReader(Seekable(storage), AHEAD), size)

    def upcoming() -> object:
        return read_pickle(stream, source, lambda key: size)[0]

    first = upcoming()
    if type(first) is not int or first != MAGIC:
        raise not_torch(source, "it is a pickle of other data")
    version = upcoming()
    if type(version) is not int or version != VERSION:
        raise not_torch(source, f"its version is not {VERSION}")
    upcoming()  # the machine it was written on: its numbers are little-endian all the same
    content, storages = read_pickle(stream, source, lambda key: size)
    begins = _begins(upcoming(), storages, stream.position, storage)
    return stored_tensors(checked_tensors(content, source), storage, begins)


def _begins(
    keys: object, storages: Mapping[str, SavedStorage], position: int, file: Storage
) -> dict[str, int]:
    """Return where the numbers of each storage begin; each must be there in full."""
    source = repr(masked_name(file.uri))
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise not_torch(source, "the keys of its storages are no list of names")
    if len(set(keys)) < len(keys):
        raise not_torch(source, "a storage stands in its list twice")
    if set(keys) != set(storages):
        odd = next(iter(set(keys) ^ set(storages)))
        known = "is not in its list" if odd in storages else "belongs to no tensor"
        raise not_torch(source, f"its storage {odd[:60]!r} {known}")
    begins = {}
    for key in keys:
        begins[key] = position + COUNT
        position += COUNT + storages[key].nbytes
    if position > file.stamp.size:
        raise InputError(
            f"{source} is truncated: its storages end at byte {position}, the file at"
            f" {file.stamp.size}"
        )
    _check_counts(begins, storages, file)
    return begins


def _check_counts(
    begins: Mapping[str, int], storages: Mapping[str, SavedStorage], file: Storage
) -> None:
    """Hold the number that stands before each storage against what the pickle says."""

    def count(key: str) -> int:
        return int.from_bytes(read_part(file, begins[key] - COUNT, COUNT), "little", signed=True)

    counts = at_once(count, list(begins), file.uri)
    for key, found in zip(begins, counts, strict=True):
        expected = storages[key].nbytes // ITEMSIZE[storages[key].dtype or "uint8"]
        if found != expected:
            raise InputError(
                f"{masked_name(file.uri)!r} is truncated or damaged: {found} numbers of its"
                f" storage {key[:60]!r} follow, its pickle says {expected}"
            )
