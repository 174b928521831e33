"""A worksheet's problem worked out by torch: forward, loss, backward and an SGD step."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from fcinspect.arithmetic.settings import OPTIONS, Optimizer
from fcinspect.arithmetic.training import StepRequest
from fcinspect.bridge.step import run_steps
from fcinspect.layers.array import Array
from fcinspect.layers.linear import DenseLayer, LinearLayer, Network
from fcinspect.worksheets.problem import Problem, SheetLayer


def results_in_torch(problem: Problem) -> dict[str, float]:
    """Return every result by the ids of worksheets/passes.py, in float64, unrounded."""
    request = StepRequest(
        problem.widths,
        tuple(layer.activation for layer in problem.layers),
        Optimizer("sgd", {**OPTIONS["sgd"], "lr": float(problem.learning_rate)}),
        dtype="float64",
        network=Network(tuple(map(_layer, problem.layers))),
        x=_array(problem.x),
        target=_array(problem.target),
    )
    step = next(run_steps(request))
    found = {"loss": step.before.loss_value, "loss_after": step.after.loss_value}
    found |= _numbers("output_after", step.after.output)
    for layer, passed in zip(step.layers, step.before.layers, strict=True):
        found |= _numbers(f"{layer.name}.z", passed.pre_activation)
        found |= _numbers(f"{layer.name}.grad_output", layer.grad_output)
        if layer.activation != "identity":
            found |= _numbers(f"{layer.name}.a", passed.output)
            found |= _numbers(f"{layer.name}.grad_activation", layer.grad_activation)
        for key, parameter in layer.parameters:
            found |= _numbers(f"{key}.grad", parameter.grad)
            found |= _numbers(f"{key}.after", parameter.after)
    return found


def _layer(layer: SheetLayer[Fraction]) -> DenseLayer:
    bias = None if layer.bias is None else _array(layer.bias)
    return DenseLayer(
        LinearLayer(_array(layer.weight), bias, "a worksheet", layer.name), layer.activation
    )


def _array(values: Sequence[Fraction] | Sequence[Sequence[Fraction]]) -> Array:
    return Array(np.array(values, dtype=np.float64), "float64")


def _numbers(place: str, values: Array) -> dict[str, float]:
    return {
        f"{place}[{','.join(map(str, index))}]": float(value)
        for index, value in np.ndenumerate(values.values)
    }
