"""Rules by which B may follow from A: every number from the one at its place, or all in common.

A rule of numbers is held against all places and struck out at the first that breaks it. Numbers are
rounded to a narrower format exactly as conversions do it: to nearest, ties to even (IEEE 754-2019,
section 4.3.1), or toward zero, as by dropping bits. Lines are scaled each by its own factor as when
the scale of a normalisation is merged into the layer behind it.

A low-rank update is added as merging a LoRA adapter does it. The range of B − A is found from its
product with a few random columns (Halko, Martinsson and Tropp, "Finding structure with randomness",
2011, algorithm 4.1); the singular values follow from its projection. Rounding to the stored format
adds an error of at most half an ulp to every number, about uniform: such noise of standard
deviation s has singular values up to s·(√m + √n). An update stands out from that, and from what is
left when it is subtracted, which is rounding alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from fcinspect.checkpoints.diff.grids import CodeGrid, PartGrid, common_tiles
from fcinspect.layers.memory import is_free
from fcinspect.rounding.arrays import Float64Array, half_ulp, round_to
from fcinspect.rounding.formats import FLOAT32, STORED, NumberFormat

Way = Literal["rounded", "truncated"]

LARGEST = {"float8_e4m3fn": 448.0}
"""Formats whose largest number is not (2 − 2^(1−t))·2^e, since its code stands for NaN."""
EVIDENCE = 40
"""Bits by which the numbers must speak for a factor: one in 10¹² is no accident."""
MOST_LINES = 1 << 24
SKETCH = 32
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


def narrowed(values: Float64Array, dtype: str, way: Way = "rounded") -> Float64Array:
    """Return float64 numbers in a narrower format, clipped where it has no infinity."""
    form = STORED[dtype]
    if way == "truncated":
        return _truncated(values, form)
    found = round_to(values, form)
    if dtype in LARGEST:
        found = np.clip(found, -LARGEST[dtype], LARGEST[dtype])
    return found


def is_narrowed(wide: Float64Array, narrow: Float64Array, dtype: str, way: Way = "rounded") -> bool:
    """Whether `narrow` is `wide` in a narrower format; NaN may stand for what has no infinity."""
    same = same_numbers(narrowed(wide, dtype, way), narrow)
    if dtype in LARGEST:
        with np.errstate(invalid="ignore"):
            same |= np.isnan(narrow) & (np.abs(round_to(wide, STORED[dtype])) > LARGEST[dtype])
    return bool(same.all())


def _truncated(values: Float64Array, form: NumberFormat) -> Float64Array:
    found = round_to(values, form)
    with np.errstate(invalid="ignore", over="ignore"):
        away = np.abs(found) > np.abs(values)
        shorter = found - np.copysign(2 * half_ulp(values, form), values)
        overflown = away & ~np.isfinite(found)
        shorter = np.where(overflown, np.copysign(form.largest, values), shorter)
        shorter = np.where(shorter == 0, np.copysign(0.0, values), shorter)
    return np.where(away, shorter, found)


def same_numbers(a: Float64Array, b: Float64Array) -> npt.NDArray[np.bool]:
    """Return where two numbers are the same: their signs too if they are 0, or both NaN."""
    found = (a == b) & (np.signbit(a) == np.signbit(b))
    both: npt.NDArray[np.bool] = found | (np.isnan(a) & np.isnan(b))
    return both


@dataclass(frozen=True)
class Narrowing:
    """One side is the other in a narrower format."""

    dtype: str
    way: Way
    of: Literal["A", "B"]
    """Which side was narrowed: B is A rounded for "A"."""

    def holds(self, a: Float64Array, b: Float64Array) -> bool:
        """Whether every number of these follows from the other."""
        wide, narrow = (a, b) if self.of == "A" else (b, a)
        return is_narrowed(wide, narrow, self.dtype, self.way)


@dataclass(eq=False)
class Factors:
    """The intervals of all s with b = s·a rounded to B's format, of each row, or column."""

    axis: int
    """0 for rows, 1 for columns."""
    low: Float64Array
    high: Float64Array
    told: Float64Array
    """Numbers of each line that say something of its factor."""

    @classmethod
    def unbounded(cls, axis: int, lines: int) -> Factors:
        """Return the intervals of so many lines before any number is seen."""
        return cls(axis, np.full(lines, -np.inf), np.full(lines, np.inf), np.zeros(lines))

    def take(self, a: Float64Array, b: Float64Array, lines: slice, dtype: str) -> bool:
        """Narrow the intervals; return whether all lines have some factor left."""
        says = a != 0
        if not (np.isfinite(a).all() and np.isfinite(b).all()) or (~says & (b != 0)).any():
            return False
        low, high = _ends(np.where(says, a, 1.0), b, dtype)
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

    def of_one_line(self, dtype: str) -> float | None:
        """Return the shortest number in the interval; None for 0 or 1, or without evidence."""
        low, high = float(self.low[0]), float(self.high[0])
        if (self.told[0] - 1) * (STORED[dtype].precision - 2) < EVIDENCE:
            return None
        if not (math.isfinite(low) and math.isfinite(high)):
            return None
        if low <= 0.0 <= high or low <= 1.0 <= high:
            return None
        middle = low + (high - low) / 2
        for digits in range(1, 18):
            short = float(f"{middle:.{digits}g}")
            # torch multiplies by the nearest number of float32
            if low <= short <= high or low <= FLOAT32.round(short) <= high:
                return short
        return middle


