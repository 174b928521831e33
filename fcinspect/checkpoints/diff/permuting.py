"""Whether B holds the rows, or the columns, of A in another order.

Every row and column gets a 64-bit fingerprint in one pass; an order that the fingerprints suggest
is then held against all numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fcinspect.checkpoints.diff.grids import BLOCK, Codes, Grid, tiles, values_of
from fcinspect.checkpoints.diff.rules import narrowed
from fcinspect.rounding.arrays import ITEMSIZES

Hashes = npt.NDArray[np.uint64]
Order = npt.NDArray[np.intp]
"""Place i of B holds place order[i] of A."""
Orders = tuple[Order | None, Order | None]
"""Of rows and of columns, None where they stay; both None for an order that keeps no lines."""
Canonical = Callable[[Codes, str], Codes]
"""(codes, dtype) -> codes that are equal where the numbers count as equal."""

AT_ONCE = 1 << 17
SEED = 20201
ODD = np.uint64(0x9E3779B97F4A7C15)
HALF = np.uint64(32)


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


def permutation(a: Grid, b: Grid, canonical: Canonical = as_stored) -> Orders | None:
    """Return the order of rows, columns or both that makes B of A, which has the same shape."""
    ours, theirs = _fingerprints(a, canonical), _fingerprints(b, canonical)
    rows, columns = _order(ours.rows, theirs.rows), _order(ours.columns, theirs.columns)
    if rows is not None and _holds(a, b, rows, None, canonical):
        return rows, None
    if columns is not None and _holds(a, b, None, columns, canonical):
        return None, columns
    if ours.total != theirs.total:
        return None
    rows = _order(ours.rows_as_sets, theirs.rows_as_sets)
    columns = _order(ours.columns_as_sets, theirs.columns_as_sets)
    if rows is not None and columns is not None and _holds(a, b, rows, columns, canonical):
        return rows, columns
    return None, None


def kept_lines(larger: Grid, smaller: Grid, axis: int) -> list[int] | None:
    """Return which rows (axis 0) or columns of the larger matrix make up the smaller, in order."""
    ours, theirs = _fingerprints(larger, as_stored), _fingerprints(smaller, as_stored)
    all_of_them, wanted = (ours.columns, theirs.columns) if axis else (ours.rows, theirs.rows)
    found: list[int] = []
    place = iter(range(len(all_of_them)))
    for hashed in wanted.tolist():
        met = next((k for k in place if int(all_of_them[k]) == hashed), None)
        if met is None:
            return None
        found.append(met)
    order = np.asarray(found, np.intp)
    rows, columns = (None, order) if axis else (order, None)
    return found if _holds(larger, smaller, rows, columns, as_stored) else None


@dataclass(frozen=True)
class _Fingerprints:
    """Of all rows and columns of a matrix; modulo 2^64."""

    rows: Hashes
    columns: Hashes
    rows_as_sets: Hashes
    """The same whatever the order of the numbers in a row."""
    columns_as_sets: Hashes

    @property
    def total(self) -> int:
        """The same whatever the order of all numbers."""
        return int(self.rows_as_sets.sum())


def _fingerprints(grid: Grid, canonical: Canonical) -> _Fingerprints:
    random = np.random.default_rng(SEED)
    weights = random.integers(0, 2**64, max(grid.rows, grid.columns), np.uint64)
    of_row, of_column = weights[: grid.rows], weights[: grid.columns]
    rows, columns = np.zeros((grid.rows, 2), np.uint64), np.zeros((grid.columns, 2), np.uint64)
    for top, bottom, left, right in tiles(grid.rows, grid.columns, ITEMSIZES[grid.dtype]):
        codes = grid.read((top, bottom, left, right))
        for first, last, _, _ in tiles(bottom - top, right - left, 1, max(AT_ONCE, right - left)):
            mixed = _mixed(canonical(codes[first:last], grid.dtype).astype(np.uint64))
            place = slice(top + first, top + last)
            rows[place, 0] += mixed @ of_column[left:right]
            rows[place, 1] += mixed.sum(axis=1)
            columns[left:right, 0] += of_row[place] @ mixed
            columns[left:right, 1] += mixed.sum(axis=0)
    return _Fingerprints(rows[:, 0], columns[:, 0], rows[:, 1], columns[:, 1])


def _mixed(codes: Hashes) -> Hashes:
    """Spread every code over 64 bits, so that sums of them tell codes apart."""
    for _ in range(2):
        codes *= ODD
        codes ^= codes >> HALF
    return codes


def _order(a: Hashes, b: Hashes) -> Order | None:
    """Return which place of A each place of B holds; None where some are in one only, or none
    moved."""
    by_a, by_b = np.argsort(a, kind="stable"), np.argsort(b, kind="stable")
    if not np.array_equal(a[by_a], b[by_b]):
        return None
    order = np.empty_like(by_a)
    order[by_b] = by_a
    return None if np.array_equal(order, np.arange(len(order))) else order


def _holds(
    a: Grid, b: Grid, rows: Order | None, columns: Order | None, canonical: Canonical
) -> bool:
    """Whether B is A with its rows, columns or both in this order."""
    for tile in tiles(b.rows, b.columns, ITEMSIZES[b.dtype]):
        top, bottom, _, _ = tile
        theirs = canonical(b.read(tile), b.dtype)
        if rows is None:
            ours = a.read((top, bottom, 0, a.columns))
        else:
            ours = a.gather(rows[top:bottom].tolist())
        if columns is not None:
            ours = ours[:, columns]
        if not np.array_equal(canonical(ours, a.dtype), theirs):
            return False
    return True
