"""Statistics of one tile of a matrix, small enough for a processor's cache, and how two become one.

A tile of ordinary numbers is gone through in its own precision, with matrix–vector products of
ones for the sums. No sum has more than 512 terms before it goes on in float64, so that the sums
of a row or column are within γ₅₁₂ of the exact ones, and those of a whole matrix, whose errors
average out, nearer by far. A tile with numbers that are not finite, or so large or small that
squares would overflow or vanish, or with a mean that hides the deviations, is gone through in
float64 around its mean.

Sums of squares and absolute values are kept in float64 as numbers of w·2^−exponent, where the
exponent is 0 unless squares would leave float64's range. Mean and squared deviations are merged as
in Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.arrays import FloatArray

Floats = npt.NDArray[np.float64]
TERMS = 512
"""Terms of a sum before it goes on in float64."""
SUM_ERROR = 4e-5
"""Bound of the relative error of a sum of squares or absolute values of float32 numbers: that of
a square, and of adding 512 and then many in float64; γ₅₁₃ = 513·2⁻²⁴/(1 − 513·2⁻²⁴) = 3.1e-5."""
ORDINARY = {4: (1e-12, 1e15), 8: (1e-100, 1e100)}
"""Largest absolute values of a tile whose squares keep their digits, by bytes of a number."""
HIDING = 0.5
"""mean²·n/Σw² from which on Σw² − n·mean² would lose too much."""
FAR = 700
"""The exponent for numbers from 2^400 on; its negative is for those all below 2^-400."""

CAREFUL = 1 << 16
"""Numbers that are gone through in float64 at a time."""
ONES: dict[int, FloatArray] = {4: np.ones(TERMS, np.float32), 8: np.ones(TERMS)}


@dataclass
class TileMoments:
    """Of the finite numbers of a block, each times 2^−exponent."""

    count: int = 0
    mean: float = 0.0
    deviations: float = 0.0
    """Σ(w − mean)²"""
    squares: float = 0.0
    """Σw²"""

    def add(self, other: TileMoments) -> None:
        """Take in the moments of further numbers."""
        if not other.count:
            return
        count = self.count + other.count
        apart = other.mean - self.mean
        self.mean += apart * (other.count / count)
        self.deviations += other.deviations + apart * apart * (self.count * other.count / count)
        self.squares += other.squares
        self.count = count

    def scale(self, power: int) -> None:
        """Multiply the numbers by 2^power."""
        self.mean = math.ldexp(self.mean, power)
        self.deviations = math.ldexp(self.deviations, 2 * power)
        self.squares = math.ldexp(self.squares, 2 * power)


@dataclass
class Partial:
    """What one job found in rows [first, first + rows) of some columns of a matrix."""

    exponent: int
    """All sums are of w·2^−exponent."""
    moments: TileMoments
    min: float
    """The smallest finite number; inf where there is none."""
    max: float
    """The largest; −inf where there is none."""
    zeros: int
    nan: int
    inf: int
    row_squares: Floats
    """Σw² of each row."""
    row_sums: Floats
    """Σ|w| of each row."""
    row_alive: npt.NDArray[np.bool_]
    """Whether a row has a number that is not zero."""
    column_squares: Floats
    """Σw² of each column."""
    column_sums: Floats
    """Σ|w| of each column."""
    column_alive: npt.NDArray[np.bool_]
    """Whether a column has a number that is not zero."""
    digests: npt.NDArray[np.uint64]
    """Of the bits of each output, equal for equal outputs; those of columns are to be added."""

    @classmethod
    def empty(cls, rows: int, columns: int, outputs: int) -> Partial:
        """Return what is known before the first number."""
        return cls(
            0, TileMoments(), math.inf, -math.inf, 0, 0, 0,
            np.zeros(rows), np.zeros(rows), np.zeros(rows, np.bool_),
            np.zeros(columns), np.zeros(columns), np.zeros(columns, np.bool_),
            np.zeros(outputs, np.uint64),
        )  # fmt: skip

    def raise_exponent(self, exponent: int) -> None:
        """Keep all sums with a larger exponent; what becomes too small for it is negligible."""
        power = self.exponent - exponent
        self.moments.scale(power)
        for squares in (self.row_squares, self.column_squares):
            np.ldexp(squares, 2 * power, out=squares)
        for sums in (self.row_sums, self.column_sums):
            np.ldexp(sums, power, out=sums)
        self.exponent = exponent

    def count(self, other: Partial) -> None:
        """Take in the numbers of another block, but nothing that is kept by row or column."""
        self.moments.add(other.moments)
        self.min, self.max = min(self.min, other.min), max(self.max, other.max)
        self.zeros += other.zeros
        self.nan += other.nan
        self.inf += other.inf


def take_in(partial: Partial, tile: FloatArray, row: int, scratch: FloatArray) -> None:
    """Add a tile from row `row` of the partial on; `scratch` has its shape and dtype."""
    if not tile.size:
        return
    low, high = float(tile.min()), float(tile.max())
    if low == high == 0:
        partial.zeros += tile.size
        partial.moments.add(TileMoments(tile.size))
        partial.min, partial.max = min(partial.min, 0.0), max(partial.max, 0.0)
        return
    largest = max(-low, high)
    smallest_ordinary, largest_ordinary = ORDINARY[tile.itemsize]
    # false as well for nan
    if smallest_ordinary <= largest <= largest_ordinary:
        row_squares = _row_sums(np.multiply(tile, tile, out=scratch))
        squares, mean = float(row_squares.sum()), float(_row_sums(tile).sum()) / tile.size
        deviations = max(squares - tile.size * mean * mean, 0.0)
        found = TileMoments(tile.size, mean, deviations, squares)
        if found.count * found.mean * found.mean <= HIDING * found.squares:
            partial.min, partial.max = min(partial.min, low), max(partial.max, high)
            _raise(partial, 0)
            found.scale(-partial.exponent)
            partial.moments.add(found)
            _add_lines(partial, tile, row, scratch, row_squares)
            return
    step = max(1, CAREFUL // tile.shape[1])
    for first in range(0, len(tile), step):
        _careful(partial, tile[first : first + step], row + first)


def _add_lines(
    partial: Partial, tile: FloatArray, row: int, scratch: FloatArray, row_squares: Floats
) -> None:
    """Add the rows and columns of a tile without special numbers; `scratch` holds its squares."""
    rows, power = slice(row, row + len(tile)), -partial.exponent
    partial.row_squares[rows] += np.ldexp(row_squares, 2 * power)
    partial.column_squares += np.ldexp(_column_sums(scratch), 2 * power)
    if scratch.min() == 0:
        _look_for_zeros(partial, tile, rows)
    else:
        partial.row_alive[rows] = True
        partial.column_alive[:] = True
    absolute = np.abs(tile, out=scratch)
    partial.row_sums[rows] += np.ldexp(_row_sums(absolute), power)
    partial.column_sums += np.ldexp(_column_sums(absolute), power)


def _careful(partial: Partial, tile: FloatArray, row: int) -> None:
    rows = slice(row, row + len(tile))
    _look_for_zeros(partial, tile, rows)
    wide = tile.astype(np.float64)
    finite = np.isfinite(wide)
    count = int(np.count_nonzero(finite))
    nan = int(np.count_nonzero(np.isnan(wide)))
    partial.nan += nan
    partial.inf += tile.size - count - nan
    if not count:
        return
    wide[~finite] = 0.0
    low = float(np.min(wide, initial=math.inf, where=finite))
    high = float(np.max(wide, initial=-math.inf, where=finite))
    partial.min, partial.max = min(partial.min, low), max(partial.max, high)
    largest = max(-low, high)
    exponent = -FAR if 0 < largest < 2.0**-400 else 0
    _raise(partial, FAR if largest >= 2.0**400 else exponent)
    if partial.exponent:
        np.ldexp(wide, -partial.exponent, out=wide)
    squared = np.square(wide)
    row_squares = squared.sum(axis=1)
    partial.row_squares[rows] += row_squares
    partial.column_squares += squared.sum(axis=0)
    mean = float(wide.sum()) / count
    deviations = np.subtract(wide, mean, out=squared)
    deviations[~finite] = 0.0
    flat = deviations.reshape(-1)
    partial.moments.add(TileMoments(count, mean, float(flat @ flat), float(row_squares.sum())))
    absolute = np.abs(wide, out=wide)
    partial.row_sums[rows] += absolute.sum(axis=1)
    partial.column_sums += absolute.sum(axis=0)


def _raise(partial: Partial, exponent: int) -> None:
    """Give the partial an exponent that serves the numbers so far and those to come."""
    if not partial.moments.squares:
        partial.exponent = exponent  # nothing but zeros so far
    elif exponent > partial.exponent:
        partial.raise_exponent(exponent)


def _look_for_zeros(partial: Partial, tile: FloatArray, rows: slice) -> None:
    filled = tile != 0  # true for nan
    partial.zeros += tile.size - int(np.count_nonzero(filled))
    partial.row_alive[rows] |= filled.any(axis=1)
    partial.column_alive |= filled.any(axis=0)


def _row_sums(tile: FloatArray) -> Floats:
    """Return the sum of each row, of pieces of at most TERMS numbers."""
    rows, columns = tile.shape
    ones = ONES[tile.itemsize]
    if columns <= TERMS:
        return (tile @ ones[:columns]).astype(np.float64)
    width = _divisor(columns)
    if width:
        pieces = tile.reshape(-1, width) @ ones[:width]
        found: Floats = pieces.reshape(rows, -1).sum(axis=1, dtype=np.float64)
        return found
    whole = columns - columns % TERMS
    pieces = tile[:, :whole].reshape(rows, -1, TERMS) @ ones
    sums: Floats = pieces.sum(axis=1, dtype=np.float64)
    sums += tile[:, whole:] @ ones[: columns - whole]
    return sums


def _column_sums(tile: FloatArray) -> Floats:
    """Return the sum of each column, of pieces of at most TERMS numbers."""
    rows, columns = tile.shape
    ones = ONES[tile.itemsize]
    if rows <= TERMS:
        return (ones[:rows] @ tile).astype(np.float64)
    whole = rows - rows % TERMS
    pieces = ones @ tile[:whole].reshape(-1, TERMS, columns)
    sums: Floats = pieces.sum(axis=0, dtype=np.float64)
    if whole < rows:
        sums += ones[: rows - whole] @ tile[whole:]
    return sums


@functools.lru_cache(maxsize=64)
def _divisor(columns: int) -> int:
    """Return the largest piece of 64 to TERMS numbers that a row is made of, 0 if there is none."""
    return next((w for w in range(TERMS, 63, -1) if columns % w == 0), 0)
