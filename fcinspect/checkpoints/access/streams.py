"""What can be read only once and has no size: standard input, and pipes that have a name.

A pipe such as /dev/fd/63, which a shell makes of <(COMMAND), is copied to a temporary file when it
is first opened, since files of layers are read by place; the file has no name and goes with us.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import BinaryIO

from fcinspect.errors import InputError

CHUNK = 1 << 20
"""Bytes read at once."""
LONGEST = 1 << 31
"""Bytes; a longer text, or one that never ends, is not held in memory."""
LONGEST_COPY = 1 << 33
"""Bytes of a pipe that are copied to the disk, and at most half of what is free there."""
PATIENCE = 10.0
"""Seconds in which somebody must begin to write to a pipe."""
WITH_WRITERS = ("/dev/", "/proc/")
"""Where pipes stand that somebody had made to write to: what has no writer now is at its end."""
STDIN = "standard input"
_copies: dict[str, BinaryIO] = {}
"""The copy of each pipe, which could not be read again."""


def standard_input(expected: str = "JSON") -> bytes:
    """Return all of standard input, a text.

    Raises InputError when it is closed, unreadable, binary or too long.
    """
    held = bytearray()
    for chunk in chunks_of_standard_input(expected):
        # no text has a zero byte in its first part, a device such as /dev/zero has
        if not held and b"\0" in chunk:
            raise InputError(f"{STDIN} is binary: expected {expected}")
        held += chunk
        if len(held) > LONGEST:
            raise InputError(
                f"{STDIN} did not end within {LONGEST >> 30} GiB: expected {expected}",
                hint="a longer text is read from a file",
            )
    return bytes(held)


def chunks_of_standard_input(expected: str) -> Iterator[bytes]:
    """Yield standard input piece by piece; raises InputError when it is closed or unreadable."""
    if sys.stdin is None:
        raise InputError(f"{STDIN} is closed: expected {expected}")
    stream = sys.stdin.buffer
    try:
        while True:
            chunk = stream.read(CHUNK)
            if chunk is None:  # it does not block, and nothing has come yet
                select.select([stream], [], [])
            elif not chunk:
                return
            else:
                yield chunk
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{STDIN} cannot be read: {reason}") from None


def open_descriptor(path: str) -> int:
    """Return a descriptor of a file, or of the copy of a pipe; raises OSError or InputError."""
    if path in _copies:
        return os.dup(_copies[path].fileno())
    # a pipe without a writer would hold us up
    waits = getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | waits)
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        return descriptor
    try:
        _copies[path] = _copied(descriptor, path)
    finally:
        os.close(descriptor)
    return os.dup(_copies[path].fileno())


def _copied(descriptor: int, path: str) -> BinaryIO:
    """Copy a pipe to a temporary file without a name."""
    copy = tempfile.TemporaryFile(prefix="fcinspect-")  # noqa: SIM115  # it lives as long as we
    most = min(LONGEST_COPY, shutil.disk_usage(tempfile.gettempdir()).free // 2)
    try:
        for chunk in _chunks_of_pipe(descriptor, path):
            copy.write(chunk)
            if copy.tell() > most:
                raise InputError(
                    f"{path!r} is a pipe that did not end within {most:,} bytes",
                    hint="write it to a file first",
                )
        copy.flush()
    except BaseException as error:
        with contextlib.suppress(OSError):  # what could not be written is written once more
            copy.close()
        if isinstance(error, OSError):
            reason = error.strerror
            raise InputError(f"the pipe {path!r} cannot be copied: {reason}") from None
        raise
    return copy


def _chunks_of_pipe(descriptor: int, path: str) -> Iterator[bytes]:
    """Yield what is written to a pipe that does not block, until all who write have closed it."""
    latest = time.monotonic() + PATIENCE
    written = False
    while True:
        try:
            chunk = os.read(descriptor, CHUNK)
        except BlockingIOError:  # somebody is there who has not written yet
            written = True
            select.select([descriptor], [], [])
            continue
        if chunk:
            written = True
            yield chunk
        elif written or path.startswith(WITH_WRITERS):
            return
        elif time.monotonic() > latest:
            raise InputError(f"{path!r} is a pipe to which nobody writes")
        else:
            time.sleep(0.01)
