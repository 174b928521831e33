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
from fcinspect.rounding.running import Running, exact


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer with the numbers it had; float64 arrays that hold numbers of the format."""

    name: str
    weight: Float64Array
    """(out, in)"""
    bias: Float64Array | None
    activation: str


@dataclass(frozen=True, eq=False)
class Passed:
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


def forward(x: Running, layers: Sequence[Layer]) -> list[Passed]:
    """Return every layer on the way forward; x is (rows, in_features)."""
    passed = []
    for layer in layers:
        z = product(x, exact(layer.weight, x.format), layer.bias)
        a = ACTIVATIONS[layer.activation].forward(z)
        passed.append(Passed(x, z, a))
        x = a
    return passed


def loss_of(loss: str, output: Running, target: Float64Array) -> list[Running]:
    """Return L in every form that correct programs use."""
    return [form(output, target) for form in LOSSES[loss].value]


@dataclass(frozen=True)
class Backward:
    """How the gradients are computed: as they should be, or with one fault."""

    arriving: float = 1.0
    """The factor on ∂L/∂y."""
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


CORRECT = Backward()


def backward(
    loss: str,
    passed: Sequence[Passed],
    layers: Sequence[Layer],
    target: Float64Array,
    form: int = 0,
    way: Backward = CORRECT,
) -> dict[str, Running]:
    """Return ∂L/∂ of every parameter, by its name in the state dict."""
    forms = LOSSES[loss].gradient
    output = passed[-1].output
    of_output = way.loss_gradient or forms[form % len(forms)]
    g = of_output(output, target)
    if way.arriving != 1.0:
        g = way.arriving * g
    found: dict[str, Running] = {}
    for layer, through in reversed(list(zip(layers, passed, strict=True))):
        if way.derivative:
            g = ACTIVATIONS[layer.activation].backward(through.pre_activation, through.output, g)
        turned, x = transposed(g), transposed(through.input)
        found[f"{layer.name}.weight"] = product(turned, x)
        if layer.bias is not None:
            ones = exact(np.ones((1, len(g.value))), g.format)
            sums = product(ones, turned)
            flat = Running(sums.value[0], sums.error[0], g.format)
            found[f"{layer.name}.bias"] = (1.0 / len(g.value)) * flat if way.bias_mean else flat
        weight = (way.weights or {}).get(layer.name, layer.weight)
        if way.transposed and weight.shape[0] == weight.shape[1]:
            weight = weight.T
        g = product(g, exact(weight.T, g.format))
    return found


def transposed(x: Running) -> Running:
    """Return the transpose of a matrix."""
    return Running(x.value.T, x.error.T, x.format)
