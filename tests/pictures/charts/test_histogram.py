"""Histograms in text: bars as long as their counts, and every number told."""

from __future__ import annotations

import pytest

from fcinspect.layers.statistics import Distribution
from fcinspect.page.blocks import Medium
from fcinspect.pictures.charts.weight import EIGHTHS, bar_of, histogram

FOUND = Distribution((-0.5, 0.0, 0.5, 1.0), (1, 0, 1000), 2, 1)


def lines(found: Distribution, width: int = 80, *, ascii_only: bool = False) -> list[str]:
    """Return the lines without their roles."""
    drawn = histogram(found).draw(Medium(width, ascii_only))
    return ["".join(words for words, _ in line) for line in drawn]


def test_edges_counts_and_the_rest_are_told() -> None:
    """A line for each bin."""
    drawn = lines(FOUND)
    assert drawn[0] == "-0.5 …    0 │▏ 1"
    assert drawn[1] == "   0 …  0.5 │ 0"
    assert drawn[2].startswith(" 0.5 …    1 │██████")
    assert drawn[2].endswith("█ 1,000")
    assert drawn[3].startswith("1,001 finite numbers")
    assert drawn[4] == "! not counted: 2 NaN and 1 infinite"


@pytest.mark.parametrize("number", [0, 1, 17, 400, 799, 800])
def test_a_bar_is_as_long_as_its_count(number: int) -> None:
    """To an eighth of a cell, rounded up: none but 0 is without length."""
    bar = bar_of(number, 800, 50, Medium(80))
    eighths = sum(EIGHTHS.index(sign) for sign in bar)
    assert 0 <= eighths - 8 * 50 * number / 800 < 1
    assert (eighths == 0) == (number == 0)


@pytest.mark.parametrize("width", [50, 80, 100])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_histograms_fit_the_width(width: int, ascii_only: bool) -> None:
    """In Unicode and in ASCII."""
    drawn = lines(FOUND, width, ascii_only=ascii_only)
    assert max(map(len, drawn)) <= width
    assert all(line.isascii() for line in drawn) or not ascii_only


def test_edges_read_back() -> None:
    """However close they are."""
    close = Distribution((1.0, 1.0000000000000002), (5,))
    assert lines(close)[0].lstrip().startswith("1 … 1.0000000000000002 │")
