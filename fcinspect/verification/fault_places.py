"""Faults in some places: inputs left out or counted twice, one weight or bias that is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fcinspect.rounding.arrays import Float64Array
from fcinspect.verification.observed import Observed

MOST_ENDS = 24
"""So many places at which inputs may end are tried."""


def place_causes(seen: Observed) -> Iterator[str]:
    """Yield the place that explains what is wrong."""
    if not np.isfinite(seen.y).all():
        return
    yield from _ends(seen)
    yield from _columns(seen)
    yield from _one_weight(seen)
    yield from _one_bias(seen)


def _ends(seen: Observed) -> Iterator[str]:
    """Name the input from which on, or up to which, the others are left out."""
    row, column = _furthest(seen)
    x, w = seen.xs[row], seen.w[column]
    error = seen.y[row, column] - seen.right[row, column]
    reach = 2 * seen.room[row, column]
    kept = np.concatenate([[0.0], np.cumsum(x * w)])
    for words, sums in (
        ("inputs from {} on are left out", kept - kept[-1]),
        ("inputs before {} are left out", -kept),
    ):
        near = np.flatnonzero(np.abs(sums - error) <= reach)
        distance = np.abs(sums - error)[near]
        for end in sorted(near[np.argsort(distance)][:MOST_ENDS].tolist(), reverse=True):
            if end in (0, seen.n):
                continue
            x_cut = seen.xs.copy()
            x_cut[:, end:] = 0.0 if "from" in words else x_cut[:, end:]
            if "before" in words:
                x_cut[:, :end] = 0.0
            if seen.explained_by(x=x_cut):
                yield words.format(end)
                return


def _columns(seen: Observed) -> Iterator[str]:
    """Name the inputs whose products are missing or counted too often, by regression."""
    x, w = seen.xs, seen.w
    error = seen.y - seen.right
    if error.size < 2:
        return
    sizes = (x * x).sum(axis=0) * (w * w).sum(axis=0)
    slopes = np.divide(
        ((error.T @ x) * w).sum(axis=0), sizes, out=np.zeros(seen.n), where=sizes > 0
    )
    for factor, words in (
        (-1.0, "left out"),
        (1.0, "counted twice"),
        (-2.0, "subtracted instead of added"),
    ):
        order = np.argsort(np.abs(slopes - factor))
        sets = [np.flatnonzero(np.abs(slopes - factor) < 0.5), order[:1]]
        for places in sets:
            if not 0 < places.size < seen.n:
                continue
            altered = seen.xs.copy()
            altered[:, places] *= 1 + factor
            if seen.explained_by(x=altered):
                yield f"{_inputs(sorted(places.tolist()))} {words}"
                return


def _inputs(places: list[int]) -> str:
    if len(places) == 1:
        return f"input {places[0]} is"
    step = places[1] - places[0]
    if step > 1 and places == list(range(places[0], places[-1] + 1, step)) and len(places) > 2:
        return f"every {step}th input from {places[0]} on is"
    listed = ", ".join(map(str, places[:4])) + (", …" if len(places) > 4 else "")
    return f"{len(places)} inputs ({listed}) are"


def _one_weight(seen: Observed) -> Iterator[str]:
    """Name the one weight that is wrong, and by how much; needs two rows to tell which."""
    outputs = np.flatnonzero(seen.wrong.any(axis=0))
    x = seen.xs
    if outputs.size != 1 or len(x) < 2:
        return
    column = int(outputs[0])
    j = seen.outputs[column]
    error = (seen.y - seen.right)[:, column]
    sizes = (x * x).sum(axis=0)
    slopes = np.divide(error @ x, sizes, out=np.zeros(seen.n), where=sizes > 0)
    left = ((error[:, None] - x * slopes) ** 2).sum(axis=0)
    best = np.argsort(left)[:2]
    if best.size == 2 and left[best[1]] <= 4 * left[best[0]]:
        return
    k = int(best[0])
    fitted = middle(error, seen.room[:, column], x[:, k])
    if fitted is None:
        return
    for change, words in _changes(float(seen.w[column, k]), fitted):
        weight = seen.w.copy()
        weight[column, k] += change
        if seen.explained_by(weight=weight):
            yield f"weight [{j}, {k}] {words}"
            return


def _one_bias(seen: Observed) -> Iterator[str]:
    """Name the one bias that is wrong, and by how much."""
    outputs = np.flatnonzero(seen.wrong.any(axis=0))
    if seen.bias is None or outputs.size != 1 or len(seen.rows) < 2:
        return
    column = int(outputs[0])
    j = seen.outputs[column]
    error = (seen.y - seen.right)[:, column]
    fitted = middle(error, seen.room[:, column], np.ones_like(error))
    if fitted is None:
        return
    for change, words in _changes(float(seen.b[column]), fitted):
        bias = seen.b.copy()
        bias[column] += change
        if seen.explained_by(bias=bias):
            yield f"bias [{j}] {words}"
            return


def middle(error: Float64Array, reach: Float64Array, x: Float64Array) -> float | None:
    """Return the middle of the factors c for which c·x is each error within its reach."""
    used = x != 0
    if not used.any():
        return None
    centre, width = error[used] / x[used], reach[used] / np.abs(x[used])
    low, high = float((centre - width).max()), float((centre + width).min())
    return (low + high) / 2 if low <= high else None


def _changes(value: float, fitted: float) -> Iterator[tuple[float, str]]:
    """Yield what may have happened to one number, the plain before the fitted."""
    if value:
        yield -value, "is taken as 0"
        yield value, "is doubled"
        yield -2 * value, "has the wrong sign"
    yield fitted, f"is off by {fitted:.4g}"


def _furthest(seen: Observed) -> tuple[int, int]:
    excess: Float64Array = np.abs(seen.y - seen.right) / seen.reach
    row, column = np.unravel_index(int(np.nanargmax(excess)), excess.shape)
    return int(row), int(column)
