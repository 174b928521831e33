"""A weight or bias on its way through the scan: its jobs, what came of them, and equal outputs.

Outputs with equal digests are candidates; what is told has been compared by BLAKE2b of all bits.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from fcinspect.checkpoints.places import FilePlace, open_storage
from fcinspect.checkpoints.records import StoredTensor
from fcinspect.checkpoints.scan.jobs import (
    TILE,
    Job,
    as_it_lies,
    carry_out_in,
    jobs_of,
    one_blas_thread,
)
from fcinspect.checkpoints.scan.merging import FIRST, Merging
from fcinspect.checkpoints.scan.records import (
    LineCount,
    MatrixStatistics,
    ScannedNumbers,
    SingularValues,
    Wanted,
)
from fcinspect.checkpoints.scan.tile import Partial
from fcinspect.checkpoints.storage import ArrayStorage, Storage
from fcinspect.masking import is_uri
from fcinspect.rounding.arrays import ITEMSIZES, FloatArray

Open = Callable[[], Storage]
PIECE = 1 << 22
"""Bytes of a row that are read at a time."""
HASHERS = 1 << 12
"""Columns that are hashed at a time."""


class ScannedMatrix:
    """A weight, or a bias as one row."""

    def __init__(
        self, tensor: StoredTensor, *, outputs_are_columns: bool = False, elsewhere: bool = False
    ) -> None:
        """Take a tensor; `elsewhere` is the engine's, whose workers get the whole path."""
        self._tensor = tensor
        self.place, self.open = _placed(tensor, elsewhere=elsewhere)
        self.outputs_are_columns = outputs_are_columns != self.place.transposed
        self.jobs = list(jobs_of(self.place, outputs_are_columns=self.outputs_are_columns))
        self._merging = Merging(self.place, outputs_are_columns=self.outputs_are_columns)
        self._missing = len(self.jobs)

    @property
    def name(self) -> str:
        """The state-dict key."""
        return self._tensor.name

    @property
    def is_in_a_file(self) -> bool:
        """Whether any process can read it from its place."""
        return self._tensor.place is not None

    @property
    def is_done(self) -> bool:
        """Whether all that its jobs found is in."""
        return not self._missing

    def add(self, job: Job, found: Partial) -> None:
        """Take in what the next job found."""
        self._merging.add(job, found)
        self._missing -= 1

    def go_through_memory(self) -> None:
        """Carry out all jobs here, if the numbers are in memory or must be unpacked."""
        if self.is_in_a_file or self.is_done:
            return
        with closing(self.open()) as storage, one_blas_thread():
            for job in self.jobs:
                self.add(job, carry_out_in(storage, job))

    def numbers(self) -> ScannedNumbers:
        """Return the statistics of its numbers."""
        self._merging.close()
        return self._merging.numbers()

    def statistics(self) -> MatrixStatistics:
        """Return the statistics of the matrix; reads again what may be equal outputs."""
        self._merging.close()
        return self._merging.matrix(self._duplicates())

    def singular_values(self, wanted: Wanted) -> SingularValues:
        """Return the singular values of numbers that are in memory, or must be unpacked."""
        if not wanted.any:
            return SingularValues(wanted)

        from fcinspect.checkpoints.scan.singular import singular_values_in

        with closing(self.open()) as storage:
            return singular_values_in(self.place, storage, wanted)

    def _duplicates(self) -> LineCount | None:
        known = self._merging.digests()
        if known is None:
            return None
        alike = _sharing_digests(*known)
        if not len(alike):
            return LineCount(0)
        hashed = _hashed_columns if self.outputs_are_columns else _hashed_rows
        with closing(self.open()) as storage:
            return _repeated(hashed(self.place, storage, alike))


def _placed(tensor: StoredTensor, *, elsewhere: bool) -> tuple[FilePlace, Open]:
    """Return where a tensor's numbers lie, and how that is opened."""
    if tensor.place is not None:
        place = tensor.place
        if elsewhere and not is_uri(place.uri):
            place = replace(place, uri=str(Path(place.uri).absolute()))
        return place, partial(open_storage, place.uri, place.stamp)
    from fcinspect.rounding.arrays import carrier as carrier_of

    carrier = carrier_of(tensor.dtype).name
    place = FilePlace(tensor.name, ArrayStorage.STAMP, carrier, 0, tensor.shape)
    return place, partial(_unpacked, tensor, carrier)


def _unpacked(tensor: StoredTensor, carrier: str) -> ArrayStorage:
    values: Any = tensor.read(None)
    return ArrayStorage(
        tensor.name, np.ascontiguousarray(values, dtype=np.dtype(carrier).newbyteorder("<"))
    )


def holds_numbers(tensor: StoredTensor | None) -> TypeGuard[StoredTensor]:
    """Whether an array can be gone through: its numbers lie in a file, or are read without loss."""
    return tensor is not None and tensor.dtype in ITEMSIZES and tensor.refusal is None


def as_matrix(tensor: StoredTensor) -> StoredTensor:
    """Return an array of any shape as a matrix, its first dimension the rows."""
    if 1 <= len(tensor.shape) <= 2:
        return tensor
    shape = (math.prod(tensor.shape[:1]), math.prod(tensor.shape[1:]))

    def read(rows: Sequence[int] | None) -> FloatArray:
        values = tensor.read(None).reshape(shape)
        return values if rows is None else values[list(rows)]

    place = None if tensor.place is None else replace(tensor.place, shape=shape)
    return replace(tensor, shape=shape, read=read, place=place)


def _sharing_digests(
    digests: npt.NDArray[np.uint64], alive: npt.NDArray[np.bool_]
) -> npt.NDArray[np.intp]:
    """Return the outputs that are not all zero and share their digest with another, ascending."""
    living = np.flatnonzero(alive)
    _, places, counts = np.unique(digests[living], return_inverse=True, return_counts=True)
    found: npt.NDArray[np.intp] = living[counts[places] > 1]
    return found


def _repeated(hashed: Iterable[tuple[int, bytes]]) -> LineCount:
    """Return which outputs have the hash of an earlier one."""
    seen: set[bytes] = set()
    count = 0
    first: list[int] = []
    for output, digest in hashed:
        if digest in seen:
            count += 1
            if len(first) < FIRST:
                first.append(output)
        seen.add(digest)
    return LineCount(count, tuple(first))


def _hashed_rows(
    place: FilePlace, storage: Storage, outputs: npt.NDArray[np.intp]
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
    place: FilePlace, storage: Storage, outputs: npt.NDArray[np.intp]
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
