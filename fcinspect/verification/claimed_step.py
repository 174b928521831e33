"""A training step as somebody recorded it: was it taken as claimed, and if not, what was?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from fcinspect.arithmetic.settings import Optimizer
from fcinspect.arithmetic.training import Target, rows_of
from fcinspect.layers.array import Array
from fcinspect.rounding.arrays import Float64Array, FloatArray
from fcinspect.rounding.formats import format_named
from fcinspect.rounding.running import AllowedRange, exact, hull
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.array_checks import check_allowed
from fcinspect.verification.check import Check, Plan, Planned
from fcinspect.verification.gradient_causes import name_gradient_cause
from fcinspect.verification.optimizer_causes import name_update_cause
from fcinspect.verification.propagation import Layer, Propagation
from fcinspect.verification.update import Recorded, state_names, update_intervals


@dataclass(frozen=True, eq=False)
class Circumstances:
    """What the gradients were computed from, where it is known."""

    input: Array
    """(*batch, in_features)"""
    target: Target
    loss_name: str
    activations: Mapping[str, str]
    """The activation behind each layer, by its name; identity where none is named."""
    output_before: Array | None = None
    loss_before: float | None = None
    output_after: Array | None = None
    loss_after: float | None = None

    @property
    def claimed(self) -> dict[str, FloatArray]:
        """The outputs and losses that are given, by "output before", "loss before" and so on."""
        given = {
            "output before": self.output_before,
            "loss before": self.loss_before,
            "output after": self.output_after,
            "loss after": self.loss_after,
        }
        return {
            name: np.asarray(found) if isinstance(found, float) else found.values
            for name, found in given.items()
            if found is not None
        }

    @property
    def target_rows(self) -> Float64Array:
        """The target as the losses take it."""
        return rows_of(self.target)


@dataclass(frozen=True, eq=False)
class ClaimedStep:
    """Parameters before and after a step, their gradients, and how it is said to be taken."""

    source: str
    """Where the numbers come from, in words."""
    optimizer: Optimizer
    records: tuple[Recorded, ...]
    """Every parameter, in the order of the network."""
    circumstances: Circumstances | None = None
    notes: tuple[str, ...] = ()

    @property
    def dtype(self) -> str:
        """The number format of the parameters."""
        return self.records[0].before.dtype

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The layers' names, in order."""
        names = [r.name.rpartition(".")[0] for r in self.records if len(r.before.shape) == 2]
        return tuple(dict.fromkeys(names))

    def layers(self, *, after: bool = False) -> list[Layer]:
        """Return the layers with their numbers before the step, or after it."""
        held = {r.name: (r.after if after else r.before).values for r in self.records}
        known = self.circumstances.activations if self.circumstances else {}
        found = []
        for name in self.layer_names:
            prefix = f"{name}." if name else ""
            bias = held.get(f"{prefix}bias")
            found.append(
                Layer(
                    name,
                    held[f"{prefix}weight"].astype(np.float64),
                    None if bias is None else bias.astype(np.float64),
                    known.get(name, "identity"),
                )
            )
        return found

    @cached_property
    def before(self) -> Propagation:
        """The way through the network before the step."""
        return self._propagated(after=False)

    @cached_property
    def after(self) -> Propagation:
        """The way through the network after the step."""
        return self._propagated(after=True)

    def _propagated(self, *, after: bool) -> Propagation:
        known = self.circumstances
        assert known is not None
        x = exact(known.input.rows, format_named(self.dtype))
        return Propagation.of(x, self.layers(after=after), known.loss_name, known.target_rows)


def plan_step(step: ClaimedStep) -> Plan:
    """Return the checks: every update; gradients, outputs and losses where they can be."""
    planned = [Planned("update/parameters", partial(_updates, step))]
    left = []
    known = step.circumstances
    if known is None:
        left.append("gradients: without input, target and loss they are taken as given")
    else:
        planned.append(Planned("gradient/parameters", partial(_gradients, step)))
        planned += [
            Planned(f"forward/{name}", partial(_forward, step, name)) for name in known.claimed
        ]
    number = step.records[0].step
    words = f"step {number} of {step.optimizer.call} in {step.source}"
    return Plan("step", words, tuple(planned), tuple(left), step.notes)


