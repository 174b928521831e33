"""One parameter followed through a step: every number that enters its gradient and its update."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.arithmetic.optimizers import STATE_SYMBOLS, known_numbers, move
from fcinspect.arithmetic.settings import Optimizer
from fcinspect.arithmetic.training import LayerPass, LayerStep, ParameterStep, TrainingStep
from fcinspect.errors import UsageError, did_you_mean
from fcinspect.layers.array import Array
from fcinspect.rounding.arrays import Float64Array

PATTERN = re.compile(r"(?P<name>.+)\[(?P<index>\s*\d{1,18}\s*(,\s*\d{1,18}\s*)?)\]")


@dataclass(frozen=True)
class Address:
    """A parameter's name and the index of one of its numbers."""

    name: str
    index: tuple[int, ...]

    @property
    def text(self) -> str:
        """The address as it is written."""
        return f"{self.name}[{','.join(map(str, self.index))}]"


@dataclass(frozen=True)
class GradientTerm:
    """What one row of the batch adds to the gradient."""

    row: tuple[int, ...]
    """The row's place in the batch; () for one vector."""
    grad_activation: float
    """∂L/∂a of the output that the parameter feeds."""
    derivative: float
    """φ′ there, in float64."""
    grad_output: float
    """G = ∂L/∂z, as torch has it."""
    input: float
    """The input that the weight multiplies; 1 for a bias."""
    product: float
    """G·input, rounded once to float64."""
    running_sum: float
    """Of the products so far, exact and then rounded once to float64."""


@dataclass(frozen=True)
class WorkedLine:
    """One line of the optimizer's working."""

    name: str
    formula: str
    """A template, as in arithmetic/optimizers.py."""
    numbers: Mapping[str, float]
    """The value of every name in the template."""
    value: float
    """In float64."""


@dataclass(frozen=True)
class Followed:
    """A parameter's way through a step."""

    address: Address
    layer: str
    activation: str
    optimizer: Optimizer
    terms: tuple[GradientTerm, ...]
    """One a row of the batch."""
    working: tuple[WorkedLine, ...]
    before: float
    grad: float
    update: float
    after: float


def parse_address(text: str) -> Address:
    """Return the parameter that "fc2.weight[1,3]" names."""
    match = PATTERN.fullmatch(text.strip())
    if match is None:
        expected = "expected a name and an index such as fc2.weight[1,3] or fc1.bias[0]"
        raise UsageError(f"invalid parameter {text!r}: {expected}")
    index = tuple(int(part) for part in match["index"].split(","))
    return Address(match["name"], index)


def require_parameter(address: Address, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise UsageError when no parameter of these shapes has that address."""
    if address.name not in shapes:
        raise UsageError(
            f"the network has no parameter {address.name!r}: it has {', '.join(shapes)}",
            hint=did_you_mean(address.name, shapes),
        )
    shape = shapes[address.name]
    index = address.index
    if len(index) != len(shape) or any(i >= size for i, size in zip(index, shape, strict=True)):
        last = ",".join(str(size - 1) for size in shape)
        raise UsageError(
            f"{address.text} does not exist: {address.name} has shape {shape},"
            f" its last index is [{last}]"
        )


def follow(step: TrainingStep, address: Address) -> Followed:
    """Return the way of one parameter through the step."""
    layer, passed, parameter = next(
        (layer, passed, parameter)
        for layer, passed in zip(step.layers, step.before.layers, strict=True)
        for name, parameter in layer.parameters
        if name == address.name
    )
    parts = (parameter.before, parameter.grad, parameter.update, parameter.after)
    before, grad, update, after = (float(array.values[address.index]) for array in parts)
    return Followed(
        address, layer.name, layer.activation, step.optimizer,
        _terms(layer, passed, address.index),
        _working(step, parameter, address, before, grad),
        before, grad, update, after,
    )  # fmt: skip


def _terms(layer: LayerStep, passed: LayerPass, index: tuple[int, ...]) -> tuple[GradientTerm, ...]:
    arrays = (layer.grad_activation, passed.pre_activation, passed.output, layer.grad_output)
    arriving, z, a, leaving = (_column(array, index[0]) for array in arrays)
    inputs = _column(passed.input, index[1]) if len(index) == 2 else np.ones_like(leaving)
    with np.errstate(all="ignore"):
        derivative = ACTIVATIONS[layer.activation].backward(z, a, np.ones_like(z))
        products = leaving * inputs
    columns = (arriving, derivative, leaving, inputs, products)
    numbers = zip(*(column.tolist() for column in columns), _running_sums(products), strict=True)
    rows = np.ndindex(*passed.input.shape[:-1])
    return tuple(GradientTerm(row, *of_row) for row, of_row in zip(rows, numbers, strict=True))


def _running_sums(products: Float64Array) -> list[float]:
    """Return the sums so far, without the error of adding up (Shewchuk's fsum)."""
    plain = [float(p) for p in products]
    if not all(map(math.isfinite, plain)):
        return list(accumulate(plain))
    if len(plain) > 2000:
        return [float(total) for total in np.cumsum(plain)]
    return [math.fsum(plain[: i + 1]) for i in range(len(plain))]


def _working(
    step: TrainingStep, parameter: ParameterStep, address: Address, before: float, grad: float
) -> tuple[WorkedLine, ...]:
    kept = parameter.state_before.items()
    state = {name: np.asarray(float(held.values[address.index])) for name, held in kept}
    with np.errstate(all="ignore"):
        moved = move(step.optimizer, np.asarray(before), np.asarray(grad), state, step.number)
    known = known_numbers(step.optimizer, step.number) | {"w": before, "g": grad}
    known |= {STATE_SYMBOLS[name]: float(value) for name, value in state.items()}
    lines = []
    for quantity in moved.working:
        used = {name: known[name] for name in re.findall(r"\{([^}]+)\}", quantity.formula)}
        value = float(quantity.value)
        lines.append(WorkedLine(quantity.name, quantity.formula, used, value))
        known[quantity.name] = value
    return tuple(lines)


def _column(array: Array, column: int) -> Float64Array:
    return array.values.reshape(-1, array.shape[-1])[:, column].astype(np.float64)
