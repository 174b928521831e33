"""What a network computes of one input, layer by layer."""

from __future__ import annotations

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.arithmetic.affine import numpy_output
from fcinspect.layers.array import Array
from fcinspect.layers.network import Network
from fcinspect.rounding.arrays import hold


def forward_values(network: Network, x: Array) -> tuple[Array, ...]:
    """Return x and a = φ(Wx + b) behind every layer, computed by numpy in the network's dtype.

    x is (*batch, in_features) and each a (*batch, out_features).
    """
    values = [x]
    for layer in network.layers:
        z = numpy_output(layer.linear, values[-1])
        with np.errstate(all="ignore"):
            a = ACTIVATIONS[layer.activation].forward(z.values)
        values.append(Array(hold(np.asarray(a), z.dtype), z.dtype))
    return tuple(values)
