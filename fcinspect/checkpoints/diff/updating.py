"""Whether B − A is a low-rank update, as merging a LoRA adapter makes it.

The range of B − A is found from its product with a few random columns (Halko, Martinsson and
Tropp, "Finding structure with randomness", 2011, algorithm 4.1); the singular values follow from
its projection. Rounding to the stored format adds an error of at most half an ulp to every number,
about uniform: such noise of standard deviation s has singular values up to s·(√m + √n). An update
stands out from that, and from what is left when it is taken away, which is rounding alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from fcinspect.checkpoints.diff.codes import tiles, values_of
from fcinspect.checkpoints.diff.pointwise import Pointwise
from fcinspect.checkpoints.diff.reading import Grid, Part
from fcinspect.checkpoints.diff.records import Finding, Sameness
from fcinspect.layers.memory import is_free
from fcinspect.rounding.arrays import ITEMSIZES, Float64Array, half_ulp
from fcinspect.rounding.formats import STORED

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


@dataclass(frozen=True)
class Update:
    """B is A plus a matrix of low rank, up to rounding."""

    rank: int
    """The rank."""
    singular_values: tuple[float, ...]
    """Of the update, largest first."""
    edge: float
    """What the largest singular value of rounding errors alone is about."""


def updated(a: Grid, b: Grid, found: Pointwise) -> Finding | None:
    """Return that B is A plus a low-rank update, else None."""
    if found.sums.count != found.rows * found.columns:
        return None  # not all numbers are finite
    update = low_rank_update(a, b)
    if update is None:
        return None
    values = ", ".join(f"{value:.3g}" for value in update.singular_values[:4])
    more = ", …" if update.rank > 4 else ""
    finding = Finding(
        "with a low-rank update",
        f"update of rank {update.rank}",
        Sameness.DIFFERENT,
        (f"σ of B − A: {values}{more}; what is left is rounding to {b.dtype}",),
    )  # fmt: skip
    return replace(finding, rank=update.rank, singular_values=update.singular_values)


def low_rank_update(a: Grid, b: Grid) -> Update | None:
    """Return the low-rank update that makes B of A, None where B − A is none.

    Two passes over both, in memory for 64 columns; all numbers must be finite.
    """
    width = min(SKETCH, a.rows, a.columns)
    most = min(MOST_RANK, min(a.rows, a.columns) // 4)
    if most < 1 or not is_free((a.rows + 2 * a.columns) * 8 * width):
        return None
    first = min(a.rows, FIRST)
    if first < a.rows // 4 and not _may_be(Part(a, first, a.columns), Part(b, first, b.columns)):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        return _update(a, b, width, most)


def _may_be(a: Grid, b: Grid) -> bool:
    """Whether the first rows leave open that all of them have a low-rank update."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = _update(a, b, min(SKETCH, a.rows, a.columns), MOST_RANK, least=0)
    return found is not None


def _update(a: Grid, b: Grid, width: int, most: int, least: int = 1) -> Update | None:
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
            return Update(some, tuple(float(value) for value in found[:some]), edge)
    return None


def _tiles(a: Grid, b: Grid) -> list[tuple[int, int, int, int]]:
    size = max(ITEMSIZES[a.dtype], ITEMSIZES[b.dtype])
    return list(tiles(a.rows, a.columns, size, BYTES_AT_ONCE))


def _gap(a: Grid, b: Grid, tile: tuple[int, int, int, int]) -> tuple[Float64Array, float]:
    """Return b − a, and a third of the sum of squares of what rounding may have added to it.

    The sum may be rounded, and the update before it was added.
    """
    theirs = values_of(b.read(tile), b.dtype)
    gap = theirs - values_of(a.read(tile), a.dtype)
    form = STORED[b.dtype]
    half_b, half_gap = half_ulp(theirs, form), half_ulp(gap, form)
    return gap, float((half_b * half_b).sum() + (half_gap * half_gap).sum()) / 3
