"""The figure of curves over a common x axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fcinspect.pictures.charts.curves import Series, has_place, spans_decades
from fcinspect.pictures.figures.canvas import figure_bytes, new_figure, quiet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 7.0, 4.2
"""Inches."""
STROKES = (
    ("#0072B2", "-"),
    ("#D55E00", "--"),
    ("#009E73", ":"),
    ("#000000", "-."),
)
"""Colour of Okabe and Ito's palette, and the dashes that tell a line without it."""
MOST_KEPT = 5_000
"""Points of a line that are all in its file; of more, those that change nothing are left out."""
FEW = 40
"""Points that are marked along a line; more would hide it."""


def curves_bytes(
    ending: str, series: Sequence[Series], *, title: str, x_title: str, y_title: str
) -> bytes:
    """Return the figure as a file of that ending."""
    return figure_bytes(
        lambda: curves_figure(series, title=title, x_title=x_title, y_title=y_title), ending
    )


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
    axes.set_ylabel(y_title + (" (logarithmic axis)" if log_y else ""))
    if all(x == int(x) for one in series for x in one.x if math.isfinite(x)):
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
        kind = "finite and positive" if log_y else "finite"
        axes.text(
            1, 1.0, f"×: {len(missing):,} of {total:,} values not {kind}, not drawn",
            transform=axes.transAxes, ha="right", va="bottom", fontsize="small",
        )  # fmt: skip
    return figure
