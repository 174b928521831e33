"""A filled worksheet, graded blank by blank.

An answer is *right* if it is the exact result, and *right up to rounding* if it is a decimal to
which the result rounds, or is computed rightly from such decimals. A computer's rounding is
rounding, too; and on a sheet that rounds every result, so is what comes of rounding less or later.
Otherwise the whole sheet is computed once more from the pupil's own earlier numbers: what agrees
with that *follows* from an earlier slip and is no second one. The rest is *wrong*, and for it the
slips of `mistakes` are looked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from fcinspect.worksheets.answers import Answer, Unreadable
from fcinspect.worksheets.as_example import example_of, interval_of, names_of
from fcinspect.worksheets.consequences import Consequences, operands
from fcinspect.worksheets.mistakes import Mistake, Work, mistakes_of
from fcinspect.worksheets.problem import Problem
from fcinspect.worksheets.sheet import Sheet
from fcinspect.worksheets.working import without_noise


class Mark(StrEnum):
    """What an answer is."""

    RIGHT = "right"
    ROUNDED = "right up to rounding"
    FOLLOWS = "follows"
    WRONG = "wrong"
    UNREADABLE = "unreadable"
    EMPTY = "empty"


NOT_WRONG = (Mark.RIGHT, Mark.ROUNDED)
NO_NUMBER = (Mark.EMPTY, Mark.UNREADABLE)


@dataclass(frozen=True)
class Graded:
    """One blank."""

    id: str
    section: str
    """The part of the sheet that it stands in."""
    answer: str | None
    """As it is written; None of an empty blank."""
    mark: Mark
    right: Fraction
    follows: tuple[str, ...] = ()
    """The pupil's numbers, not right, with which it is computed rightly."""
    slip: str | None = None
    """Of a wrong one, the likely slip; of an unreadable one, the expected form."""


@dataclass(frozen=True)
class Grade:
    """A filled worksheet, graded."""

    problem: Problem
    items: tuple[Graded, ...]
    """In the order of work."""
    mistakes: tuple[Mistake, ...]
    """Each slip once, with the blanks that it explains; in the order of the first of these."""

    def count(self, mark: Mark) -> int:
        """Return how many blanks have that mark."""
        return sum(item.mark is mark for item in self.items)

    @property
    def all_right(self) -> bool:
        """Whether every blank is right, or right up to rounding."""
        return all(item.mark in NOT_WRONG for item in self.items)


def grade(problem: Problem, answers: Mapping[str, Answer | Unreadable | None]) -> Grade:
    """Return the grade of answers by their ids; a blank without an entry is empty."""
    sheet = Sheet(problem)
    blanks = sheet.blanks
    key = {blank.id: blank.answer for blank in blanks}
    read = {name: one for name in key if isinstance(one := answers.get(name), Answer)}
    given = without_noise(problem, read)
    marks = {
        name: _by_key(given.get(name, answers.get(name)), right) for name, right in key.items()
    }
    own = Consequences(sheet, given)
    follows = _following(problem, own, given, marks)
    wrong = [name for name, mark in marks.items() if mark is Mark.WRONG]
    mistakes = _mistakes(sheet, own, given, wrong) if wrong else ()
    slips = {name: mistake.words for mistake in mistakes for name in mistake.ids}
    for name, one in answers.items():
        if isinstance(one, Unreadable):
            slips[name] = one.reason
    return Grade(
        problem,
        tuple(
            Graded(
                blank.id,
                blank.section,
                None if (one := answers.get(blank.id)) is None else one.text,
                marks[blank.id],
                blank.answer,
                follows.get(blank.id, ()),
                slips.get(blank.id),
            )
            for blank in blanks
        ),
        mistakes,
    )


def _by_key(answer: Answer | Unreadable | None, right: Fraction) -> Mark:
    if answer is None:
        return Mark.EMPTY
    if isinstance(answer, Unreadable):
        return Mark.UNREADABLE
    if answer.value == right:
        return Mark.RIGHT
    return Mark.ROUNDED if answer.rounds(right) else Mark.WRONG


