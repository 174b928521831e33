"""Two matrices of the same shape, place by place: how many numbers changed, and in what words."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fcinspect.checkpoints.diff.grids import CodeGrid, Codes, Tile, common_tiles, tiles, values_of
from fcinspect.checkpoints.diff.records import Magnitude, Spot, TensorFinding
from fcinspect.checkpoints.diff.rules import Narrowing, Rules, same_numbers
from fcinspect.rounding.arrays import Float64Array, half_ulp
from fcinspect.rounding.formats import NumberFormat

Flags = npt.NDArray[np.bool]

AT_ONCE = 1 << 17
"""Numbers worked on at a time: their float64 copies stay in the processor's cache."""
KINDS = ("nan", "inf", "zero")
"""What a number may become."""
MOST_MARKED = 1 << 24
"""Rows or columns whose changes are marked one by one."""
WAYS = {"rounded": "rounded to", "truncated": "truncated to"}


@dataclass
class Sums:
    """Over places where both numbers are finite."""

    count: int = 0
    a: float = 0.0
    b: float = 0.0
    aa: float = 0.0
    bb: float = 0.0
    ab: float = 0.0
    difference: float = 0.0
    """Σ(b − a)²."""

    def add(self, a: Float64Array, b: Float64Array, gap: Float64Array, count: int) -> None:
        """Take in flat arrays; places that are not finite hold 0."""
        self.count += count
        self.a += float(a.sum())
        self.b += float(b.sum())
        self.aa += float(a @ a)
        self.bb += float(b @ b)
        self.ab += float(a @ b)
        self.difference += float(gap @ gap)

    @property
    def correlation(self) -> float:
        """Pearson's r of the two, nan where one of them does not vary."""
        if not self.count:
            return math.nan
        mean_a, mean_b = self.a / self.count, self.b / self.count
        of_a, of_b = self.aa - self.a * mean_a, self.bb - self.b * mean_b
        if not (of_a > 0 and of_b > 0):
            return math.nan
        return (self.ab - self.a * mean_b) / math.sqrt(of_a) / math.sqrt(of_b)


@dataclass
class Pointwise:
    """What going through all places found, in the rows and columns of the grids."""

    rows: int
    columns: int
    rules: Rules
    """Those that no place has broken."""
    sums: Sums = field(default_factory=Sums)
    changed: int = 0
    finite_changed: int = 0
    """Changed places where both numbers are finite."""
    zero_signs: int = 0
    """Places where only the sign of a 0 changed."""
    nan_codes: int = 0
    """Places where only the payload of a NaN changed."""
    became: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    """How many numbers became NaN, infinite or 0."""
    ceased: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    """How many no longer are."""
    first: tuple[int, int, float, float] | None = None
    """(row, column, a, b) of the first that changed."""
    largest: tuple[int, int, float, float] | None = None
    """(row, column, a, b) where |b − a| is largest."""
    max_abs: float | None = None
    outside: int = 0
    """Places that differ by more than the tolerance."""
    changed_rows: Flags | None = None
    changed_columns: Flags | None = None
    complete: bool = True
    """False where it was given up because no rule was left."""

    @property
    def count(self) -> int:
        """How many places there are."""
        return self.rows * self.columns


def go_through(
    a: CodeGrid, b: CodeGrid, tolerance: NumberFormat | None = None, *, while_ruled: bool = False
) -> Pointwise:
    """Compare two grids of the same shape place by place, and strike out rules that do not hold.

    With `while_ruled` it ends as soon as no rule is left. What is the same on both sides strikes
    out few rules: it is held against those alone that are left by what differs.
    """
    found = Pointwise(a.rows, a.columns, Rules(a.dtype, b.dtype))
    if a.rows <= MOST_MARKED and a.columns <= MOST_MARKED:
        found.changed_rows = np.zeros(a.rows, bool)
        found.changed_columns = np.zeros(a.columns, bool)
    put_off = False
    for place, pair in _pieces(a, b):
        put_off |= _take(found, place, pair, tolerance)
        if while_ruled and not found.rules.any_left:
            found.complete = False
            return found
    if put_off and not found.rules.same and found.rules.any_left:
        found.rules = _held_against_all(a, b)
    return found


