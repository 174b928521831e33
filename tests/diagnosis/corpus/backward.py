"""Mistakes around the backward pass."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional
from torch import nn

from tests.diagnosis.corpus import Mistake

R: Any = torch.randn
"""Untyped: mistakes do what the types forbid."""
F: Any = torch.nn.functional


def layer(in_features: int = 4, out_features: int = 3) -> Any:
    """Return a linear layer."""
    return nn.Linear(in_features, out_features)


def output() -> Any:
    """Return a linear layer's output of shape (2, 3)."""
    return layer()(R(2, 4))


def backward(name: str, make: Callable[[], object], cause: str) -> Mistake:
    """Return a mistake of this family."""
    return Mistake(name, make, cause, "backward")


def forward_outside_loop() -> None:
    """Compute the loss once and go backward in every step."""
    loss = output().pow(2).mean()
    for _ in range(2):
        loss.backward()


def regulariser_outside_loop() -> None:
    """Compute a penalty of the weight once and add it in every step."""
    fc = layer()
    penalty = fc.weight.pow(2).sum()
    for _ in range(2):
        (fc(R(2, 4)).mean() + penalty).backward()


def two_losses() -> None:
    """Go backward through a shared part twice."""
    h = output().relu()
    h.pow(2).sum().backward()
    h.pow(3).sum().backward()


def under_no_grad() -> None:
    """Compute the loss where no graph is recorded."""
    with torch.no_grad():
        loss = output().mean()
    loss.backward()


def frozen() -> None:
    """Freeze the only layer."""
    layer().requires_grad_(False)(R(2, 4)).sum().backward()


def update_by_hand() -> None:
    """Subtract the gradient as autograd records."""
    fc = layer()
    fc(R(2, 4)).sum().backward()
    fc.weight -= 0.1 * fc.weight.grad


def assign_update() -> None:
    """Replace a parameter by the updated tensor."""
    fc = layer()
    fc.weight = fc.weight - 0.1


def assign_array() -> None:
    """Assign a NumPy array to a parameter."""
    layer().weight = np.zeros((3, 4))


def row_by_index() -> None:
    """Write a row of a weight."""
    layer().weight[0] = 0


def activation_in_place() -> None:
    """Change the output of a sigmoid."""
    h = output().sigmoid()
    h += 1
    h.sum().backward()


def relu_in_place() -> None:
    """Let ReLU(inplace=True) change what tanh saved."""
    h = output().tanh()
    F.relu(h, inplace=True).sum().backward()


def input_in_place() -> None:
    """Change the input of a layer after it was used."""
    x = R(2, 4)
    y = layer()(x)
    x += 1
    y.sum().backward()


def step_between() -> None:
    """Step the discriminator before the generator's backward pass."""
    generator, discriminator = layer(4, 4), layer(4, 1)
    optimizer = torch.optim.SGD(discriminator.parameters(), lr=0.1)
    fake = generator(R(2, 4))
    generator_loss = discriminator(fake).mean()
    discriminator(fake.detach()).mean().backward()
    optimizer.step()
    generator_loss.backward()


def grad_of_activation() -> object:
    """Ask a computed tensor for its gradient."""
    h = output()
    h.sum().backward()
    return h.grad


def flag_of_activation() -> None:
    """Set requires_grad of a computed tensor."""
    output().requires_grad = False


def unused_input() -> object:
    """Ask for the gradient of a tensor that was not used."""
    x = R(2, 4, requires_grad=True)
    return torch.autograd.grad(layer()(x.detach()).sum(), x)


def gradient_of_plain_input() -> object:
    """Ask for the gradient of an input that requires none."""
    x = R(2, 4)
    return torch.autograd.grad(layer()(x).sum(), x)


def grad_before_backward() -> None:
    """Use gradients before there are any."""
    fc = layer()
    with torch.no_grad():
        fc.weight -= 0.1 * fc.weight.grad


def trained_under_inference_mode() -> object:
    """Train on features made under inference_mode."""
    with torch.inference_mode():
        x = R(2, 4)
    return layer()(x)


def changed_after_inference_mode() -> None:
    """Change a tensor made under inference_mode."""
    with torch.inference_mode():
        x = R(2, 4)
    x += 1


def copied_with_activation() -> object:
    """Copy a layer that keeps its output."""
    fc = layer()
    fc.last = fc(R(2, 4))
    return copy.deepcopy(fc)


def assigned_gradient(gradient: object) -> None:
    """Assign a gradient to a weight of shape (3, 4)."""
    layer().weight.grad = gradient


