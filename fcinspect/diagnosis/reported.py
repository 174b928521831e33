"""What was reported: an error or warning, its message, and the places it passed through."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

FOREIGN = re.compile(
    r"site-packages|dist-packages|/torch/|importlib|lib/python"
    r"|(?:[Pp]ython\d*|conda\d*|envs/[^/]+)/[Ll]ib/|^<(?!ipython-input|python-input|command)"
)
"""Files of installed packages, of Python itself, and what stands in no file; cells are own."""


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
        return FOREIGN.search(self.file.replace("\\", "/")) is None


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
    chained: bool = False
    """Whether it came from the error before it, or while that one was handled."""

    @property
    def own_frame(self) -> Frame | None:
        """The innermost place in the reader's own code."""
        return next((frame for frame in reversed(self.frames) if frame.own), None)

    @property
    def is_error(self) -> bool:
        """Whether it is an error rather than a warning, or text without a type."""
        return self.error is not None and not self.error.endswith("Warning")

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
