"""A network's forward and backward pass with running errors, end to end.

Each matrix product adds its own bound to what its operands bring (E: errors)::

    E_{AB} = |A|·E_B + E_A·|B| + E_A·E_B + the bound of a dot product of |A|+E_A and |B|+E_B

The bound grows with every layer and becomes worthless after three wide ones: then it says so by
being wider than the numbers, never by a false alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.arithmetic.losses import LOSSES
from fcinspect.rounding.accumulation import SLACK, arithmetic_of
from fcinspect.rounding.arrays import Float64Array, half_ulp
from fcinspect.rounding.running import AllowedRange, Running, exact, hull

FORMS = 2
"""How many algebraically equal forms of a loss's gradient are tried."""


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


def product(left: Running, right: Running, bias: Float64Array | None = None) -> Running:
    """Return left·rightᵀ + bias for left (rows, n), right (out, n), exact bias (out)."""
    arithmetic = arithmetic_of(left.format.name)
    n = left.value.shape[1]
    size_left, size_right = np.abs(left.value) + left.error, np.abs(right.value) + right.error
    with np.errstate(all="ignore"):
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
            spread = spread + 2 * n * arithmetic.inputs.smallest_normal * (
                size_left.max(initial=0.0) + size_right.max(initial=0.0)
            )
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
    def of(
        cls, x: Running, layers: Sequence[Layer], loss: str, target: Float64Array
    ) -> Propagation:
        """Return the way forward of x, (rows, in_features)."""
        passed = []
        with np.errstate(all="ignore"):
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

    def losses(self) -> AllowedRange:
        """Return what L may be, in all forms that correct programs use."""
        with np.errstate(all="ignore"):
            return hull([form(self.output, self.target) for form in LOSSES[self.loss].value])

    def gradients(self, way: BackwardWay = CORRECT) -> dict[str, AllowedRange]:
        """Return what ∂L/∂ of every parameter may be, by its name in the state dict."""
        with np.errstate(all="ignore"):
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
                ones = exact(np.ones((1, len(g.value))), g.format)
                sums = product(ones, turned)
                flat = Running(sums.value[0], sums.error[0], g.format)
                mean = 1.0 / len(g.value) if way.bias_mean else None
                found[f"{layer.name}.bias"] = flat if mean is None else mean * flat
            weight = (way.weights or {}).get(layer.name, layer.weight)
            if way.transposed and weight.shape[0] == weight.shape[1]:
                weight = weight.T
            g = product(g, exact(weight.T, g.format))
        return found


def transposed(x: Running) -> Running:
    """Return the transpose of a matrix."""
    return Running(x.value.T, x.error.T, x.format)
