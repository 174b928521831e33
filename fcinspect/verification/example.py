"""A published worked example: every printed number recomputed, judged, and its slip named.

What follows from an earlier wrong number needs no slip, and digits that are cut off are told as
such. Then the slips of `structural_slips` are recomputed through the whole example, one at a time.
A slip explains a number if its recomputation is consistent with what is printed. Of several, the
one that explains most of the wrong numbers is named; of those, the one that leaves most of the
others right, then the one that comes first. Then come slips of the pen, which look at one number
only, and last, for a number of several digits, slips in one number of a sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, Context, Decimal
from functools import cache

from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Plan, Planned, Worst
from fcinspect.verification.examples.document import read_example
from fcinspect.verification.examples.interval import UP, DecimalInterval
from fcinspect.verification.examples.judging import (
    Judged,
    PrintedFinding,
    Recomputed,
    by_name,
    consistent,
    judge,
    ratio,
    recompute,
)
from fcinspect.verification.examples.one_number import (
    cut_off,
    enough_digits,
    pen_slip,
    slip_in_one,
    to_unit,
    written,
)
from fcinspect.verification.examples.record import PrintedArray, WorkedExample
from fcinspect.verification.examples.slips import MOST_ROWS, Slip, structural_slips

SHORT = Context(prec=2, rounding=ROUND_CEILING)
NOT_EXERCISED = ("whether the given numbers are those of the publication",)
MOST_NOTED = 20


def plan_of(document: object, source: str) -> Plan:
    """Return the checks of a worked example: one for every array that is printed.

    Each yields a check for every number in it. `document` is the decoded JSON, `source` says in
    words where it comes from. Raises InputError for what is no worked example.
    """
    example = read_example(document, source)
    judged = judge(example)

    @cache
    def causes() -> Mapping[str, str | None]:
        return explain(example, judged)

    def checked(array: PrintedArray) -> Iterator[Check]:
        for one in judged:
            if one.array is array:
                cause = causes()[one.name] if one.finding is PrintedFinding.WRONG else None
                yield check_of(example, one, cause)

    planned = tuple(
        Planned(f"printed/{array.place}", lambda array=array: checked(array))  # type: ignore[misc]
        for array in example.printed
        if any(True for _ in array.numbers())
    )
    left_out = (*NOT_EXERCISED, *_untried(example, judged))
    return Plan("example", example.title, planned, left_out, _notes(example, judged))


def _untried(example: WorkedExample, judged: tuple[Judged, ...]) -> Iterator[str]:
    """Yield how many slips are not tried on a large example that has a wrong number."""
    wrong = [one for one in judged if one.finding is PrintedFinding.WRONG]
    if not wrong:
        return
    tried, count = searched(example, wrong)
    if len(tried) < count:
        yield (
            f"{count - len(tried)} of {count} slips through the whole example: only the first"
            f" {len(tried)} are tried on one so large"
        )


def check_of(example: WorkedExample, one: Judged, cause: str | None) -> Check:
    """Return the check of one printed number."""
    name = f"printed/{one.name}"
    if one.allowed is None or one.right is None:
        return Check(
            name,
            Verdict.UNDECIDED,
            "the formulas have no value there",
            cause=one.problem,
            elements=1,
            undecided=1,
        )
    wrong = one.finding is PrintedFinding.WRONG
    reach = UP.multiply(example.half, one.printed.unit)
    return Check(
        name,
        Verdict.OUTSIDE if wrong else Verdict.WITHIN,
        _detail(one, reach),
        max_ratio=ratio(one.printed, one.allowed, example.half),
        worst=Worst(
            one.array.index(one.row, one.column),
            float(one.printed.value),
            float(one.right.middle),
            float(one.allowed.low - reach),
            float(one.allowed.high + reach),
        ),
        cause=cause,
        elements=1,
        outside=int(wrong),
    )


def _detail(one: Judged, reach: Decimal) -> str:
    assert one.right is not None
    assert one.allowed is not None
    unit = one.printed.unit
    if one.finding is PrintedFinding.WRONG:
        spread = _radius(one.right)
        told = f" ± {written(SHORT.plus(spread))}" if spread * 100 > unit else ""
        right = written(to_unit(one.right.middle, unit))
        return f"wrong: {written(one.printed.value)} is printed, {right}{told} is right"
    bound = written(SHORT.plus(UP.add(_radius(one.allowed), reach)))
    return f"{one.finding}: {written(to_unit(one.allowed.middle, unit))} ± {bound}"


def _radius(interval: DecimalInterval) -> Decimal:
    """Return r, without what is beyond the 20th digit of the number."""
    radius = UP.subtract(interval.high, interval.middle)
    return Decimal(0) if radius <= interval.magnitude.scaleb(-14) else radius


def _notes(example: WorkedExample, judged: tuple[Judged, ...]) -> tuple[str, ...]:
    notes = [] if example.source is None else [f"published: {example.source}"]
    given = "rounded to their printed places" if example.inputs_rounded else "exact"
    printed = "cut off, one unit" if example.truncated else "rounded, half a unit"
    notes.append(
        f"given numbers are {given}; printed numbers are {printed} in the last place;"
        f" computed in {example.computed_in}"
    )
    counts = [
        f"{count} {finding}"
        for finding in PrintedFinding
        if (count := sum(one.finding is finding for one in judged))
    ]
    total = len(judged)
    notes.append(f"{total} printed number{'' if total == 1 else 's'}: {', '.join(counts)}")
    return (*notes, *example.notes, *_known(example, judged))


def _known(example: WorkedExample, judged: tuple[Judged, ...]) -> Iterator[str]:
    """Yield whether known_wrong agrees with what is found; it decides nothing."""
    names = by_name(judged)
    told: set[str] = set()
    for place in example.known_wrong:
        meant = [place] if place in names else [n for n in names if n.startswith(f"{place}[")]
        told.update(meant)
        wrong = [name for name in meant if names[name].finding is PrintedFinding.WRONG]
        words = "found wrong here too" if wrong else f"but it is {_found(names, meant)}"
        yield f"known_wrong names {place}: {words}"
    if not example.known_wrong:
        return
    missed = [o.name for o in judged if o.finding is PrintedFinding.WRONG and o.name not in told]
    for name in missed[:MOST_NOTED]:
        yield f"known_wrong does not name {name}, which is wrong"
    if len(missed) > MOST_NOTED:
        yield f"known_wrong does not name {len(missed) - MOST_NOTED} more that are wrong"


def _found(names: Mapping[str, Judged], meant: list[str]) -> str:
    return " and ".join(dict.fromkeys(str(names[name].finding) for name in meant))


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
