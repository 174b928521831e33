"""PyTorch scripts that compute the same numbers, for --show-code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import LinearLayer, LinearRequest

MOST_NUMBERS = 1000
"""Numbers that a script may hold as text."""


def tensor_text(values: Array) -> str:
    """Return the expression of a tensor; raises UsageError for more than MOST_NUMBERS numbers."""
    if values.size > MOST_NUMBERS:
        raise UsageError(
            f"--show-code writes arrays of up to {MOST_NUMBERS} numbers into the script:"
            f" this one has {values.size}"
        )
    plain = repr(values.values.tolist())
    plain = plain.replace("nan", 'float("nan")').replace("inf", 'float("inf")')
    empty = "" if values.size else f".reshape({values.shape})"
    return f"torch.tensor({plain}, dtype=torch.{values.dtype}){empty}"


def linear_text(in_features: int, out_features: int, *, bias: bool, dtype: str) -> str:
    """Return the expression of a new nn.Linear."""
    bias_text = "" if bias else ", bias=False"
    dtype_text = "" if dtype == "float32" else f", dtype=torch.{dtype}"
    return f"nn.Linear({in_features}, {out_features}{bias_text}{dtype_text})"


def seeded_layer(request: LinearRequest) -> str:
    """Return a script that makes the seeded layer `layer`."""
    made = linear_text(
        request.in_features, request.out_features, bias=request.bias, dtype=request.dtype
    )
    lines = [
        "import torch",
        "from torch import nn",
        "",
        f"torch.manual_seed({request.seed})",
        f"layer = {made}",
    ]
    if request.init != "default":
        lines.append(f"nn.init.{request.init}_(layer.weight)")
    return "\n".join(lines) + "\n"


def seeded_input(shape: tuple[int, ...], dtype: str) -> str:
    """Return the line that draws the input `x`."""
    dimensions = ", ".join(map(str, shape))
    dtype_text = "" if dtype == "float32" else f", dtype=torch.{dtype}"
    return f"x = torch.randn({dimensions}{dtype_text})\n"


def stored_layer(layer: LinearLayer) -> str:
    """Return a script that makes the layer's `weight` and `bias` from their numbers."""
    bias = "None" if layer.bias is None else tensor_text(layer.bias)
    return (
        "import torch\nfrom torch.nn import functional as F\n\n"
        f"weight = {tensor_text(layer.weight)}\nbias = {bias}\n"
    )


def given_input(x: Array) -> str:
    """Return the line that writes the input `x` out."""
    return f"x = {tensor_text(x)}\n"


def parameters_of_module() -> str:
    """Return the lines that print the parameters of `layer`."""
    return "print(layer.weight)\nprint(layer.bias)\n"


def output_of_module() -> str:
    """Return the lines that run `layer` on `x`."""
    return "with torch.no_grad():\n    y = layer(x)\nprint(y.tolist())\n"


def output_of_function() -> str:
    """Return the lines that run F.linear on `x`."""
    return "y = F.linear(x, weight, bias)\nprint(y.tolist())\n"
