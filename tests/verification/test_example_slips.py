from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import carried_out
from fcinspect.verification.example import plan_of
from tests.verification.example_by_torch import ACTIVATIONS, Document, Problem, written


def causes(problem: Problem, printed: Document) -> dict[str, str | None]:
    """Return the causes of the wrong numbers, by their places."""
    report = carried_out(plan_of(problem.document(printed), "the example"))
    return {
        check.name.removeprefix("printed/"): check.cause
        for check in report.checks
        if check.verdict is Verdict.OUTSIDE
    }


def shaped(problem: Problem, values: torch.Tensor, places: int = 7) -> Document:
    """Return an output that is printed."""
    del problem
    return {"output": written(values, places)}


def forward(problem: Problem, **changed: Any) -> torch.Tensor:
    """Return the output by hand, with weights, biases, activations or x changed."""
    a = changed.get("x", problem.x)
    weights = changed.get("weights", problem.weights)
    biases = changed.get("biases", problem.biases)
    names = changed.get("activations", problem.activations)
    for w, b, name in zip(weights, biases, names, strict=True):
        a = ACTIVATIONS[name](a @ w.T + b)
    return torch.as_tensor(a)


FORWARD: list[tuple[str, Callable[[Problem], Document]]] = [
    ("the bias of layers.0 is forgotten", lambda p: {"biases": [0 * p.biases[0], p.biases[1]]}),
    ("the bias of layers.1 is added twice", lambda p: {"biases": [p.biases[0], 2 * p.biases[1]]}),
    ("the bias of layers.1 is subtracted", lambda p: {"biases": [p.biases[0], -p.biases[1]]}),
    ("the biases of all layers are forgotten", lambda p: {"biases": [0 * b for b in p.biases]}),
    ("the tanh after layers.0 is missing", lambda p: {"activations": ("identity", "identity")}),
    (
        "sigmoid is applied instead of tanh after layers.0",
        lambda p: {"activations": ("sigmoid", "identity")},
    ),
    (
        "relu is applied after layers.1, which has no activation",
        lambda p: {"activations": ("tanh", "relu")},
    ),
    (
        "the weight of layers.0 is transposed",
        lambda p: {"weights": [p.weights[0].T, p.weights[1]]},
    ),
    ("rows 0 and 1 of the input are swapped", lambda p: {"x": p.x.flip(0)}),
]


@pytest.mark.parametrize(("cause", "change"), FORWARD, ids=[cause for cause, _ in FORWARD])
@pytest.mark.parametrize("seed", range(3))
def test_forward_slips(cause: str, change: Callable[[Problem], Document], seed: int) -> None:
    """Whatever is wrong in the output is named by the slip that was planted."""
    problem = Problem(seed=seed)
    found = causes(problem, shaped(problem, forward(problem, **change(problem))))
    assert found
    assert set(found.values()) == {cause}


def test_softmax_twice() -> None:
    """A softmax of a softmax."""
    problem = Problem(activations=("tanh", "softmax"), loss="cross_entropy")
    found = causes(problem, shaped(problem, torch.softmax(forward(problem), -1)))
    assert set(found.values()) == {"softmax is applied twice"}


def by_hand(problem: Problem, slip: str) -> Document:
    """Return one step of mse and SGD with lr 0.1, tanh and identity, with a slip."""
    (w0, w1), (b0, b1) = problem.weights, problem.biases
    x, t = problem.x, problem.target
    h = torch.tanh(x @ w0.T + b0)
    y = h @ w1.T + b1
    g = 2 * (y - t) / t.numel()
    scale = {"half": 0.5, "N": float(t.numel()), "ascent": -1.0}.get(slip, 1.0)
    g = g * scale
    grad_w1, grad_b1 = g.T @ h, g.sum(0)
    lr = {"none": 0.0, "twice": 0.2}.get(slip, 0.1)
    after_w1, after_b1 = w1 - lr * grad_w1, b1 - lr * grad_b1
    back = after_w1 if slip == "updated" else w1
    g0 = g @ back
    if slip != "derivative":
        g0 = g0 * (1 - h * h)
    if slip == "bias":
        after_b1 = b1 - lr * grad_w1[:, 0]
    after_w0, after_b0 = w0 - lr * (g0.T @ x), b0 - lr * g0.sum(0)
    if slip == "frozen":
        after_b0, after_b1 = b0, b1
    found = {
        "layers.0.weight.after": after_w0,
        "layers.0.bias.after": after_b0,
        "layers.1.weight.after": after_w1,
        "layers.1.bias.after": after_b1,
    }
    return {place: written(values, 8) for place, values in found.items()}


