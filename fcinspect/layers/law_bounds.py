"""What n numbers of a random law may do together: their mean, mean square and largest number.

What is checked of random numbers can fail correct ones with probability at most `DELTA` for each
statement. A uniform law is bounded: every number must lie within its bound, exactly. What numbers
of the law may do together is bounded by

- mean of n numbers in [−a, a]:  |mean| <= a·√(2·ln(2/δ)/n)  (Hoeffding 1963, theorem 2);
- mean square in [0, a²]:  |mean square − a²/3| <= a²·√(ln(2/δ)/(2n))  (the same);
- mean of n normal numbers:  |mean| <= σ·√(2·ln(2/δ)/n);
- their squares, x = ln(2/δ):  −2√(nx) <= Σ(v/σ)² − n <= 2√(nx) + 2x  (Laurent–Massart 2000,
  lemma 1).

Torch draws low-precision numbers from a grid of 2^t uniforms, which moves mean and mean square by
a few u; `grid_allowance` is that allowance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from fcinspect.rounding.formats import NumberFormat

if TYPE_CHECKING:
    from fcinspect.layers.array import Array

DELTA = 1e-9
"""The probability with which one statement on random numbers fails a correct layer."""


@dataclass(frozen=True)
class Moments:
    """Of some numbers, all finite."""

    count: int
    """n, how many numbers there are; at least 1."""
    mean: float
    """Their mean."""
    square: float
    """Their mean square."""


def moments_of(values: Array) -> Moments:
    """Return count, mean and mean square of an array that is not empty, in float64."""
    import numpy as np

    from fcinspect.layers.statistics import chunks

    flat = values.values.reshape(-1)
    total = square = 0.0
    for chunk in chunks(flat):
        total += float(chunk.sum())
        square += float(np.square(chunk).sum())
    return Moments(flat.size, total / flat.size, square / flat.size)


def largest_mean(scale: float, count: int, held: NumberFormat) -> float:
    """Return what |mean| of numbers of U(−scale, scale) or N(0, scale²) does not exceed."""
    return scale * (math.sqrt(2 * math.log(2 / DELTA) / count) + grid_allowance(held))


def uniform_square_spread(bound: float, count: int) -> float:
    """Return how far the mean square of numbers of U(−bound, bound) may be from bound²/3."""
    return bound**2 * math.sqrt(math.log(2 / DELTA) / (2 * count))


def uniform_squares(bound: float, count: int, held: NumberFormat) -> tuple[float, float]:
    """Return between what the mean square of numbers of U(−bound, bound) must lie."""
    expected, spread = bound**2 / 3, uniform_square_spread(bound, count)
    room = 1 + grid_allowance(held)
    return (expected - spread) / room, (expected + spread) * room


def normal_squares(count: int, held: NumberFormat) -> tuple[float, float]:
    """Return between what the mean square of numbers of N(0, σ²) must lie, relative to σ²."""
    log = math.log(2 / DELTA)
    room = 1 + grid_allowance(held)
    low = max(0.0, 1 - 2 * math.sqrt(log / count)) / room
    return low, (1 + 2 * math.sqrt(log / count) + 2 * log / count) * room


def rounded_outward(bound: float, held: NumberFormat) -> float:
    """Return the smallest number of the format that no correct draw exceeds.

    Torch computes the bound in float64 in up to eight roundings, then rounds it to the format.
    """
    exact = Fraction(bound) * (1 + Fraction(8, 2**53))
    nearest = held.round(exact)
    return nearest if nearest >= exact else nearest + held.ulp(nearest)


def grid_allowance(held: NumberFormat) -> float:
    """Return how far a grid of 2^t uniforms moves mean and mean square, relative to the scale.

    −2·ln over the grid k·u, k = 1 … 1/u, averages u·ln(2π/u)/2 less than over the interval
    (Stirling's formula); the grid's own centre is u off, and each number is rounded by u.
    """
    unit = held.unit_roundoff
    return unit * (math.log(2 * math.pi / unit) / 2 + 4)
