"""A training step that somebody recorded: was it taken as claimed, and if not, what was done?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from fcinspect.arithmetic.settings import (
    ACTIVATION_NAMES,
    LOSS_NAMES,
    Optimizer,
    optimizer_named,
    require_possible,
)
from fcinspect.arithmetic.training import Classes, Target, rows_of
from fcinspect.errors import InputError, UsageError, did_you_mean
from fcinspect.layers.array import Array
from fcinspect.rounding.arrays import FloatArray
from fcinspect.rounding.formats import format_named
from fcinspect.rounding.running import AllowedRange, exact, hull
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.array_checks import check_allowed
from fcinspect.verification.check import Check, Plan, Planned
from fcinspect.verification.gradient_causes import name_gradient_cause
from fcinspect.verification.optimizer_causes import name_update_cause
from fcinspect.verification.propagation import (
    Layer,
    Propagation,
    Recorded,
    state_names,
    update_intervals,
)


@dataclass(frozen=True, eq=False)
class Circumstances:
    """What the gradients were computed from, where it is known."""

    input: Array
    """(*batch, in_features)"""
    target: Target
    loss_name: str
    activations: Mapping[str, str]
    """The activation after each layer, by its name; identity if none is named."""
    claimed: Mapping[str, FloatArray] = field(default_factory=dict)
    """The outputs and losses that are given, by "output before", "loss before" and so on."""


@dataclass(frozen=True, eq=False)
class ClaimedStep:
    """Parameters before and after a step, their gradients, and the declared rule."""

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

    def layers(self, *, after: bool) -> list[Layer]:
        """Return the layers with their numbers before the step, or after it."""
        held = {r.name: (r.after if after else r.before).values for r in self.records}
        wide = {name: values.astype(np.float64) for name, values in held.items()}
        known = self.circumstances.activations if self.circumstances else {}
        found = []
        for name in self.layer_names:
            prefix, activation = f"{name}." if name else "", known.get(name, "identity")
            weight, bias = wide[f"{prefix}weight"], wide.get(f"{prefix}bias")
            found.append(Layer(name, weight, bias, activation))
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
        return Propagation.of(x, self.layers(after=after), known.loss_name, rows_of(known.target))


def plan_step(step: ClaimedStep) -> Plan:
    """Return the checks: every update; gradients, outputs and losses where they can be."""
    updates = Planned("update/parameters", partial(_updates, step))
    words = f"step {step.records[0].step} of {step.optimizer.call} in {step.source}"
    known = step.circumstances
    if known is None:
        left = "gradients: without input, target and loss they are taken as given"
        return Plan("step", words, (updates,), (left,), step.notes)
    gradients = Planned("gradient/parameters", partial(_gradients, step))
    claimed = [Planned(f"forward/{name}", partial(_forward, step, name)) for name in known.claimed]
    return Plan("step", words, (updates, gradients, *claimed), (), step.notes)


def _updates(step: ClaimedStep) -> list[Check]:
    checks = []
    needed = _needed_state(step.optimizer)
    for record in step.records:
        name, formula = f"update/{record.name}", f"new − old by {step.optimizer.call}"
        missing = _missing_state(needed, record)
        if missing:
            words = f"{record.name}.state.{missing} before step {record.step} is not given"
            size = record.before.size
            found = Check(name, Verdict.UNDECIDED, formula, None, None, words, size, 0, size)
            checks.append(found)
            continue
        with np.errstate(all="ignore"):
            _, interval = next(update_intervals(step.optimizer, [record]))
            found = check_allowed(name, formula, interval, record.update)
        checks.append(replace(found, cause=None))
    if any(check.verdict is Verdict.OUTSIDE for check in checks):
        return _with_cause(checks, name_update_cause(step.optimizer, step.records))
    return checks


def _needed_state(optimizer: Optimizer) -> tuple[str, ...]:
    """Return what the rule reads of earlier steps, by torch's names."""
    momentum = optimizer.name == "sgd" and optimizer.number("momentum")
    return (*state_names(optimizer), *(("momentum_buffer",) if momentum else ()))


def _missing_state(needed: tuple[str, ...], record: Recorded) -> str | None:
    """Return what is needed and the record lacks; the first step begins from zero."""
    held = record.state or {}
    if record.step == 1:
        return None
    return next((name for name in needed if name not in held), None)


