"""How many of some positive numbers lie where, in a few bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from fcinspect.rounding.arrays import Float64Array

BINS = 16
"""How many there are."""
WIDE = 100.0
"""The largest over the smallest from which on the bins are equally wide in logarithms."""


@dataclass(frozen=True)
class Histogram:
    """Counts of positive numbers between edges."""

    scale: Literal["linear", "log"]
    """Whether the bins are equally wide, or equally wide in logarithms."""
    edges: tuple[float, ...]
    """Ascending, one more than there are bins; the last bin holds its upper edge too."""
    counts: tuple[int, ...]
    """How many numbers lie in each bin."""


def histogram_of(values: Float64Array, exponent: int = 0) -> Histogram | None:
    """Return the histogram of values·2^exponent, the values positive; None where there is none.

    The bins run from 0 to the largest, or from the smallest to the largest in logarithms where
    they are a factor of more than 100 apart.
    """
    if not values.size:
        return None
    low, high = float(values.min()), float(values.max())
    linear = high <= WIDE * low
    edges = np.linspace(0.0, high, BINS + 1) if linear else np.geomspace(low, high, BINS + 1)
    # rounding may not carry the outer edges past the numbers
    edges[-1] = high
    if not linear:
        edges[0] = low
    counts = np.histogram(values, edges)[0]
    with np.errstate(over="ignore", under="ignore"):
        held = np.ldexp(edges, exponent)
    return Histogram(
        "linear" if linear else "log", tuple(map(float, held)), tuple(map(int, counts))
    )
