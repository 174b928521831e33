"""From the records of a pickle to tensors that are read by their places in the file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Protocol

from fcinspect.checkpoints.access.uris import masked_name
from fcinspect.checkpoints.formats.stand_ins import ITEMSIZE, SavedTensor
from fcinspect.checkpoints.formats.strided import read_strided, span_of
from fcinspect.checkpoints.formats.torch_words import claims_more, no_layer, without_numbers
from fcinspect.checkpoints.formats.widths import claim
from fcinspect.checkpoints.places import read_place, read_run
from fcinspect.checkpoints.records import Extent, Place, StoredTensor, unreadable
from fcinspect.errors import InputError
from fcinspect.rounding.formats import FORMATS

if TYPE_CHECKING:
    from fcinspect.checkpoints.access.storage import Storage
    from fcinspect.rounding.arrays import FloatArray

FEW_TENSORS = 1000
"""Names of tensors that every file may have."""
BYTES_A_TENSOR = 64
"""A larger file may have one more for so many bytes: its name, its record and its numbers."""
FEW_BYTES = 1 << 26
"""Bytes that the tensors of every file may show."""
MOST_SHOWN = 100
"""Times that the tensors of a larger file may show its bytes: tied weights show them again."""


class Packed(Protocol):
    """A storage whose bytes do not lie in the file as they are."""

    def content(self) -> bytes:
        """Return its bytes as they are in memory: unpacked, and little-endian."""


Runs = Mapping[str, int | Packed]
"""The key of a storage -> the byte of the file where its numbers begin, or how they are packed."""


def stored_tensors(
    found: Mapping[str, SavedTensor], file: Storage, runs: Runs
) -> tuple[StoredTensor, ...]:
    """Return the tensors that a pickle describes; raises InputError where they are far too many."""
    source = repr(masked_name(file.uri))
    _check_work(found, file.stamp.size, source)
    return tuple(_tensor(name, tensor, file, runs) for name, tensor in found.items())


def check_bounds(found: Mapping[str, SavedTensor], source: str) -> None:
    """Refuse views that repeat the numbers of their storage or reach beyond them."""
    for name, tensor in found.items():
        if tensor.storage is None:
            continue
        too_wide = claim(tensor.shape)
        if too_wide is not None:
            raise InputError(f"{name!r} of {source} {too_wide}: refused")
        held = tensor.storage.nbytes // ITEMSIZE[tensor.dtype]
        numbers = math.prod(tensor.shape)
        if numbers > held:
            raise claims_more(name, source, numbers, held)
        if numbers and tensor.offset + span_of(tensor.shape, tensor.strides) > held:
            raise InputError(
                f"{name!r} of {source} reaches beyond its storage, which holds {held} numbers:"
                " refused"
            )


def _check_work(found: Mapping[str, SavedTensor], size: int, source: str) -> None:
    """Refuse what takes far more to read than to store: one storage under many names."""
    most = FEW_TENSORS + size // BYTES_A_TENSOR
    if len(found) > most:
        raise InputError(
            f"{source} names {len(found)} tensors in {size} bytes: at most {most} are read"
        )
    shown = sum(
        math.prod(tensor.shape) * ITEMSIZE[tensor.dtype]
        for tensor in found.values()
        if tensor.storage is not None
    )
    if shown > max(FEW_BYTES, MOST_SHOWN * size):
        raise InputError(
            f"the tensors of {source} show {shown} bytes, more than {MOST_SHOWN} times the"
            f" {size} of the file: refused"
        )


def _tensor(name: str, tensor: SavedTensor, file: Storage, runs: Runs) -> StoredTensor:
    dtype, shape = tensor.dtype, tensor.shape
    if tensor.kind is not None or tensor.storage is None:
        problem = without_numbers(tensor.kind or "meta")
        return unreadable(name, dtype, shape, problem)
    run = runs[tensor.storage.key]
    if isinstance(run, int):
        return _in_file(name, tensor, file, run + tensor.offset * ITEMSIZE[dtype])
    if dtype not in FORMATS:
        return unreadable(name, dtype, shape, no_layer(dtype))
    what = f"reading {name!r} of {masked_name(file.uri)!r}"
    numbers = partial(_unpacked, run, dtype, tensor.offset)
    return StoredTensor(name, dtype, shape, _reader(numbers, tensor, what))


def _in_file(name: str, tensor: SavedTensor, file: Storage, begin: int) -> StoredTensor:
    """Return a tensor whose first number lies at the byte `begin`."""
    from fcinspect.rounding.arrays import ITEMSIZES

    dtype, shape = tensor.dtype, tensor.shape
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
    what = f"reading {masked_name(file.uri)!r}"
    return StoredTensor(name, dtype, shape, _reader(partial(read_run, run), tensor, what))


def _reader(numbers: partial[FloatArray], tensor: SavedTensor, what: str) -> partial[FloatArray]:
    return partial(read_strided, numbers, tensor.shape, tensor.strides, what)


def _unpacked(run: Packed, dtype: str, offset: int, first: int, length: int) -> FloatArray:
    """Return the numbers from `first` on of a view that begins at `offset` of its storage."""
    from fcinspect.rounding.arrays import from_bytes

    itemsize, begin = ITEMSIZE[dtype], offset + first
    return from_bytes(run.content()[begin * itemsize : (begin + length) * itemsize], dtype)


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
