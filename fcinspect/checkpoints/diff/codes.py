"""The bits of numbers, and tiles of a matrix that are small enough to work on.

A number's bits are called its code: an unsigned integer as wide as the format.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.arrays import ITEMSIZES, Float64Array, from_bytes

Codes = npt.NDArray[np.unsignedinteger[Any]]
Tile = tuple[int, int, int, int]
"""First and last row, first and last column; the last ones are not included."""

BLOCK = 1 << 22
"""Bytes read at a time."""


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


def code_type(dtype: str) -> np.dtype[Any]:
    """Return the unsigned integers that hold the codes of a format."""
    return np.dtype(f"<u{ITEMSIZES[dtype]}")


def codes_of(values: npt.NDArray[Any], dtype: str) -> Codes:
    """Return the codes of a carrier array."""
    flat = np.ascontiguousarray(values)
    if dtype == "bfloat16":
        return np.asarray(flat.view(np.uint32) >> 16).astype("<u2")
    return flat.view(code_type(dtype))


def values_of(codes: Codes, dtype: str) -> Float64Array:
    """Return the numbers of codes in float64, which holds every format without loss."""
    flat = np.ascontiguousarray(codes).reshape(-1)
    if not flat.size:
        return np.empty(codes.shape)
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return from_bytes(flat.data, dtype).astype(np.float64).reshape(codes.shape)
