"""An optimizer's update, new − old, held against its rule with running errors.

The bound is on the update, never on the parameter: relative to the parameter an update of 10⁻⁵
could be left out unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fcinspect.arithmetic.optimizers import FORMS, KEPT, Lines, StepOfOne, move, rule_lines
from fcinspect.arithmetic.settings import Optimizer
from fcinspect.layers.array import Array
from fcinspect.rounding.accumulation import SLACK
from fcinspect.rounding.arrays import Float64Array, FloatArray
from fcinspect.rounding.formats import NumberFormat, format_named
from fcinspect.rounding.running import AllowedRange, Running, exact, hull

Rule = Callable[[Running, Running, Mapping[str, Running], int, int], StepOfOne[Running]]
"""(w, g, state, step, form): what one step makes of one parameter."""
Forms = tuple[StepOfOne[Running], ...]
"""What one step makes of one parameter, in every algebraically equal form."""


@dataclass(frozen=True, eq=False)
class Recorded:
    """One parameter in one step, as it was recorded."""

    name: str
    before: Array
    grad: Array
    after: Array
    step: int = 1
    """Counted from 1."""
    state: Mapping[str, Array] | None = None
    """What the optimizer had kept before the step; None: what the rule itself kept, from zero."""

    @property
    def update(self) -> Float64Array:
        """new − old, in float64."""
        with np.errstate(all="ignore"):
            old = self.before.values.astype(np.float64)
            return np.asarray(self.after.values.astype(np.float64) - old)


def rule_of(optimizer: Optimizer, altered: Callable[[Lines, bool], Lines] | None = None) -> Rule:
    """Return the rule of an optimizer, or what is made of its lines.

    `altered` is given the lines, and whether there is a momentum buffer of an earlier step.
    """

    def rule(
        w: Running, g: Running, state: Mapping[str, Running], step: int, form: int
    ) -> StepOfOne[Running]:
        begun = "momentum_buffer" in state
        lines = rule_lines(optimizer, begun=begun)
        lines = altered(lines, begun) if altered else lines
        return move(optimizer, w, g, state, step, form, lines)

    return rule


def state_names(optimizer: Optimizer) -> tuple[str, ...]:
    """Return what the optimizer keeps from its first step on, that the first step reads."""
    if optimizer.name == "sgd":  # its first step begins without a buffer
        return ()
    written = {line.name for line in rule_lines(optimizer, begun=False)}
    return tuple(name for name, symbol in KEPT[optimizer.name].items() if symbol in written)


def initial_state(optimizer: Optimizer, w: Running) -> dict[str, Running]:
    """Return what torch.optim keeps before the first step: zeros, or Adagrad's given number."""
    start = 0.0
    if optimizer.name == "adagrad":
        start = optimizer.number("initial_accumulator_value")
    held = np.full_like(w.value, w.format.round(start))
    return {name: exact(held, w.format) for name in state_names(optimizer)}


def update_intervals(
    optimizer: Optimizer, records: Sequence[Recorded], rule: Rule | None = None
) -> Iterator[tuple[Recorded, AllowedRange]]:
    """Yield each recorded update with the interval that the rule allows.

    Records of one parameter come in the order of their steps; where they hold no state, it is
    carried on from step to step with its error.
    """
    carried: dict[str, Forms] = {}
    with np.errstate(all="ignore"):
        for record in records:
            forms = forms_of(optimizer, record, rule, carried.get(record.name))
            carried[record.name] = forms
            yield record, allowed_update(record, forms)


def forms_of(
    optimizer: Optimizer, record: Recorded, rule: Rule | None = None, carried: Forms | None = None
) -> Forms:
    """Return what the rule makes of the record in every form.

    `carried`: the same of the step before, used where the record holds no state.
    """
    followed = rule or rule_of(optimizer)
    number_format = format_named(record.before.dtype)
    w, g = (exact(part.values, number_format) for part in (record.before, record.grad))
    fresh = record.state is None or record.step == 1
    start = initial_state(optimizer, w) if fresh else {}
    if record.state is not None:
        start |= {name: exact(held.values, w.format) for name, held in record.state.items()}
        carried = None
    states = [moved.state or start for moved in carried] if carried else [start] * FORMS
    return tuple(followed(w, g, state, record.step, form) for form, state in enumerate(states))


def allowed_update(record: Recorded, forms: Forms) -> AllowedRange:
    """Return what the forms together allow for new − old."""
    w = record.before.values.astype(np.float64)
    return hull([added(w, moved.update, record.update) for moved in forms])


def added(w: Float64Array, update: Running, observed: FloatArray) -> Running:
    """Return new − old for new = w + update rounded to the format.

    The rounding of new, and that of the difference in float64, belong to the bound.
    """
    number_format: NumberFormat = update.format
    new = np.abs(w + update.value) + update.error
    error = update.error + number_format.unit_roundoff * new + number_format.smallest_subnormal
    error = error + 2.0**-53 * np.abs(observed)
    error = np.where(new <= number_format.largest, error * SLACK, np.inf)
    return Running(update.value, error, number_format)


def within(interval: AllowedRange, observed: Float64Array) -> bool:
    """Whether all observed numbers are in their interval, and at least one is decided."""
    decided = np.broadcast_to(interval.decided, observed.shape) & np.isfinite(observed)
    inside = (interval.low <= observed) & (observed <= interval.high)
    return bool(np.all(inside | ~decided)) and bool(decided.any() or not observed.size)
