"""A function, the network beside it and its error, as charts of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fcinspect.page.blocks import Drawing, Line
from fcinspect.pictures.charts.curves import Series, curves

if TYPE_CHECKING:
    from fcinspect.approximation.grid import GridCheck


Group = tuple[Line | Drawing, ...]
"""Blocks that stand together."""
MOST_MARKED = 40
"""Knots that are marked; more would hide the curves."""


def charts(check: GridCheck, knots: Sequence[float], requested: float) -> tuple[Group, Group]:
    """Return f and the network over x, and below them y − f(x) between −E and E.

    The curves go through the points of the check, each as the network gave it.
    """
    x, y = check.x.tolist(), check.y.tolist()
    f = (check.y - check.errors).tolist()
    ends = x[0], x[-1]
    drawn = [Series("f", x, f, "input"), Series("network", x, y, "output")]
    if len(knots) <= MOST_MARKED:
        values = np.interp(knots, x, y).tolist()
        drawn.append(Series(f"{len(knots)} knots", list(knots), values, "strong", joined=False))
    error = Series("y − f(x)", x, check.errors.tolist(), "output")
    edges = [
        Series(name, ends, (value, value), "faint")
        for name, value in (("+E", requested), ("−E", -requested))
    ]
    upper = (
        Line.of(("f and the network", "strong")),
        curves(drawn, x_title="x", y_title="y", logarithmic=False),
    )
    lower = (
        Line.of(("The error", "strong"), f": y − f(x) between −E and E = {requested:g}"),
        curves([error, *edges], x_title="x", y_title="y − f(x)", logarithmic=False),
    )
    return upper, lower
