"""A network in exact rational arithmetic: what its stored numbers say, without any rounding."""

from __future__ import annotations

from fractions import Fraction

from fcinspect.layers.linear import Network


def exactly(network: Network, x: Fraction) -> Fraction:
    """Return y(x) of a network with one input and one output."""
    values = [x]
    for layer in network.layers:
        linear = layer.linear
        assert linear.bias is not None
        values = [
            sum((Fraction(w) * v for w, v in zip(row, values, strict=True)), Fraction(b))
            for row, b in zip(
                linear.weight.values.tolist(), linear.bias.values.tolist(), strict=True
            )
        ]
        if layer.activation == "relu":
            values = [max(v, Fraction(0)) for v in values]
    (y,) = values
    return y
