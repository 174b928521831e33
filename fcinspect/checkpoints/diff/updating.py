"""Whether B is A with every line scaled by its own factor, or plus a low-rank update.

Lines are scaled as when the scale of a normalisation is merged into the layer behind it, a low-rank
update is added as merging a LoRA adapter does it. The range of B − A is found from its product with
a few random columns (Halko, Martinsson and Tropp, "Finding structure with randomness", 2011,
algorithm 4.1); the singular values follow from its projection. Rounding to the stored format adds
an error of at most half an ulp to every number, about uniform: such noise of standard deviation s
has singular values up to s·(√m + √n). An update stands out from that, and from what is left when it
is taken away, which is rounding alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fcinspect.checkpoints.diff.grids import CodeGrid, PartGrid, tiles
from fcinspect.checkpoints.diff.pointwise import Lines, Pointwise
from fcinspect.checkpoints.diff.records import TensorFinding
from fcinspect.checkpoints.diff.rules import EVIDENCE, ends
from fcinspect.layers.memory import is_free
from fcinspect.rounding.arrays import ITEMSIZES, Float64Array, half_ulp
from fcinspect.rounding.formats import STORED

MOST_LINES = 1 << 24
SKETCH = 32
"""Random columns."""
SEED = 20202
ABOVE = 1.1
"""A singular value counts where it is so many times the edge of the noise."""
MOST_RANK = 24
"""Of a rank that the sketch tells; the other columns are there to find it."""
FIRST = 128
"""Rows that are looked at before the whole: what holds of all rows holds of them."""
EXACTLY = 1e-6
"""Relative to the largest, singular values that float64 tells from 0 in these sums."""
BYTES_AT_ONCE = 1 << 20


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


def scaled_by_lines(a: CodeGrid, b: CodeGrid, lines: Lines) -> TensorFinding | None:
    """Return that every row, or every column, of B is that of A times a factor, else None."""
    if max(a.rows, a.columns) > MOST_LINES:
        return None
    alive = [
        _Factors(axis, np.full(count, -np.inf), np.full(count, np.inf), np.zeros(count))
        for axis, count in ((0, a.rows), (1, a.columns))
    ]
    size = max(ITEMSIZES[a.dtype], ITEMSIZES[b.dtype])
    for tile in tiles(a.rows, a.columns, size, BYTES_AT_ONCE):
        ours, theirs = a.values(tile), b.values(tile)
        if not (np.isfinite(ours).all() and np.isfinite(theirs).all()):
            return None
        parts = slice(tile[0], tile[1]), slice(tile[2], tile[3])
        alive = [f for f in alive if f.take(ours, theirs, parts[f.axis], b.dtype)]
        if not alive:
            return None
    for factors in alive:
        found = factors.range(b.dtype)
        if found is not None:
            noun = lines.columns if factors.axis else lines.rows
            return TensorFinding(
                f"with {noun}s scaled",
                f"{noun}s scaled, each by its own factor",
                (f"the factors are {found[0]:.4g} to {found[1]:.4g}",),
            )
    return None


def updated(a: CodeGrid, b: CodeGrid, found: Pointwise) -> TensorFinding | None:
    """Return that B is A plus a low-rank update, else None."""
    if found.sums.count != found.rows * found.columns:
        return None  # not all numbers are finite
    values = low_rank_update(a, b)
    if values is None:
        return None
    some = ", ".join(f"{value:.3g}" for value in values[:4])
    more = ", …" if len(values) > 4 else ""
    return TensorFinding(
        "with a low-rank update",
        f"update of rank {len(values)}",
        (f"σ of B − A: {some}{more}; what is left is rounding to {b.dtype}",),
        rank=len(values),
        singular_values=values,
    )


def low_rank_update(a: CodeGrid, b: CodeGrid) -> tuple[float, ...] | None:
    """Return the singular values of the low-rank update from A to B, None where B − A is none.

    Two passes over both, in memory for 64 columns; all numbers must be finite.
    """
    width = min(SKETCH, a.rows, a.columns)
    most = min(MOST_RANK, min(a.rows, a.columns) // 4)
    if most < 1 or not is_free((a.rows + 2 * a.columns) * 8 * width):
        return None
    first = min(a.rows, FIRST)
    if first < a.rows // 4 and not _may_be(
        PartGrid(a, first, a.columns), PartGrid(b, first, b.columns)
    ):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        return _update(a, b, width, most)


def _may_be(a: CodeGrid, b: CodeGrid) -> bool:
    """Whether the first rows leave open that all of them have a low-rank update."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = _update(a, b, min(SKETCH, a.rows, a.columns), MOST_RANK, least=0)
    return found is not None


def _update(
    a: CodeGrid, b: CodeGrid, width: int, most: int, least: int = 1
) -> tuple[float, ...] | None:
    random = np.random.default_rng(SEED).standard_normal((a.columns, width))
    sketch = np.zeros((a.rows, width))
    energy, square, bound = 0.0, 0.0, 0.0
    for top, bottom, left, right in _tiles(a, b):
        gap, half = _gap(a, b, (top, bottom, left, right))
        sketch[top:bottom] += gap @ random[left:right]
        energy += float((gap * gap).sum())
        square += half
        bound += 3 * half
    if not (math.isfinite(energy) and np.isfinite(sketch).all()):
        return None
    basis, _ = np.linalg.qr(sketch)
    projected = np.zeros((width, a.columns))
    for top, bottom, left, right in _tiles(a, b):
        gap, _ = _gap(a, b, (top, bottom, left, right))
        projected[:, left:right] += basis[top:bottom].T @ gap
    found = np.linalg.svd(projected, compute_uv=False)
    # from the variance of numbers without any structure to the edge of their singular values
    spread = (math.sqrt(a.rows) + math.sqrt(a.columns)) / math.sqrt(a.rows * a.columns)
    # the variance of a rounding error is a third of (half an ulp)²
    edge = math.sqrt(square) * spread
    rank = int((found > max(ABOVE * edge, found[0] * EXACTLY)).sum())
    for some in range(min(rank, most), least - 1, -1):
        left_over = max(energy - float((found[:some] ** 2).sum()), 0.0)
        stands_out = not some or found[some - 1] > ABOVE * math.sqrt(left_over) * spread
        if stands_out and left_over <= bound + EXACTLY**2 * energy:
            return tuple(float(value) for value in found[:some])
    return None


def _tiles(a: CodeGrid, b: CodeGrid) -> list[tuple[int, int, int, int]]:
    size = max(ITEMSIZES[a.dtype], ITEMSIZES[b.dtype])
    return list(tiles(a.rows, a.columns, size, BYTES_AT_ONCE))


def _gap(a: CodeGrid, b: CodeGrid, tile: tuple[int, int, int, int]) -> tuple[Float64Array, float]:
    """Return b − a, and a third of the sum of squares of what rounding may have added to it.

    The sum may be rounded, and the update before it was added.
    """
    theirs = b.values(tile)
    gap = theirs - a.values(tile)
    form = STORED[b.dtype]
    half_b, half_gap = half_ulp(theirs, form), half_ulp(gap, form)
    return gap, float((half_b * half_b).sum() + (half_gap * half_gap).sum()) / 3
