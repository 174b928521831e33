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

ENDS, FINER = np.arange(1, 33) / 32, np.arange(17) / 16
"""Of the length that is searched: where the chord may end, first and then more finely."""
AHEAD = 3.0
"""Times the length of the last segment: how far the end is searched for at first."""
ROUNDS = 40
PARTS = np.arange(65) / 64
MIDDLES = (np.arange(4096) + 0.5) / 4096
NAMES = {
    "erf": np.vectorize(math.erf, otypes=[float]),
    "DiracDelta": lambda x: np.full_like(x, math.nan),
    "Derivative": lambda *_: math.nan,
}
REFUSALS = (ArithmeticError, AttributeError, NameError, NotImplementedError, TypeError, ValueError)
"""What numpy may raise for an expression that has no float64: then there is no guess."""


def _shares(parts: int) -> Float64Array:
    near = 2.0 ** -np.arange(6, 20)
    return np.unique(np.concatenate((np.arange(1, parts) / parts, near, 1 - near)))


SHARES, MANY_SHARES = _shares(48), _shares(128)
"""Of a chord: where f is compared with it, nearer to one another at its ends."""


class Scout:
    """A function, its slope and its curvature in float64."""

    def __init__(self, x: Any, expression: Any, slope: Any, curvature: Any) -> None:
        self._f, self._slope = _in_numpy(x, expression), _in_numpy(x, slope)
        self._curvature = _in_numpy(x, curvature)

    def range(self, low: float, high: float) -> float:
        """Return about the largest value less the least."""
        values = self._f(low + (high - low) * MIDDLES)
        seen = values[np.isfinite(values)]
        return float(np.ptp(seen)) if len(seen) else 0.0

    def units(self, low: float, high: float, error: float) -> float:
        """Return about how many chords `error` takes: the integral of √(|f″| / 8E)."""
        x = low + (high - low) * MIDDLES
        parts = np.sqrt(np.abs(self._curvature(x)) / (8 * error))
        seen = parts[np.isfinite(parts)]
        return (high - low) * seen.mean().item() if len(seen) else 0.0

    def edge(
        self, low: float, end: float, step: float, error: float, *, last: bool
    ) -> tuple[float, float] | None:
        """Return about (a good end, the next bad one) of a chord from `low`.

        The last such, or the first: they differ where a chord across an inflection is good again
        farther on. `step` is the length of the chord before. Both are `end` where that is good,
        None where float64 does not tell.
        """
        top = min(low + AHEAD * step, end)
        for _ in range(ROUNDS):
            ends = low + (top - low) * ENDS
            k = _fitting(self._off(low, ends, SHARES), error, last=last)
            if k == len(ends) - 1:
                if top == end:
                    return end, end
                top = min(low + 4 * (top - low), end)
            elif k < 0:
                top = ends[0].item()
            else:
                return self._finer(low, ends[k].item(), ends[k + 1].item(), error, last=last)
        return None

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

    def _finer(
        self, low: float, good: float, bad: float, error: float, *, last: bool
    ) -> tuple[float, float]:
        for shares in (SHARES, MANY_SHARES):
            ends = good + (bad - good) * FINER
            off = self._off(low, ends, shares)
            k = min(max(_fitting(off, error, last=last), 0), len(ends) - 2)
            good, bad = ends[k].item(), ends[k + 1].item()
        below, above = off[k].item(), off[k + 1].item()
        if below <= error < above:
            edge = good + (bad - good) * (error - below) / (above - below)
            return edge, min(edge + (bad - good) / 64, bad)
        return good, bad

    def _off(self, low: float, ends: Float64Array, shares: Float64Array) -> Float64Array:
        """Return the largest |f − chord| that is seen from `low` to each end; nan for no value."""
        start = self._f(np.array([low]))
        rise = self._f(ends) - start
        x = low + (ends - low)[:, None] * shares
        off: Float64Array = np.abs(self._f(x) - start - rise[:, None] * shares).max(axis=1)
        return off


def _fitting(off: Float64Array, error: float, *, last: bool) -> int:
    """Return the last that is within the error, or the one before the first that is not."""
    found = np.flatnonzero((off <= error) == last)
    if last:
        return int(found[-1]) if len(found) else -1
    return int(found[0]) - 1 if len(found) else len(off) - 1


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
