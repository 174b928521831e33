"""The numbers of a layer's weight as pictures: in text, and as figures."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fcinspect.layers.statistics import Distribution, distribution_of
from fcinspect.page import text
from fcinspect.page.blocks import Block, Heading, Line
from fcinspect.pictures.blocks import blocks_of
from fcinspect.pictures.charts.heat_map import heat_map
from fcinspect.pictures.charts.histogram import histogram

if TYPE_CHECKING:
    from fcinspect.layers.initialisation import Inspection


def weight_charts(inspection: Inspection) -> list[tuple[Block, ...]]:
    """Return the heat map of W and the histogram of its numbers, each a group of blocks."""
    layer = inspection.layer
    if not layer.weight.size:
        return [(Heading("Heat map of W"), Line.of("W has no numbers: there is nothing to draw"))]
    shape = layer.out_features, layer.in_features
    reduced = partial(blocks_of, layer.weight.values)
    return [
        (Heading(f"Heat map of W {text.matrix_shape(shape)}"), heat_map(reduced, shape)),
        (Heading("Numbers of W"), histogram(weight_distribution(inspection))),
    ]


def weight_distribution(inspection: Inspection) -> Distribution:
    """Return how many numbers of W lie where."""
    found = inspection.weight.statistics
    return distribution_of(inspection.layer.weight, found.min, found.max)


def weight_figure(inspection: Inspection, ending: str) -> bytes:
    """Return the heat map and the histogram as a file of that ending."""
    from fcinspect.pictures.figures.weight import weight_bytes

    layer = inspection.layer
    name = f"{text.safe(layer.name)} of " if layer.name else ""
    title = f"{name}{text.safe(layer.source)}, {layer.dtype}"
    return weight_bytes(ending, layer.weight, weight_distribution(inspection), title)
