"""The shapes that a batch takes on its way through a fully connected network."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

Shape = tuple[int, ...]


@dataclass(frozen=True)
class TracedLayer:
    """One layer and the shapes of what enters, rests in and leaves it."""

    name: str
    """Module path: fc1, act1, fc2, …"""
    kind: str
    """"Linear" or the name of the activation's module, e.g. "ReLU"."""
    input: Shape
    """(*batch, in_features)"""
    weight: Shape | None
    """(out_features, in_features); None for an activation."""
    bias: Shape | None
    """(out_features,); None without a bias."""
    output: Shape
    """(*batch, out_features)"""
    parameters: int
    """out·in + out (out·in without a bias)."""
    macs: int
    """Multiply-adds: rows·out·in; adding the bias multiplies nothing."""
    flops: int
    """rows·(2·out·in), plus rows·out with a bias."""
    parameter_bytes: int
    output_bytes: int


@dataclass(frozen=True)
class ShapeTrace:
    """Shapes through a whole network."""

    widths: tuple[int, ...]
    batch: Shape
    """All leading dimensions; () for one vector."""
    dtype: str
    layers: tuple[TracedLayer, ...]

    @property
    def rows(self) -> int:
        """How many vectors pass through: the product of the batch dimensions."""
        return math.prod(self.batch)

    @property
    def parameters(self) -> int:
        """Parameters of all layers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-adds of all layers, for the whole batch."""
        return sum(layer.macs for layer in self.layers)

    @property
    def flops(self) -> int:
        """Floating-point operations of all linear layers, for the whole batch."""
        return sum(layer.flops for layer in self.layers)

    @property
    def parameter_bytes(self) -> int:
        """Memory of all parameters."""
        return sum(layer.parameter_bytes for layer in self.layers)

    @property
    def output_bytes(self) -> int:
        """Memory of all outputs, when each is kept (as training does)."""
        return sum(layer.output_bytes for layer in self.layers)


def trace_widths(
    widths: tuple[int, ...],
    batch: Shape = (),
    *,
    itemsize: int = 4,
    dtype: str = "float32",
    bias: bool = True,
    activation: str | None = None,
    output_activation: str | None = None,
) -> ShapeTrace:
    """Trace a batch through linear layers of these widths; nothing is allocated.

    `activation` is the module behind every hidden layer, `output_activation` that behind the last.
    """
    rows, last = math.prod(batch), len(widths) - 1
    layers: list[TracedLayer] = []
    for number, (n, m) in enumerate(pairwise(widths), start=1):
        entries = m if bias else 0
        parameters, output, size = m * n + entries, (*batch, m), rows * m * itemsize
        linear = TracedLayer(
            f"fc{number}", "Linear", (*batch, n), (m, n), (m,) if bias else None, output,
            parameters, macs=rows * m * n, flops=rows * (2 * m * n + entries),
            parameter_bytes=parameters * itemsize, output_bytes=size,
        )  # fmt: skip
        layers.append(linear)
        kind = output_activation if number == last else activation
        if kind is not None:
            name = f"act{number}"
            layers.append(TracedLayer(name, kind, output, None, None, output, 0, 0, 0, 0, size))
    return ShapeTrace(widths, batch, dtype, tuple(layers))
