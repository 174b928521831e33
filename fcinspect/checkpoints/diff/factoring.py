"""Whether every row of A, or every column, was multiplied by a factor of its own.

As when the scale of a normalisation is merged into the layer behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fcinspect.checkpoints.diff.codes import tiles, values_of
from fcinspect.checkpoints.diff.reading import Grid
from fcinspect.checkpoints.diff.records import Finding, Sameness
from fcinspect.checkpoints.diff.rules import EVIDENCE, ends
from fcinspect.checkpoints.diff.words import Lines
from fcinspect.rounding.arrays import ITEMSIZES, Float64Array
from fcinspect.rounding.formats import STORED

BYTES_AT_ONCE = 1 << 20
MOST_LINES = 1 << 24


@dataclass
class _Factors:
    """The intervals of the factors of all rows (axis 0) or columns (axis 1)."""

    axis: int
    low: Float64Array
    high: Float64Array
    told: Float64Array
    """Numbers of each line that say something of its factor."""

    def take(self, a: Float64Array, b: Float64Array, lines: slice, dtype: str) -> bool:
        """Narrow the intervals; return whether all lines have some factor left."""
        says = a != 0
        if (~says & (b != 0)).any():
            return False
        low, high = ends(np.where(says, a, 1.0), b, dtype)
        across = 1 - self.axis
        lowest = np.where(says, low, -np.inf).max(axis=across)
        highest = np.where(says, high, np.inf).min(axis=across)
        np.maximum(self.low[lines], lowest, out=self.low[lines])
        np.minimum(self.high[lines], highest, out=self.high[lines])
        self.told[lines] += says.sum(axis=across)
        return bool((self.low[lines] <= self.high[lines]).all())

    def range(self, dtype: str) -> tuple[float, float] | None:
        """Return the smallest and largest factor; None without enough evidence."""
        known = self.told > 0
        bits = (self.told[known] - 1).sum() * (STORED[dtype].precision - 2)
        if bits < EVIDENCE or known.sum() < 2:
            return None
        middle = self.low[known] + (self.high[known] - self.low[known]) / 2
        return float(middle.min()), float(middle.max())


def scaled_by_lines(a: Grid, b: Grid, lines: Lines) -> Finding | None:
    """Return that every row, or every column, of B is that of A times a factor, else None."""
    if max(a.rows, a.columns) > MOST_LINES:
        return None
    alive = [_Factors(axis, *_unknown(count)) for axis, count in ((0, a.rows), (1, a.columns))]
    size = max(ITEMSIZES[a.dtype], ITEMSIZES[b.dtype])
    for tile in tiles(a.rows, a.columns, size, BYTES_AT_ONCE):
        ours, theirs = values_of(a.read(tile), a.dtype), values_of(b.read(tile), b.dtype)
        if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
            return None
        parts = slice(tile[0], tile[1]), slice(tile[2], tile[3])
        alive = [f for f in alive if f.take(ours, theirs, parts[f.axis], b.dtype)]
        if not alive:
            return None
    for factors in alive:
        found = factors.range(b.dtype)
        if found is not None:
            return _finding(lines.columns if factors.axis else lines.rows, found)
    return None


def _unknown(count: int) -> tuple[Float64Array, Float64Array, Float64Array]:
    return np.full(count, -np.inf), np.full(count, np.inf), np.zeros(count)


def _finding(noun: str, found: tuple[float, float]) -> Finding:
    least, most = found
    return Finding(
        f"with {noun}s scaled",
        f"{noun}s scaled, each by its own factor",
        Sameness.DIFFERENT,
        (f"the factors are {least:.4g} to {most:.4g}",),
    )
