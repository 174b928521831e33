"""What a network computes of one input, layer by layer."""

from __future__ import annotations

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.arithmetic.affine import numpy_output
from fcinspect.layers.array import Array
from fcinspect.layers.network import Network
from fcinspect.rounding.arrays import hold


def forward_values(network: Network, x: Array) -> tuple[Array, ...]:
    """Return x and a = φ(Wx + b) behind every layer, computed by numpy.

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
