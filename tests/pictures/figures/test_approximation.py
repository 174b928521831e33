"""The figure of a network within E of a function: what is drawn, and the files."""

from __future__ import annotations

import sys
from fractions import Fraction

import numpy as np
import pytest

from fcinspect.approximation.network import GridCheck
from fcinspect.errors import UsageError
from fcinspect.pictures.figures.curves import approximation_bytes, approximation_figure

KNOTS = np.array([0.0, 0.5, 1.0])
E = 0.1


def check(shift: float = 0.0) -> GridCheck:
    """Return a check of chords of x² at three knots, moved up by `shift`."""
    x = np.linspace(0, 1, 101)
    y = np.interp(x, KNOTS, KNOTS**2) + shift
    errors = y - x * x
    largest = Fraction(float(np.abs(errors).max()))
    return GridCheck("numpy", x, y, errors, largest, 0.25, 0, Fraction(E))


def test_both_curves_the_knots_and_the_band_are_drawn() -> None:
    """Above f and the network with a mark at each knot; below the error between −E and E."""
    figure = approximation_figure(check(), KNOTS, "x**2 on [0, 1]", E)
    upper, lower = figure.axes
    f, network, marks = upper.lines
    np.testing.assert_allclose(np.asarray(f.get_ydata(), float), np.linspace(0, 1, 101) ** 2)
    np.testing.assert_array_equal(np.asarray(network.get_ydata()), check().y)
    np.testing.assert_array_equal(np.asarray(marks.get_xdata()), KNOTS)
    assert upper.get_title(loc="left") == "x**2 on [0, 1]"
    heights = [np.asarray(line.get_ydata()) for line in lower.lines]
    assert [h[0] for h in heights[:2]] == [-E, E]
    np.testing.assert_array_equal(heights[2], check().errors)
    low, high = lower.get_ylim()
    assert low < -E < E < high


def test_an_error_beyond_the_band_is_not_cut() -> None:
    """Where the network is farther off than E, the axis reaches as far."""
    figure = approximation_figure(check(shift=0.5), KNOTS, "x**2", E)
    assert figure.axes[1].get_ylim()[1] > 0.5


@pytest.mark.parametrize(
    ("ending", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")]
)
def test_files_are_the_same_each_time(ending: str, start: bytes) -> None:
    """Of each kind, without a date; the words of an SVG stay words."""
    content = approximation_bytes(ending, check(), KNOTS, "a $title$", E)
    assert content.startswith(start)
    assert content == approximation_bytes(ending, check(), KNOTS, "a $title$", E)
    if ending == ".svg":
        assert "a $title$" in content.decode()
        assert "3 knots" in content.decode()


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, instead of a traceback."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match="need matplotlib") as refused:
        approximation_figure(check(), KNOTS, "x**2", E)
    assert (refused.value.hint or "").startswith("pip install matplotlib")
