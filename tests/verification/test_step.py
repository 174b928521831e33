from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcinspect.arithmetic.settings import (
    ACTIVATION_NAMES,
    LOSS_NAMES,
    Optimizer,
    optimizer_named,
)
from fcinspect.arithmetic.training import LayerStep, ParameterStep, StepRequest, TrainingStep
from fcinspect.bridge.step import run_steps
from fcinspect.layers.array import Array
from fcinspect.layers.linear import DenseLayer, LinearLayer, Network
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.step import StepReport, check_steps
from tests.arithmetic.test_optimizers import optimizers

Change = Callable[[Array], Array]


def recorded(
    optimizer: Optimizer | None = None,
    *,
    count: int = 1,
    loss: str = "mse",
    batch: tuple[int, ...] = (3,),
    dtype: str = "float32",
    activations: tuple[str, ...] = ("relu", "tanh", "identity"),
) -> list[TrainingStep]:
    """Return the records of some steps of 4-6-5-5, wide enough for every fault to show."""
    request = StepRequest(
        (4, 6, 5, 5),
        activations,
        optimizer or optimizer_named("sgd", {"lr": 0.01}),
        loss=loss,
        seed=1,
        batch=batch,
        dtype=dtype,
    )
    return list(run_steps(request, count))


def times(factor: float) -> Change:
    """Return the fault of a constant factor."""
    return lambda array: Array.of(array.values.astype(np.float64) * factor, array.dtype)


def transposed(array: Array) -> Array:
    """Return the fault of a transposed square matrix."""
    return Array(np.ascontiguousarray(array.values.T), array.dtype)


def one_flipped(array: Array) -> Array:
    """Return the fault of one flipped sign, at the largest number."""
    values = array.values.copy()
    place = np.unravel_index(int(np.abs(values).argmax()), values.shape)
    values[place] = -values[place]
    return Array(values, array.dtype)


def with_layer(step: TrainingStep, place: int, **changes: object) -> TrainingStep:
    """Return the step with one layer changed."""
    layers = list(step.layers)
    layers[place] = replace(layers[place], **changes)  # type: ignore[arg-type]  # a test's shorthand
    return replace(step, layers=tuple(layers))


def with_weight(step: TrainingStep, place: int, **changes: object) -> TrainingStep:
    """Return the step with one weight's record changed."""
    weight = replace(step.layers[place].weight, **changes)  # type: ignore[arg-type]  # the same
    return with_layer(step, place, weight=weight)


def outside(steps: list[TrainingStep]) -> set[str]:
    """Return the names of the operations that are outside their bound."""
    report = check_steps(steps)
    assert report.verdict is Verdict.OUTSIDE
    return {check.name for check in report.checks if check.verdict is Verdict.OUTSIDE}


@settings(max_examples=120, deadline=None)
@given(
    widths=st.lists(st.integers(1, 20), min_size=2, max_size=4),
    data=st.data(),
    optimizer=optimizers(),
    loss=st.sampled_from(LOSS_NAMES),
    batch=st.sampled_from([(), (1,), (3,), (2, 3), (33,)]),
    dtype=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 10**9),
    steps=st.integers(1, 3),
    scale=st.sampled_from([1e-3, 1.0, 50.0]),
)
def test_no_correct_step_is_ever_outside(
    widths: list[int],
    data: st.DataObject,
    optimizer: Optimizer,
    loss: str,
    batch: tuple[int, ...],
    dtype: str,
    seed: int,
    steps: int,
    scale: float,
) -> None:
    """Over shapes, batches, dtypes, activations, losses, optimizers and several steps."""
    count = len(widths) - 1
    names = st.sampled_from(ACTIVATION_NAMES)
    activations = data.draw(st.lists(names, min_size=count, max_size=count))
    if loss == "bce":
        activations[-1] = "sigmoid"
    x = np.random.default_rng(seed).standard_normal((*batch, widths[0])) * scale
    request = StepRequest(
        tuple(widths), tuple(activations), optimizer, loss, seed, batch, dtype,
        x=Array.of(x, dtype),
    )  # fmt: skip
    report = check_steps(run_steps(request, steps))
    found = [c for c in report.checks if c.verdict is Verdict.OUTSIDE]
    assert not found, found[0].sentence
    assert not [f for f in report.earlier if f.check.verdict is Verdict.OUTSIDE]


