"""Exact numbers as they are written on a sheet."""

from __future__ import annotations

from fractions import Fraction

LONGEST = 12
"""Decimals of a number that is written out; a longer one is written as a quotient."""


def decimals(value: Fraction) -> int | None:
    """Return how many decimals a number has, or None where they never end."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return max(twos, fives) if rest == 1 else None


def written(value: Fraction) -> str:
    """Write a number exactly: 3, -0.25, or 31/75 where its decimals do not end soon."""
    places = decimals(value)
    if places is None or places > LONGEST:
        return str(value)
    if places == 0:
        return str(value.numerator)
    sign, digits = "-" * (value < 0), str(abs(value.numerator) * 10**places // value.denominator)
    digits = digits.zfill(places + 1)
    return f"{sign}{digits[:-places]}.{digits[-places:]}"


def approached(value: Fraction) -> str:
    """Write a number exactly, and beside a quotient about how much it is: 31/75 ≈ 0.413333."""
    text = written(value)
    return f"{text} ≈ {float(value):.6g}" if "/" in text else text
