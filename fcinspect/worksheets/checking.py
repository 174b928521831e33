"""The exact results of a worksheet against those of another program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from fcinspect.worksheets.bounded import Bounded
from fcinspect.worksheets.problem import Problem
from fcinspect.worksheets.solution import solve_bounded
from fcinspect.worksheets.writing import written

LARGEST_DENOMINATOR = 10**30
"""Of a number that is written out."""


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
