"""Whether B holds A's numbers elsewhere: transposed, permuted, shuffled, or in another shape.

For permutations every row and column gets a 64-bit fingerprint in one pass; an order that the
fingerprints suggest is then held against all numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fcinspect.checkpoints.diff.grids import (
    BLOCK,
    CodeGrid,
    Codes,
    HeldGrid,
    PartGrid,
    in_shape,
    same_codes,
    tiles,
    values_of,
)
from fcinspect.checkpoints.diff.pointwise import Lines, Pointwise, go_through, places, rule_of
from fcinspect.checkpoints.diff.records import TensorFinding
from fcinspect.checkpoints.diff.rules import narrowed
from fcinspect.rounding.arrays import ITEMSIZES
from fcinspect.rounding.formats import STORED

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
CORNER = 32
"""Rows and columns that are looked at before the whole."""
ALIKE = 2.0**-6
"""By how much rounding may change a sum of squares; another order leaves it as it is."""
EXACTLY = 1e-9


def _as_stored(codes: Codes, _: str) -> Codes:
    return codes


def _rounded_to(target: str) -> Canonical:
    """Return what makes codes equal where numbers are equal after rounding to a format."""

    def canonical(codes: Codes, dtype: str) -> Codes:
        values = values_of(codes, dtype)
        if dtype != target:
            values = narrowed(values, target)
        values[np.isnan(values)] = np.nan
        return values.view(np.uint64)

    return canonical


def _fits_a_block(a: CodeGrid, b: CodeGrid) -> bool:
    return all(grid.columns * ITEMSIZES[grid.dtype] <= BLOCK for grid in (a, b))


def _permutation(a: CodeGrid, b: CodeGrid, canonical: Canonical) -> Orders | None:
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


def _kept(a: CodeGrid, b: CodeGrid, axis: int) -> list[int] | None:
    """Return which rows (axis 0) or columns of the larger matrix make up the smaller, in order."""
    if a.dtype != b.dtype or not _fits_a_block(a, b):
        return None
    larger, smaller = (a, b) if (a.rows, a.columns) > (b.rows, b.columns) else (b, a)
    ours, theirs = _fingerprints(larger, _as_stored), _fingerprints(smaller, _as_stored)
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
    return found if _holds(larger, smaller, rows, columns, _as_stored) else None


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


def _fingerprints(grid: CodeGrid, canonical: Canonical) -> _Fingerprints:
    random = np.random.default_rng(SEED)
    weights = random.integers(0, 2**64, max(grid.rows, grid.columns), np.uint64)
    of_row, of_column = weights[: grid.rows], weights[: grid.columns]
    rows, columns = np.zeros((grid.rows, 2), np.uint64), np.zeros((grid.columns, 2), np.uint64)
    for top, bottom, left, right in grid.tiles():
        codes = grid.read((top, bottom, left, right))
        for first, last, _, _ in tiles(bottom - top, right - left, 1, max(AT_ONCE, right - left)):
            mixed = canonical(codes[first:last], grid.dtype).astype(np.uint64)
            for _ in range(2):  # spread every code over 64 bits, so that sums tell codes apart
                mixed *= ODD
                mixed ^= mixed >> HALF
            place = slice(top + first, top + last)
            rows[place, 0] += mixed @ of_column[left:right]
            rows[place, 1] += mixed.sum(axis=1)
            columns[left:right, 0] += of_row[place] @ mixed
            columns[left:right, 1] += mixed.sum(axis=0)
    return _Fingerprints(rows[:, 0], columns[:, 0], rows[:, 1], columns[:, 1])


def _order(a: Hashes, b: Hashes) -> Order | None:
    """Return which place of A each place of B holds; None where they differ or none moved."""
    by_a, by_b = np.argsort(a, kind="stable"), np.argsort(b, kind="stable")
    if not np.array_equal(a[by_a], b[by_b]):
        return None
    order = np.empty_like(by_a)
    order[by_b] = by_a
    return None if np.array_equal(order, np.arange(len(order))) else order


def _holds(
    a: CodeGrid, b: CodeGrid, rows: Order | None, columns: Order | None, canonical: Canonical
) -> bool:
    for tile in b.tiles():
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


def _transposed(a: CodeGrid, b: CodeGrid) -> TensorFinding | None:
    """Return that B is A transposed, by one of the rules between the two formats."""
    if min(a.rows, a.columns) < 1 or a.rows * a.columns < 2:
        return None
    corner = min(a.rows, CORNER), min(a.columns, CORNER)
    # most matrices show in their corner that they are none's transposed
    beginning = PartGrid(b, *corner[::-1]).read((0, corner[1], 0, corner[0])).T
    there = HeldGrid(beginning, b.dtype)
    if not go_through(PartGrid(a, *corner), there, while_ruled=True).rules.any_left:
        return None
    found = go_through(a, b.turned(), while_ruled=True)
    rule = rule_of(found.rules) if found.complete else None
    if rule is None:
        return None
    if rule.kind == "equal":
        exactly = "" if found.changed else ", bit for bit"
        return TensorFinding("transposed", "transposed", (f"B is A transposed{exactly}",))
    detail = ("B is A transposed; then:", *rule.detail)
    return TensorFinding(f"transposed and {rule.kind}", f"transposed, then {rule.how}", detail)


def reordered(a: CodeGrid, b: CodeGrid, lines: Lines, found: Pointwise) -> TensorFinding | None:
    """Return that B is A transposed, or with its rows or columns permuted, else None."""
    if a.rows == a.columns:
        turned = _transposed(a, b)
        if turned is not None:
            return turned
    if not _fits_a_block(a, b):
        return None
    # the formats in which the numbers may agree, None for the one that both have
    targets: list[str | None] = [None]
    if a.dtype != b.dtype:
        narrower = min((a.dtype, b.dtype), key=lambda name: STORED[name].precision)
        targets = [a.dtype if narrower == b.dtype else b.dtype, narrower]
    sums = found.sums
    for target in targets:
        much = EXACTLY if target is None else ALIKE
        # of places that are finite on one side only, the sums know nothing
        known = sums.count == found.count
        if not known or not abs(sums.aa - sums.bb) > much * max(sums.aa, sums.bb):
            way = _as_stored if target is None else _rounded_to(target)
            moved = _permutation(a, b, way)
            if moved is not None:
                return _finding(moved, lines, (a, b), target)
    return None


def _finding(
    moved: Orders, lines: Lines, grids: tuple[CodeGrid, CodeGrid], target: str | None
) -> TensorFinding:
    rule = _conversion(grids[0].dtype, grids[1].dtype, target)
    besides = rule.detail if rule else ()
    then = f", then {rule.how}" if rule else ""
    kind = f" and {rule.kind}" if rule else ""
    rows, columns = moved
    if rows is None and columns is None:
        told = "B holds the numbers of A in a different order"
        how = "numbers in another order"
        return TensorFinding(f"with {how}{kind}", f"{how}{then}", (told, *besides))
    pairs = ((lines.rows, rows), (lines.columns, columns))
    named = {noun: order for noun, order in pairs if order is not None}
    nouns = sorted(named, reverse=True)  # outputs before inputs
    how = " and ".join(f"{noun}s" for noun in nouns) + " permuted"
    outputs = named.get("output")
    return TensorFinding(
        f"with {how}{kind}",
        f"{how}{then}",
        (*(_example(noun, named[noun]) for noun in nouns), *besides),
        order=None if outputs is None else tuple(map(int, outputs)),
    )


def _example(noun: str, order: Order) -> str:
    """Say how many places moved, and where the first of A that did is in B."""
    inverse, places = np.argsort(order), np.arange(len(order))
    was = int(np.flatnonzero(inverse != places)[0])
    moved, now = int((order != places).sum()), int(inverse[was])
    return f"{moved:,} of {len(order):,} {noun}s moved: {noun} {was} is now {noun} {now}"


def _conversion(a: str, b: str, target: str | None) -> TensorFinding | None:
    """Return what happened to the numbers besides, where they agree in the format `target`."""
    if target is None:
        return None
    if STORED[target].precision == max(STORED[a].precision, STORED[b].precision):
        return TensorFinding(f"converted to {b}", f"converted from {a} to {b} without loss")
    narrowed = "B is A" if target == b else "A is B"
    detail = (f"{narrowed} rounded to {target} as well",)
    if target == b:
        return TensorFinding(f"rounded to {b}", f"rounded to {b}", detail)
    return TensorFinding(f"unrounded from {a}", f"A is B rounded to {a}", detail)


def reshaped(a: CodeGrid, b: CodeGrid, lines: Lines) -> TensorFinding:
    """Return how two matrices of different shapes differ."""
    if (a.rows, a.columns) == (b.columns, b.rows):
        turned = _transposed(a, b)
        if turned is not None:
            return turned
    told: tuple[str, ...] = ()
    if a.rows == b.rows or a.columns == b.columns:
        told = _common(a, b, lines)
    else:
        flat = in_shape(a, b.rows, b.columns)
        if flat is not None and a.dtype == b.dtype and same_codes(flat, b):
            told = ("the numbers are in the same order as in A: reshaped, not transposed",)
    names = {"output": "out", "input": "in"}
    sides = ((lines.rows, a.rows, b.rows), (lines.columns, a.columns, b.columns))
    named = sorted((names.get(noun, noun), was, now) for noun, was, now in sides)
    changed = [f"{name} {was:,} → {now:,}" for name, was, now in named if was != now]
    return TensorFinding("resized", f"resized: {', '.join(changed)}", told)


def _common(a: CodeGrid, b: CodeGrid, lines: Lines) -> tuple[str, ...]:
    """Say what became of the rows, or columns, that both have."""
    rows, columns = min(a.rows, b.rows), min(a.columns, b.columns)
    if not rows * columns:
        return ()
    by_rows = a.rows != b.rows
    noun, count = (lines.rows, rows) if by_rows else (lines.columns, columns)
    found = go_through(PartGrid(a, rows, columns), PartGrid(b, rows, columns))
    rule = rule_of(found.rules)
    first = f"the first {count:,} {noun}s" if count > 1 else f"the first {noun}"
    if rule is not None and rule.kind == "equal":
        return (f"{first} {'are' if count > 1 else 'is'} equal, bit for bit",)
    if rule is not None:
        return (f"{first}: {rule.how}",)
    kept = _kept(a, b, 0 if by_rows else 1)
    if kept is None:
        return (f"{found.changed:,} of {rows * columns:,} numbers of {first} changed",)
    if (a.rows, a.columns) > (b.rows, b.columns):
        return (f"B keeps only {places(noun, kept)} of A, unchanged",)
    return (f"all of A is in B, unchanged: its {noun}s are {places(noun, kept)} of B",)
