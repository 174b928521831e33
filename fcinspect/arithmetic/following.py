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
from fcinspect.arithmetic.training import LayerStep, ParameterStep, TrainingStep
from fcinspect.errors import UsageError, did_you_mean
from fcinspect.layers.array import Array
from fcinspect.rounding.arrays import Float64Array

EXPECTED = "expected a name and an index such as fc2.weight[1,3] or fc1.bias[0]"
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
        raise UsageError(f"parameter {text!r} is not understood: {EXPECTED}")
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
    inside = len(address.index) == len(shape) and all(
        i < size for i, size in zip(address.index, shape, strict=True)
    )
    if not inside:
        last = ",".join(str(size - 1) for size in shape)
        raise UsageError(
            f"{address.text} does not exist: {address.name} has shape {shape},"
            f" its last number is [{last}]"
        )


def follow(step: TrainingStep, address: Address) -> Followed:
    """Return the way of one parameter through the step."""
    layer, parameter = _find(step, address.name)
    place = step.layers.index(layer)
    before = _number(parameter.before, address)
    grad = _number(parameter.grad, address)
    passed = step.before.layers[place]
    return Followed(
        address,
        layer.name,
        layer.activation,
        step.optimizer,
        _terms(layer, passed.input, passed.pre_activation, passed.output, address.index),
        _working(step, parameter, address, before, grad),
        before,
        grad,
        _number(parameter.update, address),
        _number(parameter.after, address),
    )


def _find(step: TrainingStep, name: str) -> tuple[LayerStep, ParameterStep]:
    for layer in step.layers:
        for known, parameter in layer.parameters:
            if known == name:
                return layer, parameter
    raise AssertionError(name)


def _terms(
    layer: LayerStep, x: Array, z: Array, a: Array, index: tuple[int, ...]
) -> tuple[GradientTerm, ...]:
    batch, output = x.shape[:-1], index[0]
    columns = [_column(array, output) for array in (layer.grad_activation, z, a, layer.grad_output)]
    arriving, z_column, a_column, leaving = columns
    inputs = _column(x, index[1]) if len(index) == 2 else np.ones_like(leaving)
    with np.errstate(all="ignore"):
        derivative = ACTIVATIONS[layer.activation].backward(
            z_column, a_column, np.ones_like(z_column)
        )
        products = leaving * inputs
    sums = _running_sums(products)
    return tuple(
        GradientTerm(
            row,
            float(arriving[i]),
            float(derivative[i]),
            float(leaving[i]),
            float(inputs[i]),
            float(products[i]),
            sums[i],
        )
        for i, row in enumerate(np.ndindex(*batch))
    )


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
    state = {
        name: np.asarray(_number(values, address))
        for name, values in parameter.state_before.items()
    }
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


def _number(array: Array, address: Address) -> float:
    return float(array.values[address.index])
