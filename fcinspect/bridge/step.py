"""Training steps run by torch: autograd's gradients and torch's own optimizers, recorded.

Constructing a torch.optim class imports torch._dynamo, which takes as long as importing torch.
The functions that those classes call, one tensor at a time as they do on a CPU, give the same
numbers bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim.adagrad import adagrad
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from fcinspect.arithmetic.settings import Optimizer
from fcinspect.arithmetic.training import (
    Classes,
    ForwardPass,
    LayerPass,
    LayerStep,
    ParameterStep,
    StepRequest,
    Target,
    TrainingStep,
)
from fcinspect.bridge.linear import dtype_of, to_array, to_tensor
from fcinspect.bridge.networks import activated
from fcinspect.errors import UsageError
from fcinspect.layers.array import Array

RULES: Mapping[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    "sgd": (sgd, ("momentum_buffer",)),
    "adam": (adam, ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")),
    "adamw": (adamw, ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")),
    "rmsprop": (rmsprop, ("square_avg", "grad_avg", "momentum_buffer")),
    "adagrad": (adagrad, ("sum",)),
}
"""The function of each optimizer, and what may be kept of a parameter, in the function's order."""


def run_steps(request: StepRequest, count: int = 1) -> Iterator[TrainingStep]:
    """Yield the records of `count` steps.

    After torch.manual_seed(seed): all layers in order, then x, then the target are drawn, each
    only if it is not given. Raises UsageError where torch refuses the numbers.
    """
    _refuse_overflow(request)
    torch.manual_seed(request.seed)
    modules = [_module(request, index) for index in range(len(request.widths) - 1)]
    dtype = dtype_of(request.dtype)
    batch = request.batch if request.x is None else request.x.shape[:-1]
    drawn = (*batch, request.widths[0])
    x = torch.randn(drawn, dtype=dtype) if request.x is None else to_tensor(request.x)
    x.requires_grad_()
    target = _target(request, batch)
    parameters: list[torch.Tensor] = [p for module in modules for p in module.parameters()]
    optimizer = FunctionalOptimizer(request.optimizer, parameters)
    run = _Run(request, modules, x, target)
    forward = run.forward(1)
    for number in range(1, count + 1):
        for tensor in (x, *parameters):
            tensor.grad = None
        before = [to_array(p) for p in parameters]
        states = _arrays(optimizer.states)
        forward.loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        after = run.forward(number + 1)
        changes = [
            ParameterStep(old, to_array(_grad(p)), to_array(p), was, now)
            for old, p, was, now in zip(
                before, parameters, states, _arrays(optimizer.states), strict=True
            )
        ]
        yield run.record(number, forward, changes, after)
        forward = after


@dataclass(frozen=True)
class _Forward:
    """Tensors of one forward pass, still tied to autograd's graph."""

    layers: tuple[tuple[torch.Tensor, torch.Tensor, torch.Tensor], ...]
    """(input, z, a) of every layer."""
    loss: torch.Tensor

    def record(self) -> ForwardPass:
        return ForwardPass(
            tuple(LayerPass(*map(to_array, tensors)) for tensors in self.layers),
            to_array(self.loss),
        )


@dataclass(frozen=True)
class _Run:
    request: StepRequest
    modules: list[nn.Linear]
    x: torch.Tensor
    target: torch.Tensor

    def forward(self, number: int) -> _Forward:
        """Run the network; what it computes keeps its gradient."""
        a = self.x
        layers = []
        for module, activation in zip(self.modules, self.request.activations, strict=True):
            entered = a
            z = module(entered)
            a = activated(z, activation)
            for tensor in (z, a):
                tensor.retain_grad()
            layers.append((entered, z, a))
        return _Forward(tuple(layers), self._loss(a, number))

    def record(
        self, number: int, forward: _Forward, changes: list[ParameterStep], after: _Forward
    ) -> TrainingStep:
        """Return the record of a finished step."""
        remaining = iter(changes)
        layers = []
        for module, name, activation, (entered, z, a) in zip(
            self.modules, self.request.names, self.request.activations, forward.layers, strict=True
        ):
            weight = next(remaining)
            bias = None if module.bias is None else next(remaining)
            gradients = (to_array(_grad(tensor)) for tensor in (a, z, entered))
            layers.append(LayerStep(name, activation, weight, bias, *gradients))
        target: Target = (
            Classes(self.target.numpy().copy())
            if self.target.dtype == torch.int64
            else to_array(self.target)
        )
        return TrainingStep(
            number,
            self.request.loss,
            self.request.optimizer,
            target,
            forward.record(),
            tuple(layers),
            after.record(),
        )

    def _loss(self, y: torch.Tensor, number: int) -> torch.Tensor:
        t = self.target
        match self.request.loss:
            case "mse":
                return F.mse_loss(y, t)
            case "l1":
                return F.l1_loss(y, t)
            case "half_sum_squares":
                return F.mse_loss(y, t, reduction="sum") / 2
            case "half_mean_squares":
                return F.mse_loss(y, t) / 2
            case "cross_entropy":
                return F.cross_entropy(y.reshape(-1, y.shape[-1]), t.reshape(-1))
            case "bce":
                self._refuse_improbable(y, number)
                return F.binary_cross_entropy(y, t)
            case "bce_with_logits":
                return F.binary_cross_entropy_with_logits(y, t)
        raise UsageError(f"unknown loss {self.request.loss!r}")

    def _refuse_improbable(self, y: torch.Tensor, number: int) -> None:
        """Raise UsageError where torch refuses outputs that are not probabilities."""
        wrong = y.detach()[~((y >= 0) & (y <= 1))]
        if wrong.numel():
            when = "" if number == 1 else f" after step {number - 1}"
            raise UsageError(
                "loss bce needs outputs from 0 to 1: the network returns"
                f" {wrong[0].item()!r}{when}",
                hint="use --output-activation sigmoid or --loss bce_with_logits",
            )


