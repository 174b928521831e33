"""Passes over a matrix that is read block by block: its size, and its rows in float64, scaled.

Squares of numbers above 1e154 overflow float64, those below 1e-162 vanish. So a matrix whose
largest number is beyond 2^±200 is gone through as W·2^−s, with the largest in [½, 1): scaling by a
power of two rounds nothing but what is less than 2^−1021 of the largest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from fcinspect.rounding.arrays import Float64Array, FloatArray

Blocks = Callable[[], Iterable[FloatArray]]
"""One pass over a matrix: its rows from the first to the last, some at a time, as 2-D arrays."""

IN_CACHE = 1 << 17
"""Numbers converted to float64 at a time: 1 MiB."""
UNSCALED = 200
"""Exponents up to which squares and their sums stay far from float64's ends without scaling."""


@dataclass(frozen=True)
class Size:
    """How large the numbers of a matrix are, all of them finite."""

    scale: int
    """s: the power of two that its numbers are divided by, 0 where squares need no scaling."""
    norm: float
    """‖W·2^−s‖F, the Frobenius norm of the scaled matrix; 0 for a matrix of zeros."""


def size_of(blocks: Blocks) -> Size | None:
    """Return the size of a matrix, in one pass; None where a number is not finite."""
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
    return Size(scale, math.sqrt(total))


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
    """Yield the rows of W·2^−s in float64, IN_CACHE numbers at a time.

    What is yielded is overwritten by the next: it is for use at once.
    """
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
