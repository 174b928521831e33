"""Guesses in float64 of what the certificate then checks: how far a chord may reach, where f turns.

Nothing is certified by them. A wrong guess costs time, no more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

from fcinspect.rounding.arrays import Float64Array

SHARES = np.unique(
    np.concatenate((np.arange(1, 48) / 48, 2.0 ** -np.arange(6, 20), 1 - 2.0 ** -np.arange(6, 20)))
)
"""Of a chord: where f is compared with it, nearer to one another at its ends."""
ENDS, FINER = np.arange(1, 33) / 32, np.arange(1, 17) / 16
"""Of the length that is searched: where the chord may end, first and then more finely."""
AHEAD = 3.0
"""Times the length of the last segment: how far a chord is searched for at first."""
ROUNDS = 40
PARTS = np.arange(65) / 64
NAMES = {
    "erf": np.vectorize(math.erf, otypes=[float]),
    "DiracDelta": lambda x: np.full_like(x, math.nan),
    "Derivative": lambda *_: math.nan,
}
REFUSALS = (ArithmeticError, AttributeError, NameError, NotImplementedError, TypeError, ValueError)
"""What numpy may raise for an expression that has no float64: then there is no guess."""


class Scout:
    """A function and its slope in float64."""

    def __init__(self, x: Any, expression: Any, slope: Any) -> None:
        self._f, self._slope = _in_numpy(x, expression), _in_numpy(x, slope)

    def farthest(self, low: float, end: float, step: float, error: float) -> float | None:
        """Return about the last point up to `end` whose chord from `low` is within `error`."""
        return self._edge(low, end, step, error, last=True)

    def nearest_bad(self, low: float, end: float, step: float, error: float) -> float | None:
        """Return about the first point whose chord from `low` is not; `end` where all are."""
        return self._edge(low, end, step, error, last=False)

    def turning(self, low: float, high: float, slope: float) -> float | None:
        """Return about the point where f′, monotone on [low, high], is `slope`; None for none."""
        for _ in range(2):
            x = low + (high - low) * PARTS
            above = self._slope(x) > slope
            changes = np.flatnonzero(above[1:] != above[:-1])
            if len(changes) != 1:
                return None
            low, high = x[changes[0]].item(), x[changes[0] + 1].item()
        left, right = (self._slope(np.array([low, high])) - slope).tolist()
        point = low - (high - low) * left / (right - left) if right != left else low
        return point if low <= point <= high else (low + high) / 2

    def _edge(
        self, low: float, end: float, step: float, error: float, *, last: bool
    ) -> float | None:
        top = min(low + AHEAD * step, end)
        for _ in range(ROUNDS):
            ends = low + (top - low) * ENDS
            k = self._fitting(low, ends, error, last=last)
            if k == len(ends) - 1:
                if top == end:
                    return end
                top = min(low + 4 * (top - low), end)
            elif k < 0:
                top = ends[0].item()
            else:
                return self._finer(low, ends[k].item(), ends[k + 1].item(), error, last=last)
        return None

    def _finer(self, low: float, good: float, bad: float, error: float, *, last: bool) -> float:
        for _ in range(2):
            ends = good + (bad - good) * FINER
            k = self._fitting(low, ends[:-1], error, last=last)
            good, bad = (ends[k].item() if k >= 0 else good), ends[k + 1].item()
        return good if last else bad

    def _fitting(self, low: float, ends: Float64Array, error: float, *, last: bool) -> int:
        """Return the last end that is within the error, or the one before the first that is not."""
        fits = np.flatnonzero((self._off(low, ends) <= error) == last)
        if last:
            return int(fits[-1]) if len(fits) else -1
        return int(fits[0]) - 1 if len(fits) else len(ends) - 1

    def _off(self, low: float, ends: Float64Array) -> Float64Array:
        """Return the largest |f − chord| that is seen from `low` to each end; nan for no value."""
        start = self._f(np.array([low]))
        rise = self._f(ends) - start
        x = low + (ends - low)[:, None] * SHARES
        off: Float64Array = np.abs(self._f(x) - start - rise[:, None] * SHARES).max(axis=1)
        return off


def _in_numpy(x: Any, expression: Any) -> Callable[[Float64Array], Float64Array]:
    """Return a function that takes arrays; nan where the expression has no float64."""
    found = sympy.lambdify(x, expression, modules=[NAMES, "numpy"], cse=True)

    def on(points: Float64Array) -> Float64Array:
        try:
            with np.errstate(all="ignore"):
                values = np.asarray(found(points), dtype=np.float64)
        except REFUSALS:
            return np.full(points.shape, math.nan)
        return np.broadcast_to(values, points.shape)

    return on
