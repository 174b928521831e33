"""The activations, each beside its gradient; element by element, any shape.

z is the pre-activation, a = φ(z) the activation, g = ∂L/∂a the gradient that arrives; `backward`
returns ∂L/∂z = g·φ′(z). Where torch keeps a rather than z for the way back (sigmoid, tanh), φ′ is
written in a. Sources: torch.nn.functional's reference; gelu after Hendrycks and Gimpel, 2016.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fcinspect.rounding.functions import erf, exp, sigmoid, tanh, where_positive
from fcinspect.rounding.running import Numeric

LEAKY_SLOPE = 0.01
"""nn.LeakyReLU's default negative_slope."""


class Forward(Protocol):
    """a = φ(z)."""

    def __call__(self, z: Numeric, /) -> Numeric:
        """Return a."""


class Backward(Protocol):
    """∂L/∂z = g·φ′."""

    def __call__(self, z: Numeric, a: Numeric, g: Numeric) -> Numeric:
        """Return ∂L/∂z."""


@dataclass(frozen=True)
class Activation:
    """A function of one number and its gradient, with their formulas as text."""

    name: str
    formula: str
    """φ in terms of z."""
    derivative: str
    """φ′ in terms of z or a."""
    forward: Forward
    backward: Backward


def relu(z: Numeric) -> Numeric:
    """Return max(z, 0)."""
    return where_positive(z, z)


def relu_backward(z: Numeric, a: Numeric, g: Numeric) -> Numeric:
    """Return g where z > 0, else 0; as in torch the derivative at 0 is 0."""
    return where_positive(z, g)


def sigmoid_backward(z: Numeric, a: Numeric, g: Numeric) -> Numeric:
    """Return g·(1 − a)·a."""
    return g * (1.0 - a) * a


def tanh_backward(z: Numeric, a: Numeric, g: Numeric) -> Numeric:
    """Return g·(1 − a²)."""
    return g * (1.0 - a * a)


def leaky_relu(z: Numeric) -> Numeric:
    """Return z where z > 0, else 0.01·z."""
    return where_positive(z, z, LEAKY_SLOPE * z)


def leaky_relu_backward(z: Numeric, a: Numeric, g: Numeric) -> Numeric:
    """Return g where z > 0, else 0.01·g."""
    return where_positive(z, g, LEAKY_SLOPE * g)


def gelu(z: Numeric) -> Numeric:
    """Return z·Φ(z) with Φ(z) = (1 + erf(z/√2))/2, the normal distribution function."""
    return z * _normal_distribution(z)


def gelu_backward(z: Numeric, a: Numeric, g: Numeric) -> Numeric:
    """Return g·(Φ(z) + z·exp(−z²/2)/√(2π))."""
    density = exp(-0.5 * (z * z)) * (1 / math.sqrt(2 * math.pi))
    return g * (_normal_distribution(z) + z * density)


def _normal_distribution(z: Numeric) -> Numeric:
    return 0.5 * (1.0 + erf(z * math.sqrt(0.5)))


def identity(z: Numeric) -> Numeric:
    """Return z."""
    return z


def identity_backward(z: Numeric, a: Numeric, g: Numeric) -> Numeric:
    """Return g."""
    return g


ACTIVATIONS: Mapping[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation("relu", "max(z, 0)", "1 where z > 0, else 0", relu, relu_backward),
        Activation("sigmoid", "1/(1 + exp(−z))", "a·(1 − a)", sigmoid, sigmoid_backward),
        Activation("tanh", "tanh(z)", "1 − a²", tanh, tanh_backward),
        Activation(
            "leaky_relu", "z where z > 0, else 0.01·z", "1 where z > 0, else 0.01",
            leaky_relu, leaky_relu_backward,
        ),
        Activation(
            "gelu", "z·Φ(z), Φ(z) = (1 + erf(z/√2))/2", "Φ(z) + z·exp(−z²/2)/√(2π)",
            gelu, gelu_backward,
        ),
        Activation("identity", "z", "1", identity, identity_backward),
    )
}  # fmt: skip
