"""torch's optimizers by their functional forms.

Constructing a torch.optim class imports torch._dynamo, which takes as long as importing torch.
The functions that those classes call, one tensor at a time as they do on a CPU, give the same
numbers bit for bit.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.optim.adagrad import adagrad
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from fcinspect.arithmetic.settings import Optimizer

State = dict[str, torch.Tensor]


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
        parameters = self._parameters
        grads = [p.grad for p in parameters if p.grad is not None]
        assert len(grads) == len(parameters)
        rule = {
            "sgd": self._sgd,
            "adam": self._adam,
            "adamw": self._adam,
            "rmsprop": self._rmsprop,
            "adagrad": self._adagrad,
        }[self._optimizer.name]
        rule(grads)

    def _first_state(self, parameter: torch.Tensor) -> State:
        options, name = self._optimizer, self._optimizer.name
        kept: tuple[str, ...] = ()
        if name in ("adam", "adamw"):
            kept = ("exp_avg", "exp_avg_sq")
            kept += ("max_exp_avg_sq",) if options.flag("amsgrad") else ()
        elif name == "rmsprop":
            kept = ("square_avg",)
            kept += ("grad_avg",) if options.flag("centered") else ()
            kept += ("momentum_buffer",) if options.number("momentum") else ()
        state = {key: torch.zeros_like(parameter, requires_grad=False) for key in kept}
        if name == "adagrad":
            first = options.number("initial_accumulator_value")
            state["sum"] = torch.full_like(parameter, first, requires_grad=False)
        return state

    def _kept(self, name: str) -> list[torch.Tensor]:
        return [state[name] for state in self._states if name in state]

    def _sgd(self, grads: list[torch.Tensor]) -> None:
        options = self._optimizer
        buffers = [state.get("momentum_buffer") for state in self._states]
        sgd(
            self._parameters,
            grads,
            buffers,
            foreach=False,
            fused=False,
            weight_decay=options.number("weight_decay"),
            momentum=options.number("momentum"),
            lr=options.number("lr"),
            dampening=options.number("dampening"),
            nesterov=options.flag("nesterov"),
            maximize=options.flag("maximize"),
        )
        for state, buffer in zip(self._states, buffers, strict=True):
            if buffer is not None:
                state["momentum_buffer"] = buffer

    def _adam(self, grads: list[torch.Tensor]) -> None:
        options = self._optimizer
        beta1, beta2 = options.betas
        function = adamw if options.name == "adamw" else adam
        function(
            self._parameters,
            grads,
            self._kept("exp_avg"),
            self._kept("exp_avg_sq"),
            self._kept("max_exp_avg_sq"),
            self._steps,
            foreach=False,
            fused=False,
            amsgrad=options.flag("amsgrad"),
            beta1=beta1,
            beta2=beta2,
            lr=options.number("lr"),
            weight_decay=options.number("weight_decay"),
            eps=options.number("eps"),
            maximize=options.flag("maximize"),
        )

    def _rmsprop(self, grads: list[torch.Tensor]) -> None:
        options = self._optimizer
        rmsprop(
            self._parameters,
            grads,
            self._kept("square_avg"),
            self._kept("grad_avg"),
            self._kept("momentum_buffer"),
            self._steps,
            foreach=False,
            maximize=options.flag("maximize"),
            lr=options.number("lr"),
            alpha=options.number("alpha"),
            eps=options.number("eps"),
            weight_decay=options.number("weight_decay"),
            momentum=options.number("momentum"),
            centered=options.flag("centered"),
        )

    def _adagrad(self, grads: list[torch.Tensor]) -> None:
        options = self._optimizer
        adagrad(
            self._parameters,
            grads,
            self._kept("sum"),
            self._steps,
            foreach=False,
            fused=False,
            lr=options.number("lr"),
            weight_decay=options.number("weight_decay"),
            lr_decay=options.number("lr_decay"),
            eps=options.number("eps"),
            maximize=options.flag("maximize"),
        )