def _ends(a: Float64Array, b: Float64Array, dtype: str) -> tuple[Float64Array, Float64Array]:
    """Return, for numbers a that are not 0, the smallest and largest s with s·a rounded to b."""
    with np.errstate(over="ignore"):
        # more than half an ulp is granted: formats below float32 are rounded twice
        slack = {53: 4.0, 24: 1 + 2**-20}.get(STORED[dtype].precision, 1 + 2**-8)
        half = half_ulp(b, STORED[dtype]) * slack
        one, other = (b - half) / a, (b + half) / a
    return np.minimum(one, other), np.maximum(one, other)


class Rules:
    """The rules that are left of those that could hold from A's format to B's."""

    def __init__(self, dtype_a: str, dtype_b: str) -> None:
        self.dtype_a, self.dtype_b = dtype_a, dtype_b
        self.same = self.negated = True
        self.factor: Factors | None = Factors.unbounded(0, 1)
        ways: tuple[Way, ...] = ("rounded", "truncated")
        self.narrowings = [
            *(Narrowing(d, w, "A") for d in _narrower(dtype_a, dtype_b) for w in ways),
            *(Narrowing(d, w, "B") for d in _narrower(dtype_b, dtype_a) for w in ways),
        ]

    @property
    def any_left(self) -> bool:
        """Whether some rule still holds."""
        return bool(self.same or self.narrowings or self.negated or self.factor)

    def take(self, a: Float64Array, b: Float64Array) -> None:
        """Strike out what these numbers break."""
        self.same = self.same and bool(same_numbers(a, b).all())
        self.narrowings = [rule for rule in self.narrowings if rule.holds(a, b)]
        self.negated = self.negated and bool(same_numbers(-a, b).all())
        line = a.reshape(1, -1), b.reshape(1, -1), slice(None), self.dtype_b
        if self.factor is not None and not self.factor.take(*line):
            self.factor = None

    def narrowing(self) -> Narrowing | None:
        """Return the narrowing that is left: the widest format, rounding before truncation."""
        if not self.narrowings:
            return None
        wide = {name: -form.precision for name, form in STORED.items()}
        return min(self.narrowings, key=lambda rule: (wide[rule.dtype], rule.way, rule.of))


def _narrower(wide: str, stored: str) -> list[str]:
    """Return the formats that numbers of `wide` may have been rounded to and kept as `stored`."""
    return [
        name
        for name, form in STORED.items()
        if (name == stored and name != wide)
        or (form.precision < STORED[wide].precision and form.precision < STORED[stored].precision)
    ]


def scales_of_lines(a: CodeGrid, b: CodeGrid) -> tuple[int, float, float] | None:
    """Return (axis, smallest, largest factor) where B's rows, or columns, are A's times factors."""
    if max(a.rows, a.columns) > MOST_LINES:
        return None
    alive = [Factors.unbounded(0, a.rows), Factors.unbounded(1, a.columns)]
    for tile in common_tiles(a, b, BYTES_AT_ONCE):
        ours, theirs = a.values(tile), b.values(tile)
        parts = slice(tile[0], tile[1]), slice(tile[2], tile[3])
        alive = [f for f in alive if f.take(ours, theirs, parts[f.axis], b.dtype)]
        if not alive:
            return None
    for factors in alive:
        found = factors.range(b.dtype)
        if found is not None:
            return factors.axis, *found
    return None


def low_rank_update(a: CodeGrid, b: CodeGrid) -> tuple[float, ...] | None:
    """Return the singular values of the low-rank update from A to B, None where B − A is none.

    Two passes over both, in memory for 64 columns; all numbers must be finite.
    """
    width = min(SKETCH, a.rows, a.columns)
    most = min(MOST_RANK, min(a.rows, a.columns) // 4)
    if most < 1 or not is_free((a.rows + 2 * a.columns) * 8 * width):
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        if min(a.rows, FIRST) < a.rows // 4:
            first, second = (PartGrid(grid, FIRST, grid.columns) for grid in (a, b))
            if _update(first, second, min(SKETCH, a.columns), MOST_RANK, least=0) is None:
                return None
        return _update(a, b, width, most)


def _update(
    a: CodeGrid, b: CodeGrid, width: int, most: int, least: int = 1
) -> tuple[float, ...] | None:
    random = np.random.default_rng(SEED).standard_normal((a.columns, width))
    sketch = np.zeros((a.rows, width))
    energy, square, bound = 0.0, 0.0, 0.0
    for top, bottom, left, right in common_tiles(a, b, BYTES_AT_ONCE):
        gap, half = _gap(a, b, (top, bottom, left, right))
        sketch[top:bottom] += gap @ random[left:right]
        energy += float((gap * gap).sum())
        square += half
        bound += 3 * half
    if not (math.isfinite(energy) and np.isfinite(sketch).all()):
        return None
    basis, _ = np.linalg.qr(sketch)
    projected = np.zeros((width, a.columns))
    for top, bottom, left, right in common_tiles(a, b, BYTES_AT_ONCE):
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


def _gap(a: CodeGrid, b: CodeGrid, tile: tuple[int, int, int, int]) -> tuple[Float64Array, float]:
    """Return b − a, and the variance that rounding b and an earlier b − a may have added to it."""
    theirs = b.values(tile)
    gap = theirs - a.values(tile)
    form = STORED[b.dtype]
    half_b, half_gap = half_ulp(theirs, form), half_ulp(gap, form)
    return gap, float((half_b * half_b).sum() + (half_gap * half_gap).sum()) / 3
