"""What somebody pasted: a traceback, a log, or one line; taken apart without torch.

What terminals, launchers, loggers and boxes put around its lines is gone: see unwrapping.py.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import replace

from fcinspect.diagnosis.facts import Facts, Frame
from fcinspect.diagnosis.unwrapping import LOGGED, unwrapped

MOST_TEXT = 2**22
"""Of longer text the end is read, in characters: an error stands at the end of a log."""
INNERMOST_FIRST = re.compile(
    r"\s*+(?!Traceback)[^\n:\uff1a]{3,60}[:\uff1a] ?"
    r"(?P<error>(?:\w+\.)*\w*(?:Error|Exception|Warning))[ \t]*\n"
    r"(?P<message>(?:(?![ \t]+File \").*\n){1,200}?)[ \t]+File \""
)
"""How Visual Studio Code begins, in any language: the error, and then its places."""
ASSERTED = re.compile(r"^.{0,2000}?\b[Aa]ssertion [`'].*$", re.MULTILINE)
"""What a kernel on the GPU says before Python hears of an error."""
WARNED = re.compile(
    r"^(?P<file>.*?):(?P<line>\d{1,9}): (?P<kind>\w*Warning): (?P<message>.*)$"
    r"(?:\n[ \t]+(?P<code>\S.*)$)?",
    re.MULTILINE,
)
EVENTS = re.compile(
    r"^(?:"
    r"(?P<chain>During handling of the above exception|The above exception was the direct cause).*"
    # Python
    r'|(?:> )?[ \t]*File "(?P<file>.+?)", line (?P<line>\d{1,9})(?:, in (?P<function>.+))?'
    # IPython: the heading of a place, and the line in it
    r"|(?P<cell>(?:Cell |Input )In ?\[\d+\])(?:, line \d+)?(?:,? in (?P<in_cell>.+))?"
    r"|File (?P<named>[^\s\"].*?)(?::|, line )\d+(?:, in (?P<in_named>.+))?"
    r"|(?P<older>\S.*?\.pyx?|<[\w-]+>) in (?P<in_older>.+)"
    r"|-+> ?(?P<number>\d{1,9})(?P<source> .*)?"
    # rich
    r"|(?P<boxed>\S.*?):\d+ in (?P<in_boxed>\S+)"
    r"|❱ +(?P<boxed_number>\d{1,9}) │(?P<boxed_source>.*)"
    # pytest
    r"|    (?:async )?def (?P<defined>\w+)\(.*"
    r"|>(?P<marked>[ \t]{3,}\S.*)"
    r"|E[ \t]{3}(?P<said>.*(?:\nE(?:[ \t]{3}.*)?$){0,200})"
    r"|(?P<place>\S.*?\.pyx?):(?P<at>\d{1,9}): ?(?:in (?P<in_place>.+)|(?P<raised>[\w.]*)(?::.*)?)"
    # the error itself, and where a traceback begins
    r"| ?(?P<error>(?:[A-Za-z_]\w*\.){0,20}[A-Z]\w*|(?:[A-Za-z_]\w*\.){1,20}\w+)"
    r"(?P<colon>: ?(?P<message>.*))?"
    r"|(?P<bottom>╰─.*)|(?P<head>.*)Traceback \(most recent call last\).*"
    r")$",
    re.MULTILINE,
)
RAISED = ("Error", "Exception", "Warning", "Interrupt", "Exit", "StopIteration")
"""How the names of errors end."""
PLAIN = ("Error", "Exception", "Warning")
"""Outside a traceback, such a line is a remark rather than an error."""
FURTHER = re.compile(
    r"[ \t]+(?!\d+%\|)\S|CUDA kernel errors|For debugging consider|Compile with `|Search for `"
    r"|Device-side assertion|Exception raised from|frame #\d|Parameter indices which"
    r"|Parameters which did not|Original \w+"
)
"""How a line begins that goes on with the message above it."""
UNDERLINE = re.compile(r"([ \t]*)([~^]+)[ \t]*$", re.MULTILINE)
MOST_LINES = 200
MOST_MESSAGE = 2**19
MOST_ERRORS = 1000
"""The last so many are told."""


def read(text: str) -> tuple[Facts, ...]:
    """Return what the text reports, what a reader would look at first first.

    The last error, then those before it, then warnings, then the text as a whole.
    """
    plain = unwrapped(text[-MOST_TEXT:])
    reading = _Reading(plain)
    for event in EVENTS.finditer(plain):
        reading.take(event)
    errors, frames = [*reading.errors], tuple(reading.frames)
    heading = INNERMOST_FIRST.match(plain)
    if heading is not None:
        frames = frames[::-1]
        errors = [replace(error, frames=error.frames[::-1]) for error in errors]
        if not any(error.frames for error in errors):
            name = heading["error"].rpartition(".")[2]
            errors.append(Facts(plain, name, heading["message"].strip(), frames))
    if not frames and len(errors) == 1:
        frames = errors[0].frames
    last = deque(WARNED.finditer(plain), maxlen=MOST_ERRORS)
    warned = [_warning(plain, match) for match in last]
    whole = Facts(plain, None, plain.strip(), frames)
    return (*_asserted(plain, errors), *reversed(errors), *reversed(warned), whole)


def _asserted(text: str, errors: list[Facts]) -> tuple[Facts, ...]:
    """Return the assertion on the GPU that the last error only tells of, if it stands there."""
    if not errors or "device-side assert" not in errors[-1].message:
        return ()
    found = ASSERTED.search(text)
    return () if found is None else (Facts(text, None, found[0].strip(), errors[-1].frames),)


def _warning(text: str, match: re.Match[str]) -> Facts:
    frame = Frame(match["file"].strip(), int(match["line"]), "", (match["code"] or "").strip())
    return Facts(text, match["kind"], match["message"], (frame,) if frame.code else ())


class _Reading:
    def __init__(self, text: str) -> None:
        self.errors: deque[Facts] = deque(maxlen=MOST_ERRORS)
        self._text = text
        self.frames: list[Frame] = []
        """Of the traceback whose error is still to come."""
        self._chained = False
        self._heading: tuple[str, str] | None = None
        """File and function of the place whose line is still to come."""
        self._width = 0
        """Of rich's box; 0 outside it."""
        self._marked = ""
        """The line that pytest marks, whose file is still to come."""
        self._defined = ""
        """The function that pytest shows."""
        self._unplaced = False
        """Whether the last error is one of pytest's whose innermost place is still to come."""

    def take(self, event: re.Match[str]) -> None:
        """Take in one line that means something."""
        kind = event.lastgroup or ""
        found = event.group
        heading = kind.removeprefix("in_")
        if kind in ("error", "colon"):
            self._raise(event)
        elif kind in ("file", "line", "function"):
            self._frame(found("file"), found("line"), found("function"), *self._below(event.end()))
        elif heading in ("cell", "named", "older", "boxed"):
            self._heading = found(heading), found(f"in_{heading}") or ""
        elif kind in ("number", "source"):
            self._line(found("number"), found("source") or "")
        elif kind == "boxed_source":
            self._line(found("boxed_number"), found("boxed_source").replace("│", " "))
        elif kind == "defined":
            self._defined = found("defined")
        elif kind == "marked":
            self._marked = found("marked")
        elif kind == "said":
            self._said(found("said"))
        elif kind in ("in_place", "raised"):
            self._place(event)
        elif kind == "chain":
            self._chained = True
        elif kind == "bottom":
            self._width = len(found())
        elif kind == "head":
            self.frames = []
            self._width = len(found()) if "╭" in found("head") else 0

    def _frame(
        self, file: str, line: str, function: str | None, code: str, marked: str = ""
    ) -> None:
        # IPython writes Net.forward(self, x)
        name = (function or "").partition("(")[0].rpartition(".")[2]
        self.frames.append(Frame(file, int(line), name, code.strip(), marked.strip()))

    def _below(self, end: int) -> tuple[str, str]:
        """Return the line of source code below a line that ends there, and what is underlined."""
        stop = self._text.find("\n", end + 1)
        code = self._text[end + 1 : None if stop < 0 else stop]
        name = code.partition(":")[0].strip()
        error = _is_error(name) and name.replace(".", "").isidentifier()
        if error or code.lstrip().startswith('File "'):
            return "", ""
        under = UNDERLINE.match(self._text, end + 2 + len(code))
        if under is None:
            return code, ""
        # what stands under a call with ~ is the call, of which ^ is only the part in parentheses
        return code, code[len(under[1]) : len(under[1]) + len(under[2])]

    def _line(self, number: str, source: str) -> None:
        if self._heading is not None:
            file, function = self._heading
            self._frame(file, number, function, source)
            self._heading = None

    def _place(self, event: re.Match[str]) -> None:
        if event["in_place"]:
            below = self._below(event.end())
            self._frame(event["place"], event["at"], event["in_place"], *below)
        elif self._marked:
            self._frame(event["place"], event["at"], self._defined, self._marked)
            if self._unplaced:
                self.errors[-1] = replace(self.errors[-1], frames=tuple(self.frames))
                self.frames, self._unplaced = [], False
        self._marked = ""

    def _said(self, said: str) -> None:
        """Take in what pytest says of an error; its place may stand below it."""
        lines = [line.removeprefix("E") for line in said.split("\n")]
        first = EVENTS.match(lines[0].strip())
        if first is None or not _is_error(first["error"]):
            return
        message = "\n".join([first["message"] or "", *lines[1:]])
        self._add(first["error"], message)
        self._unplaced = bool(self._marked)
        if not self._unplaced:
            self.frames = []

    def _raise(self, event: re.Match[str]) -> None:
        error, inside = event["error"], bool(self.frames)
        named = _is_error(error) and (inside or error not in PLAIN)
        if not (named and (event["colon"] or inside)) and not (inside and event["colon"]):
            return
        self._add(error, self._message(event))
        self.frames, self._heading, self._width = [], None, 0

    def _message(self, event: re.Match[str]) -> str:
        """Return the whole message; lines that a box broke are whole again."""
        said = [event["message"] or ""]
        last, end = event[0], event.end()
        for _ in range(MOST_LINES):
            stop = self._text.find("\n", end + 1)
            line = self._text[end + 1 : None if stop < 0 else stop]
            word = line.partition(" ")[0]
            full = len(last.rstrip()) + 1 + len(word) > self._width
            if self._width and word and full and not LOGGED.match(line):
                said = [f"{''.join(said).rstrip()} {line}"]
            elif FURTHER.match(line):
                said.append(f"\n{line}")
            else:
                break
            last, end = line, end + 1 + len(line)
        return "".join(said)

    def _add(self, error: str, message: str) -> None:
        name = error.rpartition(".")[2]
        frames = tuple(self.frames)
        said = message[:MOST_MESSAGE].strip()
        self.errors.append(Facts(self._text, name, said, frames, self._chained))
        self._chained = False


def _is_error(name: str | None) -> bool:
    return name is not None and name.endswith(RAISED)
