"""The exact results of a worksheet against those of another program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from fcinspect.worksheets.problem import Problem
from fcinspect.worksheets.solution import solve_bounded
from fcinspect.worksheets.writing import written


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
    """How many differ, by no more than the rounding of the format explains."""


def check_key(problem: Problem, computed: Mapping[str, float], checked_by: str) -> KeyCheck:
    """Compare every result with what the program computed in float64.

    Raises WrongKey for the first that lies outside its bound or is missing.
    """
    equal = 0
    results = solve_bounded(problem)
    for name, right in results.items():
        number = computed.get(name)
        if number is None or not right.allows(number):
            raise WrongKey(
                f"{name} is {written(right.value)} in exact arithmetic, and {number!r} by"
                f" {checked_by}"
            )
        equal += Fraction(number) == right.value
    return KeyCheck(checked_by, "float64", len(results), equal, len(results) - equal)
