"""Texts as people posted them, reduced and reworded, with what a right first answer says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """A text that somebody posted, and what the first cause must say of it."""

    name: str
    text: str
    cause: str
    """The name of the first cause."""
    says: tuple[str, ...] = ()
    """What stands in its words or code."""
    never: tuple[str, ...] = ()
    """What stands in the words or code of no cause: wrong answers that are tempting."""
    address: str = ""
    """The thread it was reduced from; "" where only its kind is known."""
