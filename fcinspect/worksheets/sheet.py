"""What a worksheet gives, and what it leaves blank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from fcinspect.worksheets.problem import Problem
from fcinspect.worksheets.solution import solve

SECTIONS = ("forward", "loss", "backward", "update", "afterwards")
"""The parts of a sheet, in the order of work."""
BLANK_SECTIONS = {
    "forward": ("forward",),
    "gradient": ("loss", "backward"),
    "step": ("update", "afterwards"),
    "all": SECTIONS,
}
"""What each kind of sheet leaves blank."""
GIVEN_SECTIONS = {
    "forward": (),
    "gradient": ("forward",),
    "step": ("loss", "backward"),
    "all": (),
}
"""What each kind of sheet gives of the results."""


@dataclass(frozen=True)
class Blank:
    """A number to be filled in."""

    id: str
    answer: Fraction
    section: str
    """One of SECTIONS."""


@dataclass(frozen=True)
class Sheet:
    """A problem with its blanks."""

    problem: Problem
    given: Mapping[str, Fraction]
    """Results that the sheet shows."""
    blanks: tuple[Blank, ...]
    """In the order of work."""


def sheet_of(problem: Problem) -> Sheet:
    """Return the sheet of the problem's kind."""
    results = solve(problem)
    given, blank = GIVEN_SECTIONS[problem.kind], BLANK_SECTIONS[problem.kind]
    return Sheet(
        problem,
        {name: value for name, value in results.items() if section_of(name) in given},
        tuple(
            Blank(name, value, section_of(name))
            for name, value in results.items()
            if section_of(name) in blank
        ),
    )


def section_of(name: str) -> str:
    """Return the section in which a result is worked out."""
    if name in ("loss", "loss_after") or name.startswith("output_after"):
        return "loss" if name == "loss" else "afterwards"
    _, _, place = name.partition(".")
    if place.startswith(("z[", "a[")):
        return "forward"
    return "update" if ".after[" in place else "backward"


def blank_count(kind: str, widths: tuple[int, ...], bias: bool) -> int:
    """Return how many blanks a sheet has, without making it."""
    hidden, outputs = widths[1:-1], widths[-1]
    weights = sum(n * m for n, m in pairwise(widths))
    biases = sum(widths[1:]) if bias else 0
    counts = {
        "forward": 2 * sum(hidden) + outputs,
        "loss": 1,
        "backward": 2 * sum(hidden) + outputs + weights + biases,
        "update": weights + biases,
        "afterwards": outputs + 1,
    }
    return sum(counts[section] for section in BLANK_SECTIONS[kind])
