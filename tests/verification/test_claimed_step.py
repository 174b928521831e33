from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from fcinspect.arithmetic.settings import Optimizer, optimizer_named
from fcinspect.bridge.linear import dtype_of, to_array
from fcinspect.layers.array import Array
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import VerificationReport, carried_out
from fcinspect.verification.claimed_step import ClaimedStep, claimed_step, plan_step

Tensor = torch.Tensor
Options = dict[str, Any]

CLASSES: Mapping[str, type[torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
}
ROWS, WIDTHS = 5, (7, 6, 6, 4)
NAMES = tuple(f"fc{place}.{part}" for place in (1, 2, 3) for part in ("weight", "bias"))


@dataclass(eq=False)
class Net:
    """7-6-6-4 with ReLUs between and an optimizer of torch, about to take a step."""

    layers: list[nn.Linear]
    x: Tensor
    target: Tensor
    loss_name: str
    optimizer: torch.optim.Optimizer

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Weights and biases, the first layer's first."""
        return [p for layer in self.layers for p in layer.parameters()]

    def output(self) -> Tensor:
        """Return y, with the parameters as they are."""
        a = self.x
        for layer in self.layers[:-1]:
            a = torch.relu(layer(a))
        y: Tensor = self.layers[-1](a)
        return y

    def loss(self) -> Tensor:
        """Return L, with the parameters as they are."""
        losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
            "mse": F.mse_loss,
            "l1": F.l1_loss,
            "cross_entropy": F.cross_entropy,
        }
        return losses[self.loss_name](self.output(), self.target)

    def held(self) -> list[Array]:
        """Return the parameters as they are."""
        return [to_array(p.detach().clone()) for p in self.parameters]

    def states(self) -> list[dict[str, Array]]:
        """Return what the optimizer has kept of each parameter."""
        kept = [self.optimizer.state.get(p, {}) for p in self.parameters]
        return [
            {
                name: to_array(value.detach().clone())
                for name, value in state.items()
                if isinstance(value, Tensor) and name != "step"
            }
            for state in kept
        ]


Change = Callable[[Net], None]


def as_torch_does(net: Net) -> None:
    """Take the step of torch's own optimizer."""
    net.optimizer.step()


def backward(net: Net) -> None:
    """Compute the gradients anew."""
    net.optimizer.zero_grad()
    net.loss().backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped


def net_of(name: str, options: Options, dtype: str = "float32", loss: str = "mse") -> Net:
    """Return a network with data, the same at every call."""
    torch.manual_seed(4)
    kind = dtype_of(dtype)
    layers = [nn.Linear(a, b, dtype=kind) for a, b in itertools.pairwise(WIDTHS)]
    x = torch.randn(ROWS, WIDTHS[0]).to(kind)
    target = (
        torch.arange(ROWS) % WIDTHS[-1]
        if loss == "cross_entropy"
        else torch.randn(ROWS, WIDTHS[-1]).to(kind)
    )
    parameters = [p for layer in layers for p in layer.parameters()]
    made: Any = CLASSES[name]
    return Net(layers, x, target, loss, made(parameters, **options))


def recorded(
    name: str,
    options: Options,
    *,
    claim: Optimizer | None = None,
    dtype: str = "float32",
    count: int = 1,
    loss: str = "mse",
    gradients: Change = backward,
    update: Change = as_torch_does,
    known: bool = True,
) -> ClaimedStep:
    """Return the last of `count` steps, of which only the last is taken by `update`.

    The optimizer is the one that is claimed, unless `claim` is another. `known`: input, target,
    outputs and losses are recorded, too.
    """
    net = net_of(name, options, dtype, loss)
    for _ in range(count - 1):
        backward(net)
        net.optimizer.step()
    before, states = net.held(), net.states()
    around = {
        "input": to_array(net.x),
        "target": (
            Array(net.target.numpy().astype(np.float64), "float64")
            if loss == "cross_entropy"
            else to_array(net.target)
        ),
        "output_before": to_array(net.output().detach()),
        "loss_before": to_array(net.loss().detach()),
    }
    gradients(net)
    grads = [to_array(torch.clone(p.grad)) for p in net.parameters if p.grad is not None]
    update(net)
    around["output_after"] = to_array(net.output().detach())
    around["loss_after"] = to_array(net.loss().detach())
    parts = {
        name: {"before": old, "grad": grad, "after": new}
        for name, old, grad, new in zip(NAMES, before, grads, net.held(), strict=True)
    }
    return claimed_step(
        "a test",
        claim or optimizer_named(name, options),
        count,
        parts,
        dict(zip(NAMES, states, strict=True)) if count > 1 else {},
        around if known else {},
        loss if known else None,
        (None, None),
    )


