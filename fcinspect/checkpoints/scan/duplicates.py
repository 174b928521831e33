"""Outputs of a layer that are equal to each other, bit for bit.

Outputs with equal digests are candidates; what is told has been compared by BLAKE2b of all bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from fcinspect.checkpoints.access.storage import Storage
from fcinspect.checkpoints.records import Place
from fcinspect.checkpoints.scan.jobs import TILE, as_it_lies
from fcinspect.checkpoints.scan.merging import FIRST
from fcinspect.checkpoints.scan.statistics import Places
from fcinspect.rounding.arrays import ITEMSIZES

PIECE = 1 << 22
"""Bytes of a row that are read at a time."""
HASHERS = 1 << 12
"""Columns that are hashed at a time."""


def candidates(
    digests: npt.NDArray[np.uint64], alive: npt.NDArray[np.bool_]
) -> npt.NDArray[np.intp]:
    """Return the outputs that are not all zero and share their digest with another, ascending."""
    living = np.flatnonzero(alive)
    _, places, counts = np.unique(digests[living], return_inverse=True, return_counts=True)
    found: npt.NDArray[np.intp] = living[counts[places] > 1]
    return found


def duplicates(
    place: Place, storage: Storage, outputs: npt.NDArray[np.intp], *, outputs_are_columns: bool
) -> Places:
    """Return which of these outputs are equal to an earlier one; raises InputError."""
    hashed = _hashed_columns if outputs_are_columns else _hashed_rows
    seen: set[bytes] = set()
    count = 0
    first: list[int] = []
    for output, digest in hashed(place, storage, outputs):
        if digest in seen:
            count += 1
            if len(first) < FIRST:
                first.append(output)
        seen.add(digest)
    return Places(count, tuple(first))


def _hashed_rows(
    place: Place, storage: Storage, outputs: npt.NDArray[np.intp]
) -> Iterator[tuple[int, bytes]]:
    """Yield the rows and their hashes."""
    width = as_it_lies(place)[1] * ITEMSIZES[place.dtype]
    piece = memoryview(bytearray(min(width, PIECE)))
    for output in map(int, outputs):
        hasher, begin = hashlib.blake2b(digest_size=16), place.begin + output * width
        for at in range(0, width, PIECE):
            part = piece[: min(PIECE, width - at)]
            storage.read_into(part, begin + at)
            hasher.update(part)
        yield output, hasher.digest()


def _hashed_columns(
    place: Place, storage: Storage, outputs: npt.NDArray[np.intp]
) -> Iterator[tuple[int, bytes]]:
    """Yield the columns and their hashes, which takes a pass over the matrix for HASHERS."""
    rows, columns = as_it_lies(place)
    size = ITEMSIZES[place.dtype]
    step = max(1, TILE // max(columns, 1))
    for start in range(0, len(outputs), HASHERS):
        chosen = outputs[start : start + HASHERS]
        hashers = [hashlib.blake2b(digest_size=16) for _ in chosen]
        for row in range(0, rows, step):
            tile = np.empty((min(step, rows - row), columns), f"<u{size}")
            storage.read_into(tile.data.cast("B"), place.begin + row * columns * size)
            for hasher, column in zip(hashers, np.ascontiguousarray(tile.T[chosen]), strict=True):
                hasher.update(column.tobytes())
        yield from ((int(k), h.digest()) for k, h in zip(chosen, hashers, strict=True))
