"""Greedy knots: the certificate against a search by mpmath, the width against references."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest

from fcinspect.approximation.evaluation import Scout
from fcinspect.approximation.expression import Function, parse
from fcinspect.approximation.interpolation import Interpolation, greedy, lower_bound, uniform_width
from fcinspect.errors import InputError


def snapped(x: Fraction) -> Fraction:
    """Return the nearest float64."""
    return Fraction(float(x))


def made(line: str, error: str = "1e-3") -> tuple[Function, Interpolation]:
    """Return the function of a line and its interpolation."""
    text, low, high = line.split(" ")
    function = parse(text)
    a, b = snapped(Fraction(low)), snapped(Fraction(high))
    return function, greedy(function, a, b, Fraction(error), snapped)


def seen(function: Function, found: Interpolation, points: int = 24) -> float:
    """Return the largest |f − chord| at points of every segment, by mpmath alone."""
    import sympy

    (x,) = function.expression.free_symbols
    f = sympy.lambdify(x, function.expression, "mpmath")
    largest = mpmath.mpf(0)
    with mpmath.workdps(60):
        knots = [mpmath.mpf(k.numerator) / k.denominator for k in found.knots]
        values = [mpmath.re(f(k)) for k in knots]
        for (a, b), (v, w) in zip(pairwise(knots), pairwise(values), strict=True):
            for k in range(1, points):
                at = a + (b - a) * k / points
                largest = max(largest, abs(f(at) - v - (w - v) * k / points))
        return float(largest)


@pytest.mark.parametrize("line", ["sin(2*pi*x) 0 1", "sqrt(x) 0 1", "abs(x**3-x) -2 2"])
def test_the_certificate_holds(line: str) -> None:
    """No point is farther from the chord than certified, and E is nearly used up."""
    function, found = made(line)
    assert found.certified <= Fraction("1e-3")
    assert found.certified == max(found.errors)
    assert found.width == len(found.knots) - 1 == len(found.errors)
    assert list(found.knots) == sorted(set(found.knots))
    assert 0.99e-3 < seen(function, found) <= found.certified


@pytest.mark.parametrize(
    ("line", "greedy_width", "uniform"),
    [("sin(2*pi*x) 0 1", 54, 71), ("exp(5*x) 0 1", 251, 682), ("1/(1+25*x**2) -1 1", 46, 159),
     ("sqrt(x) 0 1", 22, None)],
)  # fmt: skip
def test_the_widths_are_those_of_the_references(
    line: str, greedy_width: int, uniform: int | None
) -> None:
    """Within two parts in a hundred, and the count for equal segments exactly."""
    function, found = made(line)
    assert found.width <= 1.02 * greedy_width
    a, b = found.knots[0], found.knots[-1]
    assert uniform_width(function, a, b, Fraction("1e-3")) == uniform


def test_a_chord_may_reach_across_an_inflection() -> None:
    """Where a longer chord is good again though a shorter one is not, it is taken.

    From −1 the chord of x³ to b is off by 0.5 at b = 1/2, but by 0.385 at b = 1.
    """
    function = parse("x**3")
    found = greedy(function, Fraction(-1), Fraction(1), Fraction("0.4"), snapped)
    assert found.width == 1
    assert seen(function, found) == pytest.approx(2 / 27**0.5, rel=1e-3)


def test_a_segment_ends_at_a_kink() -> None:
    """Two straight parts take two segments, however small the error."""
    found = greedy(parse("abs(x-1/3)"), Fraction(-1), Fraction(1), Fraction("1e-9"), snapped)
    assert found.width == 2
    assert float(found.knots[1]) == pytest.approx(1 / 3, abs=1e-8)


def test_without_guesses_the_knots_are_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where float64 says nothing, or something wrong, the certificate alone finds the knots."""
    function, guessed = made("sin(2*pi*x) 0 1", "1e-2")
    for guess in (None, (0.4, 0.5), (1e-9, 1e-9), (math.nan, math.nan)):
        monkeypatch.setattr(Scout, "edge", lambda *_, guess=guess, **__: guess)
        monkeypatch.setattr(Scout, "turning", lambda *_: 0.3)
        found = greedy(function, Fraction(0), Fraction(1), Fraction("1e-2"), snapped)
        assert found.certified <= Fraction("1e-2")
        assert seen(function, found) <= found.certified
        assert guessed.width <= found.width <= guessed.width + 2


@pytest.mark.parametrize("line", ["sin(2*pi*x) 0 1", "x**2 -3 3", "sqrt(x) 0 1", "exp(5*x) 0 1"])
def test_the_lower_bound_lies_below(line: str) -> None:
    """Interpolation takes up to √2 times the pieces of the best line on each segment."""
    function, found = made(line)
    pieces = lower_bound(function, found.knots[0], found.knots[-1], Fraction("1e-3"))
    assert found.width / 1.45 <= pieces <= found.width


def test_the_lower_bound_of_a_parabola_is_its_closed_form() -> None:
    """The best line on a segment of length h misses x² by h²/8."""
    pieces = lower_bound(parse("x**2"), Fraction(0), Fraction(1), Fraction(1, 8 * 40**2))
    assert 39 <= pieces <= 40
    assert lower_bound(parse("2*x"), Fraction(0), Fraction(1), Fraction(1, 1000)) == 1


def test_a_moved_knot_is_seen() -> None:
    """The search can fail: with one knot left out the error is larger than certified."""
    function, found = made("sin(2*pi*x) 0 1")
    fewer = replace(
        found,
        knots=found.knots[:10] + found.knots[11:],
        values=found.values[:10] + found.values[11:],
        errors=found.errors[1:],
    )
    assert seen(function, fewer) > found.certified


def test_knots_are_numbers_of_the_format() -> None:
    """Snapped to float32, every knot inside is one, and the certificate still holds."""

    def to_float32(x: Fraction) -> Fraction:
        return Fraction(float(np.float32(float(x))))

    function = parse("exp(x)")
    found = greedy(function, Fraction(0), Fraction(1), Fraction("1e-4"), to_float32)
    assert all(to_float32(knot) == knot for knot in found.knots)
    assert seen(function, found) <= found.certified <= Fraction("1e-4")


@pytest.mark.parametrize(
    ("line", "place"),
    [("1/x -1 1", "x = 0"), ("tan(x) 0 3", "x = 1.5708"), ("log(x) 0 1", "x = 0"),
     ("1/(x-1/3)**2 0 1", "x = 0.333333"), ("sqrt(x) -1 1", "x = -1"),
     ("atan(1/x) -1 1", "x = 0"), ("exp(1/x) -1 1", "x = 0"), ("abs(x)/x -1 1", "x = 0"),
     ("log(abs(x)) -1 1", "x = 0"), ("(x-1)**(1/3) 0 2", "x = 0"),
     ("(x-1)**(1/3) 1/2 2", "x = 0.5")],
)  # fmt: skip
def test_where_there_is_no_certificate_the_place_is_named(line: str, place: str) -> None:
    """Poles, jumps and places without a value are refused, however large E is."""
    with pytest.raises(InputError) as refused:
        made(line, "0.5")
    assert place in refused.value.message
