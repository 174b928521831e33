"""Linear layers that are right, written in the ways that people write them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional


class Own(nn.Module):
    """nn.Linear written again."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.empty(out_features, in_features))
        bound = in_features**-0.5 if in_features else 0.0
        nn.init.uniform_(self.weight, -bound, bound)
        self.bias = nn.Parameter(torch.empty(out_features)) if bias else None
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        """Return x·Wᵀ + b."""
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


def factory(in_features: int, out_features: int, bias: bool = True, **more: Any) -> nn.Module:
    """Make torch's own layer."""
    return nn.Linear(in_features, out_features, bias=bias, **more)


def by_torch(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Call functional.linear."""
    return functional.linear(input, weight, bias)


def by_einsum(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Sum with einsum."""
    y = torch.einsum("...i,oi->...o", input, weight)
    return y if bias is None else y + bias


def by_numpy(
    input: npt.NDArray[Any], weight: npt.NDArray[Any], bias: npt.NDArray[Any] | None
) -> npt.NDArray[Any]:
    """Multiply in numpy, which torch tensors are refused by."""
    if not isinstance(input, np.ndarray):
        raise TypeError(f"expected a numpy array, got {type(input).__name__}")
    y: npt.NDArray[Any] = input @ weight.T
    return y if bias is None else y + bias


class WithBackward:
    """A kernel with a `backward` of its own, on numpy arrays."""

    def __call__(
        self, input: npt.NDArray[Any], weight: npt.NDArray[Any], bias: npt.NDArray[Any] | None
    ) -> npt.NDArray[Any]:
        """Return x·Wᵀ + b, and keep what `backward` needs."""
        self.operands = (input, weight, bias)
        return by_numpy(input, weight, bias)

    def backward(self, grad_output: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """Return the three gradients by name."""
        x, weight, _ = self.operands
        g = grad_output.reshape(-1, grad_output.shape[-1])
        rows = x.reshape(-1, x.shape[-1])
        # numpy adds float16 numbers in float16 unless it is told otherwise
        wide = g.astype(np.float64) if g.dtype == np.float64 else g.astype(np.float32)
        summed = wide.sum(axis=0).astype(g.dtype)
        return {"input": grad_output @ weight, "weight": g.T @ rows, "bias": summed}


class _Function(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(input, weight)
        return functional.linear(input, weight, bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (grad_output,) = grads
        x, weight = ctx.saved_tensors
        g = grad_output.reshape(-1, grad_output.shape[-1])
        return grad_output @ weight, g.T @ x.reshape(-1, x.shape[-1]), g.sum(0)


def by_function(input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Differentiate by an autograd.Function."""
    result: Tensor = _Function.apply(input, weight, bias)  # type: ignore[no-untyped-call]  # torch
    return result


with_backward = WithBackward()

torch.manual_seed(0)
ready = nn.Linear(20, 10)
ready_without_bias = nn.Linear(7, 7, bias=False)
half = nn.Linear(20, 10, dtype=torch.bfloat16)
lacking_widths = nn.Sequential(nn.Linear(20, 10))
