"""Which single fault explains recorded updates that the declared rule does not.

An altered rule, or a change of parameters besides it: clamped, rounded, a neighbour's gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fcinspect.arithmetic.settings import CLASSES, OPTIONS, Optimizer
from fcinspect.layers.array import Array
from fcinspect.rounding.arrays import hold
from fcinspect.rounding.formats import FORMATS, NumberFormat, format_named
from fcinspect.rounding.running import AllowedRange
from fcinspect.verification.optimizer_faults import faulty_rules, plain_descent, with_options
from fcinspect.verification.propagation import Recorded, Rule, rule_of, update_intervals, within

FEWEST = 2
"""Numbers that must lie on a limit, and below it, before it is taken for one."""


def name_update_cause(optimizer: Optimizer, records: Sequence[Recorded]) -> str | None:
    """Return the words of the one fault that gives every recorded update, or None.

    Records of one parameter come in the order of their steps. None also where the declared rule
    explains them all.
    """
    with np.errstate(all="ignore"):
        wrong = _wrong(optimizer, records)
        if not wrong:
            return None
        return (
            _left_out(records, wrong)
            or _clamped(optimizer, records)
            or _part_left_out(optimizer, records)
            or _altered(optimizer, records)
            or _other_rate(optimizer, records)
            or _other_rule(optimizer, records)
            or _of_some(optimizer, records, wrong)
            or _stored_in_fewer_bits(optimizer, records)
            or _neighbours_gradient(optimizer, records, wrong)
        )


def _wrong(optimizer: Optimizer, records: Sequence[Recorded]) -> set[str]:
    return {
        record.name
        for record, interval in update_intervals(optimizer, records)
        if not within(interval, record.update)
    }


def _explains(optimizer: Optimizer, records: Sequence[Recorded], rule: Rule | None = None) -> bool:
    return all(within(i, record.update) for record, i in update_intervals(optimizer, records, rule))


def _left_out(records: Sequence[Recorded], wrong: set[str]) -> str | None:
    names = list(dict.fromkeys(record.name for record in records))
    if any(record.name in wrong and np.any(record.update != 0) for record in records):
        return None
    if wrong == set(names):
        return "the step was not applied"
    if len(wrong) > 1 and wrong == {n for n in names if n.rpartition(".")[2] == "bias"}:
        return "the biases were not updated"
    if len(wrong) > 1 and wrong == set(names[1:]):
        return "only the first parameter was updated"
    listed = ", ".join(name for name in names if name in wrong)
    return f"{listed} {'was' if len(wrong) == 1 else 'were'} not updated"


def _part_left_out(optimizer: Optimizer, records: Sequence[Recorded]) -> str | None:
    record, interval = next(update_intervals(optimizer, records))
    update = record.update
    outside = interval.decided & ~((interval.low <= update) & (update <= interval.high))
    # those outside stand still, others do not
    if not outside.any() or np.any(update[outside] != 0) or not np.any(update[~outside] != 0):
        return None
    count = np.count_nonzero(outside)
    return f"{count} of the {update.size} numbers of {record.name} were not updated"


def _altered(optimizer: Optimizer, records: Sequence[Recorded]) -> str | None:
    faults = faulty_rules(optimizer)
    return next((words for words, rule in faults if _explains(optimizer, records, rule)), None)


def _other_rate(optimizer: Optimizer, records: Sequence[Recorded]) -> str | None:
    """Return the learning rate that was used, by the ratio of updates."""
    ratios = []
    for record, interval in update_intervals(optimizer, records):
        expected, seen = interval.reference, record.update
        # where rounding of the parameter leaves the update some digits
        sharp = np.abs(expected) > 16 * np.maximum(interval.high - expected, 0)
        ratios.append((seen[sharp] / expected[sharp]).ravel())
    known = np.concatenate(ratios) if ratios else np.zeros(0)
    known = known[np.isfinite(known)]
    if known.size < 2:
        return None
    rate = optimizer.number("lr")
    used = rate * float(np.median(known))
    if not np.isfinite(used) or used <= 0:
        return None
    for guess in (*(float(f"{used:.{digits}g}") for digits in (1, 2, 3)), used):
        if _explains(optimizer, records, rule_of(with_options(optimizer, lr=guess))):
            return f"the learning rate was {guess:.6g} instead of {rate:g}"
    return None


def _other_rule(optimizer: Optimizer, records: Sequence[Recorded]) -> str | None:
    if optimizer.name != "sgd" and _explains(optimizer, records, plain_descent(optimizer)):
        return "plain gradient descent was used: −lr·g"
    if any(record.state for record in records):
        return None
    for name, options in OPTIONS.items():
        shared = {key: value for key, value in optimizer.options.items() if key in options}
        other = Optimizer(name, {**options, **shared})
        if name != optimizer.name and _explains(other, records):
            return f"it is a step of {CLASSES[name]}"
    return None


def _of_some(optimizer: Optimizer, records: Sequence[Recorded], wrong: set[str]) -> str | None:
    names = {record.name for record in records}
    if wrong == names:
        return None
    part = [record for record in records if record.name in wrong]
    words = _altered(optimizer, part) or _other_rate(optimizer, part)
    return None if words is None else f"{words}, for {', '.join(sorted(wrong))}"


def _clamped(optimizer: Optimizer, records: Sequence[Recorded]) -> str | None:
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


def _stored_in_fewer_bits(optimizer: Optimizer, records: Sequence[Recorded]) -> str | None:
    own, intervals = format_named(records[0].before.dtype), [*update_intervals(optimizer, records)]
    for fewer in FORMATS.values():
        if fewer.precision < own.precision and all(_between(*one, fewer) for one in intervals):
            return f"the parameters are rounded to {fewer.name} after the step"
    return None


def _between(record: Recorded, interval: AllowedRange, fewer: NumberFormat) -> bool:
    """Whether the new numbers are of a shorter format, and what the rule gives rounded to it."""
    old, after = (part.values.astype(np.float64) for part in (record.before, record.after))
    numbers = (old + interval.low, old + interval.high, after)
    low, high, same = (hold(values, fewer.name).astype(np.float64) for values in numbers)
    return bool(np.all((low <= after) & (after <= high) & (same == after)))


def _neighbours_gradient(
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
            return f"a bias is updated with the {words} of its weight's gradient"
    return None
