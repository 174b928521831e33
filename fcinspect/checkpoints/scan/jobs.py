"""Passes over a matrix: whole, block by block, or in jobs that are independent of each other.

A job is plain data that any process can carry out which sees the file. Its bounds depend on the
matrix alone, and results are merged in the order of the jobs: they are the same, bit for bit,
whoever carries out which job, in whatever order.

Squares of numbers above 1e154 overflow float64, those below 1e-162 vanish. So a matrix whose
largest number is beyond 2^±200 is gone through as W·2^−s, with the largest in [½, 1): scaling by a
power of two rounds nothing but what is less than 2^−1021 of the largest.
"""

from __future__ import annotations

import contextlib
import functools
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fcinspect.checkpoints.places import FilePlace, ReadAhead, open_storage
from fcinspect.checkpoints.scan.tile import Partial, take_in
from fcinspect.checkpoints.storage import Storage, read_in_passing
from fcinspect.masking import is_uri
from fcinspect.rounding.arrays import Float64Array, FloatArray, float8_table

_lock = threading.Lock()
_inside = contextlib.ExitStack()
_entered = 0
Blocks = Callable[[], Iterable[FloatArray]]
"""One pass over a matrix: its rows from the first to the last, some at a time, as 2-D arrays."""

IN_CACHE = 1 << 17
"""Numbers converted to float64 at a time: 1 MiB."""
UNSCALED = 200
"""Exponents up to which squares and their sums stay far from float64's ends without scaling."""
Words = npt.NDArray[np.unsignedinteger[Any]]
"""Numbers as they are stored."""
Digests = npt.NDArray[np.uint64]

TILE = 1 << 19
"""Numbers gone through at a time: with their squares they stay in a processor's shared cache, and
are so many that threads do not wait for the interpreter."""
LOOKED_AT = 64
"""Words of a long row that its digest is made of: what is equal in them is compared whole."""
JOB_BYTES = 1 << 25
"""Bytes that one job reads."""
JOB_ROWS = 1 << 16
"""Rows of one job at most: three numbers are kept of each."""


@functools.cache
def _controller() -> Any:
    """Return what sets the threads of BLAS; the loaded libraries are searched once."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS use one thread in this process until the last one who asks for it is done."""
    global _entered  # the setting is the process's
    with _lock:
        if not _entered:
            _inside.enter_context(_controller().limit(limits=1, user_api="blas"))
        _entered += 1
    try:
        yield
    finally:
        with _lock:
            _entered -= 1
            if not _entered:
                _inside.close()


def size_of(blocks: Blocks) -> tuple[int, float] | None:
    """Return s (0: no scaling) and ‖W·2^−s‖F, in one pass; None where a number is not finite."""
    largest = 0.0
    squares = {0: 0.0}
    for block in blocks():
        for rows in in_cache(block):
            # of the smallest and largest, a nan would be one
            own = max(-float(rows.min()), float(rows.max()))
            if not math.isfinite(own):
                return None
            largest = max(largest, own)
            scale = _scale(own)
            tile = rows.astype(np.float64).reshape(-1)
            if scale:
                tile = np.ldexp(tile, -scale)
            squares[scale] = squares.get(scale, 0.0) + float(tile @ tile)
    scale = _scale(largest)
    total = math.fsum(math.ldexp(found, 2 * (of - scale)) for of, found in squares.items())
    return scale, math.sqrt(total)


def _scale(largest: float) -> int:
    """Return the exponent of the largest number where its square is near float64's ends."""
    exponent = math.frexp(largest)[1]
    return exponent if abs(exponent) > UNSCALED else 0


def in_cache(block: FloatArray) -> Iterator[FloatArray]:
    """Yield a block's rows, IN_CACHE numbers at a time, at least one row."""
    if not block.size:
        return
    step = max(1, IN_CACHE // block.shape[1])
    for start in range(0, block.shape[0], step):
        yield block[start : start + step]


def scaled_rows(blocks: Blocks, scale: int) -> Iterator[Float64Array]:
    """Yield the rows of W·2^−s in float64, IN_CACHE numbers at a time; the next overwrites them."""
    scratch: Float64Array | None = None
    for block in blocks():
        for rows in in_cache(block):
            if scratch is None or scratch.shape[0] < rows.shape[0]:
                scratch = np.empty(rows.shape)
            tile = scratch[: rows.shape[0]]
            np.copyto(tile, rows)
            if scale:
                np.ldexp(tile, -scale, out=tile)
            yield tile


def unscaled(value: float, scale: int) -> float:
    """Return value·2^s, inf where that is beyond float64."""
    try:
        return math.ldexp(value, scale)
    except OverflowError:
        return math.inf


@dataclass(frozen=True)
class Job:
    """Some rows of some columns of a matrix as it lies in its file."""

    place: FilePlace
    """The whole matrix; its shape as it lies there has two dimensions."""
    rows: tuple[int, int]
    """First row, and the one after the last."""
    columns: tuple[int, int]
    """First column, and the one after the last."""
    outputs_are_columns: bool = False
    """Whether the columns rather than the rows are the layer's outputs."""

    @property
    def bytes(self) -> int:
        """Bytes that are read."""
        rows, columns = self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]
        return rows * columns * self.place.itemsize

    @property
    def span(self) -> tuple[int, int]:
        """Return the first byte in the file, and how many the rows take from there on."""
        width = as_it_lies(self.place)[1] * self.place.itemsize
        top, bottom = self.rows
        return self.place.begin + top * width, (bottom - top) * width


