"""The slips in a filled worksheet: each named once, with the blanks that it explains.

A slip through the whole sheet is recomputed from the pupil's own earlier numbers, so that it shows
where it is made and nowhere else. It counts the wrong blanks that it gives, less the other blanks
where it would show and does not. The best is taken, then the best for what is left. Then come the
slips in one number, and those of the pen; of a number of one digit only those that are made often,
since among so many slips there is one for almost every small number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from fcinspect.verification.examples.interval import DOWN, DecimalInterval
from fcinspect.verification.examples.judging import Recomputed, consistent, recompute
from fcinspect.verification.examples.one_number import (
    FREQUENT,
    cut_off,
    enough_digits,
    pen_slip,
    slip_in_one,
)
from fcinspect.verification.examples.record import Printed, PrintedArray, WorkedExample
from fcinspect.verification.examples.slips import NO_SLIP, Slip, structural_slips
from fcinspect.worksheets.as_example import sheet_words
from fcinspect.worksheets.problem import Problem

LEAST_DIGITS = 2
"""Digits of a number below which only the frequent slips are looked for."""
ON_PAPER = ("identity", "relu")
"""Activations that a pupil takes for each other, and for that of the sheet."""


@dataclass(frozen=True)
class Mistake:
    """One slip, wherever it is made."""

    words: str | None
    """None where none is found that gives the number."""
    ids: tuple[str, ...]
    """The wrong blanks that it explains, in the order of work."""


@dataclass(frozen=True, eq=False)
class Work:
    """A filled worksheet as a worked example, with the ids of its blanks."""

    example: WorkedExample
    problem: Problem
    places: Mapping[str, tuple[str, int, int]]
    """Place, row and column of every blank, by its id."""
    carried: Mapping[str, DecimalInterval]
    """What the pupil may have gone on with, by the ids of what holds a number."""

    @cached_property
    def arrays(self) -> Mapping[str, PrintedArray]:
        """What is filled in, by place."""
        return {array.place: array for array in self.example.printed}

    @cached_property
    def own(self) -> Recomputed:
        """The sheet computed rightly from the pupil's own earlier numbers."""
        return self.recomputed()

    def recomputed(self, slip: Slip = NO_SLIP) -> Recomputed:
        """Return the sheet computed from the pupil's own earlier numbers, with a slip."""
        return recompute(self.example, slip, rounded=True, carried=self._carried)

    @cached_property
    def _carried(self) -> Mapping[str, DecimalInterval]:
        found = {}
        for name, value in self.carried.items():
            place, row, column = self.places[name]
            found[self.arrays[place].name(row, column)] = value
        return found

    def printed(self, name: str) -> Printed:
        """Return what a blank holds."""
        place, row, column = self.places[name]
        found = self.arrays[place].rows[row][column]
        assert found is not None
        return found

    def value(self, name: str, found: Recomputed) -> DecimalInterval | None:
        """Return what a recomputation gives for a blank."""
        place, row, column = self.places[name]
        return found.at(self.arrays[place], row, column)

    def agrees(self, name: str, found: Recomputed) -> bool:
        """Whether a blank holds what a recomputation gives."""
        value = self.value(name, found)
        return value is not None and consistent(self.printed(name), value, self.example.half)


@dataclass(frozen=True)
class _Tried:
    slip: Slip
    explains: tuple[str, ...]
    """Wrong blanks."""
    missed: tuple[str, ...]
    """Other blanks in which it would show, and does not."""


def mistakes_of(work: Work, wrong: Sequence[str]) -> tuple[Mistake, ...]:
    """Return the slips that give the wrong blanks, which agree with nothing before them."""
    if not wrong:
        return ()
    tried = list(_tried(work, wrong))
    left = list(wrong)
    found: dict[str | None, list[str]] = {}
    while best := _best(tried, left):
        words = pupil_words(best.slip, work.problem)
        found.setdefault(words, []).extend(name for name in left if name in best.explains)
        left = [name for name in left if name not in best.explains]
    for name in left:
        one = _slip_in(work, name)
        if one is None and (last := _possible(work, tried, name)):
            one = pupil_words(last.slip, work.problem)
        found.setdefault(one, []).append(name)
    order = {name: number for number, name in enumerate(wrong)}
    made = [
        Mistake(words, tuple(sorted(names, key=order.__getitem__)))
        for words, names in found.items()
    ]
    return tuple(sorted(made, key=lambda mistake: order[mistake.ids[0]]))


def _tried(work: Work, wrong: Sequence[str]) -> Iterator[_Tried]:
    # the second forward pass is worked out anew, so that it tells nothing against a slip
    others = [name for name in work.carried if name not in wrong and "_after" not in name]
    # a relu where there is none comes last: other slips that give the same are likelier
    slips = sorted(
        structural_slips(work.example), key=lambda s: (s.kind, s.name) == ("activation is", "relu")
    )
    for slip in slips:
        if slip.kind == "activation is" and slip.name not in (*ON_PAPER, work.problem.activation):
            continue
        found = work.recomputed(slip)
        shows = [
            name for name in work.carried if work.value(name, found) != work.value(name, work.own)
        ]
        explains = tuple(name for name in wrong if name in shows and work.agrees(name, found))
        if explains:
            missed = [n for n in others if n in shows and not work.agrees(n, found)]
            yield _Tried(slip, explains, tuple(missed))