def part_in_place() -> None:
    """Change one of the parts that split gives."""
    first, _ = output().split([1, 2], dim=1)
    first += 1


def view_of_no_grad() -> None:
    """Make a view under no_grad and change it outside."""
    w = R(3, 3, requires_grad=True)
    with torch.no_grad():
        row = w[0]
    row.mul_(2)


def nan_found() -> None:
    """Take the square root of 0 under anomaly detection."""
    torch.autograd.set_detect_anomaly(True)
    try:
        (R(3, requires_grad=True).mul(0).sqrt() * 0).sum().backward()
    finally:
        torch.autograd.set_detect_anomaly(False)


def returned_by_nothing() -> None:
    """Forget the return of a loss function."""

    def compute_loss() -> Any:
        output().mean()

    compute_loss().backward()


class Linear(torch.autograd.Function):
    """A linear layer written by hand, with no gradients yet."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        """y = xWᵀ"""
        ctx.save_for_backward(*inputs)
        return inputs[0] @ inputs[1].T


class TransposedWeight(Linear):
    """Its grad_weight is transposed."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """grad_input, grad_weightᵀ"""
        x, w = ctx.saved_tensors
        return grads[0] @ w, x.T @ grads[0]


class SwappedGradients(Linear):
    """It returns its gradients in the wrong order."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """grad_weight, grad_input"""
        x, w = ctx.saved_tensors
        return grads[0].T @ x, grads[0] @ w


class OneGradient(Linear):
    """It returns the gradient of its input alone."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """grad_input"""
        return grads[0] @ ctx.saved_tensors[1]


class HalfGradient(Linear):
    """It lost a factor of 2."""

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """grad_input / 2, grad_weight"""
        x, w = ctx.saved_tensors
        return grads[0] @ w / 2, grads[0].T @ x


class SavesNumber(Linear):
    """It saves a number for backward."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        """y = xWᵀ"""
        ctx.save_for_backward(inputs[0], 3)
        return inputs[0] @ inputs[1].T


def applied(function: Any) -> None:
    """Go backward through a custom function."""
    inputs = [R(2, 4, requires_grad=True), R(3, 4, requires_grad=True)]
    function.apply(*inputs).sum().backward()


def checked(function: Any, dtype: torch.dtype) -> object:
    """Check a custom function against finite differences."""
    x = R(2, 4, dtype=dtype, requires_grad=True)
    w = R(3, 4, dtype=dtype, requires_grad=True)
    return torch.autograd.gradcheck(function, (x, w))


def hook_of_plain_input() -> None:
    """Register a gradient hook on an input."""
    R(2, 4).register_hook(print)


def mixed_hooks() -> None:
    """Register both kinds of backward hooks."""
    fc = layer()
    fc.register_full_backward_hook(lambda m, i, o: None)
    fc.register_backward_hook(lambda m, i, o: None)


def hook_of_one_row() -> None:
    """Return a part of the gradient from a hook."""
    h = output()
    h.register_hook(lambda g: g[0])
    h.sum().backward()


MISTAKES: tuple[Mistake, ...] = (
    backward("forward-outside-loop", forward_outside_loop, "graph-freed"),
    backward("penalty-outside-loop", regulariser_outside_loop, "graph-freed"),
    backward("two-backwards-one-graph", two_losses, "two-losses-one-graph"),
    backward("detached-loss", lambda: output().detach().sum().backward(), "loss-cut-from-graph"),
    backward("argmax-in-loss", lambda: output().argmax(1).sum().backward(), "loss-cut-from-graph"),
    backward(
        "loss-from-numbers",
        lambda: F.relu(torch.tensor([output().sum(), output().sum()])).mean().backward(),
        "loss-cut-from-graph",
    ),
    backward("loss-under-no-grad", under_no_grad, "computed-without-grad"),
    backward("all-layers-frozen", frozen, "no-requires-grad"),
    backward("backward-of-output", lambda: output().backward(), "loss-not-reduced"),
    backward(
        "backward-unreduced",
        lambda: F.mse_loss(output(), R(2, 3), reduction="none").backward(),
        "loss-not-reduced",
    ),
    backward("update-by-hand", update_by_hand, "leaf-changed-in-place"),
    backward("init-by-fill", lambda: layer().bias.fill_(0), "leaf-changed-in-place"),
    backward("row-by-index", row_by_index, "leaf-view-changed-in-place"),
    backward("sigmoid-in-place", activation_in_place, "activation-changed-in-place"),
    backward("relu-in-place", relu_in_place, "activation-changed-in-place"),
    backward("input-in-place", input_in_place, "input-changed-in-place"),
    backward("step-between-two-losses", step_between, "step-before-backward"),
    backward("gradient-of-activation", grad_of_activation, "non-leaf-grad"),
    backward("numpy-of-output", lambda: output().numpy(), "detach-before-numpy"),
    backward("array-of-output", lambda: np.asarray(output()), "detach-before-numpy"),
    backward("flag-of-activation", flag_of_activation, "flag-of-non-leaf"),
    backward("input-not-used", unused_input, "not-used-in-graph"),
    backward("input-plain", gradient_of_plain_input, "input-without-requires-grad"),
    backward("grad-output-of-other-shape", lambda: output().backward(R(3)), "grad-output-shape"),
    backward(
        "grad-output-for-scalar",
        lambda: output().sum().backward(torch.ones(1)),
        "gradient-for-scalar",
    ),
    backward("grad-weight-transposed", lambda: applied(TransposedWeight), "gradient-transposed"),
    backward("gradients-swapped", lambda: applied(SwappedGradients), "gradients-in-wrong-order"),
    backward("one-gradient-of-two", lambda: applied(OneGradient), "too-few-gradients"),
    backward("function-without-backward", lambda: applied(Linear), "function-without-backward"),
    backward("number-for-backward", lambda: applied(SavesNumber), "saved-not-tensor"),
    backward("gradcheck-float32", lambda: checked(F.linear, torch.float32), "gradcheck-in-float32"),
    backward(
        "gradcheck-lost-factor",
        lambda: checked(HalfGradient.apply, torch.float64),
        "backward-wrong",
    ),
    backward("weight-assigned", assign_update, "parameter-replaced-by-tensor"),
    backward("weight-assigned-array", assign_array, "parameter-replaced-by-tensor"),
    backward(
        "tensor-registered",
        lambda: layer().register_parameter("scale", torch.ones(3)),
        "parameter-not-wrapped",
    ),
    backward("gradient-times-rate", grad_before_backward, "backward-not-run"),
    backward("zero-of-no-gradient", lambda: layer().weight.grad.zero_(), "backward-not-run"),
    backward("norm-of-no-gradient", lambda: layer().weight.grad.norm(), "backward-not-run"),
    backward("data-of-no-gradient", lambda: layer().weight.grad.data, "backward-not-run"),
    backward("deepcopy-with-activation", copied_with_activation, "deepcopy-of-non-leaf"),
    backward(
        "features-of-inference-mode",
        trained_under_inference_mode,
        "inference-tensor-in-training",
    ),
    backward("inference-in-place", changed_after_inference_mode, "inference-tensor-changed"),
    backward(
        "gradient-given-transposed",
        lambda: assigned_gradient(torch.zeros(4, 3)),
        "gradient-transposed",
    ),
    backward(
        "gradient-given-float64",
        lambda: assigned_gradient(torch.zeros(3, 4).double()),
        "gradient-dtype",
    ),
    backward(
        "gradient-given-array",
        lambda: assigned_gradient(np.zeros((3, 4))),
        "gradient-not-tensor",
    ),
    backward(
        "parameter-of-integers",
        lambda: torch.tensor([1, 2], requires_grad=True),
        "integer-requires-grad",
    ),
    backward("flag-of-integers", lambda: torch.arange(3).requires_grad_(), "integer-requires-grad"),
    backward("backward-of-item", lambda: output().sum().item().backward(), "loss-is-a-number"),
    backward(
        "backward-of-array",
        lambda: output().detach().numpy().mean().backward(),
        "loss-is-a-number",
    ),
    backward("backward-of-tuple", lambda: (output(),).backward(), "loss-in-a-container"),  # type: ignore[attr-defined]
    backward("loss-not-returned", returned_by_nothing, "loss-not-returned"),
    backward("backward-of-layer", lambda: layer().backward(), "backward-of-module"),
    backward("split-in-place", part_in_place, "view-changed-in-place"),
    backward("row-of-no-grad", view_of_no_grad, "view-from-no-grad"),
    backward("sqrt-of-zero", nan_found, "infinite-times-zero"),
    backward("hook-of-input", hook_of_plain_input, "no-requires-grad"),
    backward("hooks-mixed", mixed_hooks, "mixed-backward-hooks"),
    backward("hook-of-one-row", hook_of_one_row, "hook-changed-shape"),
    backward(
        "product-with-out",
        lambda: torch.mm(R(2, 4), layer().weight.T, out=torch.empty(2, 3)),
        "out-with-gradient",
    ),
)
