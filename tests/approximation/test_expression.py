"""Expressions in x: good and bad ones, their values and derivatives."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import pytest

from fcinspect.approximation.expression import parse
from fcinspect.errors import InputError, SpecError

GOOD = {
    "x": lambda x: x,
    " 2*x - 1 ": lambda x: 2 * x - 1,
    "sin(2*pi*x)": lambda x: mpmath.sin(2 * mpmath.pi * x),
    "exp(-x**2/2)": lambda x: mpmath.exp(-(x**2) / 2),
    "1/(1+25*x**2)": lambda x: 1 / (1 + 25 * x**2),
    "sqrt(abs(x+1/3))": lambda x: mpmath.sqrt(abs(x + mpmath.mpf(1) / 3)),
    "x**(1/3)": lambda x: mpmath.cbrt(x),
    "0.1*x + 1e-3": lambda x: x / 10 + mpmath.mpf(1) / 1000,
    "log(x)+ln(2)": lambda x: mpmath.log(x) + mpmath.log(2),
    "tanh(x)*erf(x)": lambda x: mpmath.tanh(x) * mpmath.erf(x),
    "asin(x)+acos(x)+atan(x)": lambda x: mpmath.asin(x) + mpmath.acos(x) + mpmath.atan(x),
    "sinh(x)-cosh(x)": lambda x: mpmath.sinh(x) - mpmath.cosh(x),
    "2**x*e": lambda x: 2**x * mpmath.e,
    "tan(x)": mpmath.tan,
    "-x": lambda x: -x,
    "2·π×x−1": lambda x: 2 * mpmath.pi * x - 1,
}


@pytest.mark.parametrize("text", GOOD)
def test_values_and_slopes_are_those_of_mpmath(text: str) -> None:
    """At a point, to 38 digits: the value, and the derivative by mpmath's own differences."""
    function = parse(text)
    assert function.text == text.strip()
    for x in (Fraction(1, 7), Fraction(5, 8)):
        with mpmath.workdps(60):
            at = mpmath.mpf(x.numerator) / x.denominator
            expected = GOOD[text](at)
            value = function.value(x)
            got = mpmath.mpf(value.numerator) / value.denominator
            assert abs(got - expected) <= abs(expected) * mpmath.mpf(10) ** -38
            slope = function.slope(x)
            difference = (
                mpmath.diff(GOOD[text], at) - mpmath.mpf(slope.numerator) / slope.denominator
            )
            assert abs(difference) < mpmath.mpf(10) ** -20


@pytest.mark.parametrize("text", GOOD)
def test_enclosures_hold_every_value(text: str) -> None:
    """On an interval, the values and slopes at points of it lie inside."""
    function = parse(text)
    low, high = Fraction(1, 8), Fraction(7, 8)
    values = function.value_enclosure.on(low, high)
    slopes = function.slope_enclosure.on(low, high)
    assert values is not None
    assert slopes is not None
    for k in range(1, 9):
        x = Fraction(2 * k + 1, 20)
        assert values[0] <= function.value(x) <= values[1]
        assert slopes[0] <= function.slope(x) <= slopes[1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2x", "at position 1: write every product with *"),
        ("2 sin(x)", "write every product with *"),
        (
            "(x+1)(x-1)",
            "'(x+1)(x-1)' at position 1 is not valid here: write every product with *",
        ),
        ("x(x+1)", "write every product with *"),
        ("sin x", "write a function with parentheses, as in sin(x)"),
        ("sin", "'sin' at position 1 is a function"),
        ("x²", "at position 2: write a power as x**2"),
        ("√x", "write sqrt(x) for a root"),
        ("|x|", "write abs(x)"),
        ("π−y", "'y' at position 3"),
        ("", "expected an expression in x"),
        ("x" * 501, "this one has 501"),
        ("sin(x", "not an expression in x"),
        ("y+1", "'y' at position 1"),
        ("2*sinn(x)", "'sinn' at position 3"),
        ("x^2", "write x**2"),
        ("__import__('os').system('id')", "is not allowed"),
        ("x.__class__", "'x.__class__' at position 1"),
        ("(lambda: 1)()", "is not allowed"),
        ("[x][0]", "is not allowed"),
        ("x if x else 1", "is not allowed"),
        ("x and 1", "is not allowed"),
        ("x < 1", "is not allowed"),
        ("f'{x}'", "is not allowed"),
        ("'a'", "is not allowed"),
        ("True", "is not allowed"),
        ("1j", "is not allowed"),
        ("sin(x, 2)", "is not allowed"),
        ("sin(x=2)", "is not allowed"),
        ("x // 2", "is not allowed"),
        ("x % 2", "is not allowed"),
        ("x @ x", "is not allowed"),
        ("~x", "is not allowed"),
        ("x; x", "not an expression in x"),
        ("x = 2", "not an expression in x"),
        ("9**9**9", "exceeds 1000"),
        ("x**10000", "exceeds 1000"),
        ("(10**900)**900", "digits"),
        ("1e99999", "digits"),
        ("0x10", "not a decimal number"),
        ("-" * 100 + "x", "nested more than"),
        ("floor(x)", "'floor' at position 1"),
        ("sign(x)", "'sign' at position 1"),
        ("1/0", "not a real number"),
        ("sqrt(-1)", "not a real number"),
    ],
)
def test_what_is_no_expression_is_refused(text: str, words: str) -> None:
    """In one line that names the place; nothing of it is run."""
    with pytest.raises(SpecError) as refused:
        parse(text)
    assert words in refused.value.message
    assert "\n" not in refused.value.message


def test_a_value_that_is_none_is_refused() -> None:
    """Outside of the domain there is no number."""
    with pytest.raises(InputError, match="not a finite real number at x = 0"):
        parse("log(x)").value(Fraction(0))
    with pytest.raises(InputError, match="not a finite real number at x = -1"):
        parse("sqrt(x)").value(Fraction(-1))


def test_enclosures_say_where_there_is_none() -> None:
    """Across a pole, outside of the domain, and for f″ across a kink."""
    assert parse("1/x").value_enclosure.on(Fraction(-1), Fraction(1)) is None
    assert parse("log(x)").value_enclosure.on(Fraction(-1), Fraction(1)) is None
    kinked = parse("abs(x)")
    assert kinked.curvature_enclosure.on(Fraction(-1), Fraction(1)) is None
    assert kinked.slope_enclosure.on(Fraction(-1), Fraction(1)) is not None
    least, most = kinked.slope_enclosure.on(Fraction(-1), Fraction(1)) or (0, 0)
    assert least <= -1
    assert most >= 1
