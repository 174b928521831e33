"""What somebody pasted: a traceback, a log, or one line; taken apart without torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

MOST_TEXT = 2**22
"""Of longer text the end is read, in characters: an error stands at the end of a log."""

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.")
PREFIX = re.compile(r"^[ \t]*(?:\[?rank ?\d+\]?:|\d+: |\| |E   )[ \t]?", re.MULTILINE)
"""What launchers (torchrun, mpirun), pytest and exception groups put before each line."""
HEAD = "Traceback (most recent call last):"
FRAME = re.compile(r'^[ \t]*File "(.+?)", line (\d+)(?:, in (.+))?$')
RAISED = re.compile(
    r"^((?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Warning|Interrupt|Exit)): ?(.*)$"
)
WARNED = re.compile(
    r"^(?P<file>.*?):(?P<line>\d+): (?P<kind>\w*Warning): (?P<message>.*)$"
    r"(?:\n[ \t]+(?P<code>\S.*)$)?",
    re.MULTILINE,
)
FOREIGN = ("site-packages", "dist-packages", "/torch/", "<frozen", "importlib", "lib/python")


@dataclass(frozen=True)
class Frame:
    """One place on the way to the error."""

    file: str
    line: int
    function: str
    code: str
    """The line of source code; "" where the traceback has none."""

    @property
    def own(self) -> bool:
        """Whether it is the reader's own code rather than a library's."""
        return not any(part in self.file for part in FOREIGN)


@dataclass(frozen=True)
class Reported:
    """An error or warning that was reported."""

    text: str
    """All that was pasted, without escape codes and prefixes of launchers."""
    error: str | None
    """The type, e.g. "RuntimeError"; None where only a message was pasted."""
    message: str
    """What the error says, as many lines as it has."""
    frames: tuple[Frame, ...] = ()
    """From the outermost to the innermost; empty without a traceback."""

    @property
    def own_frame(self) -> Frame | None:
        """The innermost place in the reader's own code."""
        own = [frame for frame in self.frames if frame.own and not frame.file.startswith("<")]
        return own[-1] if own else None

    def passed_through(self, part: str) -> bool:
        """Whether a frame stands in a file whose path holds `part`, e.g. "modules/linear.py"."""
        return any(part in frame.file.replace("\\", "/") for frame in self.frames)

    @cached_property
    def call(self) -> Call | None:
        """The call in the reader's own line, where that line is `target = layer(argument)`."""
        frame = self.own_frame
        return None if frame is None else call_of(frame.code)

    def names(self) -> dict[str, str]:
        """Return the names that stand in the reader's own line, or usual ones."""
        call = self.call
        if call is None:
            return {"target": "x", "layer": "layer", "argument": "x"}
        return {"target": call.target, "layer": call.function, "argument": call.argument}


@dataclass(frozen=True)
class Call:
    """target = function(argument, …)"""

    target: str
    """What the result is bound to; "x" where it is not."""
    function: str
    """self.fc1"""
    argument: str
    """The first argument as it is written; "x" without one."""


def call_of(code: str) -> Call | None:
    """Return the outermost call in a line of source code, or None where there is none."""
    import ast

    for text in (code.strip(), f"{code.strip()} pass", f"{code.strip()})"):
        try:
            body = ast.parse(text).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        break
    else:
        return None
    statement = body[0] if body else None
    value = getattr(statement, "value", None)
    target = "x"
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = ast.unparse(statement.targets[0])
    if not isinstance(value, ast.Call):
        return None
    argument = ast.unparse(value.args[0]) if value.args else "x"
    return Call(target, ast.unparse(value.func), argument)


def read(text: str) -> tuple[Reported, ...]:
    """Return what the text reports, what a reader would look at first first.

    The last traceback's error, then the errors it came from, then warnings, then the text as a
    whole.
    """
    plain = PREFIX.sub("", ESCAPES.sub("", text[-MOST_TEXT:].replace("\r\n", "\n")))
    found = [
        *reversed(_tracebacks(plain)),
        *(_warning(plain, match) for match in reversed(list(WARNED.finditer(plain)))),
    ]
    return (*found, _bare(plain))


def _warning(text: str, match: re.Match[str]) -> Reported:
    frame = Frame(match["file"].strip(), int(match["line"]), "", (match["code"] or "").strip())
    return Reported(text, match["kind"], match["message"], (frame,) if frame.code else ())


def _bare(text: str) -> Reported:
    """Return text without a traceback: perhaps "RuntimeError: message"."""
    stripped = text.strip()
    raised = RAISED.match(stripped)
    if raised is None:
        return Reported(text, None, stripped)
    return Reported(text, raised[1].rpartition(".")[2], stripped[raised.start(2) :])


def _tracebacks(text: str) -> list[Reported]:
    """Return the error of every traceback, in their order."""
    parts = text.split(HEAD)[1:]
    return [reported for part in parts if (reported := _traceback(text, part)) is not None]


def _traceback(text: str, part: str) -> Reported | None:
    frames: list[Frame] = []
    lines = part.split("\n")
    for number, line in enumerate(lines):
        frame = FRAME.match(line)
        if frame is not None:
            below = lines[number + 1].strip() if number + 1 < len(lines) else ""
            code = "" if FRAME.match(f"  {below}") or RAISED.match(below) else below
            frames.append(Frame(frame[1], int(frame[2]), frame[3] or "", code))
            continue
        raised = RAISED.match(line.strip()) if not line.startswith("  ") else None
        if raised is not None:
            rest = "\n".join([raised[2], *_message(lines[number + 1 :])])
            return Reported(text, raised[1].rpartition(".")[2], rest.strip(), tuple(frames))
    return None


def _message(lines: list[str]) -> list[str]:
    """Return the further lines of a message: up to a blank line, 200 at the most."""
    found = []
    for line in lines[:200]:
        if not line.strip() or line.startswith(("During handling", "The above exception")):
            break
        found.append(line)
    return found