def _gradients(step: ClaimedStep) -> list[Check]:
    allowed = step.before.gradients()
    checks = []
    for record in step.records:
        name, formula = f"gradient/{record.name}.grad", "∂L/∂w from the parameters before"
        interval = allowed[_parameter_name(record.name)]
        with np.errstate(all="ignore"):
            found = check_allowed(name, formula, interval, record.grad.values)
        checks.append(replace(found, cause=None))
    if any(check.verdict is Verdict.OUTSIDE for check in checks):
        recorded = {_parameter_name(r.name): r.grad.values.astype(np.float64) for r in step.records}
        cause = name_gradient_cause(step.before, step.layers(after=True), recorded)
        return _with_cause(checks, cause)
    return checks


def _with_cause(checks: list[Check], cause: str | None) -> list[Check]:
    return [replace(c, cause=cause) if c.verdict is Verdict.OUTSIDE else c for c in checks]


def _parameter_name(name: str) -> str:
    """Return the name as propagation gives it: a layer without a name has a leading dot."""
    return name if "." in name else f".{name}"


@np.errstate(all="ignore")
def _forward(step: ClaimedStep, name: str) -> Check:
    """Compare the output or the loss with the forward pass with the parameters of that time."""
    assert step.circumstances is not None
    claimed = step.circumstances.claimed[name]
    what, when = name.split()
    formula = f"{'y' if what == 'output' else 'L'} with the parameters {when}"
    check = check_allowed(f"forward/{name}", formula, _allowed(step, what, when), claimed)
    if check.verdict is not Verdict.OUTSIDE:
        return check
    other = "before" if when == "after" else "after"
    allowed = _allowed(step, what, other)
    numbers = claimed.astype(np.float64).reshape(allowed.low.shape)
    if ((allowed.low <= numbers) & (numbers <= allowed.high)).all():
        return replace(check, cause=f"it was computed with the parameters {other} the step")
    return check


def _allowed(step: ClaimedStep, what: str, when: str) -> AllowedRange:
    known = step.after if when == "after" else step.before
    return hull([known.output]) if what == "output" else known.losses()


Parts = Mapping[str, Mapping[str, Array]]


def told_optimizer(told: Mapping[str, Any], source: str) -> Optimizer:
    """Return the optimizer that a file declares; raises InputError if there is none such."""
    options = {key: value for key, value in told.items() if key != "name"}
    try:
        for key, value in options.items():
            require_possible(told["name"], key, value)
        return optimizer_named(told["name"], options)
    except UsageError as error:
        raise InputError(f"{source}: {error.message}", error.hint) from None


def _require_known(
    loss: str | None, activations: Mapping[str, str] | tuple[str | None, str | None], source: str
) -> None:
    layers = activations if isinstance(activations, Mapping) else {}
    named: list[tuple[str, str, tuple[str, ...]]] = []
    if loss is not None:
        named.append(("loss", loss, LOSS_NAMES))
    named += [(f"the activation of {k}", v, ACTIVATION_NAMES) for k, v in layers.items()]
    for what, name, known in named:
        if name not in known:
            expected = f"expected one of {', '.join(known)}"
            raise InputError(f"{source}: {what} is {name!r}: {expected}", did_you_mean(name, known))


def claimed_step(
    source: str,
    optimizer: Optimizer,
    number: int,
    parameters: Parts,
    states: Parts,
    surroundings: Mapping[str, Array],
    loss_name: str | None,
    activations: Mapping[str, str] | tuple[str | None, str | None],
    notes: tuple[str, ...] = (),
) -> ClaimedStep:
    """Return the step.

    `parameters` holds "before", "grad" and "after" of each parameter by its name, (out, in) for a
    weight and (out) for a bias. `activations` are named by layer, or are the one after hidden
    layers (relu) and the one after the last (identity). Raises InputError for a network whose
    widths do not chain, and for an input or target that does not fit it.
    """
    records = tuple(
        Recorded(
            name, parts["before"], parts["grad"], parts["after"], number,
            states.get(name) or ({} if number > 1 else None),
        )
        for name, parts in parameters.items()
    )  # fmt: skip
    step = ClaimedStep(source, optimizer, records, None, notes)
    _require_known(loss_name, activations, source)
    given = {name: name in surroundings for name in ("input", "target")}
    if not any(given.values()):
        return step
    given["loss"] = loss_name is not None
    there, missing = (
        ", ".join(name for name, known in given.items() if known is wanted)
        for wanted in (True, False)
    )
    widths = f"{there} given, {missing} missing" if missing else _chained(step)
    if isinstance(widths, str):
        return replace(step, notes=(*notes, f"gradients are not recomputed: {widths}"))
    assert loss_name is not None
    names = step.layer_names
    if not isinstance(activations, Mapping):
        hidden, last = activations
        usual = "sigmoid" if loss_name == "bce" else "identity"
        activations = dict.fromkeys(names[:-1], hidden or "relu")
        activations[names[-1]] = last or usual
    known = _circumstances(step, widths, surroundings, loss_name, activations)
    return replace(step, circumstances=known)


