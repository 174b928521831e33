"""What is read of a blank, and what is not guessed."""

from __future__ import annotations

from fractions import Fraction

import pytest

from fcinspect.worksheets.answers import Answer, Unreadable, read_answer

HALF = Fraction(1, 2)


@pytest.mark.parametrize(
    ("written", "value", "unit"),
    [
        (3, Fraction(3), None),
        (-7, Fraction(-7), None),
        (0.25, Fraction(1, 4), Fraction(1, 100)),
        (3.0, Fraction(3), Fraction(1, 10)),
        ("3", Fraction(3), None),
        (" 3 ", Fraction(3), None),
        ("+3", Fraction(3), None),
        ("007", Fraction(7), None),
        ("-0.25", Fraction(-1, 4), Fraction(1, 100)),
        ("0.250", Fraction(1, 4), Fraction(1, 1000)),
        (".5", HALF, Fraction(1, 10)),
        ("5.", Fraction(5), None),
        ("1.5e-3", Fraction(3, 2000), Fraction(1, 10**4)),
        ("2e3", Fraction(2000), None),
        ("1.5e3", Fraction(1500), None),
        ("3/2", Fraction(3, 2), None),
        ("-3 / 2", Fraction(-3, 2), None),
        ("6/4", Fraction(3, 2), None),
        ("−3", Fraction(-3), None),
        ("–3", Fraction(-3), None),
        ("1,5", Fraction(3, 2), Fraction(1, 10)),
        ("0,125", Fraction(1, 8), Fraction(1, 1000)),
        ("12,25", Fraction(49, 4), Fraction(1, 100)),
        ("2/−3", Fraction(-2, 3), None),
        ("-2 / -3", Fraction(2, 3), None),
        (2 / 3, Fraction("0.6666666666666666"), Fraction(1, 10**15)),
        (0.1 + 0.2, Fraction("0.30000000000000004"), Fraction(1, 10**15)),
        (1e-20 / 3, Fraction("3.3333333333333333e-21"), Fraction(1, 10**35)),
        ("- 4", Fraction(-4), None),
        ("−\u3000.5", -HALF, Fraction(1, 10)),
        ("+ 2/3", Fraction(2, 3), None),
        ("4/-1", Fraction(-4), None),
        ("1 1/2", Fraction(3, 2), None),
        ("-1 1/2", Fraction(-3, 2), None),
        ("- 1½", Fraction(-3, 2), None),
        ("½", HALF, None),
        ("12¾", Fraction(51, 4), None),
        ("\uff14", Fraction(4), None),
        ("\uff0d\uff13\uff0e\uff15", Fraction(-7, 2), Fraction(1, 10)),
        ("\uff0b\uff12\uff0f\uff13", Fraction(2, 3), None),
    ],
)
def test_numbers(written: object, value: Fraction, unit: Fraction | None) -> None:
    """Whole numbers, decimals with their places, and fractions."""
    found = read_answer(written)
    assert isinstance(found, Answer)
    assert (found.value, found.unit) == (value, unit)


@pytest.mark.parametrize("written", [None, "", "   ", "\n"])
def test_empty(written: object) -> None:
    """null and blanks are no answer."""
    assert read_answer(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "three", "3 or 4", "1/0", "1/-0", "3/2/1", "3/--2", "0.5/2", "--3", "1.2.3",
        "1,2,3", "1,000",
        "1 3/2", "1 1/0", "1 - 2", "3 4", "⅓3", "2²",
        "-12,345", "0x10", "1_000", "٣", "nan", "Infinity", "1e999", "1e31", "1e-31", "e5", "/",
        "3/", "½/2", "1e- 5", "{{ 7*7 }}", "[red]3[/red]", "\x1b[31m3",
        "9" * 61, True, False, [3], {"a": 1},
        float("inf"), float("nan"), 10**400,
    ],
)  # fmt: skip
def test_unreadable(written: object) -> None:
    """Anything else is told with what is expected, and never taken for a number."""
    found = read_answer(written)
    assert isinstance(found, Unreadable)
    assert "expected" in found.reason
    assert len(found.text) <= 61


def test_a_comma_that_may_stand_between_thousands() -> None:
    """1,500 is one and a half or fifteen hundred."""
    found = read_answer("1,500")
    assert isinstance(found, Unreadable)
    assert found.reason == "may be 1.500 or 1500: expected a decimal point or none"
    assert read_answer("1,500", thousands=False) == Answer(
        "1,500", Fraction(3, 2), Fraction(1, 1000)
    )


@pytest.mark.parametrize(
    ("written", "right", "rounds"),
    [
        ("0.67", Fraction(2, 3), True),
        ("0.66", Fraction(2, 3), False),
        ("0.7", Fraction(2, 3), True),
        ("1", Fraction(2, 3), False),
        ("2/3", Fraction(2, 3), False),
        ("0.667", Fraction(2, 3), True),
        ("0.25", Fraction(255, 1000), True),
        ("0.25", Fraction(2551, 10000), False),
        ("0.0", Fraction(1, 25), False),
        ("-0.67", Fraction(-2, 3), True),
        ("0.6666666666666666", Fraction(2, 3), True),
        ("0.666666666666", Fraction(2, 3), False),
        ("3.0", Fraction(3), False),
    ],
)
def test_what_a_decimal_rounds(written: str, right: Fraction, rounds: bool) -> None:
    """Half a unit in the last place; a whole number, a fraction and 0 round nothing."""
    found = read_answer(written)
    assert isinstance(found, Answer)
    assert found.rounds(right) is rounds
