"""Networks as torch's modules: made of widths, of a seed, of given layers, and read as layers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import nn

from fcinspect.bridge.linear import dtype_name, dtype_of, layer_of, to_array, to_tensor
from fcinspect.errors import InputError
from fcinspect.layers.linear import DenseLayer, LinearLayer, Network, layer_names
from fcinspect.rounding.formats import FORMATS
from fcinspect.shapes.steps import Link

if TYPE_CHECKING:
    from fcinspect.rounding.arrays import FloatArray

ACTIVATIONS = {
    "relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU, "identity": None,
}  # fmt: skip
"""Of each name of arithmetic/settings.py; identity is not a module."""
ROWS = 4
"""Random inputs on which the chain must give what the module gives."""
LARGEST_DIFFERENCE = 1e-3
"""Relative to the largest output: far more than rounding, far less than another function."""


def seeded_network(
    widths: tuple[int, ...], activations: tuple[str, ...], bias: bool, seed: int, dtype: str
) -> Network:
    """Return nn.Linear's default layers, made in order after torch.manual_seed(seed)."""
    torch.manual_seed(seed)
    layers = []
    names = layer_names(len(widths) - 1)
    for name, (n, m), activation in zip(names, pairwise(widths), activations, strict=True):
        module = nn.Linear(n, m, bias=bias, dtype=dtype_of(dtype))
        linear = layer_of(module, f"nn.Linear({n}, {m}), seed {seed}", name)
        layers.append(DenseLayer(linear, activation))
    return Network(tuple(layers))


def stacked(
    widths: Sequence[int], bias: Sequence[bool], activations: Sequence[str], dtype: str
) -> nn.Sequential:
    """Return linear layers with activations between them, on the meta device."""
    modules: list[nn.Module] = []
    for (n, m), biased, activation in zip(pairwise(widths), bias, activations, strict=True):
        modules.append(nn.Linear(n, m, bias=biased, dtype=dtype_of(dtype), device="meta"))
        made = ACTIVATIONS[activation]
        if made is not None:
            modules.append(made())
    return nn.Sequential(*modules)


def sequential(network: Network) -> nn.Sequential:
    """Return the network as a module; load_state_dict finds every name, and no other."""
    module = stacked(
        network.widths,
        [layer.linear.bias is not None for layer in network.layers],
        [layer.activation for layer in network.layers],
        network.dtype,
    )
    linears = [name for name, part in module.named_children() if isinstance(part, nn.Linear)]
    state = {}
    for name, layer in zip(linears, network.layers, strict=True):
        state[f"{name}.weight"] = to_tensor(layer.linear.weight)
        if layer.linear.bias is not None:
            state[f"{name}.bias"] = to_tensor(layer.linear.bias)
    module.load_state_dict(state, assign=True)
    return module.eval()


def run_in_torch(network: Network, x: FloatArray) -> FloatArray:
    """Return what nn.Sequential computes of inputs (points, in_features), exact."""
    with torch.no_grad():
        outputs: FloatArray = sequential(network)(torch.from_numpy(x.copy())).numpy()
    return outputs


def layers_of(module: nn.Module, chain: Sequence[Link], source: str) -> tuple[LinearLayer, ...]:
    """Return the layers of the chain.

    Raises InputError where the module computes something else than the chain, or holds numbers of
    a format that is not ours.
    """
    held = dict(module.named_parameters(remove_duplicate=False))
    _require_same(module, chain, held, source)
    layers = []
    for link in chain:
        weight = held[link.weight]
        name = dtype_name(weight.dtype)
        if name not in FORMATS:
            raise InputError(
                f"{link.weight} of {source} is {name}: expected floating-point numbers"
            )
        bias = None if link.bias is None else to_array(held[link.bias])
        layers.append(LinearLayer(to_array(weight), bias, source, link.name))
    return tuple(layers)


def _require_same(
    module: nn.Module, chain: Sequence[Link], held: dict[str, nn.Parameter], source: str
) -> None:
    """Raise InputError where module and chain differ on random inputs."""
    was = module.training
    first = held[chain[0].weight]
    x = torch.randn(ROWS, chain[0].in_features, generator=torch.Generator().manual_seed(0))
    x = x.to(first.dtype)
    module.eval()
    try:
        with torch.no_grad():
            given = module(x)
            for link in chain:
                bias = None if link.bias is None else held[link.bias]
                x = activated(F.linear(x, held[link.weight], bias), link.activation)
    finally:
        module.train(was)
    scale = float(x.abs().max().clamp(min=1e-30))
    same = given.shape == x.shape and bool(
        torch.all((given.double() - x.double()).abs() <= LARGEST_DIFFERENCE * scale)
    )
    if not same and bool(torch.isfinite(x).all()):
        raise InputError(
            f"{source} is not a chain of linear layers: it computes something other than its layers"
            " one after another",
            hint="use fcinspect trace to see what it runs",
        )


def activated(z: torch.Tensor, name: str) -> torch.Tensor:
    """Return the activation of that name; a softmax along the last dimension."""
    options = {"dim": -1} if name.endswith("softmax") else {}
    result: torch.Tensor = z if name == "identity" else getattr(F, name)(z, **options)
    return result
