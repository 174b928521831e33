"""A linear layer written in numpy, right or with a fault: what probes are tried on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fcinspect.errors import Misbehaved
from fcinspect.layers.array import Array
from fcinspect.rounding.arrays import Float64Array, round_to
from fcinspect.rounding.formats import format_named
from fcinspect.verification.subject import LayerAnswer, LayerCall, Made

Kernel = Callable[[Float64Array, Float64Array, Float64Array], Float64Array]
"""(x (rows, n), W (out, n), b (out)): y (rows, out), in float64."""


def right(x: Float64Array, w: Float64Array, b: Float64Array) -> Float64Array:
    """Return x·Wᵀ + b."""
    return np.asarray(x @ w.T + b)


@dataclass(frozen=True)
class Planted:
    """A kernel that computes in float64 and rounds once, or what is planted in its place."""

    kernel: Kernel = right
    grad_weight: Callable[[Float64Array, Float64Array, Float64Array], Float64Array] | None = None
    """(G, x, W): the gradient of W, where it is not Gᵀ·X."""
    grad_bias: Callable[[Float64Array, Float64Array, Float64Array], Float64Array] | None = None
    grad_input: Callable[[Float64Array, Float64Array, Float64Array], Float64Array] | None = None
    words: str = "planted"
    differentiable: bool = True

    @property
    def kind(self) -> Literal["kernel", "factory", "module"]:
        """A kernel takes every weight."""
        return "kernel"

    def call(self, call: LayerCall) -> LayerAnswer:
        """Compute."""
        assert call.weight is not None
        x = np.asarray(call.x.rows, dtype=np.float64)
        w = np.asarray(call.weight.values, dtype=np.float64)
        b = np.zeros(len(w)) if call.bias is None else np.asarray(call.bias.values, np.float64)
        with np.errstate(all="ignore"):
            y = self.kernel(x, w, b)
        output = self._array(y, (*call.x.shape[:-1], len(w)), call.x.dtype)
        if call.grad_output is None:
            return LayerAnswer(output)
        g = np.asarray(call.grad_output.rows, dtype=np.float64)
        grad_weight = self.grad_weight(g, x, w) if self.grad_weight else g.T @ x
        grad_bias = self.grad_bias(g, x, w) if self.grad_bias else g.sum(axis=0)
        grad_input = self.grad_input(g, x, w) if self.grad_input else g @ w
        return LayerAnswer(
            output,
            grad_input=self._array(grad_input, call.x.shape, call.x.dtype),
            grad_weight=self._array(grad_weight, w.shape, call.x.dtype),
            grad_bias=self._array(grad_bias, b.shape, call.x.dtype),
        )

    def _array(self, values: Float64Array, shape: tuple[int, ...], dtype: str) -> Array:
        return Array.of(round_to(values, format_named(dtype)).reshape(shape), dtype)

    def made(self, in_features: int, out_features: int, bias: bool, seed: int) -> Made:
        """Kernels make nothing."""
        raise Misbehaved("a kernel makes no modules")
