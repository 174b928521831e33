"""Smallest, largest, mean and spread of the numbers of an array, and how many of them lie where."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np
    import numpy.typing as npt

    from fcinspect.layers.array import Array
    from fcinspect.rounding.arrays import FloatArray

CHUNK = 1 << 17
"""Numbers converted to float64 at a time: 1 MiB."""
MOST_BINS = 20
STEPS = (Fraction(1), Fraction(2), Fraction(5, 2), Fraction(5), Fraction(10))
"""What the width of a bin may be, times a power of ten."""


@dataclass(frozen=True)
class ArrayStatistics:
    """Of the finite numbers of an array; nan where there are too few."""

    min: float
    max: float
    mean: float
    """The sum over the count, accumulated in float64."""
    std: float
    """The sample standard deviation (divisor n − 1, as torch.Tensor.std); nan for one number."""
    zeros: int
    """How many are exactly zero, −0 included."""
    nan: int
    inf: int


def statistics_of(values: Array) -> ArrayStatistics:
    """Return the statistics of an array, in two passes that hold 1 MiB of float64 at a time."""
    import numpy as np

    flat = values.values.reshape(-1)
    smallest, largest = math.inf, -math.inf
    finite = zeros = nan = 0
    for chunk in chunks(flat):
        kept = chunk[np.isfinite(chunk)]
        nan += int(np.isnan(chunk).sum())
        zeros += int((chunk == 0).sum())
        finite += kept.size
        if kept.size:
            smallest = min(smallest, float(kept.min()))
            largest = max(largest, float(kept.max()))
    inf = flat.size - finite - nan
    if not finite:
        return ArrayStatistics(math.nan, math.nan, math.nan, math.nan, zeros, nan, inf)
    mean, std = _moments(flat, finite, max(abs(smallest), abs(largest)))
    # rounding may not carry the mean past the numbers that it is the mean of
    mean = min(max(mean, smallest), largest)
    return ArrayStatistics(smallest, largest, mean, std, zeros, nan, inf)


def _moments(flat: npt.NDArray[np.floating], finite: int, magnitude: float) -> tuple[float, float]:
    """Return mean and std; numbers near the ends of float64's range are scaled by 2^k first."""
    import numpy as np

    exponent = math.frexp(magnitude)[1]
    scale = exponent if abs(exponent) > 300 else 0
    total = math.fsum(
        float(np.ldexp(chunk[np.isfinite(chunk)], -scale).sum()) for chunk in chunks(flat)
    )
    mean = total / finite
    if finite == 1:
        return math.ldexp(mean, scale), math.nan
    squares = math.fsum(
        float(np.square(np.ldexp(chunk[np.isfinite(chunk)], -scale) - mean).sum())
        for chunk in chunks(flat)
    )
    with np.errstate(over="ignore"):  # the spread of ±1.7e308 is beyond float64: inf
        std = float(np.ldexp(math.sqrt(squares / (finite - 1)), scale))
    return math.ldexp(mean, scale), std


def chunks(flat: npt.NDArray[np.floating]) -> Iterator[npt.NDArray[np.float64]]:
    """Yield the numbers in float64, CHUNK at a time."""
    import numpy as np

    for start in range(0, flat.size, CHUNK):
        yield flat[start : start + CHUNK].astype(np.float64)


@dataclass(frozen=True)
class Distribution:
    """Counts of the finite numbers between edges."""

    edges: tuple[float, ...]
    """Ascending, one more than there are bins; of a single value twice that value. Empty where no
    number is finite."""
    counts: tuple[int, ...]
    """How many numbers lie in each bin, its lower edge in it; in the last bin the upper too."""
    nan: int = 0
    inf: int = 0

    @property
    def finite(self) -> int:
        """How many are finite."""
        return sum(self.counts)


def distribution_of(values: Array, low: float, high: float) -> Distribution:
    """Return the distribution of an array; low and high span its finite numbers, or are nan."""
    return distributed(chunks(values.values.reshape(-1)), low, high)


def distributed(blocks: Iterable[FloatArray], low: float, high: float) -> Distribution:
    """Return the distribution of blocks; raises ValueError for a number outside [low, high]."""
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
    digits = math.log10(step.numerator) - math.log10(step.denominator) + 1e-9
    power = Fraction(10) ** math.floor(digits)
    return min(factor * power for factor in (*STEPS, Fraction(20)) if factor * power > step)


def _nearest(exact: Fraction, low: float, high: float) -> float:
    try:
        return float(exact)
    except OverflowError:
        return low if exact < 0 else high
