"""A training step compared with its closed forms, each operation on its own recorded inputs.

Matrix products are compared with exact sums (rounding/dot.py), everything else with running-
error bounds (rounding/running.py). An optimizer is judged by its update, new − old. Numbers that
are not finite meet numpy's arithmetic here: its warnings are silenced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.arithmetic.losses import LOSSES, LossFunction
from fcinspect.arithmetic.training import (
    ForwardPass,
    LayerStep,
    ParameterStep,
    TrainingStep,
)
from fcinspect.layers.array import Array
from fcinspect.rounding.arrays import FloatArray
from fcinspect.rounding.dot import DotCheck, check_products
from fcinspect.rounding.formats import format_named
from fcinspect.rounding.running import AllowedRange, Running, exact, hull
from fcinspect.rounding.verdict import Verdict, overall
from fcinspect.verification.array_checks import check_allowed, check_same, of_operation
from fcinspect.verification.check import Check
from fcinspect.verification.propagation import Recorded, allowed_update, forms_of

MOST_FINDINGS = 20
"""Findings kept of the steps before the last."""


@dataclass(frozen=True)
class EarlierFinding:
    """An operation of a step before the last that is not within its bound."""

    step: int
    check: Check


@dataclass(frozen=True, eq=False)
class StepReport:
    """The last of some steps, with the checks of all."""

    last: TrainingStep
    checks: tuple[Check, ...]
    """Of the last step, in the order of computation."""
    losses: tuple[float, ...]
    """Before step 1, after step 1, …"""
    earlier: tuple[EarlierFinding, ...]
    earlier_verdict: Verdict
    """Of all steps before the last."""

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of all operations of all steps."""
        return overall([self.earlier_verdict, *(check.verdict for check in self.checks)])


def check_steps(steps: Iterable[TrainingStep]) -> StepReport:
    """Check every step as it comes; keep the last and what is not within bound in the others."""
    last: TrainingStep | None = None
    checks: tuple[Check, ...] = ()
    losses: list[float] = []
    earlier: list[EarlierFinding] = []
    verdicts: set[Verdict] = set()
    for step in steps:
        if last is None:
            losses.append(step.before.loss_value)
        else:
            verdicts.update(check.verdict for check in checks)
            wrong = [check for check in checks if check.verdict is not Verdict.WITHIN]
            room = MOST_FINDINGS - len(earlier)
            earlier += [EarlierFinding(last.number, check) for check in wrong[:room]]
        with np.errstate(all="ignore"):  # what is not finite becomes undecided
            checks = tuple(check_step(step, last))
        losses.append(step.after.loss_value)
        last = step
    assert last is not None
    # what the last step computes afterwards is nobody else's beginning
    with np.errstate(all="ignore"):
        checks += tuple(_check_forward(last, last.after, after=True))
    return StepReport(last, checks, tuple(losses), tuple(earlier), overall(verdicts))


def check_step(step: TrainingStep, previous: TrainingStep | None = None) -> Iterator[Check]:
    """Check forward, loss, backward, hand-overs and updates of one step."""
    yield from _check_forward(step, step.before)
    loss, arriving = LOSSES[step.loss_name], step.layers[-1].grad_activation
    allowed = _of_output(step, step.before, loss.gradient)
    yield check_allowed("output.grad", f"∂L/∂y = {loss.gradient_formula}", allowed, arriving.values)
    earlier = previous.layers if previous else [None] * len(step.layers)
    layers = zip(step.layers, step.before.layers, earlier, strict=True)
    for layer, passed, was in reversed(list(layers)):
        yield _check_activation_gradient(layer, passed.pre_activation, passed.output)
        yield from _check_layer_gradients(layer, passed.input, step.dtype, was)
    yield _check_handovers(step, previous)
    for name, parameter in step.parameters:
        yield from _check_update(name, parameter, step)


def _check_forward(
    step: TrainingStep, forward: ForwardPass, *, after: bool = False
) -> Iterator[Check]:
    suffix = " after the step" if after else ""
    for layer, passed in zip(step.layers, forward.layers, strict=True):
        z, a = passed.pre_activation, passed.output
        held = [p.after if after else p.before for _, p in layer.parameters]
        b = held[1].values if layer.bias else None
        products = check_products(passed.input.rows, held[0].values, b, z.rows, step.dtype)
        formula = "z = x·Wᵀ" + ("" if b is None else " + b")
        yield of_operation(f"{layer.name}.pre_activation{suffix}", formula, products, z.values)
        activation = ACTIVATIONS[layer.activation]
        name, formula = f"{layer.name}.activation{suffix}", f"a = {activation.formula}"
        yield check_allowed(name, formula, hull([activation.forward(_exactly(z))]), a.values)
    loss = LOSSES[step.loss_name]
    allowed = _of_output(step, forward, loss.value)
    yield check_allowed(f"loss{suffix}", f"L = {loss.formula}", allowed, forward.loss.values)


