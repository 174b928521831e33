"""What a worksheet gives, what it leaves blank, and what fits on paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from fcinspect.errors import SpecError, UsageError, did_you_mean
from fcinspect.layers.spec import format_widths
from fcinspect.worksheets.passes import solve
from fcinspect.worksheets.problem import KINDS, Problem

SECTIONS = ("forward", "loss", "backward", "update", "afterwards")
"""The parts of a sheet, in the order of work."""
BLANK_SECTIONS = {
    "forward": ("forward",),
    "gradient": ("loss", "backward"),
    "step": ("update", "afterwards"),
    "all": SECTIONS,
}
"""What each kind of sheet leaves blank."""
GIVEN_SECTIONS = {"forward": (), "gradient": ("forward",), "step": ("loss", "backward"), "all": ()}
"""What each kind of sheet gives of the results."""

LARGEST_WIDTH = 8
MOST_LAYERS = 4
MOST_BLANKS = 60
"""Two sheets of paper, and an hour."""


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

    @cached_property
    def results(self) -> Mapping[str, Fraction]:
        """Every result, in the order of work."""
        return solve(self.problem)

    @cached_property
    def given(self) -> Mapping[str, Fraction]:
        """Results that the sheet shows."""
        return self._of(GIVEN_SECTIONS)

    @cached_property
    def blanks(self) -> tuple[Blank, ...]:
        """In the order of work."""
        left = self._of(BLANK_SECTIONS)
        return tuple(Blank(name, value, section_of(name)) for name, value in left.items())

    def _of(self, sections: Mapping[str, tuple[str, ...]]) -> Mapping[str, Fraction]:
        held = sections[self.problem.kind]
        return {name: value for name, value in self.results.items() if section_of(name) in held}


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


def require_paper(kind: str, widths: tuple[int, ...], bias: bool) -> None:
    """Raise UsageError for an unknown kind, SpecError for what is too large to do by hand."""
    if kind not in KINDS:
        raise UsageError(
            f"{kind!r} is not a sheet: expected one of {', '.join(KINDS)}",
            hint=did_you_mean(kind, KINDS),
        )
    written = format_widths(widths)
    if len(widths) - 1 > MOST_LAYERS:
        raise SpecError(
            f"{len(widths) - 1} layers are too many for a worksheet: expected at most"
            f" {MOST_LAYERS}, such as 3-2-2"
        )
    for position, width in enumerate(widths, start=1):
        if width > LARGEST_WIDTH:
            raise SpecError(
                f"width {width} at position {position} of {written!r} is too large for a"
                f" worksheet: expected at most {LARGEST_WIDTH}"
            )
    count = blank_count(kind, widths, bias)
    if count > MOST_BLANKS:
        counts = {other: blank_count(other, widths, bias) for other in KINDS}
        fits = [f"--sheet {k} has {n}" for k, n in counts.items() if n <= MOST_BLANKS]
        raise SpecError(
            f"the {kind} sheet of {written!r} has {count} blanks, too many for a worksheet:"
            f" expected at most {MOST_BLANKS}",
            hint=", ".join(fits) or None,
        )