def test_the_untouched_record_is_within_bound() -> None:
    """Otherwise the saboteurs below would prove nothing."""
    for dtype in ("float32", "float64"):
        assert check_steps(recorded(dtype=dtype)).verdict is Verdict.WITHIN


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("fault", [times(-1), times(2), one_flipped, transposed])
def test_a_wrong_weight_gradient_is_found(fault: Change, dtype: str) -> None:
    """Flipped, doubled, one sign, transposed; the update then steps along it and is right."""
    (step,) = recorded(dtype=dtype)
    weight = step.layers[2].weight
    assert "fc3.weight.grad" in outside([with_weight(step, 2, grad=fault(weight.grad))])


def test_a_wrong_bias_gradient_is_found() -> None:
    """The mean over the rows instead of the sum."""
    (step,) = recorded()
    bias = step.layers[1].bias
    assert bias is not None
    wrong = with_layer(step, 1, bias=replace(bias, grad=times(1 / 3)(bias.grad)))
    assert "fc2.bias.grad" in outside([wrong])


def test_a_gradient_sent_through_the_transposed_weight_is_found() -> None:
    """G·Wᵀ in place of G·W, by the square layer."""
    (step,) = recorded()
    layer = step.layers[2]
    wrong = layer.grad_output.values @ layer.weight.before.values.T
    assert "fc3.grad_input" in outside([with_layer(step, 2, grad_input=Array(wrong, "float32"))])


def test_a_gradient_sent_through_the_updated_weight_is_found() -> None:
    """Parameters must not change before all gradients are known."""
    (step,) = recorded(optimizer_named("sgd", {"lr": 0.001}))
    layer = step.layers[2]
    wrong = layer.grad_output.values @ layer.weight.after.values
    assert "fc3.grad_input" in outside([with_layer(step, 2, grad_input=Array(wrong, "float32"))])


@pytest.mark.parametrize("after", [False, True])
def test_a_dropped_bias_is_found(after: bool) -> None:
    """On the way forward, before and after the step."""
    (step,) = recorded()
    forward = step.after if after else step.before
    bias = step.layers[0].bias
    assert bias is not None
    used = bias.after if after else bias.before
    passed = forward.layers[0]
    wrong = replace(
        passed, pre_activation=Array(passed.pre_activation.values - used.values, "float32")
    )
    changed = replace(forward, layers=(wrong, *forward.layers[1:]))
    record = replace(step, after=changed) if after else replace(step, before=changed)
    name = "fc1.pre_activation" + (" after the step" if after else "")
    assert name in outside([record])


@pytest.mark.parametrize("place", [0, 1])
def test_a_missing_mask_or_derivative_is_found(place: int) -> None:
    """The gradient passed on as it arrived, through relu and through tanh."""
    (step,) = recorded()
    wrong = with_layer(step, place, grad_output=step.layers[place].grad_activation)
    assert f"fc{place + 1}.grad_output" in outside([wrong])


@pytest.mark.parametrize("factor", [0.5, 2.0, 15.0, 3.0])
@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_a_missing_factor_in_the_loss_is_found(loss: str, factor: float) -> None:
    """Of 2, of N or of R, in the loss and in its gradient."""
    last = "sigmoid" if loss == "bce" else "identity"
    (step,) = recorded(loss=loss, activations=("relu", "tanh", last))
    wrong = replace(step, before=replace(step.before, loss=times(factor)(step.before.loss)))
    assert "loss" in outside([wrong])
    arriving = step.layers[2].grad_activation
    wrong = with_layer(step, 2, grad_activation=times(factor)(arriving))
    assert "output.grad" in outside([wrong])


def not_applied(parameter: ParameterStep) -> Array:
    """Return the parameter as it was."""
    return parameter.before


def applied_twice(parameter: ParameterStep) -> Array:
    """Return the parameter moved twice as far."""
    moved = parameter.before.values + 2 * parameter.update.values
    return Array.of(moved, parameter.before.dtype)


def climbed(parameter: ParameterStep) -> Array:
    """Return the parameter moved the other way."""
    return Array.of(parameter.before.values - parameter.update.values, parameter.before.dtype)


