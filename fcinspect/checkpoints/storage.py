"""Bytes by their place in a local file, and what can be read only once: standard input and pipes.

Nothing is mapped into memory: a file that shrinks while it is read is refused, not a crash. A pipe
such as /dev/fd/63, which a shell makes of <(COMMAND), is copied to a temporary file without a name
when it is first opened.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import shutil
import stat
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar

from fcinspect.errors import InputError

READ_AHEAD = 1 << 23
"""Systems read no further ahead than this."""
LARGEST_READ = 1 << 30
"""Bytes asked of the system at once; it gives at most 2 GiB."""
CHUNK = 1 << 20
"""Bytes of a stream that are read at once."""
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


@dataclass(frozen=True)
class Stamp:
    """What tells that a file is still the one whose header was read."""

    size: int
    """Bytes."""
    modified: str = ""
    """Time of the last change, or the tag of a remote object; "" where there is none."""


class MissingFile(InputError):
    """A file that is not there."""


class FolderGiven(InputError):
    """A folder where a file is expected."""


class Storage(ABC):
    """An open file whose bytes are read by their place."""

    uri: str
    """The path or URI as it was given."""
    stamp: Stamp
    """The file as it was when it was opened."""

    @abstractmethod
    def read_into(self, view: memoryview, begin: int) -> None:
        """Fill `view` from byte `begin` on; raises InputError where the file ends before."""

    def read(self, begin: int, length: int) -> bytearray:
        """Return so many bytes; raises InputError where the file ends before."""
        data = bytearray(length)
        self.read_into(memoryview(data), begin)
        return data

    def close(self) -> None:  # noqa: B027  # most hold nothing that must be closed
        """Close the file."""


class LocalFile(Storage):
    """A file on this machine, or the copy of a pipe."""

    def __init__(self, path: str) -> None:
        self.uri = path
        try:
            self._descriptor = _descriptor_of(path)
        except FileNotFoundError:
            raise MissingFile(f"no such file: {path!r}") from None
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise InputError(f"{path!r} cannot be read: {reason}") from None
        status = os.fstat(self._descriptor)
        self.stamp = Stamp(status.st_size, str(status.st_mtime_ns))

    def read_into(self, view: memoryview, begin: int) -> None:
        """Fill `view` from byte `begin` on; raises InputError where the file ends before."""
        while view:
            piece = view[:LARGEST_READ]
            try:
                got = os.preadv(self._descriptor, [piece], begin)
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                raise InputError(f"{self.uri!r} cannot be read: {error.strerror}") from None
            if not got:
                raise InputError(f"{self.uri!r} was truncated while it was being read")
            view, begin = view[got:], begin + got

    def is_cached(self, begin: int) -> bool:
        """Whether the system holds this byte in memory; true where it does not say."""
        if not hasattr(os, "RWF_NOWAIT"):
            return True
        try:
            os.preadv(self._descriptor, [bytearray(1)], begin, os.RWF_NOWAIT)
        except BlockingIOError:
            return False
        except OSError:  # a file system that does not know
            return True
        return True

    def forget(self, begin: int, length: int) -> None:
        """Let the system use the memory of these bytes for something else."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._descriptor, begin, length, os.POSIX_FADV_DONTNEED)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


@contextlib.contextmanager
def read_in_passing(storage: Storage, begin: int, length: int) -> Iterator[None]:
    """Leave the system's memory as it was: forget what only this reading brought into it."""
    if not isinstance(storage, LocalFile) or length <= READ_AHEAD:
        yield
        return
    # reading ahead brings in what follows, but not the end of a long part
    was_cached = storage.is_cached(begin + length - 1)
    yield
    if not was_cached:
        storage.forget(begin, length)


class ArrayStorage(Storage):
    """The bytes of an array in memory, for what must be unpacked before it can be read."""

    STAMP: ClassVar[Stamp] = Stamp(0, "in memory")

    def __init__(self, name: str, values: Any) -> None:
        self.uri, self.stamp = name, self.STAMP
        # an empty array has no bytes to cast
        self._bytes = memoryview(values).cast("B") if values.size else memoryview(b"")

    def read_into(self, view: memoryview, begin: int) -> None:
        """Fill `view` from byte `begin` on."""
        view[:] = self._bytes[begin : begin + len(view)]


def standard_input(expected: str = "JSON") -> bytes:
    """Return standard input, a text; raises InputError when it is closed, unreadable or binary."""
    held = bytearray()
    for chunk in chunks_of_standard_input(expected):
        # no text has a zero byte in its first part, a device such as /dev/zero has
        if not held and b"\0" in chunk:
            raise InputError(f"{STDIN} is binary: expected {expected}")
        held += chunk
        if len(held) > LONGEST:
            raise InputError(
                f"{STDIN} did not end within {LONGEST >> 30} GiB: expected {expected}",
                hint="put longer input in a file",
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


def _descriptor_of(path: str) -> int:
    """Open a file, or the copy of a pipe; raises OSError, ValueError or InputError."""
    if path not in _copies:
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
            raise InputError(f"{path!r} is a pipe that nothing writes to")
        else:
            time.sleep(0.01)