@pytest.mark.parametrize(
    ("slip", "cause"),
    [
        ("half", "the gradient has a wrong factor of ½"),
        ("N", "the gradient has a wrong factor of N = 4"),
        ("ascent", "the sign of the gradient is reversed: target and output are swapped"),
        ("none", "the step is not applied"),
        ("twice", "the gradient has a wrong factor of 2"),
        ("updated", "the hidden gradient is propagated through already updated weights"),
        ("derivative", "the derivative of the tanh after layers.0 is forgotten"),
        ("bias", "the bias of layers.1 is updated with the gradient of the weight"),
        ("frozen", "the bias is not updated"),
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_step_slips(slip: str, cause: str, seed: int) -> None:
    """Parameters after a step that went wrong; without a slip nothing is wrong."""
    problem = Problem(seed=seed)
    assert causes(problem, by_hand(problem, "right")) == {}
    found = causes(problem, by_hand(problem, slip))
    assert found
    assert cause in found.values()
    assert sum(named == cause for named in found.values()) > len(found) / 2


def test_a_loss_without_its_mean() -> None:
    """Only the loss is wrong, by N."""
    problem = Problem()
    total = ((forward(problem) - problem.target) ** 2).sum()
    found = causes(problem, {"loss": written(total)})
    assert found == {"loss": "the loss has a wrong factor of N = 4"}


def test_the_step_applied_twice() -> None:
    """With the right gradient printed, a double step is one."""
    problem = Problem()
    right = {place: n for place, n in problem.right(8).items() if not place.endswith("_after")}
    found = causes(problem, {**right, **by_hand(problem, "twice")})
    assert set(found.values()) == {"the step is applied twice"}


def test_adam_without_correction() -> None:
    """√v and m as they are after one step from zero."""
    problem = Problem(optimizer="adam")
    grads = problem.right(12)
    g = torch.tensor(
        [[float(n) for n in row] for row in grads["layers.1.weight.grad"]], dtype=torch.float64
    )
    after = problem.weights[1] - 0.1 * 0.1 * g / ((0.001 * g * g).sqrt() + 1e-8)
    found = causes(problem, {"layers.1.weight.after": written(after, 7)})
    assert set(found.values()) == {"Adam's moments are not bias-corrected"}


def test_weight_decay_forgotten() -> None:
    """The step of plain SGD, though weight decay is declared."""
    plain = Problem().right(8)
    problem = Problem(options={"lr": "0.1", "weight_decay": "0.3"})
    found = causes(problem, {"layers.0.weight.after": plain["layers.0.weight.after"]})
    assert set(found.values()) == {"weight decay is forgotten"}


def test_one_wrong_row_of_many() -> None:
    """The slip is named from the rows that are wrong alone."""
    problem = Problem(rows=300)
    y = forward(problem)
    wrong = forward(problem, biases=[problem.biases[0], 0 * problem.biases[1]])
    y[250] = wrong[250]
    found = causes(problem, {"output": written(y, 7)})
    cause = "the bias of layers.1 is forgotten"
    assert found == {"output[250][0]": cause, "output[250][1]": cause}


def test_the_learning_rate() -> None:
    """Forgotten, and applied twice, with the right gradient printed."""
    problem = Problem()
    right = problem.right(10)
    grads = {place: right[place] for place in right if place.endswith(".grad")}
    w, b = problem.weights[1], problem.biases[1]
    dw, db = (
        torch.tensor(np.array(right[f"layers.1.{name}.grad"], dtype=float))
        for name in ("weight", "bias")
    )
    for lr, cause in (
        (1.0, "the learning rate is forgotten"),
        (0.01, "the learning rate is applied twice"),
    ):
        after = {
            "layers.1.weight.after": written(w - lr * dw, 7),
            "layers.1.bias.after": written(b - lr * db, 7),
        }
        assert set(causes(problem, {**grads, **after}).values()) == {cause}
    alone = {"layers.1.weight.after": written(-0.1 * dw, 7)}
    words = "the step alone is written, without the old value"
    assert set(causes(problem, {**grads, **alone}).values()) == {words}


def test_a_loss_without_its_squares() -> None:
    """The mean of the differences themselves."""
    problem = Problem()
    mean = (forward(problem) - problem.target).mean()
    cause = "the differences in the loss are not squared"
    assert causes(problem, {"loss": written(mean)}) == {"loss": cause}


def wide(seed: int = 0) -> tuple[Document, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return an example of one layer of shape (2, 3) with its x, W and b."""
    made = torch.Generator().manual_seed(seed)
    x, w, b, t = (
        torch.randn(*shape, generator=made, dtype=torch.float64).round(decimals=2)
        for shape in ((3,), (2, 3), (2,), (2,))
    )
    document = {
        "layers": [{"weight": written(w, 2), "bias": written(b, 2)}],
        "input": written(x, 2),
        "target": written(t, 2),
        "loss": "mse",
        "optimizer": {"name": "sgd", "lr": "0.1"},
    }
    return document, x, w, b


def named(document: Document, printed: Document) -> dict[str, str | None]:
    """Return the causes of what is wrong in an example."""
    report = carried_out(plan_of({**document, "printed": printed}, "the example"))
    return {
        check.name.removeprefix("printed/"): check.cause
        for check in report.checks
        if check.verdict is Verdict.OUTSIDE
    }


@pytest.mark.parametrize("seed", range(3))
def test_a_weight_that_is_not_square_read_by_its_columns(seed: int) -> None:
    """Its numbers, row by row, are taken as (in, out)."""
    document, x, w, b = wide(seed)
    z = x @ w.reshape(3, 2) + b
    found = named(document, {"output": written(z, 7)})
    assert set(found.values()) == {"the rows of the weight of layers.0 are read as its columns"}


@pytest.mark.parametrize("seed", range(3))
def test_a_gradient_with_rows_and_columns_exchanged(seed: int) -> None:
    """x ⊗ g where g ⊗ x is meant."""
    document, x, w, b = wide(seed)
    t = torch.tensor([float(n) for n in document["target"]], dtype=torch.float64)
    g = x @ w.T + b - t
    found = named(document, {"layers.0.weight.grad": written(torch.outer(x, g).reshape(2, 3), 7)})
    assert set(found.values()) == {"the gradient of the weight of layers.0 is transposed"}


@pytest.mark.parametrize("seed", range(3))
def test_one_number_of_a_sum(seed: int) -> None:
    """A product left out, its sign, a product taken twice, a sum in its place, another row."""
    document, x, w, b = wide(seed)
    z = w @ x + b
    product = w[0, 1] * x[1]
    cases = [
        (z[0] - product, "layers.0.weight[0][1]·input[1] is left out"),
        (z[0] - 2 * product, "layers.0.weight[0][1]·input[1] has the wrong sign"),
        (z[0] + product, "layers.0.weight[0][1]·input[1] is counted twice"),
        (
            z[0] - product + w[0, 1] + x[1],
            "layers.0.weight[0][1]·input[1] is computed as a sum, not a product",
        ),
        (z[0] - b[0] + b[1], "layers.0.bias[1] is added instead of layers.0.bias[0]"),
        (w[1] @ x + b[0], "row 1 of layers.0.weight is used instead of row 0"),
    ]
    for value, cause in cases:
        (number,) = written(value.reshape(1), 6)
        found = named(document, {"layers.0.pre_activation": [number, None]})
        assert found == {"layers.0.pre_activation[0]": cause}


def test_few_digits_are_no_evidence_of_a_slip_in_one_number() -> None:
    """A number of two digits is given by some slip or other."""
    document, x, w, b = wide()
    value = (w[0] @ x + b[0] - w[0, 1] * x[1]).reshape(1)
    for places, cause in ((1, None), (2, "layers.0.weight[0][1]·input[1] is left out")):
        (number,) = written(value, places)
        found = named(document, {"layers.0.pre_activation": [number, None]})
        assert found == {"layers.0.pre_activation[0]": cause}
