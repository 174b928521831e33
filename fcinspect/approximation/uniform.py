"""How many equal segments an error takes, by a bound of |f″|."""

from __future__ import annotations

import heapq
import math
from fractions import Fraction
from functools import lru_cache

from fcinspect.approximation.expression import Function

MOST_CUTS = 4000


def uniform_width(function: Function, a: Fraction, b: Fraction, tolerance: Fraction) -> int | None:
    """Return N = ⌈(b − a)·√(M/8E)⌉ with M a bound of |f″|; None where there is none."""
    most = curvature_bound(function, a, b)
    if most is None:
        return None
    squared = (b - a) ** 2 * most / (8 * tolerance)
    return max(1, math.isqrt(math.ceil(squared) - 1) + 1 if squared > 0 else 1)


@lru_cache(16)
def curvature_bound(function: Function, a: Fraction, b: Fraction) -> Fraction | None:
    """Return an upper bound of sup |f″| that is at most a thousandth too large, None for none.

    The part whose bound is the largest is cut in two, until |f″| is surely as large somewhere.
    """

    def enclosed(low: Fraction, high: Fraction) -> tuple[float, float] | None:
        found = function.curvature_on(low, high, closely=True)
        if found is None:
            return None
        return max(map(abs, found)), 0.0 if found[0] <= 0 <= found[1] else min(map(abs, found))

    least = max((found[1] for end in (a, b) if (found := enclosed(end, end))), default=0.0)
    heap: list[tuple[float, Fraction, Fraction]] = []
    waiting = [(a, b)]
    for _ in range(MOST_CUTS):
        for low, high in waiting:
            found = enclosed(low, high)
            least = max(least, found[1]) if found else least
            heapq.heappush(heap, (-(found[0] if found else math.inf), low, high))
        most, low, high = heapq.heappop(heap)
        if -most <= least * 1.0005 or most == 0 or high - low < (b - a) / 2**60:
            break
        middle = (low + high) / 2
        waiting = [(low, middle), (middle, high)]
    return None if most == -math.inf else Fraction(-most)
