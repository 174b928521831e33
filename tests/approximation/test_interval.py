"""Intervals and errors as they are written."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from fcinspect.approximation.interval import parse_interval, parse_tolerance
from fcinspect.errors import InputError, UsageError
from fcinspect.rounding.formats import FLOAT32, FLOAT64


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("0,1", 0, 1),
        (" -1 , 2.5 ", -1, Fraction(5, 2)),
        ("0.1,0.3", Fraction(1, 10), Fraction(3, 10)),
        ("-1/3,1e-3", Fraction(-1, 3), Fraction(1, 1000)),
        ("sqrt(4),2**3", 2, 8),
    ],
)
def test_rational_ends_are_exact(text: str, low: Fraction, high: Fraction) -> None:
    """0.1 is a tenth, not the float64 near to it."""
    found = parse_interval(text)
    assert (found.low, found.high, found.exact) == (low, high, True)


def test_irrational_ends_are_closed_in_from_inside() -> None:
    """No fraction outside of [-pi, 2*pi] takes part, and no float64 inside is lost."""
    import mpmath

    found = parse_interval("-pi,2*pi")
    with mpmath.workdps(80):
        low = mpmath.mpf(found.low.numerator) / found.low.denominator
        high = mpmath.mpf(found.high.numerator) / found.high.denominator
        assert -mpmath.pi < low < -mpmath.pi + mpmath.mpf(10) ** -55
        assert 2 * mpmath.pi - mpmath.mpf(10) ** -55 < high < 2 * mpmath.pi
    assert not found.exact
    first, last = found.within(FLOAT64)
    assert (first, last) == (Fraction(-np.pi), Fraction(2 * np.pi))  # both lie inside


def test_the_ends_of_a_format_lie_inside() -> None:
    """float32's 0.1 lies above a tenth, its 0.3 above three tenths: the one below is taken."""
    first, last = parse_interval("0.1,0.3").within(FLOAT32)
    assert first == Fraction(float(np.float32(0.1)))
    assert last == Fraction(float(np.nextafter(np.float32(0.3), np.float32(0))))


@pytest.mark.parametrize("text", ["1,1.00000001", "1e200,2e200", "0.1,0.1000000001"])
def test_an_interval_between_neighbours_is_refused(text: str) -> None:
    """Where the format has no two numbers, it can hold no network."""
    with pytest.raises(InputError, match="no two numbers of float32"):
        parse_interval(text).within(FLOAT32)


@pytest.mark.parametrize(
    "text",
    ["", "0", "0,1,2", "1,0", "1,1", "pi,pi", "0,", ",1", "0,x", "0,nan", "0,inf", "a,b", "0;1",
     "0,1e400", "0,1/0", "0,log(-1)", "0,__import__('os')", "0,2)", "0,9**9**9"],
)  # fmt: skip
def test_what_is_no_interval_is_refused(text: str) -> None:
    """In one line, which names what was written."""
    with pytest.raises(UsageError) as refused:
        parse_interval(text)
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", Fraction(1, 1000)), ("0.25", Fraction(1, 4)), ("1/3", Fraction(1, 3)),
     ("2**-10", Fraction(1, 1024)), ("100", 100)],
)  # fmt: skip
def test_errors_are_exact(text: str, value: Fraction) -> None:
    """E is the number that was written."""
    assert parse_tolerance(text) == value


@pytest.mark.parametrize(
    "text", ["0", "-1e-3", "", "nan", "inf", "1e400", "1e-400", "x", "one", "1e-3,1e-4", "1_000"]
)
def test_what_is_no_error_is_refused(text: str) -> None:
    """An E that is not a positive number."""
    with pytest.raises(UsageError):
        parse_tolerance(text)
