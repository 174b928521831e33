"""The three things that can be said of a computed number."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Verdict(StrEnum):
    """How a computed number stands to what rounding can explain."""

    WITHIN = "within bound"
    OUTSIDE = "outside bound"
    UNDECIDED = "undecided"
    """A value is not finite, or no bound exists; never reported as success."""


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst verdict: outside before undecided before within."""
    seen = set(verdicts)
    for verdict in (Verdict.OUTSIDE, Verdict.UNDECIDED):
        if verdict in seen:
            return verdict
    return Verdict.WITHIN
