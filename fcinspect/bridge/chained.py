"""The numbers of a module that is a chain of linear layers, held against the module itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from fcinspect.bridge.linear import to_array
from fcinspect.errors import InputError
from fcinspect.layers.linear import LinearLayer
from fcinspect.rounding.formats import FORMATS
from fcinspect.shapes.chain import Link

ROWS = 4
"""Random inputs on which the chain must give what the module gives."""
LARGEST_DIFFERENCE = 1e-3
"""Relative to the largest output: far more than rounding, far less than another function."""


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
        name = str(weight.dtype).removeprefix("torch.")
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
                x = _activated(F.linear(x, held[link.weight], bias), link.activation)
    finally:
        module.train(was)
    scale = float(x.abs().max().clamp(min=1e-30))
    same = given.shape == x.shape and bool(
        torch.all((given.double() - x.double()).abs() <= LARGEST_DIFFERENCE * scale)
    )
    if not same and bool(torch.isfinite(x).all()):
        raise InputError(
            f"{source} is no chain of linear layers: it computes something else than its layers"
            " one after the other",
            hint="fcinspect trace shows what it runs",
        )


def _activated(z: torch.Tensor, name: str) -> torch.Tensor:
    if name == "identity":
        return z
    if name in ("softmax", "log_softmax"):
        chosen: torch.Tensor = getattr(F, name)(z, dim=-1)
        return chosen
    result: torch.Tensor = getattr(F, name)(z)
    return result
