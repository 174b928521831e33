"""Forward pass, loss, gradients and SGD step of one input, and every result by its id.

Every formula is written once, whatever the kind of its numbers. With `decimals` every result is
rounded to so many and gone on with as rounded; whole numbers are as they are.

Ids count from 0: fc1.z[2], fc1.a[2] (where there is an activation), loss, fc2.grad_output[1],
fc1.grad_activation[1], fc2.weight.grad[1,3], fc2.bias.grad[1], fc2.weight.after[1,3],
fc2.bias.after[1], output_after[0], loss_after. What only repeats another result has no id of its
own: after the last layer y = a = z and ∂L/∂a = ∂L/∂z, and a layer's ∂L/∂a is the next one's ∂L/∂x.
Nor have the hidden layers of the pass after the step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic

from fcinspect.worksheets.numbers import (
    Bounded,
    Number,
    Real,
    activation,
    constant,
    masked,
    relu,
    settled,
    slope,
    square,
    total,
)
from fcinspect.worksheets.problem import SMOOTH, Problem, SheetLayer

Row = tuple[Number, ...]
Keep = Callable[[str, Row[Number]], Row[Number]]
"""(place, what is computed there) -> what is gone on with; "" is a place without ids."""


@dataclass(frozen=True)
class Passed(Generic[Number]):
    """What one layer makes of its input."""

    x: Row[Number]
    z: Row[Number]
    """z = W·x + b"""
    a: Row[Number]
    """the activation of z; relu(z) = max(z, 0), identity z itself"""


@dataclass(frozen=True)
class Gradients(Generic[Number]):
    """The gradients of one layer."""

    arrives: Row[Number]
    """∂L/∂a"""
    g: Row[Number]
    """G = ∂L/∂z = ∂L/∂a times the derivative: of relu 1 where z > 0, else 0; of identity 1"""
    weight: tuple[Row[Number], ...]
    """∂L/∂W = G ⊗ x"""
    bias: Row[Number]
    """∂L/∂b = G"""


@dataclass(frozen=True)
class Worked(Generic[Real]):
    """A problem worked out from its input to the outputs after the step."""

    layers: Sequence[SheetLayer[Real]]
    passed: Sequence[Passed[Real]]
    gradients: Sequence[Gradients[Real]]
    after: Sequence[SheetLayer[Real]]
    """The layers after the step."""
    again: Sequence[Passed[Real]]
    """The forward pass with these."""

    @property
    def y(self) -> Row[Real]:
        """The output before the step."""
        return self.passed[-1].a


def ids_of(place: str, count: int) -> list[str]:
    """Return the ids of the results of a place: of fc1.z, of the row fc1.weight.grad[1]."""
    if not place or place.startswith("loss"):
        return [place] * bool(place)
    return [f"{place}[{j}]".replace("][", ",") for j in range(count)]


def as_computed(place: str, values: Row[Number]) -> Row[Number]:
    """Return what is computed at a place, whichever it is."""
    return values


def solve(problem: Problem) -> dict[str, Fraction]:
    """Return every result by its id in the order of work, exact or exactly rounded."""
    found: dict[str, Fraction] = {}
    worked_exactly(problem, _noted_in(found))
    return found


def solve_bounded(
    problem: Problem,
    number: Callable[[Fraction], Bounded] = lambda value: constant(value, Bounded(Fraction(0))),
    decimals: int | None = None,
) -> Mapping[str, Bounded]:
    """Return the results, each with a bound on what rounding may make of it.

    `number` gives a number of the problem as its format has it, here float64. With `decimals` the
    bound holds for a program that does not round to them.
    """
    found: dict[str, Bounded] = {}
    worked(problem, number, decimals, _noted_in(found))
    return found


def worked_exactly(problem: Problem, keep: Keep[Fraction] = as_computed) -> Worked[Fraction]:
    """Return the problem worked out in exact numbers."""
    return worked(problem, lambda value: value, problem.decimals, keep)


def worked(
    problem: Problem,
    number: Callable[[Fraction], Real],
    decimals: int | None = None,
    keep: Keep[Real] = as_computed,
) -> Worked[Real]:
    """Return forward pass, gradients of the mean squared error, SGD step and second pass.

    `number` returns what stands for a number of the problem. `keep` sees every result, rounded to
    the decimals, in the order of work.
    """

    def row(values: Sequence[Fraction]) -> Row[Real]:
        return tuple(map(number, values))

    layers = [
        SheetLayer(
            layer.name,
            tuple(map(row, layer.weight)),
            None if layer.bias is None else row(layer.bias),
            layer.activation,
        )
        for layer in problem.layers
    ]
    x, target = row(problem.x), row(problem.target)

    def keep_loss(place: str, y: Row[Real]) -> None:
        keep(place, (settled(mse(y, target), decimals),))

    passed = forward(layers, x, decimals, keep)
    keep_loss("loss", passed[-1].a)
    gradients = backward(layers, passed, mse_gradient(passed[-1].a, target), decimals, keep)
    after = _stepped(layers, gradients, number(problem.learning_rate), decimals, keep)
    last = f"{layers[-1].name}.z"
    again = forward(
        after, x, decimals, lambda place, row: keep("output_after" if place == last else "", row)
    )
    keep_loss("loss_after", again[-1].a)
    return Worked(layers, passed, gradients, after, again)


def forward(
    layers: Sequence[SheetLayer[Number]],
    x: Row[Number],
    decimals: int | None = None,
    keep: Keep[Number] = as_computed,
) -> list[Passed[Number]]:
    """Return what every layer makes of x."""
    passed = []
    for layer in layers:
        biases = layer.bias or (None,) * len(layer.weight)
        z = tuple(
            settled(total([w * v for w, v in zip(row, x, strict=True)], b), decimals)
            for row, b in zip(layer.weight, biases, strict=True)
        )
        z = a = keep(f"{layer.name}.z", z)
        if layer.activation != "identity":
            found = tuple(_activated(layer.activation, v, decimals) for v in z)
            a = keep(f"{layer.name}.a", found)
        passed.append(Passed(x, z, a))
        x = a
    return passed


def backward(
    layers: Sequence[SheetLayer[Number]],
    passed: Sequence[Passed[Number]],
    arrives: Row[Number],
    decimals: int | None = None,
    keep: Keep[Number] = as_computed,
) -> list[Gradients[Number]]:
    """Return the gradients of every layer, from ∂L/∂y."""
    found: list[Gradients[Number]] = []
    for layer, here in zip(reversed(layers), reversed(passed), strict=True):
        name = layer.name
        if found:
            arrives = keep(f"{name}.grad_activation", arrives)
        g = tuple(
            settled(_through(layer.activation, *parts), decimals)
            for parts in zip(arrives, here.z, here.a, strict=True)
        )
        g = keep(f"{name}.grad_output", g)
        weight = tuple(
            keep(f"{name}.weight.grad[{i}]", tuple(settled(v * x, decimals) for x in here.x))
            for i, v in enumerate(g)
        )
        bias = g if layer.bias is None else keep(f"{name}.bias.grad", g)
        found.append(Gradients(arrives, g, weight, bias))
        arrives = tuple(
            settled(total([v * w for v, w in zip(g, column, strict=True)]), decimals)
            for column in zip(*layer.weight, strict=True)
        )
    return found[::-1]


def mse(y: Row[Real], t: Row[Real]) -> Real:
    """Return Σ(y − t)²/N."""
    return total([square(p - q) for p, q in zip(y, t, strict=True)]) / len(y)


def mse_gradient(y: Row[Real], t: Row[Real]) -> Row[Real]:
    """Return ∂L/∂y = 2·(y − t)/N."""
    factor = constant(Fraction(2, len(y)), like=y[0])
    return tuple(factor * (p - q) for p, q in zip(y, t, strict=True))


def _stepped(
    layers: Sequence[SheetLayer[Real]],
    gradients: Sequence[Gradients[Real]],
    rate: Real,
    decimals: int | None,
    keep: Keep[Real],
) -> list[SheetLayer[Real]]:
    def changed(place: str, old: Row[Real], gradient: Row[Real]) -> Row[Real]:
        pairs = zip(old, gradient, strict=True)
        return keep(place, tuple(settled(w - rate * g, decimals) for w, g in pairs))

    found = []
    for layer, here in zip(layers, gradients, strict=True):
        rows = enumerate(zip(layer.weight, here.weight, strict=True))
        weight = tuple(changed(f"{layer.name}.weight.after[{i}]", *pair) for i, pair in rows)
        bias = layer.bias and changed(f"{layer.name}.bias.after", layer.bias, here.bias)
        found.append(SheetLayer(layer.name, weight, bias, layer.activation))
    return found


def _activated(name: str, z: Number, decimals: int | None) -> Number:
    if name in SMOOTH and not isinstance(z, int):
        return activation(name, z, decimals)
    return relu(z)


def _through(name: str, arrives: Number, z: Number, a: Number) -> Number:
    if name == "relu":
        return masked(arrives, z)
    if name not in SMOOTH or isinstance(a, int) or isinstance(arrives, int):
        return arrives
    return arrives * slope(name, a)


def _noted_in(found: dict[str, Number]) -> Keep[Number]:
    def note(place: str, values: Row[Number]) -> Row[Number]:
        found.update(zip(ids_of(place, len(values)), values, strict=False))
        return values

    return note
