"""A training step with running errors: forward and backward pass end to end, and the update.

Each matrix product adds its own bound to what its operands bring (E: errors)::

    E_{AB} = |A|·E_B + E_A·|B| + E_A·E_B + the bound of a dot product of |A|+E_A and |B|+E_B

The bound grows with every layer and becomes worthless after three wide ones: then it says so by
being wider than the numbers, never by a false alarm.

An optimizer's bound is on the update, new − old, never on the parameter: relative to the parameter
an update of 10⁻⁵ could be left out unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.arithmetic.losses import LOSSES
from fcinspect.arithmetic.optimizers import FORMS, KEPT, Lines, StepOfOne, move, rule_lines
from fcinspect.arithmetic.settings import Optimizer
from fcinspect.layers.array import Array
from fcinspect.rounding.accumulation import SLACK, arithmetic_of
from fcinspect.rounding.arrays import Float64Array, FloatArray, half_ulp
from fcinspect.rounding.formats import format_named
from fcinspect.rounding.running import AllowedRange, Running, exact, hull


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer with the numbers it had; float64 arrays that hold numbers of the format."""

    name: str
    weight: Float64Array
    """(out, in)"""
    bias: Float64Array | None
    activation: str


@dataclass(frozen=True, eq=False)
class RunningLayer:
    """One layer on the way forward."""

    input: Running
    pre_activation: Running
    output: Running


@np.errstate(all="ignore")
def product(left: Running, right: Running, bias: Float64Array | None = None) -> Running:
    """Return left·rightᵀ + bias for left (rows, n), right (out, n), exact bias (out)."""
    arithmetic = arithmetic_of(left.format.name)
    n = left.value.shape[1]
    size_left, size_right = np.abs(left.value) + left.error, np.abs(right.value) + right.error
    value = left.value @ right.value.T
    magnitude = size_left @ size_right.T
    carried = magnitude - np.abs(left.value) @ np.abs(right.value).T
    b = np.zeros(value.shape[1]) if bias is None else bias
    value = value + b
    whole = magnitude + np.abs(b)
    # two float64 products are subtracted above, one is the value itself
    carried = np.maximum(carried, 0.0) + (3 * n + 4) * 2.0**-53 * whole
    spread = arithmetic.spread(value, carried, magnitude, whole, n, with_bias=bias is not None)
    if arithmetic.flush:
        sizes = size_left.max(initial=0.0) + size_right.max(initial=0.0)
        spread = spread + 2 * n * arithmetic.inputs.smallest_normal * sizes
    error = (carried + spread) * SLACK
    # rounded before the bias and after
    error = error + 2 * half_ulp(np.abs(value) + np.abs(b) + error, arithmetic.output)
    error = np.where(whole < arithmetic.largest, error * SLACK, np.inf)
    return Running(value, error, left.format)


@dataclass(frozen=True)
class BackwardWay:
    """How the gradients are computed: as they should be, or with one fault."""

    derivative: bool = True
    """Whether the activation's derivative is taken in."""
    weights: Mapping[str, Float64Array] | None = None
    """Weights used on the way back instead of the layers' own, by layer."""
    transposed: bool = False
    """Whether square weights are used transposed on the way back."""
    bias_mean: bool = False
    """Whether the bias gradient is a mean instead of a sum."""
    loss_gradient: Callable[[Running, Float64Array], Running] | None = None
    """What is taken for ∂L/∂y instead of the loss's own."""
    target: Float64Array | None = None
    """What is taken for the target instead of it."""


CORRECT = BackwardWay()


@dataclass(frozen=True, eq=False)
class Propagation:
    """A network on its way forward, and what its loss and gradients may be."""

    layers: Sequence[Layer]
    loss: str
    target: Float64Array
    """(rows, outputs), or classes (rows)"""
    passed: Sequence[RunningLayer]

    @classmethod
    @np.errstate(all="ignore")
    def of(
        cls, x: Running, layers: Sequence[Layer], loss: str, target: Float64Array
    ) -> Propagation:
        """Return the way forward of x, (rows, in_features)."""
        passed = []
        for layer in layers:
            z = product(x, exact(layer.weight, x.format), layer.bias)
            a = ACTIVATIONS[layer.activation].forward(z)
            passed.append(RunningLayer(x, z, a))
            x = a
        return cls(layers, loss, target, passed)

    @property
    def output(self) -> Running:
        """y, (rows, outputs)."""
        return self.passed[-1].output

    @np.errstate(all="ignore")
    def losses(self) -> AllowedRange:
        """Return what L may be, in all forms that correct programs use."""
        return hull([form(self.output, self.target) for form in LOSSES[self.loss].value])

    @np.errstate(all="ignore")
    def gradients(self, way: BackwardWay = CORRECT) -> dict[str, AllowedRange]:
        """Return what ∂L/∂ of every parameter may be, by its name in the state dict."""
        forms = [self._backward(form, way) for form in range(FORMS)]
        return {name: hull([form[name] for form in forms]) for name in forms[0]}

    def _backward(self, form: int, way: BackwardWay) -> dict[str, Running]:
        forms = LOSSES[self.loss].gradient
        of_output = way.loss_gradient or forms[form % len(forms)]
        g = of_output(self.output, self.target if way.target is None else way.target)
        found: dict[str, Running] = {}
        for layer, through in reversed(list(zip(self.layers, self.passed, strict=True))):
            if way.derivative:
                activation = ACTIVATIONS[layer.activation]
                g = activation.backward(through.pre_activation, through.output, g)
            turned = transposed(g)
            found[f"{layer.name}.weight"] = product(turned, transposed(through.input))
            if layer.bias is not None:
                rows = len(g.value)
                sums = product(exact(np.ones((1, rows)), g.format), turned)
                flat = Running(sums.value[0], sums.error[0], g.format)
                found[f"{layer.name}.bias"] = 1.0 / rows * flat if way.bias_mean else flat
            weight = (way.weights or {}).get(layer.name, layer.weight)
            if way.transposed and weight.shape[0] == weight.shape[1]:
                weight = weight.T
            g = product(g, exact(weight.T, g.format))
        return found


def transposed(x: Running) -> Running:
    """Return the transpose of a matrix."""
    return Running(x.value.T, x.error.T, x.format)


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
    adagrad = optimizer.name == "adagrad"
    start = optimizer.number("initial_accumulator_value") if adagrad else 0.0
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
    return hull([_added(w, moved.update, record.update) for moved in forms])


def _added(w: Float64Array, update: Running, observed: FloatArray) -> Running:
    """Return new − old for new = w + update rounded to the format.

    The rounding of new, and that of the difference in float64, belong to the bound.
    """
    number_format = update.format
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
