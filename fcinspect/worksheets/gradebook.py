"""The filled worksheets of a class: each with its grade, and the slips that many make."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fcinspect.worksheets.grading import Grade


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
        for entry in self.entries:
            for words in _slips(entry):
                found.setdefault(words, []).append(entry.file)
        made = [Shared(words, tuple(files)) for words, files in found.items()]
        return tuple(sorted(made, key=lambda shared: -len(shared.files)))


def _slips(entry: Entry) -> Iterable[str]:
    mistakes = () if entry.grade is None else entry.grade.mistakes
    return dict.fromkeys(mistake.words for mistake in mistakes if mistake.words is not None)