def _mistakes(
    sheet: Sheet, own: Consequences, given: Mapping[str, Answer], wrong: Sequence[str]
) -> tuple[Mistake, ...]:
    """Return the slips; a small number that is rounded to 0.0 needs decimals, and is none."""
    vanished = tuple(name for name in wrong if own.vanishes(name, given[name]))
    left = [name for name in wrong if name not in vanished]
    problem = sheet.problem
    # what the sheet gives stands there as if a pupil had written it
    shown = {name: Answer(str(value), value, None) for name, value in sheet.given.items()}
    results = {**sheet.given, **{blank.id: blank.answer for blank in sheet.blanks}}
    example = example_of(problem, {**shown, **given}, results)
    carried = {name: interval_of(own.mixed.carried[name]) for name in (*shown, *given)}
    found = mistakes_of(Work(example, problem, names_of(example, problem), carried), left)
    if vanished:
        found = (*found, Mistake("it is not 0: more decimals are needed", vanished))
    return tuple(sorted(found, key=lambda mistake: wrong.index(mistake.ids[0])))


def _following(
    problem: Problem, own: Consequences, given: Mapping[str, Answer], marks: dict[str, Mark]
) -> dict[str, tuple[str, ...]]:
    """Mark what agrees with the pupil's own earlier numbers; return which of these it needs."""
    agreeing = [
        name for name, mark in marks.items() if mark is Mark.WRONG and own.agrees(name, given[name])
    ]
    found = {name: _not_right(problem, name, marks) for name in agreeing}
    for name in found:
        marks[name] = Mark.FOLLOWS
    for name in agreeing:
        if problem.decimals is not None and not found[name]:
            # all before it is right: it is not rounded where the sheet rounds
            marks[name] = Mark.ROUNDED
            del found[name]
            continue
        if not found[name] or any(marks[operand] is not Mark.ROUNDED for operand in found[name]):
            continue
        # what only carries on rounded numbers is as right as these
        slips = _reached(problem, name, marks, (*NOT_WRONG, *NO_NUMBER))
        if not slips or own.is_rounded(name, given[name]):
            marks[name] = Mark.ROUNDED
            del found[name]
        else:
            found[name] = slips
    return found


def _not_right(problem: Problem, name: str, marks: Mapping[str, Mark]) -> tuple[str, ...]:
    """Return the numbers with which a blank is computed and that are not right.

    In place of an empty one stand those it would be computed with; so it is with right ones where
    all are right.
    """
    return _reached(problem, name, marks, NO_NUMBER) or _reached(
        problem, name, marks, (*NO_NUMBER, Mark.RIGHT)
    )


def _reached(
    problem: Problem, name: str, marks: Mapping[str, Mark], passed: tuple[Mark, ...]
) -> tuple[str, ...]:
    """Return the numbers, not right, that a blank needs, those that are passed over aside."""
    waiting, seen = [*operands(problem, name)], {name}
    found = []
    while waiting:
        operand = waiting.pop(0)
        if operand in seen:
            continue
        seen.add(operand)
        mark = marks.get(operand)
        if mark in passed:
            waiting.extend(operands(problem, operand))
        elif mark not in (None, Mark.RIGHT):
            found.append(operand)
    return tuple(found)


@dataclass(frozen=True)
class Entry:
    """One filled worksheet."""

    file: str
    """Where it comes from, as it was asked for."""
    grade: Grade | None
    """None of what could not be read."""
    refusal: str | None = None
    """Why it could not."""
    notes: tuple[str, ...] = ()
    """What a reader should know of how it was understood."""
    pupil: str = ""
    """Who filled it in and, below, when; as it stands in the file."""
    date: str = ""
    altered: bool = False
    """Whether its problem is another one than its widths and code make."""


@dataclass(frozen=True)
class Shared:
    """A slip, and who makes it."""

    words: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Gradebook:
    """The filled worksheets in the order in which they were asked for."""

    entries: tuple[Entry, ...]

    @property
    def all_right(self) -> bool:
        """Whether every blank of every worksheet is right, or right up to rounding."""
        return all(entry.grade is not None and entry.grade.all_right for entry in self.entries)

    @property
    def graded(self) -> tuple[Entry, ...]:
        """Those that could be read."""
        return tuple(entry for entry in self.entries if entry.grade is not None)

    @property
    def shared(self) -> tuple[Shared, ...]:
        """The slips, those first that most of the class make."""
        found: dict[str, list[str]] = {}
        for entry in self.graded:
            assert entry.grade is not None
            mistakes = entry.grade.mistakes
            for words in dict.fromkeys(m.words for m in mistakes if m.words is not None):
                found.setdefault(words, []).append(entry.file)
        made = [Shared(words, tuple(files)) for words, files in found.items()]
        return tuple(sorted(made, key=lambda shared: -len(shared.files)))