def _circumstances(
    step: ClaimedStep,
    widths: tuple[int, int],
    surroundings: Mapping[str, Array],
    loss_name: str,
    activations: Mapping[str, str],
) -> Circumstances:
    source, x = step.source, surroundings["input"]
    first, outputs = widths
    if not x.shape or x.shape[-1] != first:
        name = step.layer_names[0]
        raise InputError(f"{source}: input has shape {x.shape}, {name} expects (…, {first})")
    held = Array.of(x.values, step.dtype)
    if not np.array_equal(held.values, x.values, equal_nan=True):
        raise InputError(f"{source}: input is {x.dtype}, the parameters are {step.dtype}")
    shape = (*x.shape[:-1], outputs)
    target = _target(surroundings["target"], loss_name, shape, source)
    given = {
        key: _claimed(surroundings[key], shape if "output" in key else None, key, source)
        for key in ("output_before", "output_after", "loss_before", "loss_after")
        if key in surroundings
    }
    order = ("output_before", "loss_before", "output_after", "loss_after")
    claimed = {key.replace("_", " "): given[key] for key in order if key in given}
    return Circumstances(held, target, loss_name, activations, claimed)


def _chained(step: ClaimedStep) -> tuple[int, int] | str:
    """Return the first and last width of the network, or why it is none."""
    shapes = {record.name: record.before.shape for record in step.records}
    widths: list[int] = []
    if not step.layer_names:
        return "no parameter is a two-dimensional weight"
    for name in step.layer_names:
        prefix = f"{name}." if name else ""
        weight = shapes.pop(f"{prefix}weight", None)
        bias = shapes.pop(f"{prefix}bias", None)
        if weight is None:
            return f"{name} has a matrix not named weight"
        if bias is not None and bias != (weight[0],):
            return f"{prefix}bias has shape {bias}, {prefix}weight has shape {weight}"
        if widths and weight[1] != widths[-1]:
            before = f"a layer with {widths[-1]} outputs"
            return f"{prefix}weight of shape {weight} cannot follow {before}"
        widths += weight[::-1]
    if shapes:
        return f"{next(iter(shapes))} does not belong to a linear layer"
    return widths[0], widths[-1]


def _target(values: Array, loss: str, shape: tuple[int, ...], source: str) -> Target:
    if loss != "cross_entropy":
        if values.shape != shape:
            raise InputError(f"{source}: target has shape {values.shape}, the output has {shape}")
        return values
    classes = values.values
    if values.shape != shape[:-1]:
        expected = f"cross_entropy expects one class per row, {shape[:-1]}"
        raise InputError(f"{source}: target has shape {values.shape}: {expected}")
    if not np.array_equal(classes, np.rint(classes)) or classes.min(initial=0) < 0 or (
        classes.max(initial=0) >= shape[-1]
    ):  # fmt: skip
        raise InputError(f"{source}: target must hold classes from 0 to {shape[-1] - 1}")
    return Classes(classes.astype(np.int64))


def _claimed(values: Array, shape: tuple[int, ...] | None, key: str, source: str) -> FloatArray:
    """Return an output of that shape, or a loss, which is one number, in float64."""
    if shape is None and values.size != 1:
        raise InputError(f"{source}: {key} has shape {values.shape}: expected one number")
    if shape is not None and values.shape != shape:
        raise InputError(f"{source}: {key} has shape {values.shape}, expected {shape}")
    return values.values if shape else values.values.astype(np.float64).reshape(())
