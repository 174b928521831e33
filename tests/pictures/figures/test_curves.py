"""The figure of curves: its file holds every point, and each decodes to its value."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import pytest

from fcinspect.pictures.charts.curves import Series
from fcinspect.pictures.figures.curves import curves_bytes, curves_figure

LOSSES = [2.0 * math.exp(-n / 40) for n in range(101)]


def svg(y: Sequence[float]) -> str:
    """Return the figure of a loss curve."""
    series = [Series("loss", range(len(y)), y)]
    return curves_bytes(".svg", series, title="a <b> $c$", x_title="steps", y_title="loss").decode()


def polyline(picture: str) -> list[tuple[float, float]]:
    """Return the points of the first series in the coordinates of the picture."""
    path = re.search(r'<g id="series-0">\s*<path d="([^"]*)"', picture)
    assert path is not None
    numbers = re.findall(r"[ML] ([-\d.]+) ([-\d.]+)", path[1])
    return [(float(x), float(y)) for x, y in numbers]


def decoded(picture: str, first: float, last: float) -> list[float]:
    """Return the heights of the points, read with the help of the first and the last value."""
    heights = [y for _, y in polyline(picture)]
    scale = (last - first) / (heights[-1] - heights[0])
    return [first + (y - heights[0]) * scale for y in heights]


def test_the_line_has_a_point_for_each_loss() -> None:
    """On a linear axis, the heights in the file are the losses."""
    picture = svg(LOSSES)
    assert len(polyline(picture)) == len(LOSSES)
    np.testing.assert_allclose(decoded(picture, LOSSES[0], LOSSES[-1]), LOSSES, atol=2e-5)
    across = np.diff([x for x, _ in polyline(picture)])
    np.testing.assert_allclose(across, across[0], atol=2e-5)


def test_a_wrong_line_is_seen() -> None:
    """The reading above can fail: one changed loss moves its point."""
    changed = [*LOSSES[:50], LOSSES[50] * 1.01, *LOSSES[51:]]
    found = decoded(svg(changed), LOSSES[0], LOSSES[-1])
    assert not np.allclose(found, LOSSES, atol=2e-5)


def test_losses_over_decades_are_drawn_on_a_logarithmic_axis() -> None:
    """There the heights are their logarithms, and the axis says so."""
    losses = [10 ** (-n / 10) for n in range(41)]
    picture = svg(losses)
    assert "loss (logarithmic axis)" in picture
    np.testing.assert_allclose(decoded(picture, 0.0, -4.0), [-n / 10 for n in range(41)], atol=2e-5)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_without_place_are_marked_and_told(bad: float) -> None:
    """The line has a gap there, a mark stands at the lower edge, and a note counts them."""
    figure = curves_figure(
        [Series("loss", range(4), [1.0, bad, 0.5, 0.25])], title="", x_title="s", y_title="loss"
    )
    line, marks = figure.axes[0].lines
    assert np.isnan(np.asarray(line.get_ydata(), float)).tolist() == [False, True, False, False]
    assert list(np.asarray(marks.get_xdata())) == [1]
    assert "1 of 4 values not finite, not drawn" in figure.axes[0].texts[0].get_text()


def test_nothing_finite_is_still_a_figure() -> None:
    """Of nan alone every value is told."""
    assert "2 of 2 values not finite" in svg([math.nan, math.nan])


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_files_are_the_same_each_time(ending: str) -> None:
    """No date, no chance, and names are only letters."""
    series = [Series("<i>loss</i>", range(3), [1.0, 0.5, 0.2])]
    made = [
        curves_bytes(ending, series, title="a <b> $c$", x_title="s", y_title="y") for _ in range(2)
    ]
    assert made[0] == made[1]


def test_series_are_told_apart_without_colour() -> None:
    """Each has its own dashes."""
    series = [Series(str(k), range(3), [1.0 + k, 2.0, 3.0]) for k in range(4)]
    lines = curves_figure(series, title="", x_title="x", y_title="y").axes[0].lines
    assert len({line.get_linestyle() for line in lines}) == 4
