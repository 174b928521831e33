"""The values of a network's units, held against torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from fcinspect.arithmetic.affine import forward_values
from fcinspect.arithmetic.settings import ACTIVATION_NAMES
from fcinspect.layers.array import Array
from fcinspect.rounding.arrays import Float64Array
from tests.networks import made


def by_torch(widths: tuple[int, ...], activation: str, x: Array) -> list[Float64Array]:
    """Return what torch computes behind each layer, in float64."""
    a = torch.from_numpy(x.values.astype(np.float64))
    found = [a.numpy()]
    network = made(*widths, activation=activation)
    for layer in network.layers:
        assert layer.linear.bias is not None
        weight, bias = (
            torch.from_numpy(part.values.astype(np.float64))
            for part in (layer.linear.weight, layer.linear.bias)
        )
        z = F.linear(a, weight, bias)
        a = z if layer.activation == "identity" else getattr(F, layer.activation)(z)
        found.append(a.numpy())
    return found


@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
@pytest.mark.parametrize("rows", [(), (3,)])
def test_each_layer_gives_what_torch_gives(activation: str, rows: tuple[int, ...]) -> None:
    """Up to float32's rounding of each layer, magnitudes being of the order of 1."""
    widths = (3, 6, 4, 2)
    x = Array.of(np.random.default_rng(1).normal(size=(*rows, 3)), "float32")
    values = forward_values(made(*widths, activation=activation), x)
    expected = by_torch(widths, activation, x)
    assert [value.dtype for value in values] == ["float32"] * 4
    for value, wanted in zip(values, expected, strict=True):
        bound = 3 * 8 * 2.0**-24 * max(1.0, float(np.abs(wanted).max()) * 8)
        assert np.abs(value.values - wanted).max() <= bound


def test_another_activation_is_seen() -> None:
    """The comparison can fail."""
    x = Array.of(np.ones(3), "float32")
    values = forward_values(made(3, 6, 2, activation="tanh"), x)
    expected = by_torch((3, 6, 2), "relu", x)
    assert np.abs(values[-1].values - expected[-1]).max() > 1e-3
