"""The slips that people make in worked examples, and which of them explains a wrong number.

What follows from an earlier wrong number needs no slip, and digits that are cut off are told as
such. Then the slips of `structural` are recomputed through the whole example, one at a time. A slip
explains a number if its recomputation is consistent with what is printed. Of several, the one that
explains most of the wrong numbers is named; of those, the one that leaves most of the others right,
then the one that `structural` yields first. Then come slips of the pen, which look at one number
only, and last, for a number of several digits, slips in one number of a sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

from fcinspect.verification.examples.interval import DecimalInterval
from fcinspect.verification.examples.judging import (
    Judged,
    PrintedFinding,
    Recomputed,
    consistent,
    recompute,
)
from fcinspect.verification.examples.one_number import enough_digits, slip_in_one
from fcinspect.verification.examples.record import Printed, WorkedExample
from fcinspect.verification.examples.slips import MOST_ROWS, Slip, structural_slips

MOST_WORK = 400_000
"""Products of one row with one weight that a search for slips may take."""


def searched(example: WorkedExample, wrong: Sequence[Judged]) -> tuple[tuple[Slip, ...], int]:
    """Return the slips that are tried, and how many there are; of a large example only the first.

    How many are tried depends on nothing but the example.
    """
    example, _ = _only_wrong_rows(example, wrong)
    every = tuple(structural_slips(example))
    products = sum(layer.shape[0] * layer.shape[1] for layer in example.layers)
    affordable = MOST_WORK // (len(example.input) * products)
    return every[: max(affordable, 1)], len(every)


def explain(example: WorkedExample, judged: tuple[Judged, ...]) -> dict[str, str | None]:
    """Return the likely causes of the wrong numbers, by the numbers' names."""
    wrong = [one for one in judged if one.finding is PrintedFinding.WRONG]
    if not wrong:
        return {}
    follows = _following(example, wrong)
    small, rows = _only_wrong_rows(example, wrong)
    places = {array.place for array in small.printed}
    right = [
        one
        for one in judged
        if one.finding in (PrintedFinding.CONSISTENT, PrintedFinding.EXPLAINED)
        and one.array.place in places
        and (one.row in rows or not one.array.by_row)
    ]
    fits: dict[str, list[Slip]] = {one.name: [] for one in wrong}
    ranks: dict[Slip, tuple[int, int]] = {}
    for slip in searched(example, wrong)[0]:
        found = recompute(small, slip, rounded=True)
        explained_here = [one.name for one in wrong if _fits(small, one, found, rows)]
        if not explained_here:
            continue
        for name in explained_here:
            fits[name].append(slip)
        ranks[slip] = (
            len(explained_here),
            sum(_fits(small, one, found, rows) for one in right),
        )
    causes = {}
    plain = recompute(example) if small is example else None
    for one in wrong:
        best = max(fits[one.name], key=ranks.__getitem__, default=None)
        cause = follows.get(one.name) or cut_off(one.printed, one.right)
        if cause is None and best is not None:
            cause = best.words
        cause = cause or pen_slip(one.printed, one.right, example.half)
        if cause is None and plain is not None and enough_digits(one.printed):
            cause = slip_in_one(example, plain, one.array, (one.row, one.column), one.printed)
        causes[one.name] = cause
    return causes


def _only_wrong_rows(
    example: WorkedExample, wrong: Sequence[Judged]
) -> tuple[WorkedExample, Mapping[int, int]]:
    """Return the example with only the rows that hold wrong numbers, and their new places.

    Rows do not mix on the way forward; where a wrong number lies elsewhere, or rows are few, all
    stay.
    """
    rows = range(len(example.input))
    if len(rows) <= MOST_ROWS or not all(one.array.of_forward_rows for one in wrong):
        return example, {i: i for i in rows}
    kept = sorted({one.row for one in wrong})
    small = replace(
        example,
        input=tuple(example.input[i] for i in kept),
        target=None,
        classes=None,
        loss=None,
        optimizer=None,
        printed=tuple(
            replace(array, rows=tuple(array.rows[i] for i in kept))
            for array in example.printed
            if array.of_forward_rows
        ),
    )
    return small, {i: new for new, i in enumerate(kept)}


def _fits(
    example: WorkedExample, one: Judged, found: Recomputed, rows: Mapping[int, int] | None = None
) -> bool:
    row = rows[one.row] if rows is not None and one.array.by_row else one.row
    value = found.at(one.array, row, one.column)
    return value is not None and consistent(one.printed, value, example.half)


def _following(example: WorkedExample, wrong: list[Judged]) -> dict[str, str]:
    """Return the words for those wrong numbers that follow from an earlier wrong one."""
    found: dict[str, str] = {}
    arrays = dict.fromkeys(one.array.place for one in wrong)
    for place in arrays:
        here = [one for one in wrong if one.array.place == place]
        printed = {one.name: one.printed.interval(example.half, example.u) for one in here}
        carried = recompute(example, rounded=True, carried=printed)
        words = here[0].name if len(here) == 1 else f"numbers of {place}"
        for one in wrong:
            if one.array.place == place or one.name in found:
                continue
            if _fits(example, one, carried):
                found[one.name] = f"it follows from the wrong {words}"
    return found


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


def cut_off(printed: Printed, right: DecimalInterval | None) -> str | None:
    """Return the words for a number whose last digits were dropped rather than rounded."""
    if right is None:
        return None
    ends = (right.low, right.high)
    if any(to_unit(end, printed.unit, ROUND_DOWN) != printed.value for end in ends):
        return None
    return 'its digits are cut off, not rounded ("truncated": true allows that)'


def pen_slip(printed: Printed, right: DecimalInterval | None, half: Decimal) -> str | None:
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


def _needs_no_rounding(right: DecimalInterval, unit: Decimal) -> bool:
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
