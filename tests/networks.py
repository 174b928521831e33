"""Networks with numbers of numpy, for tests of what is drawn of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from fcinspect.arithmetic.affine import forward_values
from fcinspect.layers.array import Array
from fcinspect.layers.diagram import NetworkOutline, outline_of_network, outline_of_widths
from fcinspect.layers.linear import DenseLayer, LinearLayer, Network, layer_names


def made(*widths: int, names: tuple[str, ...] = (), activation: str = "relu") -> Network:
    """Return a network of random float32 numbers; `activation` stands behind hidden layers."""
    rng = np.random.default_rng(0)
    count = len(widths) - 1
    layers = []
    for place, (n, m) in enumerate(pairwise(widths)):
        name = (names or layer_names(count))[place]
        weight = Array.of(rng.normal(size=(m, n)) / np.sqrt(n), "float32")
        linear = LinearLayer(weight, Array.of(rng.normal(size=m), "float32"), "made", name)
        layers.append(DenseLayer(linear, activation if place < count - 1 else "identity"))
    return Network(tuple(layers))


def outline(kind: str, *widths: int) -> NetworkOutline:
    """Return the outline of a network: its "structure", with "weights", or with "values" too."""
    if kind == "structure":
        return outline_of_widths(widths)
    network = made(*widths)
    if kind == "weights":
        return outline_of_network(network)
    x = Array.of(np.arange(widths[0]) % 7 - 2.5, "float32")
    return outline_of_network(network, forward_values(network, x))


KINDS = ("structure", "weights", "values")
SPECS = ((3, 5, 4, 2), (784, 512, 10), (1, 1), (2, 1), (4,) * 8, (10**12, 3, 1), (30,) * 40)
"""Small ones, wide ones, and a long one."""
SMALL = tuple(widths for widths in SPECS if max(widths) < 1000)
