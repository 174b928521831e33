"""Real nn.Linear layers made and run by torch."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from fcinspect.layers.array import Array
from fcinspect.layers.linear import LinearLayer


@dataclass(frozen=True)
class LinearRequest:
    """Everything that decides the numbers of a seeded layer."""

    in_features: int
    out_features: int
    bias: bool = True
    seed: int = 0
    dtype: str = "float32"
    init: str = "default"
    """"default", or the name of an initialiser in torch.nn.init, applied to the weight."""

    @property
    def words(self) -> str:
        """The layer in words."""
        bias = "" if self.bias else ", bias=False"
        init = "" if self.init == "default" else f", init {self.init}"
        return f"nn.Linear({self.in_features}, {self.out_features}{bias}), seed {self.seed}{init}"


def dtype_of(name: str) -> torch.dtype:
    """Return torch's dtype of that name."""
    found = getattr(torch, name)
    assert isinstance(found, torch.dtype)
    return found


def to_array(tensor: torch.Tensor) -> Array:
    """Return a copy of a tensor's numbers, exact."""
    name = str(tensor.dtype).removeprefix("torch.")
    plain = tensor.detach().cpu()
    if plain.dtype == torch.bfloat16:
        plain = plain.float()
    return Array(np.array(plain.numpy()), name)


def to_tensor(values: Array) -> torch.Tensor:
    """Return a copy of an array's numbers as a tensor of its dtype, exact."""
    return torch.from_numpy(np.array(values.values)).to(dtype_of(values.dtype))


def create_layer(request: LinearRequest) -> LinearLayer:
    """Return the layer that torch makes after torch.manual_seed(seed)."""
    return _record(_seeded(request), request)


def run_layer(
    request: LinearRequest, batch: tuple[int, ...] = (), x: Array | None = None
) -> tuple[LinearLayer, Array, Array]:
    """Return the seeded layer, its input and torch's output.

    Without `x` the input is torch.randn(*batch, in_features), drawn after the layer.
    """
    module = _seeded(request)
    if x is None:
        given = torch.randn(*batch, request.in_features, dtype=dtype_of(request.dtype))
    else:
        given = to_tensor(x)
    with torch.no_grad():
        result = module(given)
    return _record(module, request), to_array(given), to_array(result)


def _seeded(request: LinearRequest) -> nn.Linear:
    torch.manual_seed(request.seed)
    with warnings.catch_warnings():
        # torch warns that a layer of width 0 has nothing to initialise; the report says so
        warnings.filterwarnings("ignore", "Initializing zero-element tensors")
        module = nn.Linear(
            request.in_features,
            request.out_features,
            bias=request.bias,
            dtype=dtype_of(request.dtype),
        )
        if request.init != "default":
            getattr(nn.init, request.init + "_")(module.weight)
    return module


def _record(module: nn.Linear, request: LinearRequest) -> LinearLayer:
    bias = None if module.bias is None else to_array(module.bias)
    return LinearLayer(to_array(module.weight), bias, source=request.words)
