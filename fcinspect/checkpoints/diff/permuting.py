"""Whether B holds the rows, or the columns, of A in another order.

Every row and column gets a 64-bit fingerprint in one pass; an order that the fingerprints suggest
is then held against all numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fcinspect.checkpoints.diff.narrowing import narrowed
from fcinspect.checkpoints.diff.reading import BLOCK, Codes, Grid, tiles, values_of
from fcinspect.rounding.arrays import ITEMSIZES

Hashes = npt.NDArray[np.uint64]
Order = npt.NDArray[np.intp]
Canonical = Callable[[Codes, str], Codes]
"""(codes, dtype) -> codes that are equal where the numbers count as equal."""

AT_ONCE = 1 << 17
SEED = 20201
ODD = np.uint64(0x9E3779B97F4A7C15)
HALF = np.uint64(32)


@dataclass(frozen=True)
class Permutation:
    """B is A with its rows, or columns, in another order."""

    axis: int
    """0 for rows, 1 for columns."""
    order: Order
    """Place i of B holds place order[i] of A."""

    @property
    def example(self) -> tuple[int, int]:
        """Return the first place of A that moved, and where it is in B."""
        inverse = np.argsort(self.order)
        moved = int(np.flatnonzero(inverse != np.arange(len(inverse)))[0])
        return moved, int(inverse[moved])

    @property
    def moved(self) -> int:
        """How many places moved."""
        return int((self.order != np.arange(len(self.order))).sum())


def as_stored(codes: Codes, dtype: str) -> Codes:
    """Return the codes themselves: the numbers are the same bit for bit."""
    del dtype
    return codes


def rounded_to(target: str) -> Canonical:
    """Return what makes codes equal where numbers are equal after rounding to a format."""

    def canonical(codes: Codes, dtype: str) -> Codes:
        values = values_of(codes, dtype)
        if dtype != target:
            values = narrowed(values, target)
        values[np.isnan(values)] = np.nan
        return values.view(np.uint64)

    return canonical


def can_be_looked_for(a: Grid, b: Grid) -> bool:
    """Whether whole rows fit the block that is read at a time."""
    widest = max(a.columns * ITEMSIZES[a.dtype], b.columns * ITEMSIZES[b.dtype])
    return widest <= BLOCK


def permutation(a: Grid, b: Grid, canonical: Canonical = as_stored) -> Permutation | None:
    """Return the order of rows or columns that makes B of A, which has the same shape."""
    rows_a, columns_a = _fingerprints(a, canonical)
    rows_b, columns_b = _fingerprints(b, canonical)
    for axis, (ours, theirs) in enumerate(((rows_a, rows_b), (columns_a, columns_b))):
        order = _order(ours, theirs)
        if order is not None and _holds(a, b, axis, order, canonical):
            return Permutation(axis, order)
    return None


def _fingerprints(grid: Grid, canonical: Canonical) -> tuple[Hashes, Hashes]:
    random = np.random.default_rng(SEED)
    of_row = random.integers(0, 2**64, grid.rows, np.uint64)
    of_column = random.integers(0, 2**64, grid.columns, np.uint64)
    rows, columns = np.zeros(grid.rows, np.uint64), np.zeros(grid.columns, np.uint64)
    for top, bottom, left, right in tiles(grid.rows, grid.columns, ITEMSIZES[grid.dtype]):
        codes = grid.read((top, bottom, left, right))
        for first, last, _, _ in tiles(bottom - top, right - left, 1, max(AT_ONCE, right - left)):
            mixed = canonical(codes[first:last], grid.dtype).astype(np.uint64)
            mixed *= ODD
            mixed ^= mixed >> HALF
            mixed *= ODD
            mixed ^= mixed >> HALF
            place = slice(top + first, top + last)
            rows[place] += mixed @ of_column[left:right]
            columns[left:right] += of_row[place] @ mixed
    return rows, columns


def _order(a: Hashes, b: Hashes) -> Order | None:
    """Return which place of A each place of B holds, None where some of them are in one only."""
    by_a, by_b = np.argsort(a, kind="stable"), np.argsort(b, kind="stable")
    if not np.array_equal(a[by_a], b[by_b]):
        return None
    order = np.empty_like(by_a)
    order[by_b] = by_a
    return None if np.array_equal(order, np.arange(len(order))) else order


def _holds(a: Grid, b: Grid, axis: int, order: Order, canonical: Canonical) -> bool:
    for tile in tiles(b.rows, b.columns, ITEMSIZES[b.dtype]):
        top, bottom, _, _ = tile
        theirs = canonical(b.read(tile), b.dtype)
        ours = a.read(tile)[:, order] if axis else a.gather(order[top:bottom].tolist())
        if not np.array_equal(canonical(ours, a.dtype), theirs):
            return False
    return True
