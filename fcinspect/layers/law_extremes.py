"""How far random numbers reach, how long their rows, how large σ₁ is and how many are zero.

Each statement fails correct numbers with probability at most `DELTA` (layers/law_bounds.py).
"""

from __future__ import annotations

import math
from statistics import NormalDist

from fcinspect.layers.law_bounds import DELTA, grid_allowance
from fcinspect.rounding.formats import NumberFormat


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
    """Return what no row or column of a matrix of U(−scale, scale) or N(0, scale²) is longer than.

    The bounds of the mean square in `law_bounds`, of all rows and columns at once.
    """
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