def _exactly(values: Array) -> Running:
    return exact(values.values, format_named(values.dtype))


def _of_output(
    step: TrainingStep, forward: ForwardPass, forms: Sequence[LossFunction]
) -> AllowedRange:
    y = exact(forward.output.rows, format_named(step.dtype))
    return hull([form(y, step.target_rows) for form in forms])


def _check_activation_gradient(layer: LayerStep, z: Array, a: Array) -> Check:
    activation = ACTIVATIONS[layer.activation]
    g = activation.backward(_exactly(z), _exactly(a), _exactly(layer.grad_activation))
    formula = "∂L/∂z = ∂L/∂a" + ("" if layer.activation == "identity" else " ⊙ φ′(z)")
    return check_allowed(f"{layer.name}.grad_output", formula, hull([g]), layer.grad_output.values)


def _check_layer_gradients(
    layer: LayerStep, x: Array, dtype: str, was: LayerStep | None
) -> Iterator[Check]:
    """Check GᵀX, the column sums of G, and GW; `was` is the layer in the step before."""
    g, rows = layer.grad_output.rows, x.rows
    grad = layer.weight.grad.values
    products = check_products(g.T, rows.T, None, grad, dtype)
    check = of_operation(f"{layer.name}.weight.grad", "∂L/∂W = Gᵀ·X", products, grad)
    yield _named(check, products, layer.weight, None if was is None else was.weight)
    if layer.bias is not None:
        sums = layer.bias.grad.values
        ones = np.ones((1, len(g)), dtype=g.dtype)
        column_sums = check_products(g.T, ones, None, sums[:, None], dtype)
        check = of_operation(f"{layer.name}.bias.grad", "∂L/∂b = Σ rows of G", column_sums, sums)
        yield _named(check, column_sums, layer.bias, None if was is None else was.bias)
    leaving = layer.grad_input
    products = check_products(g, layer.weight.before.values.T, None, leaving.rows, dtype)
    yield of_operation(f"{layer.name}.grad_input", "∂L/∂x = G·W", products, leaving.values)


def _named(
    check: Check, products: DotCheck, now: ParameterStep, was: ParameterStep | None
) -> Check:
    """Return the check of a gradient, with the cause that the step before is still in it."""
    if check.verdict is not Verdict.OUTSIDE or was is None:
        return check
    shape, u = products.bound.shape, format_named(now.grad.dtype).unit_roundoff
    total, kept = (p.grad.values.astype(np.float64).reshape(shape) for p in (now, was))
    # one rounding more, where the two were added
    bound = 2 * products.bound + u * np.abs(total)
    if not np.all(np.abs((total - kept) - products.reference) <= bound):
        return check
    words = "it still contains the previous step's gradient, which was not cleared (zero_grad)"
    return replace(check, cause=words)


def _check_handovers(step: TrainingStep, previous: TrainingStep | None) -> Check:
    """Check that each operation began with what the one before it had computed."""
    pairs: list[tuple[FloatArray, FloatArray]] = []
    for forward in (step.before, step.after):
        for earlier, later in pairwise(forward.layers):
            pairs.append((earlier.output.values, later.input.values))
    for lower, upper in pairwise(step.layers):
        pairs.append((lower.grad_activation.values, upper.grad_input.values))
    pairs.append((step.before.layers[0].input.values, step.after.layers[0].input.values))
    if previous is not None:
        for (_, was), (_, now) in zip(previous.parameters, step.parameters, strict=True):
            pairs.append((was.after.values, now.before.values))
            for name in was.state_after.keys() | now.state_before.keys():
                left, kept = was.state_after.get(name), now.state_before.get(name)
                numbers = np.ones(1) if kept is None else kept.values
                pairs.append((np.zeros(0) if left is None else left.values, numbers))
    return check_same("handovers", "each operation starts from its predecessor's numbers", pairs)


def _check_update(name: str, parameter: ParameterStep, step: TrainingStep) -> Iterator[Check]:
    before, grad, after = parameter.before, parameter.grad, parameter.after
    record = Recorded(name, before, grad, after, step.number, parameter.state_before)
    forms = forms_of(step.optimizer, record)
    formula = f"new − old by {step.optimizer.call}"
    yield check_allowed(f"{name}.update", formula, allowed_update(record, forms), record.update)
    for key in forms[0].state:
        formula = f"{key} of {step.optimizer.call}"
        kept = parameter.state_after.get(key)
        if kept is None:
            yield check_same(f"{name}.{key}", formula, [(np.zeros(0), parameter.before.values)])
        else:
            allowed = hull([moved.state[key] for moved in forms])
            yield check_allowed(f"{name}.{key}", formula, allowed, kept.values)
