"""The figure of a weight: its cells, its bars and its colour bar hold the numbers of W."""

from __future__ import annotations

import math

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fcinspect.layers.array import Array
from fcinspect.layers.statistics import Distribution, distribution_of
from fcinspect.pictures.figures.weight import weight_bytes, weight_figure
from fcinspect.rounding.arrays import Float64Array

RNG = np.random.default_rng(0)


def made(matrix: Float64Array) -> tuple[Array, Distribution]:
    """Return a weight and the distribution of its numbers."""
    weight = Array(matrix, "float64")
    finite = matrix[np.isfinite(matrix)]
    ends = (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)
    return weight, distribution_of(weight, *ends)


def drawn(matrix: Float64Array) -> Figure:
    """Return the figure."""
    return weight_figure(*made(matrix), "fc1 of $x$")


def cells(axes: Axes, scale: float) -> Float64Array:
    """Return the values of the cells."""
    (image,) = axes.images
    shown = image.get_array()
    assert shown is not None
    return np.asarray(np.ma.filled(shown.astype(float), np.nan)) * scale


def test_cells_bars_and_colour_bar_are_those_of_w() -> None:
    """Each cell a number, each bar a count, and the ends of the colour bar the largest |w|."""
    matrix = RNG.normal(size=(5, 7))
    figure = drawn(matrix)
    upper, lower, bar = figure.axes
    scale = float(np.abs(matrix).max())
    np.testing.assert_allclose(cells(upper, scale), matrix, rtol=1e-15)
    found = made(matrix)[1]
    assert [patch.get_height() for patch in lower.patches] == list(found.counts)  # type: ignore[attr-defined]  # bars
    labels = [label.get_text() for label in bar.get_yticklabels()]
    assert [float(text) for text in labels] == pytest.approx(
        [-scale, -scale / 2, 0, scale / 2, scale], rel=1e-3
    )
    assert {text.get_text() for text in upper.texts} == {f"{v:+.3g}" for v in matrix.reshape(-1)}


def test_the_axes_and_the_colour_bar_are_named() -> None:
    """By what W's rows and columns are, and by what the colours and the bars stand for."""
    upper, lower, bar = drawn(RNG.normal(size=(5, 7))).axes
    assert "out_features" in upper.get_ylabel()
    assert "in_features" in upper.get_xlabel()
    assert bar.get_ylabel() == "weight"
    assert (lower.get_xlabel(), lower.get_ylabel()) == ("weight", "count")


@pytest.mark.parametrize(
    ("matrix", "ends"),
    [
        (np.array([[-0.5, 0.25]]), (-1, 1)),
        (np.array([[0.5, 0.25]]), (0, 1)),
        (np.array([[-0.5, -0.25], [0, math.nan]]), (-1, 0)),
    ],
)
def test_colours_are_centred_at_0(matrix: Float64Array, ends: tuple[float, float]) -> None:
    """Whatever the numbers are, 0 is the middle; of one sign the bar shows the half in use."""
    upper, _, bar = drawn(matrix).axes
    (image,) = upper.images
    assert image.get_clim() == (-1, 1)
    assert bar.get_ylim() == ends


def test_a_wrong_cell_is_seen() -> None:
    """The reading above can fail."""
    matrix = RNG.normal(size=(5, 7))
    other = matrix.copy()
    other[2, 3] = -other[2, 3] / 2
    scale = float(np.abs(matrix).max())
    assert not np.allclose(cells(drawn(other).axes[0], scale), matrix)


def test_a_large_weight_is_reduced_and_says_so() -> None:
    """By blocks, which the label names."""
    upper = drawn(RNG.normal(size=(401, 900))).axes[0]
    assert "in a 3×3 block (outputs × inputs) of W (401×900)" in upper.get_xlabel().replace(
        "\n", " "
    )


def test_what_is_not_finite_is_marked_and_told() -> None:
    """With a cross in its cell, and in no bin."""
    matrix = RNG.normal(size=(4, 6))
    matrix[1, 5], matrix[3, 0] = math.nan, -math.inf
    figure = drawn(matrix)
    (marks,) = figure.axes[0].lines
    places = zip(*(np.asarray(data).tolist() for data in marks.get_data()), strict=True)
    assert sorted(places) == [(0, 3), (5, 1)]
    assert "2 cells with numbers that are not finite" in figure.axes[0].get_xlabel()
    assert figure.axes[1].texts[0].get_text() == "not counted: 1 NaN and 1 infinite"


@pytest.mark.parametrize(
    "matrix",
    [
        np.full((4, 6), 0.25), np.zeros((3, 3)), np.ones((1, 1)), np.zeros((0, 5)),
        np.full((2, 2), math.nan), np.array([[1.7e308, -1.7e308, 5e-324]]),
    ],
    ids=["constant", "zeros", "one", "empty", "nan", "ends"],
)  # fmt: skip
def test_odd_weights_have_figures(matrix: Float64Array) -> None:
    """None breaks it, and equal weights give equal bytes."""
    assert weight_bytes(".svg", *made(matrix), "fc") == weight_bytes(".svg", *made(matrix), "fc")


@pytest.mark.parametrize("shape", [(3, 1), (1, 3), (1, 1), (2, 2)])
def test_the_axes_of_a_narrow_weight_count_from_0(shape: tuple[int, int]) -> None:
    """An only column is that of input 0, and its axis has no fractions."""
    figure = drawn(RNG.normal(size=shape))
    figure.draw_without_rendering()
    upper = figure.axes[0]
    for axis, count in ((upper.yaxis, shape[0]), (upper.xaxis, shape[1])):
        low, high = sorted(axis.get_view_interval())
        places = [k for k in axis.get_majorticklocs() if low <= k <= high]
        assert places == list(range(count))
        assert {label.get_text() for label in axis.get_ticklabels()} >= set(map(str, range(count)))
