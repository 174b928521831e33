"""The types of what `worksheet --grade` writes as JSON."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

MarkWord = Literal["right", "right up to rounding", "follows", "wrong", "unreadable", "empty"]


class GradedBlankDocument(TypedDict):
    """One blank; numbers are exact, as decimals or, where these do not end, as fractions.

    `answer` is null where it is empty, `right` where the solution is held back. `follows` names
    the answers, not right, with which one is computed rightly; `slip` is the likely slip of a
    wrong one, the expected form of an unreadable one, null where none is known.
    """

    id: str
    section: str
    answer: str | None
    mark: MarkWord
    right: str | None
    follows: list[str]
    slip: str | None


class ScoreDocument(TypedDict):
    """How many blanks there are, and how many have each mark."""

    blanks: int
    right: int
    rounded: int
    follows: int
    wrong: int
    unreadable: int
    empty: int


class MistakeDocument(TypedDict):
    """One slip with all the blanks that it explains; `slip` is null of those without any."""

    slip: str | None
    blanks: list[str]


class GradedSheetDocument(TypedDict):
    """One filled worksheet; `altered`: its problem is not that of its widths and code."""

    file: str
    pupil: str | None
    date: str | None
    kind: str
    widths: list[int]
    seed: int
    code: str
    bias: bool
    altered: bool
    score: ScoreDocument
    blanks: list[GradedBlankDocument]
    mistakes: list[MistakeDocument]
    notes: list[str]


class UngradedSheetDocument(TypedDict):
    """A file that is no filled worksheet, and why."""

    file: str
    refusal: str


class GradebookDocument(TypedDict):
    """The filled worksheets in the order in which they were asked for; `document` says that these
    are grades and no worksheet."""

    document: Literal["grade"]
    graded: list[GradedSheetDocument]
    ungraded: list[UngradedSheetDocument]
