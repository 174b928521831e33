"""assert_step: the step of somebody's own optimizer in somebody's own test."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from fcinspect.errors import UsageError
from fcinspect.verification import assert_step


def stepped(scale: float = 1.0) -> tuple[dict[str, torch.Tensor], ...]:
    """Return before, grad and after of a step with lr 0.01 times `scale`."""
    torch.manual_seed(0)
    model = nn.Linear(5, 3)
    loss = nn.functional.mse_loss(model(torch.randn(4, 5)), torch.randn(4, 3))
    loss.backward()  # type: ignore[no-untyped-call]
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    grad = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    torch.optim.SGD(model.parameters(), lr=0.01 * scale).step()
    return before, grad, {name: p.detach() for name, p in model.named_parameters()}


@pytest.mark.parametrize("form", ["tensors", "numpy", "lists"])
def test_torchs_step_passes(form: str) -> None:
    """However the arrays are given; the checks come back."""
    parts = [dict(part) for part in stepped()]
    turned = {"tensors": lambda t: t, "numpy": torch.Tensor.numpy, "lists": torch.Tensor.tolist}
    given = [{name: turned[form](t) for name, t in part.items()} for part in parts]
    dtype = [{name: np.float32(v) for name, v in part.items()} for part in given]
    checks = assert_step(*(dtype if form == "lists" else given), optimizer="sgd", lr=0.01)
    assert [check.name for check in checks] == ["update/weight", "update/bias"]


@pytest.mark.parametrize(
    ("scale", "words"),
    [(2.0, "applied twice"), (0.0, "not applied"), (-1.0, "sign is wrong")],
)
def test_a_wrong_step_fails_with_the_worst_element_and_the_cause(scale: float, words: str) -> None:
    """Both in the message."""
    before, grad, after = stepped()
    moved = {name: before[name] + scale * (after[name] - before[name]) for name in before}
    with pytest.raises(AssertionError, match=words) as told:
        assert_step(before, grad, moved, optimizer="sgd", lr=0.01)
    assert "worst: the update of " in str(told.value)
    assert "rounding allows" in str(told.value)


def test_a_single_tensor_needs_no_name() -> None:
    """It is called a parameter."""
    before, grad, after = stepped()
    weights = (before["weight"], grad["weight"], after["weight"])
    assert [check.name for check in assert_step(*weights, lr=0.01)] == ["update/parameter"]


def test_what_does_not_fit_together_is_refused() -> None:
    """Names, shapes and options, each in one line that names them."""
    before, grad, after = stepped()
    with pytest.raises(UsageError, match="names in grad and before differ: bias"):
        assert_step(before, {"weight": grad["weight"]}, after)
    with pytest.raises(UsageError, match=r"weight has different shapes: \(5, 3\), \(3, 5\)"):
        assert_step(before, {**grad, "weight": grad["weight"].T.contiguous()}, after)
    with pytest.raises(UsageError, match="momentun"):
        assert_step(before, grad, after, momentun=0.9)
