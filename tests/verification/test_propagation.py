"""Bounds of whole networks: never exceeded by torch, exceeded by what is moved."""

from __future__ import annotations

import numpy as np
import pytest

from fcinspect.arithmetic.settings import (
    ACTIVATION_NAMES,
    LOSS_NAMES,
    optimizer_named,
)
from fcinspect.arithmetic.training import StepRequest, TrainingStep
from fcinspect.bridge.step import run_steps
from fcinspect.rounding.formats import format_named
from fcinspect.rounding.running import AllowedRange, exact
from fcinspect.verification.propagation import Layer, Propagation

DRAWN = np.random.default_rng(0)
CASES = [
    (
        ("float32", "float64", "bfloat16", "float16")[index % 4],
        tuple(int(width) for width in DRAWN.integers(1, 20, int(DRAWN.integers(2, 5)))),
        LOSS_NAMES[index % len(LOSS_NAMES)],
        ACTIVATION_NAMES[int(DRAWN.integers(len(ACTIVATION_NAMES)))],
    )
    for index in range(48)
]


def step_of(dtype: str, widths: tuple[int, ...], loss: str, activation: str) -> TrainingStep:
    """Return a step of torch."""
    last = "sigmoid" if loss == "bce" else "identity"
    chain = ((activation,) * (len(widths) - 2), (last,))
    sgd = optimizer_named("sgd", {})
    return next(iter(run_steps(StepRequest(widths, sum(chain, ()), sgd, loss, 3, (4,), dtype))))


def bounds_of(
    step: TrainingStep, loss: str, dtype: str
) -> tuple[dict[str, AllowedRange], AllowedRange]:
    """Return the intervals of all gradients and of the loss."""
    layers = []
    for layer in step.layers:
        bias = None if layer.bias is None else layer.bias.before.values.astype(float)
        weight = layer.weight.before.values.astype(float)
        layers.append(Layer(layer.name, weight, bias, layer.activation))
    x = exact(step.input.rows, format_named(dtype))
    known = Propagation.of(x, layers, loss, step.target_rows)
    return known.gradients(), known.losses()


@pytest.mark.parametrize(("dtype", "widths", "loss", "activation"), CASES)
def test_torch_lies_within(dtype: str, widths: tuple[int, ...], loss: str, activation: str) -> None:
    """Gradients and loss; where a bound says nothing it decides nothing."""
    with np.errstate(all="ignore"):
        step = step_of(dtype, widths, loss, activation)
        gradients, value = bounds_of(step, loss, dtype)
    assert value.low <= step.before.loss_value <= value.high or not value.decided.all()
    for name, parameter in step.parameters:
        bound, grad = gradients[name], parameter.grad.values.astype(float)
        assert np.all(((bound.low <= grad) & (grad <= bound.high)) | ~bound.decided)


def test_what_is_moved_by_more_than_the_bound_lies_outside() -> None:
    """The intervals of a float32 network are narrow: a thousandth of each gradient is seen."""
    step = step_of("float32", (7, 6, 4), "mse", "tanh")
    gradients, _ = bounds_of(step, "mse", "float32")
    for name, parameter in step.parameters:
        bound, grad = gradients[name], parameter.grad.values.astype(float)
        moved = grad * 1.001
        assert np.any((moved < bound.low) | (moved > bound.high))
        moved = grad + 2 * (bound.high - bound.low) + 1e-30
        assert np.all(moved > bound.high)
