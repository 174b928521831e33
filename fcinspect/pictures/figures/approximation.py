"""The figure of a network within E of a function: both curves with the knots, and the error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fcinspect.pictures.figures.canvas import figure_bytes, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fcinspect.approximation.grid import GridCheck
    from fcinspect.rounding.arrays import Float64Array

WIDTH, HEIGHT = 8.0, 5.6
"""Inches."""
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#BBBBBB"
"""Of Okabe and Ito's palette: the network, the error; and the function behind."""
MOST_MARKED = 120
"""Knots that are marked; more would be a line of their own."""


def approximation_bytes(
    ending: str, check: GridCheck, knots: Float64Array, title: str, requested: float
) -> bytes:
    """Return the figure as a file of that ending."""
    return figure_bytes(lambda: approximation_figure(check, knots, title, requested), ending)


def approximation_figure(
    check: GridCheck, knots: Float64Array, title: str, requested: float
) -> Figure:
    """Return the figure: above f and the network over x, below y − f(x) within ±E.

    The curves go through the points of the check, each as the network gave it.
    """
    figure = new_figure(WIDTH, HEIGHT)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    x = np.asarray(check.x, dtype=np.float64)
    y = np.asarray(check.y, dtype=np.float64)
    _curves(upper, x, y, y - check.errors, knots)
    upper.set_title(title, loc="left", parse_math=False)
    _error(lower, x, check.errors, requested)
    lower.set_xlabel("x")
    lower.set_xlim(float(knots[0]), float(knots[-1]))
    return figure


def _curves(
    axes: Axes, x: Float64Array, y: Float64Array, f: Float64Array, knots: Float64Array
) -> None:
    axes.plot(x, f, color=GREY, linewidth=5, solid_capstyle="round", label="f")
    axes.plot(x, y, color=BLUE, linewidth=1.3, label="network")
    if len(knots) <= MOST_MARKED:
        axes.plot(
            knots, np.interp(knots, x, y), linestyle="none", marker="o", markersize=3.5,
            markerfacecolor="white", markeredgecolor=BLUE, label=f"{len(knots)} knots",
            clip_on=False, zorder=3,
        )  # fmt: skip
    axes.set_ylabel("y")
    axes.legend(frameon=False)


def _error(axes: Axes, x: Float64Array, errors: Float64Array, requested: float) -> None:
    axes.axhspan(-requested, requested, color=GREY, alpha=0.25, linewidth=0)
    for side in (-requested, requested):
        axes.axhline(side, color="black", linewidth=0.8, linestyle="--")
    axes.plot(x, errors, color=ORANGE, linewidth=1.1)
    largest = float(np.nanmax(np.abs(errors), initial=0.0))
    reach = 1.25 * max(requested, largest)
    axes.set_ylim(-reach, reach)
    axes.set_ylabel("y − f(x)")
    axes.annotate(
        f"±E = {requested:g}", (1, requested), xycoords=("axes fraction", "data"),
        xytext=(-4, 3), textcoords="offset points", ha="right", va="bottom", fontsize="small",
    )  # fmt: skip
