"""How many numbers lie where: counts in bins whose edges are round numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

from fcinspect.layers.statistics import chunks

if TYPE_CHECKING:
    from fcinspect.layers.array import Array
    from fcinspect.rounding.arrays import FloatArray

MOST_BINS = 20
STEPS = (Fraction(1), Fraction(2), Fraction(5, 2), Fraction(5), Fraction(10))
"""What the width of a bin may be, times a power of ten."""


@dataclass(frozen=True)
class Distribution:
    """Counts of the finite numbers between edges."""

    edges: tuple[float, ...]
    """Ascending, one more than there are bins; of a single value twice that value. Empty where no
    number is finite."""
    counts: tuple[int, ...]
    """How many numbers lie in each bin, its lower edge in it; in the last bin the upper too."""
    nan: int = 0
    """How many are not a number."""
    inf: int = 0
    """How many are infinite."""

    @property
    def finite(self) -> int:
        """How many are finite."""
        return sum(self.counts)


def distribution_of(values: Array, low: float, high: float) -> Distribution:
    """Return the distribution of an array whose finite numbers run from `low` to `high`.

    Of an array without finite numbers both are nan.
    """
    return distributed(chunks(values.values.reshape(-1)), low, high)


def distributed(blocks: Iterable[FloatArray], low: float, high: float) -> Distribution:
    """Return the distribution of numbers that come block by block, in one pass.

    Raises ValueError where a finite number lies outside [low, high].
    """
    import numpy as np

    edges = bin_edges(low, high)
    counts = np.zeros(max(len(edges) - 1, 0), dtype=np.int64)
    nan = inf = finite = 0
    for block in blocks:
        nan += int(np.isnan(block).sum())
        inf += int(np.isinf(block).sum())
        kept = block[np.isfinite(block)]
        finite += kept.size
        if len(edges):
            counts += np.histogram(kept, np.asarray(edges))[0]
    if finite != counts.sum():
        raise ValueError(f"a finite number lies outside [{low!r}, {high!r}]")
    return Distribution(edges, tuple(map(int, counts)), nan, inf)


def bin_edges(low: float, high: float) -> tuple[float, ...]:
    """Return the edges of at most MOST_BINS bins that hold all of [low, high].

    They are multiples of a round number; where float64 has too few numbers between low and high,
    or none beyond them, its own ends.
    """
    if math.isnan(low):
        return ()
    if low == high:
        return low, high
    first, last = Fraction(low), Fraction(high)
    step = _step(last - first)
    while True:
        begin, end = math.floor(first / step), math.ceil(last / step)
        if end - begin <= MOST_BINS:
            break
        step = _next(step)
    edges = [_nearest(n * step, low, high) for n in range(begin, end + 1)]
    # an edge that float64 rounds may not carry past the numbers
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    if any(left >= right for left, right in pairwise(edges)):
        return low, high
    return tuple(edges)


def _step(span: Fraction) -> Fraction:
    """Return the least round step of which MOST_BINS cover the span."""
    wanted = span / MOST_BINS
    power = math.floor(math.log10(wanted.numerator) - math.log10(wanted.denominator))
    base = Fraction(10) ** power
    return min(step * base for step in STEPS if step * base >= wanted)


def _next(step: Fraction) -> Fraction:
    """Return the next larger round step."""
    power = Fraction(10) ** math.floor(
        math.log10(step.numerator) - math.log10(step.denominator) + 1e-9
    )
    return min(factor * power for factor in (*STEPS, Fraction(20)) if factor * power > step)


def _nearest(exact: Fraction, low: float, high: float) -> float:
    try:
        return float(exact)
    except OverflowError:
        return low if exact < 0 else high