def _module(request: StepRequest, index: int) -> nn.Linear:
    n, m = request.widths[index : index + 2]
    dtype = dtype_of(request.dtype)
    if request.network is None:
        return nn.Linear(n, m, bias=request.bias, dtype=dtype)
    linear = request.network.layers[index].linear
    module = nn.Linear(n, m, bias=linear.bias is not None, dtype=dtype, device="meta")
    module.weight = nn.Parameter(to_tensor(linear.weight))
    if linear.bias is not None:
        module.bias = nn.Parameter(to_tensor(linear.bias))
    return module


def _target(request: StepRequest, batch: tuple[int, ...]) -> torch.Tensor:
    given, outputs = request.target, request.widths[-1]
    if isinstance(given, Classes):
        return torch.from_numpy(np.array(given.values))
    if given is not None:
        return to_tensor(given)
    if request.loss == "cross_entropy":
        return torch.randint(outputs, batch)
    if request.loss in ("bce", "bce_with_logits"):
        return torch.randint(0, 2, (*batch, outputs)).to(dtype_of(request.dtype))
    return torch.randn(*batch, outputs, dtype=dtype_of(request.dtype))


def _grad(tensor: torch.Tensor) -> torch.Tensor:
    assert tensor.grad is not None
    return tensor.grad


def _arrays(states: list[Mapping[str, torch.Tensor]]) -> list[dict[str, Array]]:
    return [{name: to_array(tensor) for name, tensor in state.items()} for state in states]


def _refuse_overflow(request: StepRequest) -> None:
    """Raise UsageError for a hyperparameter beyond the dtype's range, as torch does."""
    largest = torch.finfo(dtype_of(request.dtype)).max
    for name, value in request.optimizer.options.items():
        if not isinstance(value, tuple) and float(value) > largest:
            raise UsageError(
                f"{name} {float(value):g} exceeds the largest {request.dtype}, {largest:g}"
            )


class FunctionalOptimizer:
    """An optimizer of torch for a list of parameters, with the state it keeps of each."""

    def __init__(self, optimizer: Optimizer, parameters: list[torch.Tensor]) -> None:
        self._optimizer = optimizer
        self._parameters = parameters
        self._steps = [torch.tensor(0.0) for _ in parameters]
        self._states = [self._first_state(parameter) for parameter in parameters]

    @property
    def states(self) -> list[Mapping[str, torch.Tensor]]:
        """What is kept of each parameter, by the names of torch.optim."""
        return [dict(state) for state in self._states]

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter from its .grad."""
        grads = [p.grad for p in self._parameters if p.grad is not None]
        assert len(grads) == len(self._parameters)
        function, names = RULES[self._optimizer.name]
        if self._optimizer.name == "sgd":
            # its first step makes the buffers, where there is a momentum
            buffers = [state.get("momentum_buffer") for state in self._states]
            function(self._parameters, grads, buffers, foreach=False, **self._options())
            for state, buffer in zip(self._states, buffers, strict=True):
                if buffer is not None:
                    state["momentum_buffer"] = buffer
            return
        kept = [[state[name] for state in self._states if name in state] for name in names]
        function(self._parameters, grads, *kept, self._steps, foreach=False, **self._options())

    def _options(self) -> dict[str, Any]:
        """Return the options as the functions name them."""
        given: dict[str, Any] = {
            name: value if isinstance(value, bool | tuple) else float(value)
            for name, value in self._optimizer.options.items()
            if name != "initial_accumulator_value"  # only the first state knows it
        }
        if "betas" in given:
            given["beta1"], given["beta2"] = given.pop("betas")
        if self._optimizer.name != "rmsprop":  # which has no fused kernel
            given["fused"] = False
        return given

    def _first_state(self, parameter: torch.Tensor) -> dict[str, torch.Tensor]:
        options, name = self._optimizer, self._optimizer.name
        if name == "adagrad":
            first = options.number("initial_accumulator_value")
            return {"sum": torch.full_like(parameter, first, requires_grad=False)}
        kept: tuple[str, ...] = ()
        if name in ("adam", "adamw"):
            kept = RULES[name][1] if options.flag("amsgrad") else RULES[name][1][:2]
        elif name == "rmsprop":
            kept = ("square_avg",)
            kept += ("grad_avg",) if options.flag("centered") else ()
            kept += ("momentum_buffer",) if options.number("momentum") else ()
        return {key: torch.zeros_like(parameter, requires_grad=False) for key in kept}
