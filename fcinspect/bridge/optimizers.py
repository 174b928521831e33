"""torch's optimizers by their functional forms.

Constructing a torch.optim class imports torch._dynamo, which takes as long as importing torch.
The functions that those classes call, one tensor at a time as they do on a CPU, give the same
numbers bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.optim.adagrad import adagrad
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from fcinspect.arithmetic.settings import Optimizer

State = dict[str, torch.Tensor]

RULES: Mapping[str, tuple[Callable[..., None], tuple[str, ...]]] = {
    "sgd": (sgd, ("momentum_buffer",)),
    "adam": (adam, ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")),
    "adamw": (adamw, ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")),
    "rmsprop": (rmsprop, ("square_avg", "grad_avg", "momentum_buffer")),
    "adagrad": (adagrad, ("sum",)),
}
"""The function of each optimizer, and what may be kept of a parameter, in the function's order."""


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

    def _first_state(self, parameter: torch.Tensor) -> State:
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
