"""The result of every blank, by its id and in the order of work.

It is exact; of a sheet with decimals, the exact result of rounding it at every step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from fcinspect.worksheets.bounded import Bounded, constant
from fcinspect.worksheets.passes import (
    Dense,
    Gradients,
    Number,
    Passed,
    Real,
    RealRow,
    Row,
    Worked,
    exact_layers,
    kept,
    mse,
    worked,
    worked_exactly,
)
from fcinspect.worksheets.problem import Problem


def solve(problem: Problem) -> Mapping[str, Fraction]:
    """Return every result by its id, whatever the sheet asks for.

    Ids count from 0: fc1.z[2], fc1.a[2] (where there is an activation), loss, fc2.grad_output[1],
    fc1.grad_activation[1], fc2.weight.grad[1,3], fc2.bias.grad[1], fc2.weight.after[1,3],
    fc2.bias.after[1], output_after[0], loss_after. What only repeats another result has no id of
    its own: behind the last layer y = a = z and ∂L/∂a = ∂L/∂z, and a layer's ∂L/∂a is the next
    one's ∂L/∂x.
    """
    return _results(worked_exactly(problem), problem.target, _names(problem), problem.decimals)


def in_float64(value: Fraction) -> Bounded:
    """Return a number of the problem, rounded where float64 lacks it."""
    return constant(value, like=Bounded(Fraction(0)))


def solve_bounded(
    problem: Problem,
    number: Callable[[Fraction], Bounded] = in_float64,
    decimals: int | None = None,
) -> Mapping[str, Bounded]:
    """Return the results, each with a bound on what rounding may make of it.

    `number` returns what stands for a number of the problem, in the format in question. Without
    `decimals` no result is rounded to these; with them the bound holds for a program that does not.
    """

    def row(values: Sequence[Fraction]) -> tuple[Bounded, ...]:
        return tuple(map(number, values))

    layers = [
        Dense(
            tuple(row(values) for values in layer.weight),
            None if layer.bias is None else row(layer.bias),
            layer.activation,
        )
        for layer in exact_layers(problem)
    ]
    target = row(problem.target)
    made = worked(layers, row(problem.x), target, number(problem.learning_rate), decimals)
    return _results(made, target, _names(problem), decimals)


def _names(problem: Problem) -> list[str]:
    return [layer.name for layer in problem.layers]


def _results(
    made: Worked[Real], target: RealRow[Real], names: Sequence[str], decimals: int | None
) -> dict[str, Real]:
    found: dict[str, Real] = {}
    for name, layer, here in zip(names, made.layers, made.passed, strict=True):
        found |= _forward(name, layer, here)
    found["loss"] = kept(mse(made.y, target), decimals)
    parts = list(zip(names, made.layers, made.gradients, strict=True))
    for name, layer, gradient in reversed(parts):
        found |= _backward(name, layer, gradient)
    for name, changed in zip(names, made.after, strict=True):
        found |= _matrix(f"{name}.weight.after", changed.weight)
        if changed.bias is not None:
            found |= _row(f"{name}.bias.after", changed.bias)
    found |= _row("output_after", made.again[-1].a)
    found["loss_after"] = kept(mse(made.again[-1].a, target), decimals)
    return found


def _forward(name: str, layer: Dense[Number], here: Passed[Number]) -> dict[str, Number]:
    found = _row(f"{name}.z", here.z)
    return found if layer.activation == "identity" else found | _row(f"{name}.a", here.a)


def _backward(name: str, layer: Dense[Number], here: Gradients[Number]) -> dict[str, Number]:
    found = {}
    if layer.activation != "identity":
        found = _row(f"{name}.grad_activation", here.arrives)
    found |= _row(f"{name}.grad_output", here.g)
    found |= _matrix(f"{name}.weight.grad", here.weight)
    if layer.bias is not None:
        found |= _row(f"{name}.bias.grad", here.g)
    return found


def _row(place: str, values: Row[Number]) -> dict[str, Number]:
    return {f"{place}[{i}]": value for i, value in enumerate(values)}


def _matrix(place: str, rows: Sequence[Row[Number]]) -> dict[str, Number]:
    return {f"{place}[{i},{j}]": value for i, row in enumerate(rows) for j, value in enumerate(row)}
