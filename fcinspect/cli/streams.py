"""The standard streams of this process: what is written arrives whole, or the writer is told.

Python's own are settled by the environment: under PYTHONUNBUFFERED=1 a write that the system takes
only in part is lost without a word, and a stream that was closed before the start is None.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
import textwrap
from typing import TYPE_CHECKING, TextIO

from fcinspect.errors import OutputError

if TYPE_CHECKING:
    from typing_extensions import Buffer

WIDEST = 10_000
"""Columns of a terminal; COLUMNS beyond that is no width."""
NARROWEST = 40
"""Columns; in less no sentence can be read."""


class ReaderGone(Exception):
    """Whoever read standard output has closed it: there is nobody to write for."""


def settle_streams() -> None:
    """Give standard output and error writers that write all or say so; call it before any other.

    A stream that was closed keeps its number, so that no file is opened under it. Standard input
    is None as Python leaves it; standard output refuses what is written; what goes to standard
    error is lost, and the exit status says what there is to say.
    """
    _hold_descriptor(0, os.O_WRONLY)
    _hold_descriptor(1, os.O_RDONLY)
    _hold_descriptor(2, os.O_WRONLY)
    sys.stdout = _text(sys.stdout, _StandardOutput(1), "strict", lines=False)
    sys.stderr = _text(sys.stderr, _StandardError(2), "backslashreplace", lines=True)


def say(line: str, *, whole: bool = False) -> None:
    """Write a line to standard error; nothing that a name from a file holds acts in it.

    On a terminal it is wrapped at words, unless it is to stay `whole`.
    """
    from fcinspect.page.text import ascii_only, safe

    width = None if whole else _stderr_width()
    shown = safe(line) if width is None else wrapped(safe(line), width)
    try:
        sys.stderr.write(f"{shown}\n")
    except UnicodeEncodeError:
        sys.stderr.write(f"{ascii_only(shown)}\n")
    sys.stderr.flush()


def _stderr_width() -> int | None:
    """Return the columns of the terminal that shows stderr, None where there is none."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or None
    except (OSError, ValueError):
        return None


def wrapped(line: str, width: int) -> str:
    """Return a line broken between its words; --run-slow and a path are one word."""
    return "\n".join(
        textwrap.wrap(
            line,
            max(width, NARROWEST),
            subsequent_indent="  ",
            expand_tabs=False,
            replace_whitespace=False,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def settle_width() -> None:
    """Forget a COLUMNS or LINES that no window has, such as 0, as if it had not been set."""
    for name in ("COLUMNS", "LINES"):
        value = os.environ.get(name, "1")
        number = value.isascii() and value.isdecimal() and len(value) <= len(str(WIDEST))
        if not (number and 0 < int(value) <= WIDEST):
            del os.environ[name]


def abandon_output() -> None:
    """Keep the interpreter from failing once more on the unwritten rest of standard output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _hold_descriptor(number: int, flags: int) -> None:
    """Open what stands in for a closed stream; as the lowest that is free it gets its number."""
    try:
        os.fstat(number)
    except OSError:
        os.set_inheritable(os.open(os.devnull, flags), True)


def _text(before: TextIO | None, raw: io.RawIOBase, errors: str, *, lines: bool) -> TextIO:
    encoding = "utf-8" if before is None else before.encoding
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding,
        errors if before is None else before.errors,
        line_buffering=lines or (before is not None and bool(before.line_buffering)),
    )


class _Descriptor(io.RawIOBase):
    """An open file by its number, which stays open when this object ends."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def writable(self) -> bool:
        """Whether write works: yes."""
        return True

    def fileno(self) -> int:
        """Return the number."""
        return self._number

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._number)

    def _write_all(self, data: Buffer) -> int:
        """Write all of it, in as many pieces as the system takes; raises OSError."""
        rest = whole = memoryview(data).cast("B")
        while rest:
            try:
                rest = rest[os.write(self._number, rest) :]
            except BlockingIOError:
                select.select([], [self._number], [])
        return len(whole)


class _StandardOutput(_Descriptor):
    """Raises OutputError where not all could be written, ReaderGone where nobody reads."""

    def write(self, data: Buffer) -> int:
        """Write all of it."""
        try:
            return self._write_all(data)
        except BrokenPipeError:
            raise ReaderGone from None
        except OSError as error:
            closed = error.errno == errno.EBADF
            reason = "it is closed" if closed else error.strerror or error
            raise OutputError(f"cannot write to standard output: {reason}") from error


class _StandardError(_Descriptor):
    """Loses what cannot be written: there is no place left to say so."""

    def write(self, data: Buffer) -> int:
        """Write what can be written."""
        try:
            return self._write_all(data)
        except OSError:
            return memoryview(data).nbytes
