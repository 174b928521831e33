"""Slips in one number of a sum: a term left out, its sign, a neighbour used instead.

They are looked for where no slip through the whole example explains the number, from the operands
that the recomputation went on with. Slips of the pen look at the digits alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

from fcinspect.verification.examples.interval import DecimalInterval
from fcinspect.verification.examples.judging import Recomputed, consistent, summed
from fcinspect.verification.examples.record import Printed, PrintedArray, WorkedExample

MOST_NAMED = 3
"""Terms that are named where leaving out any one of them gives the number."""
EQUALLY_LIKELY = ("left out", "sign")
FREQUENT = (*EQUALLY_LIKELY, "bias", "row", "size")
"""Slips so frequent that they are reported even for a number of one digit."""
EXACT = Context(prec=3000)
"""Holds every number that is read, to its last place."""
MOST_PLACES = 3
"""How far a decimal point is looked for."""
FACTORS = (("half", Decimal(2)), ("twice", Decimal("0.5")))
LONGEST = 30
LEAST_DIGITS = 3
"""Digits of a published number below which too many sums would give it by chance."""


@dataclass(frozen=True)
class SlipCandidate:
    """What a slip gives instead of the right number."""

    kind: str
    """The same for slips of one kind, such as "left out"."""
    name: str
    """What it is made with."""
    words: str
    """The predicate: "is left out"."""
    value: DecimalInterval


def slip_in_one(
    example: WorkedExample,
    found: Recomputed,
    array: PrintedArray,
    place: tuple[int, int],
    printed: Printed,
    kinds: Collection[str] | None = None,
) -> str | None:
    """Return the words for the slip that gives the printed number, or None.

    `found` is the recomputation without a slip, of the same example; `place` the number's row and
    column in it. Only `kinds` are looked for, where they are given.
    """
    right = found.at(array, *place)
    if right is None:
        return None
    fitting: dict[str, list[SlipCandidate]] = {}
    for one in candidates(example, found, array, place):
        # what a slip doesn't change says nothing for it
        changed = not one.value.meets(right.low, right.high)
        wanted = kinds is None or one.kind in kinds
        if wanted and changed and consistent(printed, one.value, example.half):
            fitting.setdefault(one.kind, []).append(one)
    if not fitting:
        return None
    # a term left out and a wrong sign are as likely as each other
    told = []
    for kind in [kind for kind in EQUALLY_LIKELY if kind in fitting] or [next(iter(fitting))]:
        names = [one.name for one in fitting[kind]]
        if len(names) > MOST_NAMED:
            names = [*names[:MOST_NAMED], f"{len(names) - MOST_NAMED} more"]
        told.append(f"{' or '.join(names)} {fitting[kind][0].words}".lstrip())
    return " or ".join(told)


def enough_digits(printed: Printed, least: int = LEAST_DIGITS) -> bool:
    """Whether a number has so many digits that a slip does not give it by chance."""
    return len(str(printed.value.copy_abs()).replace(".", "").lstrip("0")) >= least


def candidates(
    example: WorkedExample, found: Recomputed, array: PrintedArray, place: tuple[int, int]
) -> Iterator[SlipCandidate]:
    """Yield what slips in one number would give, the likely ones first."""
    sum_ = summed(example, found, array, *place)
    terms = sum_.terms if sum_ is not None else ()
    if sum_ is not None:
        total = sum_.value
        two = total.of(Decimal(2))
        # a bias alone is forgotten more often than a product
        for term in sorted(terms, key=lambda term: term.factors is not None):
            if len(terms) > 1:
                yield SlipCandidate("left out", term.name, "is left out", total - term.value)
        for term in terms:
            wrong = total - two * term.value
            yield SlipCandidate("sign", term.name, "has the wrong sign", wrong)
    yield from _neighbours(example, found, array, place)
    yield from _size_alone(found, array, place)
    for term in terms:
        if len(terms) > 1:
            yield SlipCandidate("twice", term.name, "is counted twice", total + term.value)
    for term in terms:
        if term.factors is not None:
            a, b = term.factors
            value = total - term.value + (a + b)
            yield SlipCandidate("added", term.name, "is computed as a sum, not a product", value)


def _neighbours(
    example: WorkedExample, found: Recomputed, array: PrintedArray, place: tuple[int, int]
) -> Iterator[SlipCandidate]:
    """Yield the values of the same row and column, and for W·x + b another row or bias."""
    rows = found.places.get(array.place, [])
    row, column = place
    words = "is in its place"
    for i, j in _beside(rows, place):
        yield SlipCandidate("neighbour", array.name(i, j), words, rows[i][j])
    head, _, name = array.place.rpartition(".")
    if name != "pre_activation" or example.layers[int(head.split(".")[1])].bias is None:
        return
    own = summed(example, found, array, row, column)
    if own is None:
        return
    for j in range(len(rows[row])):
        other = summed(example, found, array, row, j)
        if j == column or other is None:
            continue
        bias, taken = own.terms[-1], other.terms[-1]
        row_words = f"row {j} of {head}.weight is used instead of row {column}"
        yield SlipCandidate("row", "", row_words, other.value - taken.value + bias.value)
        bias_words = f"is added instead of {bias.name}"
        yield SlipCandidate("bias", taken.name, bias_words, own.value - bias.value + taken.value)


def _beside(rows: list[list[DecimalInterval]], place: tuple[int, int]) -> Iterable[tuple[int, int]]:
    """Yield the index with row and column exchanged, then those in the same row and column."""
    row, column = place
    if row != column and column < len(rows) and row < len(rows[0]):
        yield column, row
    for j in range(len(rows[row]) if rows else 0):
        if j != column:
            yield row, j
    for i in range(len(rows)):
        if i != row and (i, column) != (column, row):
            yield i, column


def _size_alone(
    found: Recomputed, array: PrintedArray, place: tuple[int, int]
) -> Iterator[SlipCandidate]:
    head, _, name = array.place.rpartition(".")
    z = found.carried.get(f"{head}.pre_activation")
    if name != "activation" or z is None:
        return
    value = z[place[0]][place[1]]
    if value.high < 0:
        shown = array.name(*place).replace(".activation", ".pre_activation")
        yield SlipCandidate("size", shown, "loses its sign", -value)


def to_unit(value: Decimal, unit: Decimal, rounding: str = ROUND_HALF_EVEN) -> Decimal:
    """Return a number rounded to a place."""
    return value.quantize(unit, rounding, EXACT)


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
    return 'its digits are truncated, not rounded ("truncated": true allows that)'


def pen_slip(printed: Printed, right: DecimalInterval | None, half: Decimal) -> str | None:
    """Return the words for a slip that turns the right number into the printed one, or None."""
    if right is None:
        return None

    def fits(value: Decimal, unit: Decimal = printed.unit) -> bool:
        return consistent(Printed(value, unit), right, half)

    if fits(printed.value.copy_negate()):
        return "its sign is reversed"
    steps = (printed.unit, -printed.unit)
    ends_before = right.low == right.high == to_unit(right.low, printed.unit)
    if not ends_before and any(fits(EXACT.add(printed.value, step)) for step in steps):
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


def _swapped(printed: Printed) -> list[Decimal]:
    sign, digits, exponent = printed.value.as_tuple()
    assert isinstance(exponent, int)
    padded = (0,) * max(1 - exponent - len(digits), 0) + digits
    return [
        Decimal((sign, (*padded[:i], padded[i + 1], padded[i], *padded[i + 2 :]), exponent))
        for i in range(len(padded) - 1)
        if padded[i] != padded[i + 1]
    ]
