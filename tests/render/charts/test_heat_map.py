"""Heat maps in text: each cell has the sign and the shade of its value."""

from __future__ import annotations

import math
import re
from functools import partial

import numpy as np
import pytest

from fcinspect.layers.blocks import blocks_of
from fcinspect.render.charts.heat_map import heat_map
from fcinspect.render.charts.shades import ASCII_SHADES, CIVIDIS, SHADES, color_of, sign_of
from fcinspect.render.page import Medium, Span
from fcinspect.rounding.arrays import Float64Array

RNG = np.random.default_rng(0)


def drawn(matrix: Float64Array, medium: Medium) -> list[tuple[Span, ...]]:
    """Return the lines of the map of a matrix."""
    rows, columns = matrix.shape
    return list(heat_map(partial(blocks_of, matrix), (rows, columns)).draw(medium))


def words(matrix: Float64Array, medium: Medium) -> list[str]:
    """Return the lines without their roles."""
    return ["".join(part for part, _ in line) for line in drawn(matrix, medium)]


def quarters(matrix: Float64Array, medium: Medium) -> list[list[int]]:
    """Return what a reader makes of the signs: −4 to 4 quarters of the largest magnitude."""
    shades = ASCII_SHADES if medium.ascii_only else SHADES
    rows, columns = matrix.shape
    margin = len(f"y[{rows - 1}]") + 1
    read = []
    for line in words(matrix, medium)[1 : rows + 1]:
        cells = [line[margin + 2 * j :][:2] for j in range(columns)]
        read.append(
            [
                0 if c == " 0" else (-1 if c[0] == "-" else 1) * (1 + shades.index(c[1]))
                for c in cells
            ]
        )
    return read


def expected(matrix: Float64Array) -> list[list[int]]:
    """Return the quarters of each number, upwards in magnitude."""
    scale = np.abs(matrix).max()
    return [[int(math.copysign(math.ceil(4 * abs(v) / scale), v)) for v in row] for row in matrix]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_signs_and_shades_are_those_of_the_numbers(ascii_only: bool) -> None:
    """Without any colour."""
    matrix = RNG.normal(size=(6, 9))
    matrix[2, 3] = 0
    medium = Medium(80, ascii_only)
    assert quarters(matrix, medium) == expected(matrix)
    assert quarters(-matrix, medium) != expected(matrix)


def test_colours_are_those_of_the_numbers() -> None:
    """Two rows in a line of half blocks: above the colour of the sign, below that behind it."""
    matrix = RNG.normal(size=(30, 20))
    scale = np.abs(matrix).max()
    lines = drawn(matrix, Medium(80, colored=True))[1:16]
    for number, line in enumerate(lines):
        for column, (sign, role) in enumerate(line[1:]):
            upper, lower = matrix[2 * number, column], matrix[2 * number + 1, column]
            assert sign == "▀"
            assert role == f"{color_of(upper / scale)} on {color_of(lower / scale)}"


def test_lightness_rises_with_the_number() -> None:
    """In grey a negative number is darker than 0, and a positive one lighter."""
    weights = (0.2126, 0.7152, 0.0722)
    light = [sum(w * c for w, c in zip(weights, color, strict=True)) for color in CIVIDIS]
    assert light == sorted(light)
    assert (color_of(-1.0), color_of(1.0)) == ("#00224e", "#fee838")


def test_only_zero_is_shown_as_zero() -> None:
    """Not a number that is too small beside the largest one."""
    matrix = np.array([[1.7e308, 5e-324, -5e-324, 0.0]])
    assert words(matrix, Medium(80))[1] == "y[0] +█+░-░ 0"
    assert sign_of(0.0, Medium(80)) == " 0"


@pytest.mark.parametrize("medium", [Medium(80), Medium(50, True), Medium(80, False, True)])
@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (512, 784), (24, 37), (100, 2)])
def test_maps_fit_and_say_how_they_were_reduced(medium: Medium, shape: tuple[int, int]) -> None:
    """Large ones by blocks; the words name the size of the block and of W."""
    matrix = RNG.normal(size=shape)
    lines = words(matrix, medium)
    assert max(map(len, lines)) <= medium.width
    assert all(line.isascii() for line in lines) or not medium.ascii_only
    told = re.search(r"of a (\d+).(\d+) block", " ".join(lines))
    if told is None:
        assert shape in {(1, 1), (24, 37), (100, 2)} or medium.colored
    else:
        block = int(told[1]), int(told[2])
        assert block != (1, 1)
        assert math.ceil(shape[1] / block[1]) <= medium.width
        assert math.ceil(shape[0] / block[0]) <= 48


@pytest.mark.parametrize("colored", [False, True])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_marked_and_told(bad: float, colored: bool) -> None:
    """By a sign of its own, in a small map and in a reduced one."""
    for shape in ((3, 4), (400, 300)):
        matrix = RNG.normal(size=shape)
        matrix[1, 2] = bad
        lines = words(matrix, Medium(80, colored=colored))
        assert sum(line.count("!") for line in lines) == 2
        assert "numbers that are not finite" in " ".join(lines)


def test_nothing_finite_and_nothing_but_zero() -> None:
    """Neither has a scale."""
    assert words(np.full((1, 2), math.nan), Medium(80))[1] == "y[0]  ! !"
    assert words(np.zeros((1, 2)), Medium(80)) == ["     x[0]", "y[0]  0 0"]
