"""The interval [A, B] and the error E as a user writes them: exact decimals, fractions, 2*pi."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import sympy

from fcinspect.approximation.expression import parse
from fcinspect.errors import InputError, SpecError, UsageError
from fcinspect.rounding.formats import NumberFormat

DIGITS = 60
"""Of the enclosure of an irrational end such as pi."""
LARGEST = Fraction(10) ** 300
"""Ends, and 1/E, are at most so large: float64 holds them with room to spare."""
EXPECTED = "expected two numbers A,B with A < B such as 0,1 or -pi,2*pi"


@dataclass(frozen=True)
class Interval:
    """[A, B], closed."""

    text: tuple[str, str]
    """A and B as they were given."""
    low: Fraction
    """A; for an irrational A a fraction above it by less than 10^(1−DIGITS) of its size."""
    high: Fraction
    """B, or as close below an irrational one."""
    exact: bool
    """Whether both ends are rational."""

    @property
    def words(self) -> str:
        """The interval as mathematics writes it."""
        return f"[{self.text[0]}, {self.text[1]}]"

    def within(self, number_format: NumberFormat) -> tuple[Fraction, Fraction]:
        """Return the first and the last number of the format in it; raises InputError."""
        low = _neighbour(self.low, number_format, upwards=True)
        high = _neighbour(self.high, number_format, upwards=False)
        if low is None or high is None or low >= high:
            raise InputError(
                f"no two numbers of {number_format.name} lie in {self.words}: a network in this"
                " format cannot tell its ends apart"
            )
        return low, high


def parse_interval(text: str) -> Interval:
    """Return the interval written A,B; raises UsageError naming what is wrong with it."""
    parts = _split(text)
    if len(parts) != 2:
        raise UsageError(f"invalid interval {text!r}: {EXPECTED}")
    (low, first), (high, second) = (_bounds(part, "an end of the interval") for part in parts)
    if (low, first) == (high, second) or low >= high:
        relation = "equals" if low == high else "is greater than"
        raise UsageError(
            f"invalid interval {text!r}: A = {parts[0]} {relation} B = {parts[1]}; {EXPECTED}"
        )
    # inward: no number of a format lies between an irrational end and what stands for it
    return Interval((parts[0], parts[1]), first, high, low == first and high == second)


def parse_tolerance(text: str) -> Fraction:
    """Return E; raises UsageError for what is not a positive number."""
    low, _ = _bounds(text.strip(), "an error E")
    if low <= 0 or low < 1 / LARGEST:
        raise UsageError(f"{text.strip()!r} is not an error E: expected a number > 0 such as 1e-3")
    return low


def _split(text: str) -> list[str]:
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _bounds(text: str, what: str) -> tuple[Fraction, Fraction]:
    if not text:
        raise UsageError(f"{what} is missing: {EXPECTED}")
    try:
        written = parse(text)
    except SpecError as error:
        if text.strip("+-").lower() in ("nan", "inf", "infinity", "oo", "∞"):
            raise UsageError(f"{text!r} is not {what}: expected a finite number") from None
        raise UsageError(f"{text!r} is not {what}: {error.message}") from None
    number = written.expression
    if number.free_symbols:
        raise UsageError(f"{text!r} is not {what}: it depends on x, expected a number")
    if number.is_Rational:
        low = high = Fraction(int(number.p), int(number.q))
    else:
        value = number.evalf(DIGITS + 10)
        if not (value.is_real and value.is_finite):
            raise UsageError(f"{text!r} is not {what}: expected a finite real number")
        exact = sympy.Rational(value)
        middle = Fraction(int(exact.p), int(exact.q))
        room = max(abs(middle), Fraction(1)) / 10**DIGITS
        low, high = middle - room, middle + room
    if max(abs(low), abs(high)) > LARGEST:
        raise UsageError(f"{text!r} is too large for {what}: expected at most 1e300")
    return low, high


def _neighbour(value: Fraction, number_format: NumberFormat, *, upwards: bool) -> Fraction | None:
    import numpy as np

    rounded = number_format.round(value)
    if not math.isfinite(rounded):
        return None
    if Fraction(rounded) == value or (Fraction(rounded) > value) == upwards:
        return Fraction(rounded)
    carrier = np.dtype(number_format.name).type
    moved = float(np.nextafter(carrier(rounded), carrier(math.inf if upwards else -math.inf)))
    return Fraction(moved) if math.isfinite(moved) else None
