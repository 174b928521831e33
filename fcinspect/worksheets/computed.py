"""Answers that a computer gave: their last digits tell of float32 or float64, not of the pupil.

A worksheet that is worked out in float32 differs from the exact results by what `Bounded` allows
if every number of the problem and every operation is rounded once: that grows with the terms that
are added up, not with what they leave. So of an answer with at least seven digits, as many as
float32 keeps, those below the place that this error reaches are not taken for written ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from fcinspect.worksheets.answers import Answer
from fcinspect.worksheets.bounded import FLOAT32, Bounded
from fcinspect.worksheets.problem import Problem
from fcinspect.worksheets.solution import solve_bounded

LEAST_DIGITS = 7
"""Digits of a number that tell of a computer."""
LEAST_PLACES = 7
"""Decimals of one that should be 0, and has fewer digits."""


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
