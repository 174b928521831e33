"""Forward pass, loss, gradients and SGD step of one input, number by number.

Every formula is written once, for whole numbers, for exact ones (Fraction) and for exact ones that
carry a bound on what float64 may make of them (`Bounded`). With `decimals` every result is rounded
to so many and gone on with as rounded; whole numbers are as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

from fcinspect.worksheets.bounded import Bounded, constant, total
from fcinspect.worksheets.problem import SMOOTH, Problem
from fcinspect.worksheets.smooth import activation, settled, slope

Number = TypeVar("Number", int, Fraction, Bounded)
Real = TypeVar("Real", Fraction, Bounded)
"""What can be divided."""
Row = tuple[Number, ...]
RealRow = tuple[Real, ...]


@dataclass(frozen=True)
class Dense(Generic[Number]):
    """A layer's parameters as numbers of one kind."""

    weight: tuple[tuple[Number, ...], ...]
    bias: tuple[Number, ...] | None
    activation: str
    """relu, sigmoid, tanh, or identity behind the last layer"""


@dataclass(frozen=True)
class Passed(Generic[Number]):
    """What one layer makes of its input."""

    x: tuple[Number, ...]
    z: tuple[Number, ...]
    """z = W·x + b"""
    a: tuple[Number, ...]
    """the activation of z; relu(z) = max(z, 0), identity z itself"""


@dataclass(frozen=True)
class Gradients(Generic[Number]):
    """The gradients of one layer."""

    arrives: tuple[Number, ...]
    """∂L/∂a"""
    g: tuple[Number, ...]
    """G = ∂L/∂z = ∂L/∂a times the derivative: of relu 1 where z > 0, else 0; of identity 1"""
    weight: tuple[tuple[Number, ...], ...]
    """∂L/∂W = G ⊗ x"""


@dataclass(frozen=True)
class Worked(Generic[Real]):
    """A problem worked out from its input to the outputs after the step."""

    layers: Sequence[Dense[Real]]
    passed: Sequence[Passed[Real]]
    gradients: Sequence[Gradients[Real]]
    after: Sequence[Dense[Real]]
    """The layers after the step."""
    again: Sequence[Passed[Real]]
    """The forward pass with these."""

    @property
    def y(self) -> RealRow[Real]:
        """The output before the step."""
        return self.passed[-1].a


def exact_layers(problem: Problem) -> list[Dense[Fraction]]:
    """Return the layers as exact numbers."""
    return [Dense(layer.weight, layer.bias, layer.activation) for layer in problem.layers]


def forward(
    layers: Sequence[Dense[Number]], x: Row[Number], decimals: int | None = None
) -> list[Passed[Number]]:
    """Return what every layer makes of x."""
    passed = []
    for layer in layers:
        biases = layer.bias or (None,) * len(layer.weight)
        z = tuple(
            kept(total([w * v for w, v in zip(row, x, strict=True)], b), decimals)
            for row, b in zip(layer.weight, biases, strict=True)
        )
        a = tuple(_activated(layer.activation, v, decimals) for v in z)
        passed.append(Passed(x, z, a))
        x = a
    return passed


def mse(y: RealRow[Real], t: RealRow[Real]) -> Real:
    """Return Σ(y − t)²/N."""
    errors = [p - q for p, q in zip(y, t, strict=True)]
    return total([e * e for e in errors]) / len(errors)


def mse_gradient(y: RealRow[Real], t: RealRow[Real]) -> RealRow[Real]:
    """Return ∂L/∂y = 2·(y − t)/N."""
    factor = constant(Fraction(2, len(y)), like=y[0])
    return tuple(factor * (p - q) for p, q in zip(y, t, strict=True))


def backward(
    layers: Sequence[Dense[Number]],
    passed: Sequence[Passed[Number]],
    arrives: Row[Number],
    decimals: int | None = None,
) -> list[Gradients[Number]]:
    """Return the gradients of every layer, from ∂L/∂y."""
    found = []
    for layer, here in zip(reversed(layers), reversed(passed), strict=True):
        g = tuple(
            kept(_through(layer.activation, *parts), decimals)
            for parts in zip(arrives, here.z, here.a, strict=True)
        )
        weight = tuple(tuple(kept(v * x, decimals) for x in here.x) for v in g)
        found.append(Gradients(arrives, g, weight))
        arrives = tuple(
            kept(total([v * w for v, w in zip(g, column, strict=True)]), decimals)
            for column in zip(*layer.weight, strict=True)
        )
    return found[::-1]


def stepped(
    layers: Sequence[Dense[Number]],
    gradients: Sequence[Gradients[Number]],
    rate: Number,
    decimals: int | None = None,
) -> list[Dense[Number]]:
    """Return the layers after W ← W − lr·∂L/∂W and b ← b − lr·G."""

    def changed(old: Row[Number], gradient: Row[Number]) -> Row[Number]:
        return tuple(kept(w - rate * g, decimals) for w, g in zip(old, gradient, strict=True))

    return [
        Dense(
            tuple(changed(*rows) for rows in zip(layer.weight, here.weight, strict=True)),
            layer.bias and changed(layer.bias, here.g),
            layer.activation,
        )
        for layer, here in zip(layers, gradients, strict=True)
    ]


def worked(
    layers: Sequence[Dense[Real]],
    x: RealRow[Real],
    target: RealRow[Real],
    rate: Real,
    decimals: int | None = None,
) -> Worked[Real]:
    """Return forward pass, gradients of the mean squared error, SGD step and second pass."""
    passed = forward(layers, x, decimals)
    arrives = tuple(kept(g, decimals) for g in mse_gradient(passed[-1].a, target))
    gradients = backward(layers, passed, arrives, decimals)
    after = stepped(layers, gradients, rate, decimals)
    return Worked(layers, passed, gradients, after, forward(after, x, decimals))


def worked_exactly(problem: Problem) -> Worked[Fraction]:
    """Return the problem worked out in exact numbers."""
    return worked(
        exact_layers(problem), problem.x, problem.target, problem.learning_rate, problem.decimals
    )


def kept(value: Number, decimals: int | None) -> Number:
    """Return what is gone on with, rounded where there are decimals."""
    return value if isinstance(value, int) else settled(value, decimals)


def _activated(name: str, z: Number, decimals: int | None) -> Number:
    if name == "relu":
        return z if z > 0 else z * 0
    if isinstance(z, int) or name not in SMOOTH:
        return z
    return activation(name, z, decimals)


def _through(name: str, arrives: Number, z: Number, a: Number) -> Number:
    """Return ∂L/∂z from the ∂L/∂a that arrives."""
    if name == "relu":
        return arrives if z > 0 else arrives * 0
    if isinstance(a, int) or isinstance(arrives, int) or name not in SMOOTH:
        return arrives
    return arrives * slope(name, a)
