"""What was done to parameters besides the rule: clamped, rounded, stepped by a neighbour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fcinspect.arithmetic.settings import Optimizer
from fcinspect.layers.array import Array
from fcinspect.rounding.arrays import hold
from fcinspect.rounding.formats import FORMATS, NumberFormat, format_named
from fcinspect.rounding.running import AllowedRange
from fcinspect.verification.update import Recorded, update_intervals, within

FEWEST = 2
"""Numbers that must lie on a limit, and below it, before it is taken for one."""


def clamped(optimizer: Optimizer, records: Sequence[Recorded]) -> str | None:
    """Return that parameters were limited to ±c behind the step, or None."""
    limit = max(float(np.abs(record.after.values).max(initial=0.0)) for record in records)
    at_limit = free = 0
    for record, interval in update_intervals(optimizer, records):
        old = record.before.values.astype(np.float64)
        after = record.after.values.astype(np.float64)
        low, high = (np.clip(old + end, -limit, limit) for end in (interval.low, interval.high))
        if not np.all((low <= after) & (after <= high) | ~interval.decided):
            return None
        at_limit += int(np.count_nonzero(np.abs(after) == limit))
        # numbers that are updated and lie below the limit, as the rule has them
        free += int(np.count_nonzero((np.abs(after) < limit) & (after != old)))
    if not limit or min(at_limit, free) < FEWEST:
        return None
    return f"the parameters are clamped to ±{limit:.4g} after the step"


def stored_in_fewer_bits(optimizer: Optimizer, records: Sequence[Recorded]) -> str | None:
    """Return the shorter number format that parameters were rounded to, or None."""
    own = format_named(records[0].before.dtype)
    for fewer in FORMATS.values():
        if fewer.precision < own.precision and all(
            _between(record, interval, fewer)
            for record, interval in update_intervals(optimizer, records)
        ):
            return f"the parameters are rounded to {fewer.name} after the step"
    return None


def _between(record: Recorded, interval: AllowedRange, fewer: NumberFormat) -> bool:
    """Whether the new numbers are of a shorter format, and what the rule gives rounded to it."""
    old, after = (part.values.astype(np.float64) for part in (record.before, record.after))
    low, high, same = (
        hold(values, fewer.name).astype(np.float64)
        for values in (old + interval.low, old + interval.high, after)
    )
    return bool(np.all((low <= after) & (after <= high) & (same == after)))


def neighbours_gradient(
    optimizer: Optimizer, records: Sequence[Recorded], wrong: set[str]
) -> str | None:
    """Return that biases were stepped with numbers of their weights' gradients, or None."""
    weights = {(r.name, r.step): r for r in records if r.before.values.ndim == 2}
    pairs = [
        (record, weights.get((record.name.removesuffix("bias") + "weight", record.step)))
        for record in records
        if record.name in wrong
    ]
    for words, place in (("first column", 0), ("last column", -1)):
        moved = [
            replace(bias, grad=Array.of(weight.grad.values[:, place], bias.grad.dtype))
            for bias, weight in pairs
            if weight is not None and weight.name != bias.name and weight.grad.size
        ]
        if moved and len(moved) == len(pairs) and _explains(optimizer, moved):
            return f"a bias is stepped with the {words} of its weight's gradient"
    return None


def _explains(optimizer: Optimizer, records: Sequence[Recorded]) -> bool:
    return all(within(i, record.update) for record, i in update_intervals(optimizer, records))