def _updates(step: ClaimedStep) -> list[Check]:
    """Hold new − old of each parameter against the optimizer's rule."""
    needed = state_names(step.optimizer)
    checks = []
    for record in step.records:
        name = f"update/{record.name}"
        formula = f"new − old by {step.optimizer.call}"
        missing = _missing_state(step.optimizer, record, needed)
        if missing:
            words = f"{record.name}.state.{missing} before step {record.step} is not given"
            size = record.before.size
            checks.append(Check(name, Verdict.UNDECIDED, formula, cause=words, elements=size,
                                undecided=size))  # fmt: skip
            continue
        with np.errstate(all="ignore"):
            _, interval = next(update_intervals(step.optimizer, [record]))
            found = check_allowed(name, formula, interval, record.update)
        checks.append(replace(found, cause=None))
    if any(check.verdict is Verdict.OUTSIDE for check in checks):
        return _with_cause(checks, name_update_cause(step.optimizer, step.records))
    return checks


def _missing_state(optimizer: Optimizer, record: Recorded, needed: tuple[str, ...]) -> str | None:
    """Return what the rule reads and the record lacks; the first step begins from zero."""
    if record.step == 1:
        return None
    if optimizer.name == "sgd" and optimizer.number("momentum"):
        needed = (*needed, "momentum_buffer")
    held = record.state or {}
    return next((name for name in needed if name not in held), None)


def _gradients(step: ClaimedStep) -> list[Check]:
    allowed = step.before.gradients()
    checks = []
    for record in step.records:
        interval = allowed[_parameter_name(record.name)]
        with np.errstate(all="ignore"):
            found = check_allowed(
                f"gradient/{record.name}.grad", "∂L/∂w from the parameters before", interval,
                record.grad.values,
            )  # fmt: skip
        checks.append(replace(found, cause=None))
    if any(check.verdict is Verdict.OUTSIDE for check in checks):
        recorded = {_parameter_name(r.name): r.grad.values.astype(np.float64) for r in step.records}
        cause = name_gradient_cause(step.before, step.layers(after=True), recorded)
        return _with_cause(checks, cause)
    return checks


def _with_cause(checks: list[Check], cause: str | None) -> list[Check]:
    """Return the checks, those outside with their common cause."""
    wrong = Verdict.OUTSIDE
    return [replace(c, cause=cause) if c.verdict is wrong else c for c in checks]


def _parameter_name(name: str) -> str:
    """Return the name as propagation gives it: a layer without a name has a leading dot."""
    return name if "." in name else f".{name}"


def _forward(step: ClaimedStep, name: str) -> Check:
    """Hold the output or the loss against the forward pass with the parameters of that time."""
    assert step.circumstances is not None
    claimed = step.circumstances.claimed[name]
    what, when = name.split()
    formula = f"{'y' if what == 'output' else 'L'} with the parameters {when}"
    with np.errstate(all="ignore"):
        check = check_allowed(f"forward/{name}", formula, _allowed(step, what, when), claimed)
        if check.verdict is not Verdict.OUTSIDE:
            return check
        other = "before" if when == "after" else "after"
        allowed = _allowed(step, what, other)
    numbers = claimed.astype(np.float64).reshape(allowed.low.shape)
    if ((allowed.low <= numbers) & (numbers <= allowed.high)).all():
        return replace(check, cause=f"it is that of the parameters {other} the step")
    return check


def _allowed(step: ClaimedStep, what: str, when: str) -> AllowedRange:
    known = step.after if when == "after" else step.before
    return hull([known.output]) if what == "output" else known.losses()
