"""Greedy knots: the certificate against a search by mpmath, the width against references."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import mpmath
import numpy as np
import pytest

from fcinspect.approximation.expression import Function, parse
from fcinspect.approximation.interpolation import Interpolation, greedy
from fcinspect.approximation.lower_bound import lower_bound
from fcinspect.approximation.uniform import uniform_width
from fcinspect.errors import InputError

FUNCTIONS = [
    "sin(2*pi*x) 0 1", "cos(9*x) -1 1", "exp(5*x) 0 1", "exp(-x) 0 10", "1/(1+25*x**2) -1 1",
    "sqrt(x) 0 1", "x**(1/3) 0 1", "x**(3/2) 0 2", "abs(x-1/3) -1 1", "abs(sin(3*x)) 0 3",
    "sqrt(abs(x)) -1 1", "abs(x**3-x) -2 2", "tanh(10*x) -1 1", "erf(x) -3 3", "atan(5*x) -2 2",
    "log(x) 1/100 3", "tan(x) -1 1", "x**2 -3 3", "x**3 -1 1", "x**9 -1 1", "2*x-1 0 5",
    "x*exp(-x**2) -4 4", "sin(x)/(2+cos(x)) 0 6", "sin(x**2) 0 4", "exp(sin(x)) 0 7",
    "1/x 1/10 10", "sqrt(1-x**2) -1 1", "asin(x) -1 1", "acos(x) -1 1", "cosh(x) -3 3",
    "sinh(x) -3 3", "log(1+x**2) -5 5", "x/(1+abs(x)) -5 5", "exp(-abs(x)) -3 3",
    "1/(1+exp(-8*x)) -2 2", "x*tanh(x) -3 3", "log(1+exp(x)) -6 6", "sin(1/x) 1/10 1",
    "x**4-2*x**2 -2 2", "(x-1)*(x-2)*(x-3) 0 4", "sqrt(x**2+1/100) -1 1", "exp(-1/(x+1)) 0 5",
    "cos(x)**2 0 6", "sin(x)*sin(10*x) 0 3", "x-sin(x) -1/10 1/10", "x**(1/10) 0 1",
    "100*x**2 0 1", "1e-4*sin(x) 0 6", "exp(x) 5 6", "tan(x)/x 1/10 1", "2**x -2 2",
    "erf(3*x)+x -2 2", "x*abs(x) -1 1", "sqrt(sin(x)+2) 0 9",
]  # fmt: skip


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


@pytest.mark.parametrize("line", FUNCTIONS)
def test_the_certificate_holds(line: str) -> None:
    """No point is farther from the chord than certified, and E is nearly used up."""
    function, found = made(line)
    assert found.certified <= Fraction("1e-3")
    assert found.certified == max(found.errors)
    assert found.width == len(found.knots) - 1 == len(found.errors)
    assert list(found.knots) == sorted(set(found.knots))
    most = seen(function, found)
    assert most <= found.certified
    if found.width > 4:
        assert most > 0.99e-3


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


def reference(f: np.ndarray, x: np.ndarray, error: float) -> int:
    """Return the width of greedy knots on a fine grid in float64."""
    width, left = 0, 0
    while left < len(x) - 1:
        low, high = left + 1, len(x) - 1
        while low < high:
            right = (low + high + 1) // 2
            part = slice(left, right + 1)
            chord = np.interp(x[part], [x[left], x[right]], [f[left], f[right]])
            fits = np.abs(f[part] - chord).max() <= error
            low, high = (right, high) if fits else (low, right - 1)
        width, left = width + 1, low
    return width


@pytest.mark.parametrize("line", ["sin(2*pi*x) 0 1", "tanh(10*x) -1 1", "exp(sin(x)) 0 7",
                                  "sqrt(x) 0 1", "abs(sin(3*x)) 0 3"])  # fmt: skip
def test_greedy_takes_no_more_than_a_plain_search(line: str) -> None:
    """Its width is within 2 % of greedy knots found by trying every point of a grid."""
    import sympy

    function, found = made(line)
    (symbol,) = function.expression.free_symbols
    x = np.linspace(float(found.knots[0]), float(found.knots[-1]), 200_001)
    f = sympy.lambdify(symbol, function.expression, "numpy")(x)
    assert found.width <= np.ceil(1.02 * reference(f, x, 1e-3))


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