def found_in(step: ClaimedStep) -> VerificationReport:
    """Return what all checks of a step find."""
    return carried_out(plan_step(step))


def outside(report: VerificationReport) -> set[str]:
    """Return the names of the checks that are outside their bound."""
    return {check.name for check in report.checks if check.verdict is Verdict.OUTSIDE}


RIGHT: list[tuple[str, Options]] = [
    ("sgd", {"lr": 0.1}),
    ("sgd", {"lr": 0.03, "momentum": 0.9, "weight_decay": 1e-2}),
    ("sgd", {"lr": 0.03, "momentum": 0.9, "nesterov": True}),
    ("sgd", {"lr": 0.03, "momentum": 0.9, "dampening": 0.3, "maximize": True}),
    ("adam", {"lr": 1e-3}),
    ("adam", {"lr": 1e-2, "betas": (0.7, 0.95), "weight_decay": 0.1, "amsgrad": True}),
    ("adamw", {"lr": 3e-3, "weight_decay": 0.1}),
    ("rmsprop", {"lr": 1e-3}),
    ("rmsprop", {"lr": 1e-3, "momentum": 0.8, "centered": True, "weight_decay": 1e-2}),
    ("adagrad", {"lr": 1e-2, "lr_decay": 0.1, "weight_decay": 1e-2}),
]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(("name", "options"), RIGHT, ids=str)
def test_a_step_of_torch_is_never_outside(
    name: str, options: Options, count: int, dtype: str
) -> None:
    """Neither updates nor gradients nor what they are computed from, at the first step or later."""
    found = found_in(recorded(name, options, count=count, dtype=dtype))
    assert outside(found) == set()
    updates = [check for check in found.checks if check.group == "update"]
    assert [check.name for check in updates] == [f"update/{name}" for name in NAMES]
    if dtype == "float32":  # in bfloat16 a denominator may be so small that it could be zero
        assert {check.verdict for check in updates} == {Verdict.WITHIN}


def by_hand(change: Callable[[Tensor, Tensor], Tensor]) -> Change:
    """Return the fault that moves each parameter by change(w, g) and no optimizer's rule."""

    def update(net: Net) -> None:
        with torch.no_grad():
            for p in net.parameters:
                assert p.grad is not None
                p.add_(change(p, p.grad))

    return update


def nothing(_: Net) -> None:
    """Leave everything as it is."""


def twice(net: Net) -> None:
    """Step twice with the same gradients."""
    net.optimizer.step()
    net.optimizer.step()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("update", "words"),
    [
        (nothing, "the step was not applied"),
        (twice, "the step was applied twice"),
        (
            by_hand(lambda w, g: 0.125 * g),
            "the sign is wrong: the step ascends instead of descending",
        ),
        (by_hand(lambda w, g: -1.25 * g), "the learning rate is ten times what was given"),
    ],
)
def test_a_wrong_step_is_found_and_named(update: Change, words: str, dtype: str) -> None:
    """In every parameter, by one cause; the gradients beside it are right."""
    found = found_in(recorded("sgd", {"lr": 0.125}, dtype=dtype, update=update))
    assert {f"update/{name}" for name in NAMES} == outside(found)
    assert found.likely_cause == words
