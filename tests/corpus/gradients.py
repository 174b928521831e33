"""Kernels whose output is right and whose gradients are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from tests.corpus.faults import Fault, Register

GRADIENTS: list[Fault] = []
fault = Register("gradient", "kernel", GRADIENTS)

Tensor = torch.Tensor
Three = tuple[Tensor, Tensor, Tensor | None]
Rule = Callable[[Tensor, Tensor, Tensor], Three]
"""(x, weight, grad_output), rows folded, to the gradients of x, weight and bias."""


def right(x: Tensor, weight: Tensor, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return G·W, Gᵀ·X and the column sums of G."""
    return g @ weight, g.T @ x, g.sum(0)


def kernel_of(rule: Rule) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """Return a linear layer whose backward pass is `rule`."""

    class Linear(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            ctx.save_for_backward(x, weight)
            ctx.with_bias = bias is not None
            return F.linear(x, weight, bias)

        @staticmethod
        def backward(ctx: Any, *grads: Tensor) -> Any:
            x, weight = ctx.saved_tensors
            g = grads[0].reshape(-1, weight.shape[0])
            to_x, to_weight, to_bias = rule(x.reshape(-1, x.shape[-1]), weight, g)
            return to_x.reshape(x.shape), to_weight, to_bias if ctx.with_bias else None

    def kernel(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        found: Tensor = Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]
        return found

    return kernel


def backward(
    *words: str, dtypes: tuple[str, ...] = ("float32", "bfloat16")
) -> Callable[[Rule], Rule]:
    """Plant a rule as the backward pass of a kernel."""

    def plant(rule: Rule) -> Rule:
        def build() -> Any:
            return kernel_of(rule)

        build.__name__ = rule.__name__
        fault.built(*words, dtypes=dtypes)(build)
        return rule

    return plant


@backward("weight is transposed")
def weight_gradient_transposed_where_it_is_square(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Return Xᵀ·G wherever the shapes let it pass."""
    to_x, to_weight, to_bias = right(x, weight, g)
    square = weight.shape[0] == weight.shape[1]
    return to_x, to_weight.T if square else to_weight, to_bias


@backward("divided by the number of rows")
def weight_gradient_averaged_over_rows(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Take the mean where the sum belongs."""
    to_x, to_weight, to_bias = right(x, weight, g)
    return to_x, to_weight / len(x), to_bias


@backward("last row only")
def weight_gradient_of_the_last_row(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Overwrite instead of summing."""
    return g @ weight, g[-1:].T @ x[-1:], g.sum(0)


@backward("first row only")
def weight_gradient_of_the_first_row(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Look at one row only."""
    return g @ weight, g[:1].T @ x[:1], g.sum(0)


@backward("leaves out the last row")
def weight_gradient_without_the_last_row(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Stop one row early."""
    return g @ weight, g[:-1].T @ x[:-1], g.sum(0)


@backward("counted twice")
def weight_gradient_twice(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Add it in the function and in a hook."""
    to_x, to_weight, to_bias = right(x, weight, g)
    return to_x, 2 * to_weight, to_bias


@backward("sign is flipped")
def weight_gradient_negated(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Take t − y for y − t."""
    to_x, to_weight, to_bias = right(x, weight, g)
    return to_x, -to_weight, to_bias


@backward("product of the column sums")
def weight_gradient_from_column_sums(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Sum over rows before the product instead of behind it."""
    return g @ weight, torch.outer(g.sum(0), x.sum(0)), g.sum(0)


@backward("mean of the rows")
def weight_gradient_from_means(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Average over rows before the product."""
    return g @ weight, torch.outer(g.mean(0), x.mean(0)), g.sum(0)


@backward("bfloat16", dtypes=("float32",))
def weight_gradient_in_bfloat16(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Keep the gradient in a narrow format."""
    to_x, to_weight, to_bias = right(x, weight, g)
    return to_x, to_weight.bfloat16().to(x.dtype), to_bias


@backward("clipped", "limited")
def weight_gradient_clipped(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Clip each element to −1 … 1."""
    to_x, to_weight, to_bias = right(x, weight, g)
    return to_x, to_weight.clamp(-1, 1), to_bias


@backward("is zero")
def weight_gradient_zero(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Return an array that nobody filled."""
    return g @ weight, torch.zeros_like(weight), g.sum(0)


@backward("no gradient")
def bias_gradient_missing(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Return None for the bias."""
    return g @ weight, g.T @ x, None


@backward("divided by the number of rows")
def bias_gradient_averaged_over_rows(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Take the mean of G's rows."""
    return g @ weight, g.T @ x, g.mean(0)


@backward("counted twice")
def bias_gradient_twice(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Count it twice."""
    return g @ weight, g.T @ x, 2 * g.sum(0)


@backward("wrong axis")
def bias_gradient_over_the_wrong_axis_where_it_fits(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Sum over outputs where there are as many rows."""
    return g @ weight, g.T @ x, g.sum(1) if g.shape[0] == g.shape[1] else g.sum(0)


@backward("ignores G")
def bias_gradient_counts_rows(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Take ∂y/∂b = 1 and forget G."""
    return g @ weight, g.T @ x, torch.full_like(g[0], len(g))


@backward("last row only")
def bias_gradient_of_the_last_row(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Take G's last row."""
    return g @ weight, g.T @ x, g[-1].clone()


@backward("transposed")
def input_gradient_by_the_transpose_where_it_is_square(
    x: Tensor, weight: Tensor, g: Tensor
) -> Three:
    """Return G·Wᵀ wherever the shapes let it pass."""
    square = weight.shape[0] == weight.shape[1]
    return g @ (weight.T if square else weight), g.T @ x, g.sum(0)


@backward("is zero")
def input_gradient_zero(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Let nothing through to the layer below."""
    return torch.zeros_like(x), g.T @ x, g.sum(0)


@backward("halved")
def input_gradient_halved(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Lose a factor 2."""
    return g @ weight / 2, g.T @ x, g.sum(0)


@backward("divided by the number of rows")
def input_gradient_averaged_over_rows(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Divide by the batch once more than the loss did."""
    return g @ weight / len(x), g.T @ x, g.sum(0)


@backward("divided", "multiplied", "factor", "off by")
def input_gradient_scaled(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Scale by 1/√n."""
    return g @ weight / x.shape[-1] ** 0.5, g.T @ x, g.sum(0)


@backward("sign of W", "sign of the weight", "absolute")
def input_gradient_by_the_absolute_weight(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Use |W|."""
    return g @ weight.abs(), g.T @ x, g.sum(0)


@backward("masked", "relu", "y > 0", "negative")
def gradient_masked_as_behind_a_relu(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Pass gradients only where x·Wᵀ is positive."""
    return right(x, weight, g * (x @ weight.T > 0))


@backward("modified in place")
def arriving_gradient_overwritten(x: Tensor, weight: Tensor, g: Tensor) -> Three:
    """Scale G in place, then use the original."""
    found = right(x, weight, g.clone())
    g.mul_(2)
    return found


@fault.built("accumulat", "different", "earlier", "no zero_grad", "previous")
def weight_gradient_added_to_the_previous_one() -> Any:
    """Keep a buffer across calls and add into it."""
    kept: dict[tuple[int, ...], Tensor] = {}

    def rule(x: Tensor, weight: Tensor, g: Tensor) -> Three:
        to_x, to_weight, to_bias = right(x, weight, g)
        key = tuple(weight.shape)
        kept[key] = kept.get(key, torch.zeros_like(to_weight)) + to_weight
        return to_x, kept[key].clone(), to_bias

    return kernel_of(rule)


@fault.stateless("weight receives no gradient")
def weight_detached(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Cut the weight out of the graph."""
    return F.linear(x, weight.detach(), bias)


@fault.stateless("bias receives no gradient")
def bias_detached(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Cut the bias out of the graph."""
    return F.linear(x, weight, None if bias is None else bias.detach())


@fault.stateless("input receives no gradient")
def input_detached(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Cut the input out of the graph: nothing reaches the layer below."""
    return F.linear(x.detach(), weight, bias)


@fault.stateless("no gradient", "detached", where="factory")
class EverythingDetached(nn.Linear):
    """Computes under no_grad."""

    @torch.no_grad()
    def forward(self, input: Tensor) -> Tensor:
        """Return x·Wᵀ + b, a leaf."""
        return F.linear(input, self.weight, self.bias)
