"""What is known of a block of a matrix, and how two blocks become one.

Sums of squares and absolute values are kept in float64 as numbers of w·2^−exponent, where the
exponent is 0 unless squares would leave float64's range. Mean and squared deviations are merged as
in Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass
class Moments:
    """Of the finite numbers of a block, each times 2^−exponent."""

    count: int = 0
    """How many finite numbers there are."""
    mean: float = 0.0
    """Their mean."""
    deviations: float = 0.0
    """Σ(w − mean)²"""
    squares: float = 0.0
    """Σw²"""

    def add(self, other: Moments) -> None:
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
    moments: Moments
    """Of the finite numbers."""
    min: float
    """The smallest finite number; inf where there is none."""
    max: float
    """The largest; −inf where there is none."""
    zeros: int
    """How many are zero."""
    nan: int
    """How many are not a number."""
    inf: int
    """How many are infinite."""
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
            0, Moments(), math.inf, -math.inf, 0, 0, 0,
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
        self.min = min(self.min, other.min)
        self.max = max(self.max, other.max)
        self.zeros += other.zeros
        self.nan += other.nan
        self.inf += other.inf