@pytest.mark.parametrize("lr", [1e-5, 1e-3, 0.1])
@pytest.mark.parametrize("fault", [not_applied, applied_twice, climbed])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_wrong_update_is_found(
    fault: Callable[[ParameterStep], Array], lr: float, dtype: str
) -> None:
    """Not applied, lr doubled, wrong sign: also at lr = 1e-5, where closeness sees nothing."""
    (step,) = recorded(optimizer_named("sgd", {"lr": lr}), dtype=dtype)
    wrong = with_weight(step, 2, after=fault(step.layers[2].weight))
    assert "fc3.weight.update" in outside([wrong])


IGNORED = [
    (optimizer_named("sgd", {"momentum": 0.9}), {}),
    (optimizer_named("sgd", {"momentum": 0.9, "dampening": 0.5}), {"dampening": 0.0}),
    (optimizer_named("sgd", {"momentum": 0.9, "nesterov": True}), {"nesterov": False}),
    (optimizer_named("sgd", {"weight_decay": 0.1}), {"weight_decay": 0.0}),
    (optimizer_named("sgd", {"maximize": True}), {"maximize": False}),
    (optimizer_named("adam", {"weight_decay": 0.1}), {"weight_decay": 0.0}),
    (optimizer_named("adam", {"betas": (0.5, 0.9)}), {"betas": (0.9, 0.9)}),
    (optimizer_named("adamw", {}), {"weight_decay": 0.0}),
    (optimizer_named("rmsprop", {}), {"centered": True}),
    (optimizer_named("rmsprop", {"momentum": 0.5}), {"momentum": 0.25}),
    (optimizer_named("adagrad", {"lr_decay": 0.5}), {"lr_decay": 0.0}),
    (optimizer_named("adagrad", {"eps": 0.1}), {"eps": 1e-10}),
]


@pytest.mark.parametrize(("claimed", "really"), IGNORED, ids=lambda v: str(getattr(v, "call", v)))
def test_an_ignored_option_is_found(claimed: Optimizer, really: dict[str, float]) -> None:
    """Three steps of what was run, judged as what was claimed."""
    used = Optimizer(claimed.name, {**claimed.options, **really})
    if not really:
        used = optimizer_named("sgd", {})
    steps = recorded(used, count=3)
    claimed_steps = [replace(step, optimizer=claimed) for step in steps]
    if not really:
        # plain SGD keeps no buffer: give the record the one that momentum would have had
        claimed_steps = [with_buffers(step, earlier) for step, earlier in
                         zip(claimed_steps[1:], claimed_steps, strict=False)]  # fmt: skip
    report = check_steps(claimed_steps)
    assert report.verdict is Verdict.OUTSIDE


def with_buffers(step: TrainingStep, earlier: TrainingStep) -> TrainingStep:
    """Return the step with the gradients of the one before as its momentum buffers."""

    def buffered(parameter: ParameterStep, was: ParameterStep) -> ParameterStep:
        return replace(parameter, state_before={"momentum_buffer": was.grad})

    layers: list[LayerStep] = []
    for layer, before in zip(step.layers, earlier.layers, strict=True):
        assert layer.bias is not None
        assert before.bias is not None
        layers.append(
            replace(
                layer,
                weight=buffered(layer.weight, before.weight),
                bias=buffered(layer.bias, before.bias),
            )
        )
    return replace(step, layers=tuple(layers))


def test_a_gradient_that_was_not_cleared_is_found() -> None:
    """The sum of two steps' gradients in the second."""
    first, second = recorded(count=2)
    summed = first.layers[2].weight.grad.values + second.layers[2].weight.grad.values
    wrong = with_weight(second, 2, grad=Array(summed, "float32"))
    assert "fc3.weight.grad" in outside([first, wrong])


def test_a_parameter_changed_between_steps_is_found() -> None:
    """By the hand-over, which is exact."""
    first, second = recorded(count=2)
    nudged = np.nextafter(first.layers[2].weight.after.values, np.float32(9), dtype=np.float32)
    wrong = with_weight(first, 2, after=Array(nudged, "float32"))
    assert "handovers" in outside([wrong, second])


def test_a_fault_in_an_earlier_step_is_reported() -> None:
    """The last step alone would not show it."""
    steps = recorded(count=3)
    weight = steps[0].layers[2].weight
    steps[0] = with_weight(steps[0], 2, grad=times(-1)(weight.grad))
    report = check_steps(steps)
    assert report.verdict is Verdict.OUTSIDE
    assert (1, "fc3.weight.grad") in {(f.step, f.check.name) for f in report.earlier}


