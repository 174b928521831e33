"""Slips of the pen: what turns the right number into the printed one, nothing else known."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

from fcinspect.verification.examples.interval import Interval
from fcinspect.verification.examples.judging import consistent
from fcinspect.verification.examples.record import Printed

EXACT = Context(prec=3000)
"""Holds every number that is read, to its last place."""
MOST_PLACES = 3
"""How far a decimal point is looked for."""
FACTORS = (("half of", Decimal(2)), ("twice", Decimal("0.5")))
LONGEST = 30


def to_unit(value: Decimal, unit: Decimal, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """Return a number rounded to a place."""
    return (
        EXACT.quantize(value, unit)
        if rounding == ROUND_HALF_EVEN
        else value.quantize(unit, rounding, EXACT)
    )


def written(value: Decimal) -> str:
    """Return a decimal without an exponent, unless that were too long."""
    text = format(value, "f")
    return text if len(text) <= LONGEST else str(value)


def cut_off(printed: Printed, right: Interval | None) -> str | None:
    """Return the words for a number whose last digits were dropped rather than rounded."""
    if right is None:
        return None
    ends = (right.low, right.high)
    if any(to_unit(end, printed.unit, ROUND_DOWN) != printed.value for end in ends):
        return None
    return 'its digits are cut off, not rounded ("truncated": true allows that)'


def pen_slip(printed: Printed, right: Interval | None, half: Decimal) -> str | None:
    """Return the words for a slip that turns the right number into the printed one, or None."""
    if right is None:
        return None

    def fits(value: Decimal, unit: Decimal = printed.unit) -> bool:
        return consistent(Printed(value, unit), right, half)

    if fits(printed.value.copy_negate()):
        return "its sign is reversed"
    if not _needs_no_rounding(right, printed.unit) and any(
        fits(EXACT.add(printed.value, step)) for step in (printed.unit, -printed.unit)
    ):
        return "it is rounded wrongly, off by one in the last place"
    for value in _swapped(printed):
        if fits(value):
            return f"two of its digits are swapped: {written(value)}"
    for places in range(1, MOST_PLACES + 1):
        for shift in (places, -places):
            if fits(printed.value.scaleb(shift, EXACT), printed.unit.scaleb(shift, EXACT)):
                return "its decimal point is misplaced"
    for words, factor in FACTORS:
        if fits(EXACT.multiply(printed.value, factor), EXACT.multiply(printed.unit, factor)):
            return f"it is {words} the right value"
    return None


def _needs_no_rounding(right: Interval, unit: Decimal) -> bool:
    """Whether the right number ends before that place."""
    return right.low == right.high == to_unit(right.low, unit)


def _swapped(printed: Printed) -> list[Decimal]:
    """Return the number with two neighbouring digits swapped, in every way."""
    sign, digits, exponent = printed.value.as_tuple()
    assert isinstance(exponent, int)
    padded = (0,) * max(1 - exponent - len(digits), 0) + digits
    return [
        Decimal((sign, (*padded[:i], padded[i + 1], padded[i], *padded[i + 2 :]), exponent))
        for i in range(len(padded) - 1)
        if padded[i] != padded[i + 1]
    ]
