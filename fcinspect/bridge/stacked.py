"""A module of the shapes that a file of layers has, without its numbers."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from fcinspect.bridge.linear import dtype_of

ACTIVATIONS = {
    "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU, "identity": None,
}  # fmt: skip
"""Of each name of arithmetic/settings.py; identity is no module."""


def stacked(
    widths: Sequence[int], bias: Sequence[bool], activations: Sequence[str], dtype: str
) -> nn.Sequential:
    """Return linear layers with activations between them, on the meta device."""
    modules: list[nn.Module] = []
    for k, activation in enumerate(activations):
        modules.append(
            nn.Linear(widths[k], widths[k + 1], bias=bias[k], dtype=dtype_of(dtype), device="meta")
        )
        made = ACTIVATIONS[activation]
        if made is not None:
            modules.append(made())
    return nn.Sequential(*modules)
