"""A published worked example: every printed number recomputed, judged, and its slip named.

What follows from an earlier wrong number needs no slip, and digits that are cut off are told as
such. Then the slips of `structural_slips` are recomputed through the whole example, one at a time.
A slip explains a number if its recomputation is consistent with what is printed. Of several, the
one that explains most of the wrong numbers is named; of those, the one that leaves most of the
others right, then the one that comes first. Then come slips of the pen, which look at one number
only, and last, for a number of several digits, slips in one number of a sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, Context, Decimal
from functools import cache, partial

from fcinspect.rounding.verdict import Verdict
from fcinspect.verification.check import Check, Plan, Planned, Worst
from fcinspect.verification.examples.document import read_example
from fcinspect.verification.examples.interval import UP, DecimalInterval
from fcinspect.verification.examples.judging import (
    Judged,
    PrintedFinding,
    Recomputed,
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
MOST_NOTED = 20


def plan_of(document: object, source: str) -> Plan:
    """Return the checks of a worked example: one for every array that is printed.

    Each yields a check for every number in it. `document` is the decoded JSON, `source` says in
    words where it comes from. Raises InputError for what is not a worked example.
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
        Planned(f"printed/{array.place}", partial(checked, array))
        for array in example.printed
        if any(array.numbers())
    )
    left_out = ["whether the given numbers match the publication"]
    wrong = [one for one in judged if one.finding is PrintedFinding.WRONG]
    tried, count = searched(example, wrong) if wrong else ((), 0)
    if len(tried) < count:
        untried = f"{count - len(tried)} of {count} slips through the whole example"
        left_out.append(f"{untried}: only the first {len(tried)} are tried in so large an example")
    return Plan("example", example.title, planned, tuple(left_out), _notes(example, judged))


def check_of(example: WorkedExample, one: Judged, cause: str | None) -> Check:
    """Return the check of one printed number."""
    name, right, allowed = f"printed/{one.name}", one.right, one.allowed
    if allowed is None or right is None:
        detail = "the formulas have no value there"
        return Check(name, Verdict.UNDECIDED, detail, None, None, one.problem, 1, undecided=1)
    value, unit = one.printed.value, one.printed.unit
    reach = UP.multiply(example.half, unit)
    ends = (float(allowed.low - reach), float(allowed.high + reach))
    index = one.array.index(one.row, one.column)
    worst = Worst(index, float(value), float(right.middle), *ends)
    most = ratio(one.printed, allowed, example.half)
    if one.finding is PrintedFinding.WRONG:
        spread = _radius(right)
        told = f" ± {written(SHORT.plus(spread))}" if spread * 100 > unit else ""
        told = f"{written(to_unit(right.middle, unit))}{told}"
        detail = f"wrong: {written(value)} is printed, {told} is right"
        return Check(name, Verdict.OUTSIDE, detail, most, worst, cause, 1, outside=1)
    bound = written(SHORT.plus(UP.add(_radius(allowed), reach)))
    detail = f"{one.finding}: {written(to_unit(allowed.middle, unit))} ± {bound}"
    return Check(name, Verdict.WITHIN, detail, most, worst, cause, 1)


def _radius(interval: DecimalInterval) -> Decimal:
    """Return r, without what is beyond the 20th digit of the number."""
    radius = UP.subtract(interval.high, interval.middle)
    return Decimal(0) if radius <= interval.magnitude.scaleb(-14) else radius


def _notes(example: WorkedExample, judged: tuple[Judged, ...]) -> tuple[str, ...]:
    notes = [] if example.source is None else [f"published: {example.source}"]
    given = "rounded to their printed places" if example.inputs_rounded else "exact"
    printed = "truncated to within one" if example.truncated else "rounded to within half a"
    notes.append(
        f"given numbers are {given}; printed numbers are {printed} unit of the last place;"
        f" computed in {example.computed_in}"
    )
    found = Counter(one.finding for one in judged)
    counts = [f"{found[finding]} {finding}" for finding in PrintedFinding if found[finding]]
    total = len(judged)
    notes.append(f"{total} printed number{'' if total == 1 else 's'}: {', '.join(counts)}")
    return (*notes, *example.notes, *_known(example, judged))


def _known(example: WorkedExample, judged: tuple[Judged, ...]) -> Iterator[str]:
    """Yield whether known_wrong agrees with what is found; it decides nothing."""
    names = {one.name: one for one in judged}
    told: set[str] = set()
    for place in example.known_wrong:
        meant = [place] if place in names else [n for n in names if n.startswith(f"{place}[")]
        told.update(meant)
        wrong = [name for name in meant if names[name].finding is PrintedFinding.WRONG]
        found = " and ".join(dict.fromkeys(str(names[name].finding) for name in meant))
        words = "found wrong here too" if wrong else f"but it is {found}"
        yield f"known_wrong names {place}: {words}"
    if not example.known_wrong:
        return
    missed = [o.name for o in judged if o.finding is PrintedFinding.WRONG and o.name not in told]
    for name in missed[:MOST_NOTED]:
        yield f"known_wrong does not name {name}, which is wrong"
    if len(missed) > MOST_NOTED:
        yield f"known_wrong does not name {len(missed) - MOST_NOTED} more that are wrong"


MOST_WORK = 400_000
"""Products of one row with one weight that a search for slips may take."""


def searched(example: WorkedExample, wrong: Sequence[Judged]) -> tuple[tuple[Slip, ...], int]:
    """Return the slips to try (of a large example only the first), and how many there are."""
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
    fine = (PrintedFinding.CONSISTENT, PrintedFinding.EXPLAINED)
    seen = [o for o in judged if o.array.place in places and (o.row in rows or not o.array.by_row)]
    right = [one for one in seen if one.finding in fine]
    fits: dict[str, list[Slip]] = {one.name: [] for one in wrong}
    ranks: dict[Slip, tuple[int, int]] = {}
    for slip in searched(example, wrong)[0]:
        found = recompute(small, slip, rounded=True)
        explained_here = [one.name for one in wrong if _fits(small, one, found, rows)]
        for name in explained_here:
            fits[name].append(slip)
        if explained_here:
            others = sum(_fits(small, one, found, rows) for one in right)
            ranks[slip] = (len(explained_here), others)
    causes = {}
    plain = recompute(example) if small is example else None
    for one in wrong:
        best = max(fits[one.name], key=ranks.__getitem__, default=None)
        cause = follows.get(one.name) or cut_off(one.printed, one.right)
        cause = cause or (None if best is None else best.words)
        cause = cause or pen_slip(one.printed, one.right, example.half)
        if cause is None and plain is not None and enough_digits(one.printed):
            cause = slip_in_one(example, plain, one.array, (one.row, one.column), one.printed)
        causes[one.name] = cause
    return causes


def _only_wrong_rows(
    example: WorkedExample, wrong: Sequence[Judged]
) -> tuple[WorkedExample, Mapping[int, int]]:
    """Return the example with only the rows that hold wrong numbers, and their new places.

    Rows do not mix on the way forward; all stay if a wrong number lies elsewhere, or rows are few.
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
