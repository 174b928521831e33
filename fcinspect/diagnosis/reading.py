"""What somebody pasted: a traceback, a log, or one line; taken apart without torch."""

from __future__ import annotations

import re
from collections import deque

from fcinspect.diagnosis.reported import Frame, Reported
from fcinspect.diagnosis.tracebacks import MOST_ERRORS, tracebacks
from fcinspect.diagnosis.unwrapping import unwrapped

MOST_TEXT = 2**22
"""Of longer text the end is read, in characters: an error stands at the end of a log."""
INNERMOST_FIRST = "Exception has occurred"
"""How Visual Studio Code begins: the error, and then its places."""
WARNED = re.compile(
    r"^(?P<file>.*?):(?P<line>\d{1,9}): (?P<kind>\w*Warning): (?P<message>.*)$"
    r"(?:\n[ \t]+(?P<code>\S.*)$)?",
    re.MULTILINE,
)


def read(text: str) -> tuple[Reported, ...]:
    """Return what the text reports, what a reader would look at first first.

    The last error, then those before it, then warnings, then the text as a whole.
    """
    plain = unwrapped(text[-MOST_TEXT:])
    errors, frames = tracebacks(plain)
    if plain.lstrip().startswith(INNERMOST_FIRST):
        frames = frames[::-1]
    last = deque(WARNED.finditer(plain), maxlen=MOST_ERRORS)
    warned = [_warning(plain, match) for match in last]
    whole = Reported(plain, None, plain.strip(), frames)
    return (*reversed(errors), *reversed(warned), whole)


def _warning(text: str, match: re.Match[str]) -> Reported:
    frame = Frame(match["file"].strip(), int(match["line"]), "", (match["code"] or "").strip())
    return Reported(text, match["kind"], match["message"], (frame,) if frame.code else ())
