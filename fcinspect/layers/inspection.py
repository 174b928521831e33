"""What can be said of one layer's numbers: their statistics, and the law that they come from."""

from __future__ import annotations

from dataclasses import dataclass

from fcinspect.layers.initialisation import (
    InitialisationLaw,
    LawCheck,
    bias_law,
    obeys,
    weight_law,
)
from fcinspect.layers.linear import LinearLayer
from fcinspect.layers.statistics import Statistics, statistics_of
from fcinspect.rounding.formats import format_named
from fcinspect.rounding.verdict import Verdict, overall


@dataclass(frozen=True)
class Inspected:
    """One parameter, inspected."""

    statistics: Statistics
    """Of its numbers."""
    law: InitialisationLaw
    """What its initialiser promises, or what the default one would."""
    check: LawCheck
    """Whether the numbers are as promised."""


@dataclass(frozen=True, eq=False)
class Inspection:
    """One layer, inspected."""

    layer: LinearLayer
    """The layer."""
    init: str
    """The initialiser's name."""
    known: bool
    """True when that initialiser made the layer; False when it is only compared with."""
    weight: Inspected
    """W."""
    bias: Inspected | None
    """b."""
    activation: str | None = None
    """What follows the layer in its network."""

    @property
    def verdict(self) -> Verdict:
        """The worse of both checks."""
        parts = [self.weight] if self.bias is None else [self.weight, self.bias]
        return overall(part.check.verdict for part in parts)

    @property
    def parameter_bytes(self) -> int:
        """Memory of weight and bias."""
        arrays = [self.layer.weight] + ([] if self.layer.bias is None else [self.layer.bias])
        return sum(array.size * format_named(array.dtype).itemsize for array in arrays)


def inspect_layer(
    layer: LinearLayer, init: str | None = None, activation: str | None = None
) -> Inspection:
    """Inspect a layer that `init` made, or None for one of unknown making."""
    name = init or "default"
    laws = weight_law(name, layer.in_features, layer.out_features), bias_law(layer.in_features)
    weight, bias = layer.weight, layer.bias
    return Inspection(
        layer,
        name,
        init is not None,
        Inspected(statistics_of(weight), laws[0], obeys(laws[0], weight)),
        None if bias is None else Inspected(statistics_of(bias), laws[1], obeys(laws[1], bias)),
        activation,
    )
