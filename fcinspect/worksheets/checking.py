"""What binary numbers make of a worksheet: the check of its key, and answers of a computer.

The exact results are held against those of another program. And the last digits of an answer that a
computer gave tell of float32 or float64, not of the pupil: a worksheet that is worked out in
float32 differs from the exact results by what `Bounded` allows if every number of the problem and
every operation is rounded once: that grows with the terms that are added up, not with what they
leave. So of an answer with at least seven digits, as many as float32 keeps, those below the place
that this error reaches are not taken for written ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from fcinspect.worksheets.answers import Answer
from fcinspect.worksheets.numbers import FLOAT32, Bounded
from fcinspect.worksheets.passes import solve_bounded
from fcinspect.worksheets.problem import Problem
from fcinspect.worksheets.working import written

LARGEST_DENOMINATOR = 10**30
"""Of a number that is written out."""
LEAST_DIGITS = 7
"""Digits of a number that tell of a computer."""
LEAST_PLACES = 7
"""Decimals of one that should be 0, and has fewer digits."""


class WrongKey(Exception):
    """The key and the other program differ by more than rounding explains: one has a defect."""


@dataclass(frozen=True)
class KeyCheck:
    """How the other program's results compare; none is outside its bound."""

    checked_by: str
    """torch 2.13.0"""
    dtype: str
    numbers: int
    """All results, those that the sheet gives among them."""
    equal: int
    """How many are the same number."""
    within_bound: int
    """How many differ, by no more than the rounding of the format explains.

    Of a sheet that rounds every result, both counts are those of the unrounded results; the rounded
    ones lie within what their rounding explains.
    """


def check_key(problem: Problem, computed: Mapping[str, float], checked_by: str) -> KeyCheck:
    """Compare every result with what the program computed in float64, which rounds to no decimals.

    Raises WrongKey for the first that lies outside its bound or is missing.
    """
    results = solve_bounded(problem)
    equal = sum(_agreeing(results, computed, checked_by))
    if problem.decimals is not None:
        rounded = solve_bounded(problem, decimals=problem.decimals)
        sum(_agreeing(rounded, computed, checked_by))
    return KeyCheck(checked_by, "float64", len(results), equal, len(results) - equal)


def _agreeing(
    results: Mapping[str, Bounded], computed: Mapping[str, float], checked_by: str
) -> Iterator[bool]:
    """Yield of every result whether it is the same number; raises WrongKey outside its bound."""
    for name, right in results.items():
        number = computed.get(name)
        if number is None or not right.allows(number):
            short = right.value.denominator < LARGEST_DENOMINATOR
            said = written(right.value) if short else repr(float(right.value))
            raise WrongKey(f"{name} is {said} in exact arithmetic, and {number!r} by {checked_by}")
        yield Fraction(number) == right.value


def without_noise(problem: Problem, answers: Mapping[str, Answer]) -> Mapping[str, Answer]:
    """Return the answers, those that a computer gave with the last place that float32 is sure of.

    That is the first whose half is at least the error that float32 may make on the way there, where
    nothing is rounded to decimals.
    """
    if not any(map(_by_computer, answers.values())):
        return answers
    results = solve_bounded(problem, _in_float32)
    return {
        name: _sure(answer, results[name].error) if _by_computer(answer) else answer
        for name, answer in answers.items()
    }


def _in_float32(value: Fraction) -> Bounded:
    return Bounded(value, abs(value) / 2**FLOAT32, FLOAT32)


def _by_computer(answer: Answer) -> bool:
    unit = answer.unit
    if unit is None:
        return False
    digits = len(str(abs(answer.value) // unit))
    return digits >= LEAST_DIGITS or unit <= Fraction(1, 10**LEAST_PLACES)


def _sure(answer: Answer, error: Fraction) -> Answer:
    unit = answer.unit
    assert unit is not None
    while unit / 2 < error:
        unit *= 10
    return replace(answer, unit=unit)
