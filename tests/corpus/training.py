"""A small network in training, with everything recorded that `fcinspect` judges a step by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from fcinspect.arithmetic.settings import Optimizer, optimizer_named
from fcinspect.arithmetic.training import (
    Classes,
    ForwardPass,
    LayerPass,
    LayerStep,
    ParameterStep,
    TrainingStep,
)
from fcinspect.bridge.linear import dtype_of, to_array

Tensor = torch.Tensor
LossOf = Callable[[Tensor, Tensor], Tensor]
Loop = Callable[["Run"], None]
"""What the body of somebody's training loop does: forward, backward, step."""

LOSSES: Mapping[str, LossOf] = {
    "mse": F.mse_loss,
    "cross_entropy": F.cross_entropy,
    "bce": F.binary_cross_entropy,
    "bce_with_logits": F.binary_cross_entropy_with_logits,
    "l1": F.l1_loss,
}
ROWS, HIDDEN = 4, 8
SGD: Mapping[str, float] = {"lr": 2.0**-5, "momentum": 0.75, "weight_decay": 2.0**-6}


def as_it_should_be(run: Run) -> None:
    """One step as everybody's tutorial has it."""
    run.optimizer.zero_grad()
    run.loss().backward()  # type: ignore[no-untyped-call]
    run.optimizer.step()


@dataclass(eq=False)
class Run:
    """in_features-8-outputs with a ReLU between, its data and its optimizer."""

    in_features: int
    outputs: int = 3
    dtype: str = "float32"
    loss_name: str = "mse"
    loss_of: LossOf | None = None
    """Stands for the loss of that name; the loss itself if not given."""
    options: Mapping[str, Any] = field(default_factory=lambda: SGD)

    def __post_init__(self) -> None:
        torch.manual_seed(self.in_features)
        kind = dtype_of(self.dtype)
        self.fc1 = nn.Linear(self.in_features, HIDDEN, dtype=kind)
        self.fc2 = nn.Linear(HIDDEN, self.outputs, dtype=kind)
        self.x = torch.randn(ROWS, self.in_features, dtype=kind).requires_grad_()
        self.target = self._drawn_target()
        self.optimizer = torch.optim.SGD(self.parameters, **self.options)
        self.gradients: list[Tensor] | None = None
        self.count = 0
        """Steps that are finished."""
        self.watch(self.optimizer)

    @property
    def parameters(self) -> list[nn.Parameter]:
        """Weights and biases, the first layer's first."""
        return [*self.fc1.parameters(), *self.fc2.parameters()]

    @property
    def settings(self) -> Optimizer:
        """The optimizer as it is claimed to be."""
        return optimizer_named("sgd", dict(self.options))

    def watch(self, optimizer: torch.optim.Optimizer) -> None:
        """Record the gradients with which the optimizer steps."""

        def record(*_: Any) -> None:
            if self.gradients is None:
                self.gradients = self._current()

        optimizer.register_step_pre_hook(record)

    def forward(
        self,
        *,
        activate: Callable[[Tensor], Tensor] = torch.relu,
        between: Callable[[Tensor], Tensor] = lambda a: a,
    ) -> Tensor:
        """Return the output; `between` stands before the second layer."""
        self.z1 = self.fc1(self.x)
        self.a1 = activate(self.z1)
        self.z2 = self.fc2(between(self.a1))
        self.y = self._last(self.z2)
        for tensor in (self.z1, self.a1, self.z2, self.y):
            if tensor.requires_grad:
                tensor.retain_grad()
        return self.y

    def loss(self, y: Tensor | None = None, target: Tensor | None = None) -> Tensor:
        """Return the loss of the output, by default that of a forward pass."""
        y = self.forward() if y is None else y
        function = self.loss_of or LOSSES[self.loss_name]
        self.value = function(y, self.target if target is None else target)
        return self.value

    def steps(self, loop: Loop, count: int = 3) -> Iterator[TrainingStep]:
        """Yield the records of some steps of a loop."""
        for number in range(1, count + 1):
            yield self._recorded(loop, number)

    def _recorded(self, loop: Loop, number: int) -> TrainingStep:
        before = [to_array(p) for p in self.parameters]
        states = self._states()
        self.gradients, self.x.grad = None, None
        loop(self)
        self.count = number
        grads = [to_array(g) for g in self.gradients or self._current()]
        forward = self._pass()
        backward = [
            (_gradient(self.a1), _gradient(self.z1), _gradient(self.x)),
            (_gradient(self.y), _gradient(self.z2), _gradient(self.a1)),
        ]
        changes = [
            ParameterStep(old, grad, to_array(p), was, now)
            for old, grad, p, was, now in zip(
                before, grads, self.parameters, states, self._states(), strict=True
            )
        ]
        with torch.no_grad():
            self.loss()
        last = "sigmoid" if self.loss_name == "bce" else "identity"
        layers = (
            LayerStep("fc1", "relu", changes[0], changes[1], *map(to_array, backward[0])),
            LayerStep("fc2", last, changes[2], changes[3], *map(to_array, backward[1])),
        )
        target = self.target
        held = Classes(target.numpy().copy()) if target.dtype == torch.int64 else to_array(target)
        return TrainingStep(
            number, self.loss_name, self.settings, held, forward, layers, self._pass()
        )

    def _pass(self) -> ForwardPass:
        made = (
            LayerPass(to_array(self.x), to_array(self.z1), to_array(self.a1)),
            LayerPass(to_array(self.a1), to_array(self.z2), to_array(self.y)),
        )
        return ForwardPass(made, to_array(self.value))

    def _last(self, z: Tensor) -> Tensor:
        return torch.sigmoid(z) if self.loss_name == "bce" else z.clone()

    def _current(self) -> list[Tensor]:
        return [_gradient(p).clone() for p in self.parameters]

    def _states(self) -> list[dict[str, Any]]:
        kept = [self.optimizer.state.get(p, {}) for p in self.parameters]
        return [
            {name: to_array(v) for name, v in state.items() if isinstance(v, Tensor)}
            for state in kept
        ]

    def _drawn_target(self) -> Tensor:
        if self.loss_name == "cross_entropy":
            return torch.arange(ROWS) % self.outputs
        shape = (ROWS, self.outputs)
        if self.loss_name.startswith("bce"):
            return torch.randint(2, shape).to(self.fc1.weight.dtype)
        return torch.randn(shape, dtype=self.fc1.weight.dtype)


def _gradient(tensor: Tensor) -> Tensor:
    grad = tensor.grad
    return torch.zeros_like(tensor) if grad is None else grad.detach().clone()