@pytest.mark.parametrize(
    ("fault", "words"),
    [(times(-1), "sign is flipped"), (times(2), "twice"), (times(0), "zero"),
     (transposed, "transpose")],
)  # fmt: skip
def test_the_pattern_of_a_fault_is_named(fault: Change, words: str) -> None:
    """In the sentence of the check."""
    (step,) = recorded()
    report = check_steps([with_weight(step, 2, grad=fault(step.layers[2].weight.grad))])
    (check,) = [c for c in report.checks if c.name == "fc3.weight.grad"]
    assert words in (check.cause or "")
    assert words in check.sentence


def test_numbers_that_are_not_finite_are_undecided() -> None:
    """Never within bound."""
    x = Array.of([[math.nan, 1.0, 2.0]], "float32")
    request = StepRequest((3, 2), ("relu",), optimizer_named("sgd", {}), batch=(1,), x=x)
    assert check_steps(run_steps(request)).verdict is Verdict.UNDECIDED


def mazur(dtype: str = "float64") -> StepReport:
    """Return the step of a published 2-2-2 network: sigmoid, half the sum of squares, SGD(0.5)."""
    numbers = (
        ([[0.15, 0.20], [0.25, 0.30]], [0.35, 0.35]),
        ([[0.40, 0.45], [0.50, 0.55]], [0.60, 0.60]),
    )
    layers = tuple(
        DenseLayer(
            LinearLayer(Array.of(w, dtype), Array.of(b, dtype), "Mazur 2015", f"fc{i}"), "sigmoid"
        )
        for i, (w, b) in enumerate(numbers, start=1)
    )
    request = StepRequest(
        (2, 2, 2),
        ("sigmoid", "sigmoid"),
        optimizer_named("sgd", {"lr": 0.5}),
        loss="half_sum_squares",
        dtype=dtype,
        network=Network(layers),
        x=Array.of([0.05, 0.10], dtype),
        target=Array.of([0.01, 0.99], dtype),
    )
    return check_steps(run_steps(request))


def test_a_published_example_comes_out_digit_by_digit() -> None:
    """Mazur, A Step by Step Backpropagation Example, 2015: every number that it prints."""
    report = mazur()
    assert report.verdict is Verdict.WITHIN
    step = report.last
    hidden, output = step.before.layers

    def shown(array: Array, decimals: int) -> list[str]:
        return [f"{v:.{decimals}f}" for v in array.values.reshape(-1)]

    assert shown(hidden.pre_activation, 4)[0] == "0.3775"
    assert shown(hidden.output, 9) == ["0.593269992", "0.596884378"]
    assert shown(output.pre_activation, 9)[0] == "1.105905967"
    assert shown(output.output, 8)[0] == "0.75136507"
    assert shown(output.output, 9)[1] == "0.772928465"
    assert shown(step.before.loss, 9) == ["0.298371109"]
    second = step.layers[1].weight
    assert shown(second.grad, 9)[0] == "0.082167041"
    assert shown(second.after, 8)[0] == "0.35891648"
    assert shown(second.after, 9)[1:] == ["0.408666186", "0.511301270", "0.561370121"]
    first = shown(step.layers[0].weight.after, 9)
    assert first[0] == "0.149780716"
    assert shown(step.layers[0].weight.after, 8)[1:] == ["0.19956143", "0.24975114", "0.29950229"]


def test_every_field_of_the_record_is_checked() -> None:
    """Each array of the record, doubled, is noticed by some check."""
    (step,) = recorded(optimizer_named("adam", {}), count=1)
    layer = step.layers[1]
    for field in dataclasses.fields(layer):
        value = getattr(layer, field.name)
        if isinstance(value, Array):
            wrong = with_layer(step, 1, **{field.name: times(2)(value)})
            assert outside([wrong]), field.name
    for field in dataclasses.fields(layer.weight):
        value = getattr(layer.weight, field.name)
        if isinstance(value, Array):
            assert outside([with_weight(step, 1, **{field.name: times(2)(value)})]), field.name
    states = {k: times(2)(v) for k, v in layer.weight.state_after.items()}
    assert outside([with_weight(step, 1, state_after=states)])
