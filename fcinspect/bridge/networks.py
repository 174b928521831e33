"""Networks that torch makes from widths and a seed."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from fcinspect.bridge.linear import dtype_of, to_array
from fcinspect.layers.linear import LinearLayer
from fcinspect.layers.network import DenseLayer, Network, layer_names


def seeded_network(
    widths: tuple[int, ...], activations: tuple[str, ...], bias: bool, seed: int, dtype: str
) -> Network:
    """Return nn.Linear's default layers, made in order after torch.manual_seed(seed)."""
    torch.manual_seed(seed)
    layers = []
    names = layer_names(len(widths) - 1)
    for name, (n, m), activation in zip(names, pairwise(widths), activations, strict=True):
        module = nn.Linear(n, m, bias=bias, dtype=dtype_of(dtype))
        held = None if module.bias is None else to_array(module.bias)
        source = f"nn.Linear({n}, {m}), seed {seed}"
        layers.append(
            DenseLayer(LinearLayer(to_array(module.weight), held, source, name), activation)
        )
    return Network(tuple(layers))
