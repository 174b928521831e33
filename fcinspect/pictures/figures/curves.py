"""The figures of curves over a common x axis, and of a network within E of a function."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fcinspect.pictures.charts.curves import (
    Series,
    counts,
    drawable,
    has_place,
    spans_decades,
    y_words,
)
from fcinspect.pictures.figures.canvas import file_of, new_figure, quiet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fcinspect.approximation.network import GridCheck
    from fcinspect.rounding.arrays import Float64Array

WIDTH, HEIGHT = 7.0, 4.2
"""Inches."""
WIDTH_OF_TWO, HEIGHT_OF_TWO = 8.0, 5.6
"""Of the figure with the function above and the error below."""
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#BBBBBB"
"""Of Okabe and Ito's palette: the network, the error; and the function behind."""
MOST_MARKED = 120
"""Knots that are marked; more would be a line of their own."""
STROKES = ((BLUE, "-"), (ORANGE, "--"), ("#009E73", ":"), ("#000000", "-."))
"""Colour of Okabe and Ito's palette, and the dashes that tell a line without it."""
MOST_KEPT = 5_000
"""Points of a line that are all in its file; of more, those that change nothing are left out."""
FEW = 40
"""Points that are marked along a line; more would hide it."""


def curves_figure(series: Sequence[Series], *, title: str, x_title: str, y_title: str) -> Figure:
    """Return the figure of some series, y logarithmic where values span two decades.

    A value without a place breaks its line, is marked at the lower edge and told.
    """
    figure = new_figure(WIDTH, HEIGHT)
    from matplotlib.ticker import MaxNLocator  # behind the refusal of a missing matplotlib

    axes = quiet(figure.subplots())
    log_y = spans_decades([y for one in series for y in one.y if math.isfinite(y)])
    if log_y:
        axes.set_yscale("log")
    missing = []
    for number, one in enumerate(series):
        color, dashes = STROKES[number % len(STROKES)]
        points = list(zip(one.x, one.y, strict=True))
        missing += [(x, y) for x, y in points if not has_place(x, y, log_y)]
        heights = [y if has_place(x, y, log_y) else math.nan for x, y in points]
        (line,) = axes.plot(
            list(one.x), heights, color=color, linestyle=dashes, linewidth=1.4, label=one.name,
            marker="o" if len(points) <= FEW else "none", markersize=3, gid=f"series-{number}",
        )  # fmt: skip
        line.get_path().should_simplify = len(points) > MOST_KEPT
    axes.set_title(title, loc="left", parse_math=False)
    axes.set_xlabel(x_title)
    axes.set_ylabel(y_words(y_title, log_y))
    if counts(series):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(series) > 1:
        axes.legend(frameon=False)
    if missing:
        places = [x for x, _ in missing if math.isfinite(x)]
        axes.plot(
            places, [0.02] * len(places), transform=axes.get_xaxis_transform(), linestyle="none",
            marker="x", color="black", clip_on=False,
        )  # fmt: skip
        total = sum(len(one.x) for one in series)
        axes.text(
            1, 1.0, f"×: {len(missing):,} of {total:,} values not {drawable(log_y)}, not drawn",
            transform=axes.transAxes, ha="right", va="bottom", fontsize="small",
        )  # fmt: skip
    return figure


curves_bytes = file_of(curves_figure)


def approximation_figure(
    check: GridCheck, knots: Float64Array, title: str, requested: float
) -> Figure:
    """Return the figure: above f and the network, below y − f(x) and ±E, at the points checked."""
    figure = new_figure(WIDTH_OF_TWO, HEIGHT_OF_TWO)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    x = np.asarray(check.x, dtype=np.float64)
    y = np.asarray(check.y, dtype=np.float64)
    upper.plot(x, y - check.errors, color=GREY, linewidth=5, solid_capstyle="round", label="f")
    upper.plot(x, y, color=BLUE, linewidth=1.3, label="network")
    if len(knots) <= MOST_MARKED:
        upper.plot(
            knots, np.interp(knots, x, y), linestyle="none", marker="o", markersize=3.5,
            markerfacecolor="white", markeredgecolor=BLUE, label=f"{len(knots)} knots",
            clip_on=False, zorder=3,
        )  # fmt: skip
    upper.set_ylabel("y")
    upper.legend(frameon=False)
    upper.set_title(title, loc="left", parse_math=False)
    _error(lower, x, check.errors, requested)
    lower.set_xlabel("x")
    lower.set_xlim(float(knots[0]), float(knots[-1]))
    return figure


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


approximation_bytes = file_of(approximation_figure)
