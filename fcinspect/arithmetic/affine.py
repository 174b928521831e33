"""The affine map y = W x + b, and what a network of such maps computes, by numpy."""

from __future__ import annotations

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.layers.array import Array
from fcinspect.layers.linear import LinearLayer, Network
from fcinspect.rounding.arrays import FloatArray, carrier, hold


def affine(x: FloatArray, weight: FloatArray, bias: FloatArray | None) -> FloatArray:
    """Return Y = X·Wᵀ + b; x is (*batch, in), weight (out, in), bias (out,), Y (*batch, out)."""
    product = x @ weight.T
    return product if bias is None else product + bias


def drawn_input(shape: tuple[int, ...], dtype: str) -> Array:
    """Return standard normal numbers from numpy's generator with seed 0, rounded to `dtype`."""
    return Array.of(np.random.default_rng(0).standard_normal(shape), dtype)


def numpy_version() -> str:
    """Return "numpy 2.4.6"."""
    return f"numpy {np.__version__}"


def numpy_output(layer: LinearLayer, x: Array) -> Array:
    """Return numpy's Y = X·Wᵀ + b for the rows that the layer holds; x is (*batch, in).

    float64 layers are computed in float64, others in float32 and rounded once to their dtype.
    """
    with np.errstate(all="ignore"):
        work = carrier("float64" if layer.dtype == "float64" else "float32")
        bias = None if layer.bias is None else layer.bias.values.astype(work)
        y = affine(x.values.astype(work), layer.weight.values.astype(work, copy=False), bias)
    return Array(hold(y, layer.dtype), layer.dtype)


def forward_values(network: Network, x: Array) -> tuple[Array, ...]:
    """Return x and a = φ(Wx + b) after every layer, computed by numpy.

    z = Wx + b is computed as in numpy_output, φ(z) in float64 and rounded once to the dtype.
    x is (*batch, in_features) and each a (*batch, out_features).
    """
    values = [x]
    for layer in network.layers:
        z = numpy_output(layer.linear, values[-1])
        with np.errstate(all="ignore"):
            a = ACTIVATIONS[layer.activation].forward(z.values.astype(np.float64))
        values.append(Array(hold(a, z.dtype), z.dtype))
    return tuple(values)
