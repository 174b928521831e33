"""The same faults as people look for them: assert_close, allclose and gradcheck, with defaults."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from fcinspect.bridge.linear import dtype_of
from tests.corpus.faults import Fault
from tests.corpus.judged import OUT_FEATURES, run_of
from tests.corpus.rules import Rule
from tests.corpus.training import LOSSES, ROWS, Run, as_it_should_be

Tensor = torch.Tensor

BATCH = 32
"""Rows of the ordinary random input."""
CHECKED_ROWS = 3
"""Rows of gradcheck's input, which is float64."""
STEPS = 5
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "sgd": {"lr": 0.01, "momentum": 0.9, "weight_decay": 1e-4},
    "adam": {"lr": 1e-3, "weight_decay": 1e-4},
    "adamw": {"lr": 1e-3, "weight_decay": 1e-2},
    "rmsprop": {"lr": 0.01},
    "adagrad": {"lr": 0.01},
}
"""Hyperparameters as tutorials have them."""


@dataclass(frozen=True)
class Peers:
    """Which of torch's own comparisons reject some code; None where one does not apply."""

    assert_close: bool | None
    allclose: bool | None
    gradcheck: bool | None


def judged(fault: Fault, in_features: int, dtype: str) -> Peers:
    """Return what they say of a fault on random numbers."""
    torch.manual_seed(in_features)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        match fault.kind:
            case "forward" | "gradient":
                return _of_layer(fault, in_features, dtype_of(dtype))
            case "loss":
                return _of_loss(fault, in_features, dtype)
            case "optimizer":
                return compared(lambda: _stepped(fault.build(), in_features, dtype_of(dtype)))
            case "loop":
                return compared(lambda: _trained(fault, in_features, dtype))
    return Peers(None, None, None)


def compared(
    made: Callable[[], Iterable[tuple[Any, Tensor]]],
    differentiated: Callable[[], bool] | None = None,
) -> Peers:
    """Return whether pairs of result and reference are rejected; code that raises is rejected."""
    try:
        pairs = list(made())
    except Exception:
        rejected = (True, True)
    else:
        rejected = (
            any(_raises(partial(torch.testing.assert_close, a, b)) for a, b in pairs),
            any(_raises(partial(_must_be_close, a, b)) for a, b in pairs),
        )
    checked = None if differentiated is None else _raises(lambda: _must(differentiated()))
    return Peers(*rejected, checked)


def _raises(call: Callable[[], Any]) -> bool:
    try:
        call()
    except Exception:
        return True
    return False


def _must(holds: bool) -> None:
    if not holds:
        raise AssertionError


def _must_be_close(a: Tensor, b: Tensor) -> None:
    _must(torch.allclose(a, b))


def _of_layer(fault: Fault, n: int, dtype: torch.dtype) -> Peers:
    def made() -> list[tuple[Any, Tensor]]:
        call, x, weight, bias = _layer(fault, n, BATCH, dtype)
        y, right = call(x), F.linear(x, weight, bias)
        pairs = [(y, right)]
        if fault.kind == "gradient":
            wanted, g = (x, weight, bias), torch.randn_like(right)
            found = torch.autograd.grad(y, wanted, g, retain_graph=True, allow_unused=True)
            pairs += zip(found, torch.autograd.grad(right, wanted, g), strict=True)
        return pairs

    def differentiated() -> bool:
        if fault.where == "kernel":
            _, x, weight, bias = _layer(fault, n, CHECKED_ROWS, torch.float64)
            kernel = fault.build()
            return torch.autograd.gradcheck(kernel, (x, weight, bias), fast_mode=True)
        call, x, _, _ = _layer(fault, n, CHECKED_ROWS, torch.float64)
        return torch.autograd.gradcheck(call, (x,), fast_mode=True)

    return compared(made, differentiated)


def _layer(
    fault: Fault, n: int, rows: int, dtype: torch.dtype
) -> tuple[Callable[[Tensor], Any], Tensor, Tensor, Tensor]:
    """Return the layer with x, W and b as nn.Linear draws them, all requiring gradients."""
    x = torch.randn(rows, n, dtype=dtype).requires_grad_()
    if fault.where == "factory":
        module = fault.build()(n, OUT_FEATURES).to(dtype)
        return module, x, module.weight, module.bias
    drawn = nn.Linear(n, OUT_FEATURES, dtype=dtype)
    kernel = fault.build()
    return lambda x: kernel(x, drawn.weight, drawn.bias), x, drawn.weight, drawn.bias


def _of_loss(fault: Fault, n: int, dtype: str) -> Peers:
    run = run_of(fault, n, dtype)
    y = run.forward().detach().requires_grad_()
    loss = fault.build()

    def made() -> list[tuple[Any, Tensor]]:
        return [(loss(y, run.target), LOSSES[run.loss_name](y, run.target))]

    def differentiated() -> bool:
        target = run.target.double() if run.target.is_floating_point() else run.target
        return torch.autograd.gradcheck(
            lambda y: loss(y, target), (y.detach().double().requires_grad_(),), fast_mode=True
        )

    return compared(made, differentiated)


def _stepped(rule: type[Rule], n: int, dtype: torch.dtype) -> list[tuple[Any, Tensor]]:
    options = SETTINGS[rule.like]
    own: dict[str, Any] = {
        c.__name__.lower(): c for c in vars(torch.optim).values() if inspect.isclass(c)
    }
    first = torch.randn(ROWS, n, dtype=dtype)
    grads = [torch.randn_like(first) for _ in range(STEPS)]
    after = []
    kinds: tuple[Any, Any] = (rule, own[rule.like])
    for kind in kinds:
        w = nn.Parameter(first.clone())
        made = kind([w], **options)
        for grad in grads:
            w.grad = grad.clone()
            made.step()
        after.append(w.detach())
    return [(after[0], after[1])]


def _trained(fault: Fault, n: int, dtype: str) -> list[tuple[Any, Tensor]]:
    runs = [Run(n, dtype=dtype), Run(n, dtype=dtype)]
    for run, loop in zip(runs, (fault.build(), as_it_should_be), strict=True):
        for _ in run.steps(loop):
            pass
    return [(a.detach(), b.detach()) for a, b in zip(*(r.parameters for r in runs), strict=True)]
