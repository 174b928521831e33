"""The slips in a filled worksheet: each named once, with the blanks that it explains.

A slip through the whole sheet is recomputed from the pupil's own earlier numbers, so that it shows
where it is made and nowhere else. It counts the wrong blanks that it gives, less the other blanks
where it would show and does not. The best is taken, then the best for what is left. Then come the
slips in one number, and those of the pen; of a number of one digit only those that are made often,
since among so many slips there is one for almost every small number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from fcinspect.verification.examples.interval import DecimalInterval
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
from fcinspect.worksheets.slip_words import pupil_words

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
        """What the pupil may have gone on with, by the worked example's names."""
        return {self.engine_name(name): value for name, value in self.carried.items()}

    def engine_name(self, name: str) -> str:
        """Return the worked example's name of a blank."""
        place, row, column = self.places[name]
        return self.arrays[place].name(row, column)

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

    def plain(self, name: str) -> DecimalInterval | None:
        """Return what is right for a blank, with the pupil's own earlier numbers."""
        return self.value(name, self.own)

    def agrees(self, name: str, found: Recomputed) -> bool:
        """Whether a blank holds what a recomputation gives."""
        value = self.value(name, found)
        return value is not None and consistent(self.printed(name), value, self.example.half)


def _negated(printed: Printed) -> Printed:
    return Printed(printed.value.copy_negate(), printed.unit)


@dataclass(frozen=True)
class _Tried:
    """A slip through the whole sheet, and what it gives."""

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
    for slip in sorted(structural_slips(work.example), key=_is_rare):
        if slip.kind == "activation is" and slip.name not in (*ON_PAPER, work.problem.activation):
            continue
        found = work.recomputed(slip)
        shows = [name for name in work.carried if work.value(name, found) != work.plain(name)]
        explains = tuple(name for name in wrong if name in shows and work.agrees(name, found))
        if explains:
            missed = [n for n in others if n in shows and not work.agrees(n, found)]
            yield _Tried(slip, explains, tuple(missed))


def _is_rare(slip: Slip) -> bool:
    """Whether other slips that give the same are likelier: a relu where there is none."""
    return slip.kind == "activation is" and slip.name == "relu"


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
    """Return the words for a slip in one blank."""
    place, row, column = work.places[name]
    array, printed, right = work.arrays[place], work.printed(name), work.value(name, work.own)
    half = work.example.half
    if right is not None and right.high and consistent(_negated(printed), right, half):
        return "the sign is reversed"
    if cut_off(printed, right):
        return "the digits are cut off, not rounded"
    many = enough_digits(printed, LEAST_DIGITS)
    kinds = None if many else FREQUENT
    one = slip_in_one(work.example, work.own, array, (row, column), printed, kinds)
    if one is not None:
        return sheet_words(one, work.problem)
    words = pen_slip(printed, right, half) if many else None
    # without the number that it should be, which a pupil may have to find once more
    return words and words.partition(":")[0].replace("its ", "the ", 1)
