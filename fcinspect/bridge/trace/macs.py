"""Multiply–adds of torch's operators, from the shapes of their operands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

aten = torch.ops.aten


def macs_of(function: Any, args: Sequence[Any], output: Any) -> int:
    """Return the multiply–adds of one call of an operator; 0 for one that multiplies no sums.

    A bias that is added multiplies nothing, so addmm counts as mm.
    """
    count = COUNTS.get(function.overloadpacket)
    return 0 if count is None else count(args, output)


def _product(first: int) -> Callable[[Sequence[Any], Any], int]:
    """Return the count of a product of the matrices (or batches of them) at that place."""

    def count(args: Sequence[Any], output: Any) -> int:
        a, b = args[first], args[first + 1]
        # (…, r, k)·(…, k, c): every number of a meets every column of b
        return int(a.numel() * (b.shape[-1] if b.dim() > 1 else 1))

    return count


def _convolution(args: Sequence[Any], output: Any) -> int:
    """Return the count: each number of the output, or for a transposed one of the input, meets
    one kernel of the channels of its group.
    """
    x, weight, transposed = args[0], args[1], args[6]
    numbers = x.numel() if transposed else output.numel()
    return int(numbers * math.prod(weight.shape[1:]))


def _attention(args: Sequence[Any], output: Any) -> int:
    """Return the count of Q·Kᵀ and of the weights times V; all are (batch, heads, time, width)."""
    query, key, value = args[:3]
    steps = math.prod(query.shape[:-1]) * key.shape[-2]
    return int(steps * (query.shape[-1] + value.shape[-1]))


def _recurrent(args: Sequence[Any], output: Any) -> int:
    """Return the count of one layer and direction: each row of each step meets both weights."""
    x, entering, hidden = args[:3]
    return int(math.prod(x.shape[:-1]) * (entering.numel() + hidden.numel()))


def _trilinear(args: Sequence[Any], output: Any) -> int:
    """Return the count of x₁ᵀ·A·x₂ for each number of nn.Bilinear: x₁ᵀ·A, and that times x₂."""
    _, one, other = args[1].shape
    return int(output.numel() * (one * other + other))


COUNTS: dict[Any, Callable[[Sequence[Any], Any], int]] = {
    **dict.fromkeys((aten.mm, aten.bmm, aten.mv, aten.dot, aten.vdot), _product(0)),
    **dict.fromkeys((aten.addmm, aten.addmv, aten.baddbmm, aten.addbmm), _product(1)),
    aten.linear: lambda args, output: int(args[0].numel() * args[1].shape[0]),
    aten._trilinear: _trilinear,
    aten.mkldnn_rnn_layer: _recurrent,
    **dict.fromkeys((aten.convolution, aten._convolution), _convolution),
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten._scaled_dot_product_flash_attention: _attention,
    aten._scaled_dot_product_efficient_attention: _attention,
    aten._scaled_dot_product_cudnn_attention: _attention,
}
