"""Optimizers: torch's own pass, planted faults are found and named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from fcinspect.arithmetic.settings import OPTIMIZER_NAMES, optimizer_named
from fcinspect.bridge.hosted import OptimizerHost, torch_optimizer
from fcinspect.errors import InputError
from fcinspect.layers.array import Array
from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import VerificationReport, carried_out
from fcinspect.verification.optimizer import plan_optimizer
from fcinspect.verification.optimizer_causes import name_update_cause
from fcinspect.verification.propagation import Recorded

Tensor = torch.Tensor
Options = dict[str, Any]


def own(name: str, options: Options, dtype: str, **kernel: bool) -> VerificationReport:
    """Hold torch's own class against its rule."""
    subject = torch_optimizer(name, **{"fused": False, "foreach": False, **kernel})
    return carried_out(plan_optimizer(subject, optimizer_named(name, options), dtype))


def of_function(found: object, name: str = "sgd", **options: Any) -> VerificationReport:
    """Hold a function (param, grad, state, **options) against a rule."""
    subject = OptimizerHost(found, "it", {})
    return carried_out(plan_optimizer(subject, optimizer_named(name, options), "float32"))


def verdicts(found: VerificationReport) -> set[Verdict]:
    """Return the verdicts of all checks."""
    return {check.verdict for check in found.checks}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", OPTIMIZER_NAMES)
def test_torchs_own_optimizers_pass(name: str, dtype: str) -> None:
    """One tensor at a time, with every variation of the options that the plan makes."""
    assert verdicts(own(name, {}, dtype)) == {Verdict.WITHIN}


@pytest.mark.parametrize("name", OPTIMIZER_NAMES)
def test_torchs_kernel_for_lists_passes(name: str) -> None:
    """foreach is the same rule."""
    assert verdicts(own(name, {"lr": 0.03}, "float32", foreach=True)) == {Verdict.WITHIN}


@pytest.mark.skipif(
    not torch.__version__.startswith("2.13."),
    reason="needs torch 2.13: a defect of its fused kernel",
)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_the_fused_sgd_of_low_precision_is_outside(dtype: str) -> None:
    """It leaves whole vectors as they were; the unfused one is within, and so is float32."""
    options = {"lr": 0.1, "momentum": 0.9}
    assert Verdict.OUTSIDE in verdicts(own("sgd", options, dtype, fused=True))
    assert verdicts(own("sgd", options, dtype)) == {Verdict.WITHIN}
    assert verdicts(own("sgd", options, "float32", fused=True)) == {Verdict.WITHIN}


def right_sgd(param: Tensor, grad: Tensor, state: Options, lr: float) -> Tensor:
    """w − lr·g."""
    return param - lr * grad


def right_momentum(
    param: Tensor, grad: Tensor, state: Options, lr: float, momentum: float = 0.0
) -> None:
    """Momentum as torch keeps it, in place."""
    kept = state.get("v")
    state["v"] = grad.clone() if kept is None else momentum * kept + grad
    param.sub_(lr * state["v"])


@pytest.mark.parametrize("function", [right_sgd, right_momentum])
def test_a_right_function_passes(function: object) -> None:
    """Whether it returns the new parameter or changes it in place."""
    assert verdicts(of_function(function)) == {Verdict.WITHIN}


def climbs(param: Tensor, grad: Tensor, state: Options, lr: float) -> Tensor:
    """Add the gradient."""
    return param + lr * grad


def rests(param: Tensor, grad: Tensor, state: Options, lr: float) -> Tensor:
    """Change nothing."""
    return param


def steps_twice(param: Tensor, grad: Tensor, state: Options, lr: float) -> Tensor:
    """Step with twice the learning rate."""
    return param - 2 * lr * grad


def ignores_momentum(
    param: Tensor, grad: Tensor, state: Options, lr: float, momentum: float = 0.0
) -> Tensor:
    """Accept the option and forget it."""
    return param - lr * grad


def spoils_gradients(param: Tensor, grad: Tensor, state: Options, lr: float) -> Tensor:
    """Scale the caller's gradient in place, then step as it should."""
    new = param - lr * grad
    grad.mul_(lr)
    return new


@pytest.mark.parametrize(
    ("function", "options", "words"),
    [
        (climbs, {}, "sign"),
        (rests, {}, "not applied"),
        (steps_twice, {}, "twice"),
        (ignores_momentum, {"momentum": 0.9}, "momentum"),
        (spoils_gradients, {}, "gradient"),
    ],
)
def test_a_planted_fault_is_found_and_named(function: object, options: Options, words: str) -> None:
    """By the cause of at least one check that is outside."""
    found = of_function(function, **options)
    wrong = [check for check in found.checks if check.verdict is Verdict.OUTSIDE]
    assert any(words in f"{check.cause} {check.detail}" for check in wrong)


def test_an_optimizer_that_lacks_an_option_is_refused() -> None:
    """The options that were asked for are named."""
    with pytest.raises(InputError, match="it does not accept momentum"):
        of_function(right_sgd, momentum=0.9)


def raises(param: Tensor, grad: Tensor, state: Options, lr: float) -> Tensor:
    """Fail in the first step."""
    raise RuntimeError("no kernel for this")


def test_an_optimizer_that_raises_is_a_finding() -> None:
    """Its words are shown, nothing is within."""
    found = of_function(raises)
    assert Verdict.OUTSIDE in verdicts(found)
    assert any("no kernel for this" in f"{c.detail} {c.cause}" for c in found.checks)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sgd", {"momentum": 0.9}),
        ("adam", {"amsgrad": True}),
        ("adamw", {}),
        ("rmsprop", {"momentum": 0.9, "centered": True}),
        ("adagrad", {"lr_decay": 0.1}),
    ],
)
def test_an_update_that_no_rule_explains_has_no_cause(name: str, options: Options) -> None:
    """Every fault is tried, and none is named."""
    random = np.random.default_rng(0)
    values = [Array.of(random.standard_normal(20), "float32") for _ in range(5)]
    records = [
        Recorded("w", before, grad, after, step)
        for step, (before, grad, after) in enumerate(
            [(values[0], values[1], values[2]), (values[2], values[3], values[4])], start=1
        )
    ]
    assert name_update_cause(optimizer_named(name, options), records) is None
