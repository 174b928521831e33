"""Heat maps in text: each cell has the sign and the shade of its value."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from fcinspect.page.blocks import Medium, Span
from fcinspect.pictures.charts.weight import (
    ASCII_SHADES,
    SHADES,
    color_of,
    heat_map,
    ink_on,
    sign_of,
)
from fcinspect.rounding.arrays import Float64Array

RNG = np.random.default_rng(0)


def drawn(matrix: Float64Array, medium: Medium) -> list[tuple[Span, ...]]:
    """Return the lines of the map of a matrix."""
    return list(heat_map(matrix).draw(medium))


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


def channels(color: str) -> tuple[float, float, float]:
    """Return red, green and blue from 0 to 1, linear in light."""
    red, green, blue = (int(color[k : k + 2], 16) / 255 for k in (1, 3, 5))
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)
    ]
    return linear[0], linear[1], linear[2]


def luminance(color: str) -> float:
    """Return the relative luminance of a colour (WCAG 2)."""
    red, green, blue = channels(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_colours_diverge_from_0() -> None:
    """0 is nearly white; on each side of it the colours only darken, orange and blue."""
    magnitudes = [k / 20 for k in range(21)]
    for sign in (-1, 1):
        light = [luminance(color_of(sign * m)) for m in magnitudes]
        assert light == sorted(light, reverse=True)
        assert light[-1] < 0.1 < 0.9 < light[0]
    red, green, blue = channels(color_of(0.0))
    assert red == green == blue
    for m in magnitudes[1:]:
        below, above = channels(color_of(-m)), channels(color_of(m))
        assert below[0] > below[2]
        assert above[2] > above[0]


def test_what_is_written_on_a_colour_is_legible() -> None:
    """With a contrast of at least 4.5 to 1, as WCAG 2 asks for."""
    for k in range(-50, 51):
        pair = sorted((luminance(color_of(k / 50)), luminance(ink_on(k / 50))))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, k


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
    told = re.search(r"in a (\d+).(\d+) block", " ".join(lines))
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
