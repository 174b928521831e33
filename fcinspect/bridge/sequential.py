"""A real nn.Sequential with the numbers of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from fcinspect.bridge.linear import dtype_of, to_tensor

if TYPE_CHECKING:
    from fcinspect.layers.network import Network
    from fcinspect.rounding.arrays import FloatArray

ACTIVATIONS = {"relu": nn.ReLU}
"""Those of the networks that are made here; identity is no module."""


def sequential(network: Network) -> nn.Sequential:
    """Return the network as a module; load_state_dict finds every name, and no other."""
    modules: list[nn.Module] = []
    state = {}
    for layer in network.layers:
        linear = layer.linear
        prefix = f"{len(modules)}."
        modules.append(
            nn.Linear(
                linear.in_features,
                linear.out_features,
                bias=linear.bias is not None,
                dtype=dtype_of(linear.dtype),
                device="meta",
            )
        )
        state[f"{prefix}weight"] = to_tensor(linear.weight)
        if linear.bias is not None:
            state[f"{prefix}bias"] = to_tensor(linear.bias)
        if layer.activation != "identity":
            modules.append(ACTIVATIONS[layer.activation]())
    module = nn.Sequential(*modules)
    module.load_state_dict(state, assign=True)
    return module.eval()


def run_in_torch(network: Network, x: FloatArray) -> FloatArray:
    """Return what nn.Sequential computes of inputs (points, in_features), exact."""
    with torch.no_grad():
        outputs: FloatArray = sequential(network)(torch.from_numpy(x.copy())).numpy()
    return outputs
