"""Axes: every value lies within half a dot of its place, and every tick is a true number."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fcinspect.pictures.charts.axis import Axis, axis_over, round_label

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.lists(FINITE, min_size=1, max_size=6)


def within_half_a_dot(axis: Axis, value: float, dots: int, dot: int | None = None) -> bool:
    """Whether a value read back from its dot, or the one given, is off by at most half a dot."""
    dot = axis.dot(value, dots) if dot is None else dot
    cells = Fraction(dot) / dots - Fraction(dots - 1, 2 * dots) + axis.start
    back = cells * axis.step / axis.cells_per_step
    exact = Fraction(math.log10(value)) if axis.logarithmic else Fraction(value)
    # the outermost cells keep what lies half a cell beyond their middle
    half = Fraction(1, 2 * dots) if 0 < dot < axis.cells * dots - 1 else Fraction(1, dots)
    return abs(back - exact) <= (half + Fraction(1, 1000)) * axis.step / axis.cells_per_step


@given(VALUES, st.integers(8, 80), st.sampled_from([1, 2, 4]))
@example([-1.7e308, 1.7e308], 16, 4)
@example([5e-324, 0.0], 16, 4)
@example([1.0, 1.0 + 2**-52], 16, 4)
@example([1e16, 1e16 + 2], 60, 2)
def test_a_value_is_read_back_from_its_dot(values: list[float], cells: int, dots: int) -> None:
    """Linear axes of any range, the ends of float64 and tiny ranges far from 0 among them."""
    axis = axis_over(values, cells, ticks=cells // 4)
    assert 1 <= axis.cells <= cells
    assert all(within_half_a_dot(axis, value, dots) for value in values)


@given(
    st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=6),
    st.integers(8, 80),
    st.sampled_from([1, 4]),
)
def test_logarithmic_axes_are_read_back_too(values: list[float], cells: int, dots: int) -> None:
    """A value stands for its decimal logarithm."""
    axis = axis_over(values, cells, ticks=cells // 4, logarithmic=True)
    assert axis.cells <= cells
    assert all(within_half_a_dot(axis, value, dots) for value in values)


@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_wrong_dot_is_seen(wrong: int) -> None:
    """The check can fail: the neighbours of a value's dot are further away than half a dot."""
    axis = axis_over([0.0, 1.0], 20, ticks=5)
    dot = axis.dot(0.5, 4)
    assert within_half_a_dot(axis, 0.5, 4, dot)
    assert not within_half_a_dot(axis, 0.5, 4, dot + 2 * wrong)


@given(VALUES.filter(lambda v: max(v) / 2 - min(v) / 2 > 0), st.integers(12, 80))
def test_ticks_are_true_numbers(values: list[float], cells: int) -> None:
    """The number of a label, read exactly, lies exactly in the middle of the label's cell."""
    axis = axis_over(values, cells, ticks=cells // 4)
    ticks = axis.ticks()
    assert len(ticks) >= 1
    for cell, label in ticks:
        assert Fraction(label) == (cell + axis.start) * axis.step / axis.cells_per_step
        assert 0 <= cell < axis.cells


def test_ticks_of_a_logarithmic_axis_are_powers_of_ten() -> None:
    """From 0.0003 to 2: three or more decades are named."""
    axis = axis_over([3e-4, 2.0], 16, ticks=5, logarithmic=True)
    assert [label for _, label in axis.ticks()] == ["0.001", "0.01", "0.1", "1"]
    for cell, label in axis.ticks():
        assert axis.place(float(label)) == pytest.approx(cell, abs=1e-9)
        decades = float((cell + axis.start) * axis.step / axis.cells_per_step)
        assert 10**decades == pytest.approx(float(label), rel=1e-12)


def test_whole_numbers_have_whole_ticks() -> None:
    """There is no step 1.5."""
    assert [label for _, label in axis_over([1, 3], 70, ticks=6, whole=True).ticks()] == [
        "1", "2", "3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("exact", "step", "written"),
    [
        ("0", "1/2", "0"),
        ("3/2", "1/2", "1.5"),
        ("1", "1/4", "1.00"),
        ("-100000", "50000", "-100000"),
        ("12000000000", "2000000000", "1.2e+10"),
        ("1/10000000000", "1/10000000000", "1e-10"),
    ],
)
def test_labels_have_all_digits_and_no_more(exact: str, step: str, written: str) -> None:
    """A label is never rounded."""
    assert round_label(Fraction(exact), Fraction(step)) == written
