"""What a diagnosis says: what happened, and the likely causes, most likely first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from re import Match
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fcinspect.diagnosis.reported import Reported
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
    """What in the message or module speaks for it: numbers of the message, put in."""
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
    "construction", "shape", or "silent" for what gives no message."""
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


Explain = Callable[[Match[str], "Reported"], Diagnosis | None]


@dataclass(frozen=True)
class Pattern:
    """A message that is known."""

    marker: str
    """Plain text that stands in every such message: what lacks it is not searched."""
    pattern: str
    """A regular expression, searched with re.DOTALL in the message as torch wrote it."""
    explain: Explain
    """match, report -> diagnosis; None where the message turns out to be another's."""


def known(kind: str, marker: str, pattern: str, happened: str, *causes: Cause) -> Pattern:
    """Return a pattern whose words are fixed but for {name}, the named groups of the pattern.

    Where a {name} stands in `happened` or in any text of a cause, what the group matched is put
    in; other braces stay as they are. {target}, {layer} and {argument} are the names in the
    reader's own line `target = layer(argument)`, else x, layer and x.
    """

    def explain(match: Match[str], reported: Reported) -> Diagnosis:
        groups = {name: " ".join((text or "").split()) for name, text in match.groupdict().items()}
        named = {**reported.names(), **groups}

        def put_in(text: str) -> str:
            for name, value in named.items():
                text = text.replace(f"{{{name}}}", value)
            return text

        return Diagnosis(
            kind,
            one_line(match.group()),
            put_in(happened),
            tuple(
                replace(
                    cause,
                    cause=put_in(cause.cause),
                    evidence=put_in(cause.evidence),
                    fix=put_in(cause.fix),
                    code=None if cause.code is None else put_in(cause.code),
                )
                for cause in causes
            ),
        )

    return Pattern(marker, pattern, explain)


def one_line(text: str) -> str:
    """Return the text on one line, cut where it is long."""
    plain = " ".join(text.split())
    return plain if len(plain) <= 300 else f"{plain[:299]}…"
