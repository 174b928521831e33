"""What n numbers of a random law may do together.

That is their mean and mean square, how far they reach, how long rows are, σ₁ and how many are zero.

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
from fractions import Fraction
from statistics import NormalDist
from typing import TYPE_CHECKING

from fcinspect.rounding.formats import NumberFormat

if TYPE_CHECKING:
    from fcinspect.layers.array import Array

DELTA = 1e-9
"""The probability with which one statement on random numbers fails a correct layer."""


def moments_of(values: Array) -> tuple[float, float]:
    """Return mean and mean square of an array that is not empty, in float64."""
    import numpy as np

    from fcinspect.layers.statistics import chunks

    flat = values.values.reshape(-1)
    total = square = 0.0
    for chunk in chunks(flat):
        total += float(chunk.sum())
        square += float(np.square(chunk).sum())
    return total / flat.size, square / flat.size


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


def uniform_reach(bound: float, count: int, held: NumberFormat) -> float:
    """Return what the largest of n numbers of U(−bound, bound) is at least.

    All n are below x with probability ((x + a)/(2a))ⁿ, a the bound. The last point of a grid of
    2^t uniforms is 2u·a short of the bound, and is rounded by u.
    """
    share = math.exp(math.log(DELTA) / count)
    return bound * (2 * share - 1 - 3 * held.unit_roundoff)


def normal_reach(count: int, held: NumberFormat) -> tuple[float, float]:
    """Return between what the largest of n numbers of N(0, 1) lies.

    All n are below x with probability Φ(x)ⁿ, and one is above it with at most n·(1 − Φ(x)). From a
    grid of 2^t uniforms comes no radius beyond √(2·t·ln 2), with an angle near its direction.
    """
    law = NormalDist()
    low = -law.inv_cdf(-math.expm1(math.log(DELTA) / count))
    grid = 0.98 * math.sqrt(2 * held.precision * math.log(2))
    high = -law.inv_cdf(DELTA / count)
    return min(low, grid), high * (1 + 2 * held.unit_roundoff)


def longest_row(kind: str, scale: float, shape: tuple[int, int], held: NumberFormat) -> float:
    """Return what no row or column of a matrix of the law is longer than, by the mean square."""
    squares = 0.0
    for length in shape:
        log = math.log(sum(shape) / DELTA)
        if kind == "uniform":
            most = length / 3 + math.sqrt(length * log / 2)
        else:
            most = length + 2 * math.sqrt(length * log) + 2 * log
        squares = max(squares, most)
    return scale * math.sqrt(squares * (1 + grid_allowance(held)))


def largest_singular_value(
    kind: str, scale: float, shape: tuple[int, int], held: NumberFormat
) -> float:
    """Return what σ₁ of a matrix of U(−scale, scale) or N(0, scale²) does not exceed.

    Of N(0, 1):  √m + √n + √(2·ln(1/δ))  (Davidson and Szarek 2001, theorem II.13). U(−a, a) is
    below N(0, s²) in convex order for s = a·√(π/8), where E|v| is the same, and a norm is convex,
    so E σ₁ <= s·(√m + √n); it exceeds that by t with probability at most exp(−t²/(8a²))
    (Boucheron, Lugosi and Massart, Concentration Inequalities, theorem 6.10).
    """
    sides = math.sqrt(shape[0]) + math.sqrt(shape[1])
    more = math.sqrt(2 * math.log(1 / DELTA))
    most = math.sqrt(math.pi / 8) * sides + 2 * more if kind == "uniform" else sides + more
    return scale * most * (1 + grid_allowance(held))


def most_zeros(scale: float, count: int, held: NumberFormat) -> int:
    """Return how many of n numbers of a law may be exactly zero.

    One is zero with probability p <= 2u, the step of the grid, and what the format's smallest
    number adds; of n there are at most np + s, s = x/3 + √(x²/9 + 2npx), x = ln(1/δ) (Bernstein).
    """
    expected = count * min(1.0, 2 * held.unit_roundoff + held.smallest_subnormal / scale)
    log = math.log(1 / DELTA)
    return math.floor(expected + log / 3 + math.sqrt(log**2 / 9 + 2 * expected * log))
