"""What a diagnosis says: what happened, and the likely causes, most likely first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fcinspect.shapes.steps import Place


@dataclass(frozen=True)
class Change:
    """Lines of a file of source code, and what is to stand in their place."""

    file: str
    line: int
    """Of the first line, from 1."""
    before: str
    """The lines as they are, "" where lines are inserted before `line`."""
    after: str


@dataclass(frozen=True)
class Cause:
    """One likely cause, and what to do about it."""

    name: str
    """A short name that programs can rely on: "flatten-missing"."""
    cause: str
    """The cause in one sentence, without a full stop."""
    evidence: str
    """What in the message or module speaks for it, with their numbers; "" where nothing but the
    message itself does."""
    fix: str
    """What to do, as an imperative without a full stop."""
    code: str | None = None
    """The line or lines of code to write; None where no code mends it."""
    changes: tuple[Change, ...] = ()
    """The lines of source files that mend it, where the source is known."""
    trial: Trial | None = None
    """What the module did with the edits made; None where that was not tried."""


@dataclass(frozen=True)
class Trial:
    """What a module did once the edits were made, in memory only."""

    runs: bool
    words: str
    """"runs: (4, 3, 32, 32) → (4, 10)", or what stopped it"""
    keeps_batch: bool = False
    """Whether as many rows came out as went in."""


@dataclass(frozen=True)
class Diagnosis:
    """What a message says."""

    kind: str
    """The family: "product", "dtype", "device", "state-dict", "loss", "backward", "optimizer",
    "construction", "shape", "library", "distributed", "export", or "silent" for what gives no
    message."""
    message: str
    """The recognised part of the message, on one line."""
    happened: str
    """What happened, in words and numbers; one or two sentences with full stops."""
    likely: tuple[Cause, ...]
    """Most likely first; at least one."""
    notes: tuple[str, ...] = ()
    """What is to be said of the text: that its last error is another one."""
    place: Place | None = None
    """The innermost place in the reader's own code, where a traceback tells it."""
    code: str = ""
    """The source line there; "" where the traceback quotes none."""


class Pick(NamedTuple):
    """A likely cause, by its name below the message, and what is put into its words alone."""

    name: str
    values: Mapping[str, object]


def pick(name: str, **values: object) -> Pick:
    """Return the cause of a name with values for its words."""
    return Pick(name, values)


class Decision:
    """What a rule decides about a message."""

    def __init__(
        self, *causes: str | Pick | Cause, happened: str = "", family: str = "", **values: object
    ) -> None:
        self.causes = causes
        """The likely ones, most likely first: by their names below the message, or in full."""
        self.happened = happened
        """What happened; "" where the message says it in words of its own."""
        self.family = family
        """Its kind, "" where it is that of the message."""
        self.values = values
        """Name -> what is put in for it, beside what the rule was given."""


Shape = tuple[int, ...]


def shape_of(text: str) -> Shape:
    """Return the shape written in a text: "[8, 1]"."""
    return tuple(int(number) for number in re.findall(r"-?\d+", text))


def counted(number: int, noun: str) -> str:
    """Return "1 row" or "2,048 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def one_line(text: str) -> str:
    """Return the text on one line, cut where it is long."""
    plain = " ".join(text.split())
    return plain if len(plain) <= 300 else f"{plain[:299]}…"
