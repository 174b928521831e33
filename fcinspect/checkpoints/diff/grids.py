"""Matrices of a checkpoint as the codes that its file holds, read tile by tile.

A number's bits are called its code: an unsigned integer as wide as the format.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fcinspect.checkpoints.places import Extent, FilePlace, open_storage
from fcinspect.checkpoints.records import Layout, StoredTensor
from fcinspect.checkpoints.storage import Stamp, Storage
from fcinspect.rounding.arrays import ITEMSIZES, Float64Array, from_bytes

Codes = npt.NDArray[np.unsignedinteger[Any]]
Tile = tuple[int, int, int, int]
"""First and last row, first and last column; the last ones are not included."""

BLOCK = 1 << 22
"""Bytes read at a time."""
FEW_ROWS = 32
"""Rows of which a part is read each for itself."""
STRIP = 1 << 26
"""Bytes kept of a matrix that is read across the order in which it lies."""


def tiles(rows: int, columns: int, itemsize: int, most: int = BLOCK) -> Iterator[Tile]:
    """Yield tiles of at most so many bytes that cover a matrix: whole rows, or parts of one."""
    if not rows or not columns:
        return
    if columns * itemsize > most:
        step = max(1, most // itemsize)
        for row in range(rows):
            for left in range(0, columns, step):
                yield row, row + 1, left, min(left + step, columns)
        return
    step = most // (columns * itemsize)
    for top in range(0, rows, step):
        yield top, min(top + step, rows), 0, columns


def common_tiles(a: CodeGrid, b: CodeGrid, most: int = BLOCK) -> Iterator[Tile]:
    """Yield tiles of two matrices of one shape, of at most so many bytes in either."""
    return tiles(a.rows, a.columns, max(ITEMSIZES[a.dtype], ITEMSIZES[b.dtype]), most)


def code_type(dtype: str) -> np.dtype[Any]:
    """Return the unsigned integers that hold the codes of a format."""
    return np.dtype(f"<u{ITEMSIZES[dtype]}")


def values_of(codes: Codes, dtype: str) -> Float64Array:
    """Return the numbers of codes in float64, which holds every format without loss."""
    flat = np.ascontiguousarray(codes).reshape(-1)
    if not flat.size:
        return np.empty(codes.shape)
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return from_bytes(flat.data, dtype).astype(np.float64).reshape(codes.shape)


class CodeReader:
    """The files of one side, and the one buffer that their blocks are read into."""

    def __init__(self) -> None:
        self._storages: dict[tuple[str, Stamp], Storage] = {}
        self._buffer = bytearray()

    def codes(self, place: FilePlace, first: int, count: int) -> Codes:
        """Return numbers from the `first` on; they hold until the next call. Raises InputError."""
        size = ITEMSIZES[place.dtype]
        if len(self._buffer) < count * size:
            self._buffer = bytearray(count * size)
        view = memoryview(self._buffer)[: count * size]
        self._storage(place.uri, place.stamp).read_into(view, place.begin + first * size)
        return np.frombuffer(view, dtype=f"<u{size}") if count else np.empty(0, f"<u{size}")

    def bytes_of(self, extent: Extent, first: int, length: int) -> bytes:
        """Return bytes of an array whose numbers are not read, from its byte `first` on."""
        return bytes(self._storage(extent.uri, extent.stamp).read(extent.begin + first, length))

    def close(self) -> None:
        """Let go of the files."""
        for storage in self._storages.values():
            storage.close()
        self._storages.clear()

    def _storage(self, uri: str, stamp: Stamp) -> Storage:
        if (uri, stamp) not in self._storages:
            self._storages[uri, stamp] = open_storage(uri, stamp)
        return self._storages[uri, stamp]


class CodeGrid(ABC):
    """A matrix whose codes are read by rows."""

    def __init__(self, rows: int, columns: int, dtype: str) -> None:
        self.rows, self.columns, self.dtype = rows, columns, dtype

    @abstractmethod
    def read(self, tile: Tile) -> Codes:
        """Return the codes of a tile, (rows, columns); they hold until the next call."""

    def turned(self) -> CodeGrid:
        """Return the transposed matrix."""
        return TurnedGrid(self)

    def values(self, tile: Tile) -> Float64Array:
        """Return the numbers of a tile in float64."""
        return values_of(self.read(tile), self.dtype)

    def tiles(self) -> Iterator[Tile]:
        """Yield tiles of at most BLOCK bytes that cover the matrix."""
        return tiles(self.rows, self.columns, ITEMSIZES[self.dtype])

    def gather(self, rows: Sequence[int]) -> Codes:
        """Return whole rows, in this order."""
        found = np.empty((len(rows), self.columns), code_type(self.dtype))
        for target, row in enumerate(rows):
            found[target] = self.read((row, row + 1, 0, self.columns))[0]
        return found


class PlacedGrid(CodeGrid):
    """A matrix in a file, rows first."""

    def __init__(self, place: FilePlace, rows: int, columns: int, reader: CodeReader) -> None:
        super().__init__(rows, columns, place.dtype)
        self.place, self.reader = place, reader

    def read(self, tile: Tile) -> Codes:
        """Return the codes of a tile: whole rows, or a part of one."""
        top, bottom, left, right = tile
        if right - left == self.columns:
            count = (bottom - top) * self.columns
            found = self.reader.codes(self.place, top * self.columns, count)
            return found.reshape(bottom - top, self.columns)
        parts = [
            self.reader.codes(self.place, row * self.columns + left, right - left).copy()
            for row in range(top, bottom)
        ]
        return np.stack(parts) if parts else np.empty((0, right - left), code_type(self.dtype))


class TurnedGrid(CodeGrid):
    """The transposed of a matrix in a file: some of its rows are kept, the file is read often."""

    def __init__(self, inner: CodeGrid) -> None:
        super().__init__(inner.columns, inner.rows, inner.dtype)
        self._inner = inner
        self._first, self._strip = 0, np.empty((0, self.columns), code_type(self.dtype))

    def read(self, tile: Tile) -> Codes:
        """Return the codes of a tile; rows are best asked for in order."""
        top, bottom, left, right = tile
        if top < self._first or bottom > self._first + len(self._strip):
            self._load(top, bottom)
        return self._strip[top - self._first : bottom - self._first, left:right]

    def turned(self) -> CodeGrid:
        """Return the matrix as it lies."""
        return self._inner

    def _load(self, top: int, bottom: int) -> None:
        width = max(1, self.columns * ITEMSIZES[self.dtype])
        last = min(self.rows, max(bottom, top + STRIP // width))
        self._strip = self._strip[:0].copy()  # the next strip takes the place of the last one
        strip = np.empty((last - top, self.columns), code_type(self.dtype))
        for tile in self._inner.tiles():
            first, end, left, right = tile
            low, high = max(left, top), min(right, last)
            if low < high:
                block = self._inner.read(tile)[:, low - left : high - left]
                strip[low - top : high - top, first:end] = block.T
        self._first, self._strip = top, strip


class HeldGrid(CodeGrid):
    """A matrix in memory."""

    def __init__(self, codes: Codes, dtype: str) -> None:
        rows, columns = codes.shape
        super().__init__(rows, columns, dtype)
        self.codes = codes

    def read(self, tile: Tile) -> Codes:
        """Return the codes of a tile."""
        top, bottom, left, right = tile
        return self.codes[top:bottom, left:right]

    def turned(self) -> CodeGrid:
        """Return the transposed matrix."""
        return HeldGrid(self.codes.T, self.dtype)


class PartGrid(CodeGrid):
    """The first rows and columns of a matrix."""

    def __init__(self, inner: CodeGrid, rows: int, columns: int) -> None:
        super().__init__(rows, columns, inner.dtype)
        self._inner = inner

    def read(self, tile: Tile) -> Codes:
        """Return the codes of a tile; of many rows, whole ones are read."""
        top, bottom, left, right = tile
        if bottom - top <= FEW_ROWS:
            return self._inner.read(tile)
        whole = self._inner.read((top, bottom, 0, self._inner.columns))
        return whole[:, left:right]


def in_shape(grid: CodeGrid, rows: int, columns: int) -> CodeGrid | None:
    """Return a matrix in another shape, None where its numbers lie across it, more or fewer."""
    if grid.rows * grid.columns != rows * columns:
        return None
    if isinstance(grid, PlacedGrid):
        return PlacedGrid(grid.place, rows, columns, grid.reader)
    if isinstance(grid, HeldGrid):
        return HeldGrid(grid.codes.reshape(rows, columns), grid.dtype)
    return None


def grid_of(tensor: StoredTensor, reader: CodeReader) -> tuple[CodeGrid, bool]:
    """Return a tensor as it lies, a vector as one row, and whether that is transposed."""
    shape, place, dtype = tensor.shape, tensor.place, tensor.dtype
    matrix = shape if len(shape) > 1 else (1, *shape)
    rows, columns = matrix[0], math.prod(matrix[1:])
    if place is not None and place.transposed:
        return PlacedGrid(place, columns, rows, reader), True
    if place is not None:
        return PlacedGrid(place, rows, columns, reader), False
    values = np.ascontiguousarray(tensor.read(None))
    if dtype == "bfloat16":
        codes = np.asarray(values.view(np.uint32) >> 16).astype("<u2")
    else:
        codes = values.view(code_type(dtype))
    return HeldGrid(codes.reshape(rows, columns), dtype), False


def weight_of(tensor: StoredTensor, layout: Layout, reader: CodeReader) -> tuple[CodeGrid, bool]:
    """Return a weight in the order in which it lies, and whether its rows are inputs."""
    grid, transposed = grid_of(tensor, reader)
    return grid, transposed != (layout == "in,out")


def same_codes(a: CodeGrid, b: CodeGrid) -> bool:
    """Whether two grids of one format hold the same bits; ends at the first block that differs."""
    return all(np.array_equal(_wide(a.read(tile)), _wide(b.read(tile))) for tile in a.tiles())


def _wide(codes: Codes) -> Codes:
    """Return codes eight bytes at a time where they lie so."""
    if codes.flags.c_contiguous and codes.nbytes % 8 == 0:
        return codes.reshape(-1).view(np.uint64)
    return codes
