"""Each printed number against the right one: consistent, explained by rounding, or wrong.

A number is *consistent* iff |printed − recomputed| <= r + h: r is half the width of the interval of
all right results, recomputed its middle, h half a unit in the last printed place (a whole unit
where numbers are cut off). *Rounded intermediates* explain it iff the same holds when every
printed number that is consistent with what precedes it may replace the unrounded one in what
follows: the recomputation goes on with the hull of the right interval and the printed number, so
that any mixture of rounded and unrounded intermediates is covered. Otherwise it is *wrong*.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from fcinspect.verification.examples.evaluation import Evaluation
from fcinspect.verification.examples.formulas import Matrix, transposed
from fcinspect.verification.examples.interval import UP, DecimalInterval, point
from fcinspect.verification.examples.record import Printed, PrintedArray, WorkedExample
from fcinspect.verification.examples.slips import NO_SLIP, Slip

NOISE = Decimal("1e-15")


class PrintedFinding(StrEnum):
    """What is found of one printed number."""

    CONSISTENT = "consistent"
    EXPLAINED = "consistent with rounded intermediates"
    WRONG = "wrong"
    UNKNOWN = "without a right value"


@dataclass(frozen=True)
class Judged:
    """One printed number and what is right there."""

    name: str
    """output[0][2]"""
    array: PrintedArray
    row: int
    column: int
    printed: Printed
    finding: PrintedFinding
    right: DecimalInterval | None
    """None where the formulas have no value."""
    allowed: DecimalInterval | None
    """The interval that decides: with rounded intermediates where only these explain it."""
    problem: str | None = None
    """Why there is no right value, if there is none."""


@dataclass
class Recomputed:
    """What one recomputation gives in the places that are printed."""

    places: dict[str, Matrix] = field(default_factory=dict)
    """In the orientation of the file."""
    carried: dict[str, Matrix] = field(default_factory=dict)
    """What the computation went on with in every place, printed or not, as (out, in)."""
    problem: str | None = None
    """Why places are missing, if any are."""

    def at(self, array: PrintedArray, row: int, column: int) -> DecimalInterval | None:
        """Return what is computed for one number."""
        found = self.places.get(array.place)
        return None if found is None else found[row][column]


def consistent(printed: Printed, right: DecimalInterval, half: Decimal) -> bool:
    """Whether a right result is printed so."""
    reach = printed.interval(half, Decimal(0))
    return right.meets(reach.low, reach.high)


def recompute(
    example: WorkedExample,
    slip: Slip = NO_SLIP,
    rounded: bool = False,
    carried: Mapping[str, DecimalInterval] | None = None,
) -> Recomputed:
    """Return the example recomputed, with one slip.

    With `rounded`, printed intermediates may replace the unrounded ones; the numbers in `carried`,
    by name, certainly do.
    """
    certain = carried or {}
    arrays = {array.place: array for array in example.printed}
    found = Recomputed()

    def watch(place: str, values: Matrix) -> Matrix:
        found.carried[place] = carried = gone_on(place, values)
        return carried

    def gone_on(place: str, values: Matrix) -> Matrix:
        array = arrays.get(place)
        if array is None:
            return values
        seen = transposed(values) if array.transposed else values
        found.places[place] = seen
        if not rounded:
            return values
        going = [list(row) for row in seen]
        for i, j, printed in array.numbers():
            if (name := array.name(i, j)) in certain:
                going[i][j] = certain[name]
            elif consistent(printed, seen[i][j], example.half):
                going[i][j] = seen[i][j].hull(point(printed.value, example.u))
        return transposed(going) if array.transposed else going

    forward = all(a.of_forward_rows or a.place == "loss" for a in arrays.values())
    try:
        Evaluation(example, watch, slip).run(backward=not forward)
    except ZeroDivisionError:
        found.problem = "the formula divides by what may be 0"
    except ValueError:
        found.problem = f"the loss {example.loss} needs outputs above 0 and below 1"
    return found


def judge(example: WorkedExample) -> tuple[Judged, ...]:
    """Return the finding for every printed number, in the order of the file."""
    exact = recompute(example)
    eased = recompute(example, rounded=True)
    found = []
    for array in example.printed:
        for i, j, printed in array.numbers():
            right, allowed = exact.at(array, i, j), eased.at(array, i, j)
            finding = _finding(printed, right, allowed, example.half)
            decisive = allowed if finding is PrintedFinding.EXPLAINED else right
            name, problem = array.name(i, j), exact.problem if right is None else None
            found.append(Judged(name, array, i, j, printed, finding, right, decisive, problem))
    return tuple(found)


def _finding(
    printed: Printed, right: DecimalInterval | None, allowed: DecimalInterval | None, half: Decimal
) -> PrintedFinding:
    if right is None:
        return PrintedFinding.UNKNOWN
    if consistent(printed, right, half):
        return PrintedFinding.CONSISTENT
    if allowed is not None and consistent(printed, allowed, half):
        return PrintedFinding.EXPLAINED
    return PrintedFinding.WRONG


def ratio(printed: Printed, right: DecimalInterval, half: Decimal) -> float:
    """Return |printed − recomputed| / (r + h), 0 where the middle's own rounding hides it."""
    distance = UP.subtract(printed.value, right.middle).copy_abs()
    reach = UP.add(UP.subtract(right.high, right.middle), UP.multiply(half, printed.unit))
    if distance <= UP.multiply(reach, NOISE):
        return 0.0
    found = float(UP.divide(distance, reach))
    inside = consistent(printed, right, half)
    return min(found, 1.0) if inside else max(found, 1.0 + 2.0**-52)


def by_name(judged: Collection[Judged]) -> Mapping[str, Judged]:
    """Return the findings by the numbers' names."""
    return {one.name: one for one in judged}
