"""Reading the files of torch.save (.pt, .pth, .bin) without torch: only what lies where is read.

Format: a zip file with ``data.pkl``, a pickle whose tensors are views of storages, and every
storage's little-endian bytes, not packed, as ``data/<key>``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from fcinspect.checkpoints.access.opening import open_storage
from fcinspect.checkpoints.access.storage import Storage
from fcinspect.checkpoints.access.uris import is_uri, masked_name
from fcinspect.checkpoints.formats.nesting import named_tensors
from fcinspect.checkpoints.formats.pickle_stream import LARGEST_PICKLE, Stream
from fcinspect.checkpoints.formats.stand_ins import ITEMSIZE, OnlyTorch, SavedTensor
from fcinspect.checkpoints.formats.strided import read_strided, span_of
from fcinspect.checkpoints.formats.torch_archive import Archive, opened_archive
from fcinspect.checkpoints.formats.torch_words import (
    claims_more,
    no_layer,
    no_tensors,
    not_torch,
    without_numbers,
)
from fcinspect.checkpoints.formats.unpickling import read_pickle, unpickled
from fcinspect.checkpoints.formats.widths import claim
from fcinspect.checkpoints.places import read_place
from fcinspect.checkpoints.records import Extent, Place, StoredTensor, unreadable
from fcinspect.errors import InputError
from fcinspect.rounding.formats import FORMATS

if TYPE_CHECKING:
    from fcinspect.rounding.arrays import FloatArray

LEGACY = b"l\xfc\x9cF\xf9 j\xa8P\x19"
"""The number that the older files begin with, as a pickle holds it."""
LEGACY_PICKLES = 5
"""That number, the version, the machine, the tensors, the keys of their storages."""
LOOKED_THROUGH = 1 << 23
"""Bytes of an older file that are looked through; its numbers follow its pickles."""
AT_ONCE = 16
"""Members of a remote file whose headers are asked for at a time."""


def tensors_of(name: str) -> tuple[StoredTensor, ...] | None:
    """Return the tensors of a file of torch.save, None where only torch itself can read it.

    Those are the older files that are no zip files, packed and big-endian ones; they, too, have
    been looked through for what would have to be run. Raises InputError for everything else.
    """
    storage = open_storage(name)
    try:
        first = bytearray(min(2, storage.stamp.size))
        storage.read_into(memoryview(first), 0)
        if first != b"PK":
            _look_through(storage)
            return None
        archive = opened_archive(storage)
        byte_order = archive.content("byteorder", 100)
        if byte_order == b"big":
            return None
        if byte_order not in (b"little", None):
            raise not_torch(archive.source, f"its byteorder is {byte_order!r}")
        pickle = archive.content("data.pkl", LARGEST_PICKLE)
        assert pickle is not None  # an archive without it has been refused
        try:
            content = unpickled(pickle, archive.source, archive.size_of)
        except OnlyTorch:
            return None
        found = named_tensors(content, SavedTensor, archive.source)
        if not found:
            raise no_tensors(archive.source)
        return _stored(archive, found)
    finally:
        storage.close()


def _look_through(storage: Storage) -> None:
    """Refuse what is no file of torch.save, or holds more than tensors."""
    source, size = repr(masked_name(storage.uri)), storage.stamp.size
    data = bytearray(min(size, LOOKED_THROUGH))
    storage.read_into(memoryview(data), 0)
    if not data.startswith(b"\x80"):
        raise not_torch(source, "it is no zip file and no pickle")
    stream = Stream(bytes(data))
    try:
        for _ in range(LEGACY_PICKLES if LEGACY in data[:32] else 1):
            read_pickle(stream, source, lambda key: size)
    except OnlyTorch:
        return
    except InputError as error:
        if size <= LOOKED_THROUGH or error.hint is not None:
            raise
        return  # its pickles go on behind
    if LEGACY not in data[:32]:
        raise not_torch(source, "it is a pickle of other data")


def _stored(archive: Archive, found: dict[str, SavedTensor]) -> tuple[StoredTensor, ...] | None:
    for name, tensor in found.items():
        _check_bounds(name, tensor, archive.source)
    keys = {t.storage.key for t in found.values() if t.storage is not None}
    if not all(map(archive.is_plain, keys)):
        return None
    begins = _begins(archive, keys)
    return tuple(_tensor(name, tensor, archive, begins) for name, tensor in found.items())


def _begins(archive: Archive, keys: Iterable[str]) -> dict[str, int]:
    """Return where the bytes of each storage begin."""
    ordered = sorted(keys)
    if not is_uri(archive.storage.uri):
        return {key: archive.begin_of(key) for key in ordered}
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(ordered, pool.map(archive.begin_of, ordered), strict=True))


def _check_bounds(name: str, tensor: SavedTensor, source: str) -> None:
    """Refuse a view that repeats the numbers of its storage or reaches beyond them."""
    if tensor.storage is None:
        return
    too_wide = claim(tensor.shape)
    if too_wide is not None:
        raise InputError(f"{name!r} of {source} {too_wide}: refused")
    held = tensor.storage.nbytes // ITEMSIZE[tensor.dtype]
    numbers = math.prod(tensor.shape)
    if numbers > held:
        raise claims_more(name, source, numbers, held)
    if numbers and tensor.offset + span_of(tensor.shape, tensor.strides) > held:
        raise InputError(
            f"{name!r} of {source} reaches beyond its storage, which holds {held} numbers: refused"
        )


def _tensor(
    name: str, tensor: SavedTensor, archive: Archive, begins: dict[str, int]
) -> StoredTensor:
    dtype, shape, storage = tensor.dtype, tensor.shape, tensor.storage
    if tensor.kind is not None or storage is None:
        problem = without_numbers(tensor.kind or "meta")
        return unreadable(name, dtype, shape, problem)
    from fcinspect.rounding.arrays import ITEMSIZES

    file = archive.storage
    begin = begins[storage.key] + tensor.offset * ITEMSIZE[dtype]
    if dtype not in ITEMSIZES:
        size = math.prod(shape) * ITEMSIZE[dtype]
        extent = Extent(file.uri, file.stamp, begin, size) if _is_by_rows(tensor) else None
        return unreadable(name, dtype, shape, no_layer(dtype), extent=extent)
    turned = _is_by_columns(tensor)
    place = None
    if turned or _is_by_rows(tensor):
        place = Place(file.uri, file.stamp, dtype, begin, shape, turned)
    if dtype not in FORMATS:
        return unreadable(name, dtype, shape, no_layer(dtype), place)
    if place is not None:
        return StoredTensor(name, dtype, shape, partial(read_place, place), place=place)
    run = Place(file.uri, file.stamp, dtype, begin, (span_of(shape, tensor.strides),))

    def read(rows: Sequence[int] | None) -> FloatArray:
        return read_strided(run, shape, tensor.strides, rows)

    return StoredTensor(name, dtype, shape, read)


def _is_by_rows(tensor: SavedTensor) -> bool:
    """Whether the numbers lie one after the other, the last dimension first."""
    expected = 1
    for size, stride in zip(reversed(tensor.shape), reversed(tensor.strides), strict=True):
        if size != 1 and stride != expected:
            return 0 in tensor.shape
        expected *= size
    return True


def _is_by_columns(tensor: SavedTensor) -> bool:
    """Whether a matrix lies there column by column, and not also row by row."""
    if len(tensor.shape) != 2 or _is_by_rows(tensor):
        return False
    return _is_by_rows(SavedTensor(tensor.dtype, tensor.shape[::-1], strides=tensor.strides[::-1]))