def _best(tried: Sequence[_Tried], left: Sequence[str]) -> _Tried | None:
    """Return the slip that explains most of what is left, less what it misses, if that is any."""
    ranked = [
        (sum(name in left for name in one.explains) - len(one.missed), -number, one)
        for number, one in enumerate(tried)
        if any(name in left for name in one.explains)
    ]
    best = max(ranked, default=None, key=lambda rank: rank[:2])
    return None if best is None or best[0] < 1 else best[2]


def _possible(work: Work, tried: Sequence[_Tried], name: str) -> _Tried | None:
    """Return the slip that gives one number and misses least, none of that in the same place."""

    def refuted(one: _Tried) -> bool:
        return any(work.places[missed][0] == work.places[name][0] for missed in one.missed)

    left = [one for one in tried if name in one.explains and not refuted(one)]
    return min(left, default=None, key=lambda one: len(one.missed))


def _slip_in(work: Work, name: str) -> str | None:
    place, row, column = work.places[name]
    array, printed, right = work.arrays[place], work.printed(name), work.value(name, work.own)
    half = work.example.half
    negated = Printed(printed.value.copy_negate(), printed.unit)
    if right is not None and right.high and consistent(negated, right, half):
        return "the sign is reversed"
    if cut_off(printed, right):
        return "the digits are cut off instead of rounded"
    many = enough_digits(printed, LEAST_DIGITS)
    kinds = None if many else FREQUENT
    one = slip_in_one(work.example, work.own, array, (row, column), printed, kinds)
    if one is not None:
        return sheet_words(one, work.problem)
    words = pen_slip(printed, right, half) if many else None
    # without the number that it should be, which a pupil may have to find once more
    return words and words.partition(":")[0].replace("its ", "the ", 1)


def pupil_words(slip: Slip, problem: Problem) -> str:
    """Return what went wrong, as a teacher would say it to a pupil, in the names of the sheet."""
    told = (
        _BRANCHING[slip.kind](slip, problem) if slip.kind in _BRANCHING else _WORDS.get(slip.kind)
    )
    if told is None:
        return sheet_words(slip.words, problem)
    place, names = slip.layer, [layer.name for layer in problem.layers]
    return told.format(
        name="every layer" if place is None else names[place],
        before=names[place - 1] if place else "",
        activation=problem.activation,
        forgotten="mask" if problem.activation == "relu" else "derivative",
        applied=slip.name,
        column=slip.pair[0],
        count=problem.widths[-1],
    )


def _activation(slip: Slip, problem: Problem) -> str:
    if slip.name == "identity":
        return "the {activation} of {name} is forgotten"
    if slip.layer == len(problem.layers) - 1:
        return "a {applied} is applied after {name}, which has none"
    return "{applied} is applied after {name}, not {activation}"


def _loss_factor(slip: Slip, problem: Problem) -> str | None:
    count = Decimal(problem.widths[-1])
    if slip.factor == count:
        return "the loss is not divided by N = {count}"
    if slip.factor == Decimal("0.5"):
        return "the loss is halved"
    if slip.factor == 2:
        return "the loss is doubled"
    return None


def _gradient_factor(slip: Slip, problem: Problem) -> str | None:
    count = Decimal(problem.widths[-1])
    if slip.factor == -1:
        words = "target − output is used instead of output − target:"
        return f"{words} the sign of the gradient is reversed"
    # N = 2: without 2/N nothing changes, and without one of the two it is told by its factor
    if slip.factor == Decimal("0.5"):
        return "the 2 of 2/N is forgotten in the gradient of the loss"
    if slip.factor == count:
        return "the gradient of the loss is not divided by N = {count}"
    if slip.factor == DOWN.divide(count, Decimal(2)):
        return "the factor 2/N is forgotten in the gradient of the loss"
    return None


def _step(slip: Slip, problem: Problem) -> str | None:
    rate = problem.learning_rate
    if slip.factor == -1:
        return "lr times the gradient is added, not subtracted"
    if slip.factor and Fraction(slip.factor) * rate == 1:
        return "the learning rate is forgotten"
    return None


_BRANCHING: dict[str, Callable[[Slip, Problem], str | None]] = {
    "activation is": _activation,
    "loss times": _loss_factor,
    "gradient times": _gradient_factor,
    "step times": _step,
}
_WORDS = {
    "derivative missing":
        "the {forgotten} of the {activation} of {name} is forgotten in the backward pass",
    "derivative is activation":
        "the gradient is multiplied by {name}.a itself, not by 1 where {name}.z > 0",
    "derivative inverted": "the mask of the relu of {name} is 1 where it should be 0",
    "activation of gradient":
        "the gradient passes where it is above 0, not where {name}.z is",
    "input not activated": "{name}.z is computed with {before}.z, not with {before}.a",
    "gradient from input not activated":
        "{name}.weight.grad is computed with {before}.z, not with {before}.a",
    "bias takes weight gradient":
        "the bias of {name} is updated with the gradient of weight[·,{column}]",
}  # fmt: skip