def jobs_of(place: FilePlace, *, outputs_are_columns: bool = False) -> Iterator[Job]:
    """Yield the jobs of a matrix: panel by panel of columns, in each from top to bottom."""
    rows, columns = as_it_lies(place)
    for left in range(0, columns, TILE):
        right = min(left + TILE, columns)
        step = JOB_BYTES // ((right - left) * place.itemsize)
        step = max(1, min(step, JOB_ROWS))
        for top in range(0, rows, step):
            bottom = min(top + step, rows)
            yield Job(place, (top, bottom), (left, right), outputs_are_columns)


def as_it_lies(place: FilePlace) -> tuple[int, int]:
    """Return rows and columns of a matrix or vector as it lies in its file; a vector is a row."""
    shape = place.shape if len(place.shape) == 2 else (1, *place.shape)
    rows, columns = shape[::-1] if place.transposed else shape
    return rows, columns


def carry_out(jobs: Sequence[Job]) -> list[Partial]:
    """Read and go through jobs that lie in one file; raises InputError."""
    storage = open_storage(jobs[0].place.uri, jobs[0].place.stamp)
    if is_uri(storage.uri):
        storage = ReadAhead(storage)
    with closing(storage), one_blas_thread():
        return [carry_out_in(storage, job) for job in jobs]


def carry_out_in(storage: Storage, job: Job) -> Partial:
    """Read and go through one job; raises InputError."""
    (top, bottom), (left, right) = job.rows, job.columns
    rows, columns = bottom - top, right - left
    partial = Partial.empty(rows, columns, columns if job.outputs_are_columns else rows)
    step = max(1, TILE // columns)
    reader = _TileReader(job, storage, min(step, rows))
    with read_in_passing(storage, *job.span):
        for row in range(0, rows, step):
            words, tile = reader.read(top + row, min(step, rows - row))
            take_in(partial, tile, row, reader.scratch[: len(tile)])
            if job.outputs_are_columns:
                partial.digests += _column_digests(words, top + row)
            else:
                partial.digests[row : row + len(tile)] = _row_digests(words)
    return partial


def blocks_of(place: FilePlace, storage: Storage) -> Blocks:
    """Return what yields the rows of a matrix as they lie; the next block overwrites the last."""
    rows, columns = as_it_lies(place)
    step = max(1, TILE // max(columns, 1))

    def blocks() -> Iterator[FloatArray]:
        reader = _TileReader(Job(place, (0, rows), (0, columns)), storage, min(step, rows))
        for row in range(0, rows, step):
            yield reader.read(row, min(step, rows - row))[1]

    return blocks


class _TileReader:
    """Reads tile after tile of a job into the same memory."""

    def __init__(self, job: Job, storage: Storage, rows: int) -> None:
        self._storage, self._dtype = storage, job.place.dtype
        self._begin, self._left = job.place.begin, job.columns[0]
        self._width = as_it_lies(job.place)[1]
        self._size = job.place.itemsize
        shape = rows, job.columns[1] - self._left
        self._words = np.empty(shape, f"<u{self._size}")
        self._numbers = np.empty(shape, "float64" if self._size == 8 else "float32")
        self.scratch = np.empty_like(self._numbers)

    def read(self, row: int, count: int) -> tuple[Words, FloatArray]:
        words = self._words[:count]
        view = words.data.cast("B")
        columns = words.shape[1]
        if columns == self._width:
            self._storage.read_into(view, self._begin + row * self._width * self._size)
        else:
            step = columns * self._size
            for k in range(count):
                at = ((row + k) * self._width + self._left) * self._size
                self._storage.read_into(view[k * step : (k + 1) * step], self._begin + at)
        return words, _decoded(words, self._dtype, self._numbers[:count])


def _decoded(words: Words, dtype: str, numbers: FloatArray) -> FloatArray:
    """Return the numbers that stored words stand for, in `numbers` where they are converted."""
    if dtype in ("float32", "float64"):
        return words.view(f"<f{words.itemsize}").astype(dtype, copy=False)
    if dtype == "bfloat16":
        bits = numbers.view(np.uint32)
        np.copyto(bits, words)
        np.left_shift(bits, 16, out=bits)
        return numbers
    return np.take(_table(dtype), words, out=numbers, mode="clip")


@functools.cache
def _table(dtype: str) -> npt.NDArray[np.float32]:
    if dtype == "float16":
        return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
    return float8_table(dtype)


def _row_digests(words: Words) -> Digests:
    """Return 64 bits of each row, equal for rows with equal bits; of long rows some words tell."""
    size = words.shape[1] * words.itemsize
    wide = next(w for w in (8, 4, 2, 1) if size % w == 0)
    longer = words.view(f"<u{wide}")
    longer = longer[:, :: max(1, longer.shape[1] // LOOKED_AT)]
    folded: Digests = np.bitwise_xor.reduce(longer, axis=1).astype(np.uint64)
    if wide < 8:
        folded ^= np.add.reduce(longer, axis=1, dtype=np.uint64) << np.uint64(8 * wide)
    return folded


def _column_digests(words: Words, row: int) -> Digests:
    """Return Σ rᵢ·bits modulo 2⁶⁴ of each column; rᵢ are odd, by the finaliser of splitmix64."""
    factors = np.arange(row, row + len(words), dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    factors ^= factors >> np.uint64(30)
    factors *= np.uint64(0xBF58476D1CE4E5B9)
    factors ^= factors >> np.uint64(27)
    factors |= np.uint64(1)
    found: Digests = np.einsum("i,ij->j", factors, words.astype(np.uint64))
    return found
