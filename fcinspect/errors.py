"""What can go wrong for the caller of fcinspect; each message is one complete line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

LONGEST_MESSAGE = 1000
"""Characters; names in a file may have millions."""


def brief(message: str) -> str:
    """Return a message with the middle left out and counted, if it quotes what is too long."""
    if len(message) <= LONGEST_MESSAGE:
        return message
    first, last = 600, 200  # characters kept at its beginning and its end
    left_out = len(message) - first - last
    return f"{message[:first]} … {left_out} characters … {message[-last:]}"


class FcinspectError(Exception):
    """A refusal: the message names the value, the place and the expected form."""

    kind: ClassVar[str] = "error"
    """The word for this kind of refusal in JSON."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message = brief(message)
        self.hint = None if hint is None else brief(hint)
        super().__init__(self.message)


class UsageError(FcinspectError):
    """An invalid option, specification or combination of options."""

    kind = "usage"


class SpecError(UsageError):
    """A network specification such as ``3-5-4-2`` that does not parse."""

    kind = "spec"


class InputError(FcinspectError):
    """A file or stream that is unreadable, unsupported, refused or not found."""

    kind = "input"


class OutputError(FcinspectError):
    """A result that could not be written."""

    kind = "output"


def install_hint(libraries: str) -> str:
    """Return how to install libraries that are missing."""
    return f"pip install {libraries}, in the environment that runs fcinspect"


class Misbehaved(Exception):
    """What is under inspection raised, hung, died or returned nonsense: a finding, not a crash."""

    def __init__(self, message: str, where: str | None = None) -> None:
        super().__init__(message)
        self.where = where
        """For which of several calls, in words."""


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return "did you mean 'fc1'?" for the nearest known words, or None if none is near."""
    import difflib

    names = list(known)
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(word.casefold(), list(folded), n=3, cutoff=0.6)
    if not near:
        near = [name for name in folded if word and word.casefold() in name][:3]
    if not near:
        return None
    return "did you mean " + " or ".join(repr(folded[name]) for name in near) + "?"
