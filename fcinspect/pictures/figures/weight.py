"""The figure of a weight: its heat map, and below it the histogram of its numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.layers.blocks import blocks_of
from fcinspect.pictures.figures.canvas import figure_bytes, new_figure
from fcinspect.pictures.figures.heat_map import MOST_CELLS, draw_heat_map
from fcinspect.pictures.figures.histogram import draw_histogram

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fcinspect.layers.array import Array
    from fcinspect.layers.distribution import Distribution

WIDTH, HEIGHT = 8.0, 8.0
"""Inches."""


def weight_bytes(ending: str, weight: Array, found: Distribution, title: str) -> bytes:
    """Return the figure as a file of that ending."""
    return figure_bytes(lambda: weight_figure(weight, found, title), ending)


def weight_figure(weight: Array, found: Distribution, title: str) -> Figure:
    """Return the figure of W (out_features × in_features), with or without numbers."""
    figure = new_figure(WIDTH, HEIGHT)
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 2))
    rows, columns = weight.shape
    upper.set_title(f"W ({rows}×{columns}) of {title}", loc="left", parse_math=False)
    if weight.size:
        draw_heat_map(upper, blocks_of(weight.values, MOST_CELLS))
    else:
        upper.text(0.5, 0.5, "W has no numbers", transform=upper.transAxes, ha="center")
        upper.set_axis_off()
    draw_histogram(lower, found, "Numbers of W")
    return figure
