"""Smallest, largest, mean and spread of the numbers of an array."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from fcinspect.layers.array import Array

CHUNK = 1 << 17
"""Numbers converted to float64 at a time: 1 MiB."""


@dataclass(frozen=True)
class Statistics:
    """Of the finite numbers of an array; nan where there are too few."""

    min: float
    """The smallest finite number."""
    max: float
    """The largest finite number."""
    mean: float
    """The sum over the count, accumulated in float64."""
    std: float
    """The sample standard deviation (divisor n − 1, as torch.Tensor.std); nan for one number."""
    zeros: int
    """How many are exactly zero, −0 included."""
    nan: int
    """How many are not a number."""
    inf: int
    """How many are ±infinity."""


def statistics_of(values: Array) -> Statistics:
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
        return Statistics(math.nan, math.nan, math.nan, math.nan, zeros, nan, inf)
    mean, std = _moments(flat, finite, max(abs(smallest), abs(largest)))
    # rounding may not carry the mean past the numbers that it is the mean of
    mean = min(max(mean, smallest), largest)
    return Statistics(smallest, largest, mean, std, zeros, nan, inf)


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