def _pieces(a: CodeGrid, b: CodeGrid) -> Iterator[tuple[Tile, tuple[Codes, Codes]]]:
    """Yield the codes of both, in pieces that fit the processor's cache."""
    for tile in common_tiles(a, b):
        codes_a, codes_b = a.read(tile), b.read(tile)
        for part in tiles(tile[1] - tile[0], tile[3] - tile[2], 1, AT_ONCE):
            top, bottom, left, right = part
            place = (tile[0] + top, tile[0] + bottom, tile[2] + left, tile[2] + right)
            yield place, (codes_a[top:bottom, left:right], codes_b[top:bottom, left:right])


def _held_against_all(a: CodeGrid, b: CodeGrid) -> Rules:
    """Return the rules that no place breaks, those included that are the same."""
    rules = Rules(a.dtype, b.dtype)
    for _, (ours, theirs) in _pieces(a, b):
        rules.take(values_of(ours, a.dtype), values_of(theirs, b.dtype))
        if not rules.any_left:
            break
    return rules


def _take(
    found: Pointwise, tile: Tile, codes: tuple[Codes, Codes], tolerance: NumberFormat | None
) -> bool:
    """Take in one piece; return whether rules were not held against it, since it is the same."""
    dtypes = found.rules.dtype_a, found.rules.dtype_b
    a, b = values_of(codes[0], dtypes[0]), values_of(codes[1], dtypes[1])
    same = codes[0] == codes[1] if dtypes[0] == dtypes[1] else same_numbers(a, b)
    changed = ~same
    count = int(changed.sum())
    if count:
        found.rules.take(a, b)
    finite = np.isfinite(a) & np.isfinite(b)
    if finite.all():
        held_a, held_b = a, b
    else:
        held_a, held_b = np.where(finite, a, 0.0), np.where(finite, b, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        gap = held_b - held_a
        found.sums.add(held_a.ravel(), held_b.ravel(), gap.ravel(), int(finite.sum()))
    if not count:
        return True
    _note_places(found, tile, changed, a, b, np.abs(gap))
    _note_kinds(found, changed, a, b)
    found.changed += count
    found.finite_changed += int((changed & finite).sum())
    if tolerance is not None:
        found.outside += int((changed & ~_within(a, b, gap, finite, tolerance)).sum())
    return False


def _within(
    a: Float64Array, b: Float64Array, gap: Float64Array, finite: Flags, tolerance: NumberFormat
) -> Flags:
    """Return where one number can be the other's rounding: half an ulp of the larger."""
    with np.errstate(invalid="ignore"):
        larger = np.where(finite, np.maximum(np.abs(a), np.abs(b)), 0.0)
        near = finite & (np.abs(gap) <= half_ulp(larger, tolerance))
    found: Flags = near | (np.isnan(a) & np.isnan(b)) | (a == b)
    return found


def _note_places(
    found: Pointwise,
    tile: Tile,
    changed: Flags,
    a: Float64Array,
    b: Float64Array,
    size: Float64Array,
) -> None:
    top, bottom, left, right = tile
    if found.changed_rows is not None and found.changed_columns is not None:
        found.changed_rows[top:bottom] |= changed.any(axis=1)
        found.changed_columns[left:right] |= changed.any(axis=0)

    def spot(flat: int) -> tuple[int, int, float, float]:
        row, column = divmod(flat, right - left)
        return top + row, left + column, float(a[row, column]), float(b[row, column])

    if found.first is None:
        found.first = spot(int(changed.argmax()))
    at = int(size.argmax())
    most = float(size.ravel()[at])
    if most > (found.max_abs or 0.0):
        found.max_abs, found.largest = most, spot(at)


def _note_kinds(found: Pointwise, changed: Flags, a: Float64Array, b: Float64Array) -> None:
    a, b = a[changed], b[changed]
    tests = (np.isnan(a), np.isnan(b)), (np.isinf(a), np.isinf(b)), (a == 0, b == 0)
    for kind, (was, now) in zip(KINDS, tests, strict=True):
        found.became[kind] += int((now & ~was).sum())
        found.ceased[kind] += int((was & ~now).sum())
    found.nan_codes += int((tests[0][0] & tests[0][1]).sum())
    found.zero_signs += int((tests[2][0] & tests[2][1]).sum())


@dataclass(frozen=True)
class Lines:
    """What the rows and columns of two grids are called."""

    rows: str = "output"
    columns: str = "input"
    shape: tuple[int, ...] = ()
    """The shape of a tensor that is no weight; its places are told by it."""

    def index(self, row: int, column: int, columns: int) -> tuple[int, ...]:
        """Return a place as the tensor counts it."""
        if self.shape or self.rows == "":
            flat, found = row * columns + column, []
            for size in reversed(self.shape):
                flat, place = divmod(flat, size)
                found.append(place)
            return tuple(reversed(found))
        return (column, row) if self.rows == "input" else (row, column)


def magnitude(found: Pointwise, lines: Lines) -> Magnitude:
    """Return how far two tensors lie apart."""

    def spot(place: tuple[int, int, float, float] | None) -> Spot | None:
        if place is None:
            return None
        row, column, a, b = place
        return Spot(lines.index(row, column, found.columns), a, b)

    sums = found.sums
    relative = (sums.difference / sums.aa) ** 0.5 if sums.aa > 0 else None
    if sums.count and sums.difference == 0:
        relative = 0.0
    most = found.max_abs if found.max_abs is not None else 0.0 if sums.count else None
    if found.changed and not found.finite_changed:
        most = relative = None  # what changed has no distance
    first, largest = spot(found.first), spot(found.largest)
    return Magnitude(found.count, found.changed, first, largest, most, relative)


def rule_of(rules: Rules) -> TensorFinding | None:
    """Return the simplest rule that is left, None where none is."""
    a, b = rules.dtype_a, rules.dtype_b
    if rules.same:
        if a == b:
            return TensorFinding("equal", "equal")
        return TensorFinding(f"converted to {b}", f"converted from {a} to {b} without loss")
    narrowing = rules.narrowing()
    if narrowing is not None:
        return _narrowing(narrowing, a, b)
    if rules.negated:
        return TensorFinding(
            "negated", "negated", ("each number of B is the negative of the one in A",)
        )
    factor = None if rules.factor is None else rules.factor.of_one_line(b)
    if factor is None:
        return None
    shown = f"{factor:g}" if float(f"{factor:g}") == factor else repr(factor)
    detail = f"each number of B is {factor!r} times the one in A, up to rounding to {b}"
    return TensorFinding("scaled", f"scaled by {shown}", (detail,))


def _narrowing(rule: Narrowing, a: str, b: str) -> TensorFinding:
    stored = a if rule.of == "B" else b
    kept = "" if stored == rule.dtype else f", kept as {stored}"
    words = f"{WAYS[rule.way]} {rule.dtype}"
    toward = " toward zero" if rule.way == "truncated" else ""
    if rule.of == "A":
        text = f"B is A {words}{toward}{kept}, bit for bit"
        return TensorFinding(words, words + kept, (text,))
    back = f"A is B {words}{toward}{kept}, bit for bit"
    return TensorFinding(f"unrounded from {rule.dtype}", f"A is B {words}{kept}", (back,))


def became(found: Pointwise) -> tuple[str, ...]:
    """Return what numbers became or no longer are NaN, infinite or 0, in one text; none if none."""
    said = []
    verbs = (found.became, "became", "became"), (found.ceased, "is no longer", "are no longer")
    for counts, one, more in verbs:
        for kind, word in zip(KINDS, ("NaN", "infinite", "0"), strict=True):
            count = counts[kind]
            if count:
                numbers = f"1 number {one}" if count == 1 else f"{count:,} numbers {more}"
                said.append(f"{numbers} {word}")
    return (", ".join(said),) if said else ()


def places(noun: str, which: Sequence[int]) -> str:
    """Return "output 3", "outputs 3 to 7", "outputs 1, 4 and 9", "outputs 1, 4, 9 and 20 more"."""
    if len(which) == 1:
        return f"{noun} {which[0]}"
    if which[-1] - which[0] == len(which) - 1:
        return f"{noun}s {which[0]} to {which[-1]}"
    if len(which) <= 4:
        return f"{noun}s {', '.join(map(str, which[:-1]))} and {which[-1]}"
    return f"{noun}s {', '.join(map(str, which[:3]))} and {len(which) - 3:,} more"
