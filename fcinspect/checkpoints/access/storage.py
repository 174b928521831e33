"""Bytes of a file by their place in it: of a local file, or of a URI that fsspec serves.

Nothing is mapped into memory: a file that shrinks while it is read is refused, not a crash.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from fcinspect.checkpoints.access.streams import open_descriptor
from fcinspect.errors import InputError

READ_AHEAD = 1 << 23
"""Systems read no further ahead than this."""
LARGEST_READ = 1 << 30
"""Bytes asked of the system at once; it gives at most 2 GiB."""


@dataclass(frozen=True)
class Stamp:
    """What tells that a file is still the one whose header was read."""

    size: int
    """Bytes."""
    modified: str = ""
    """Time of the last change, or the tag of a remote object; "" where none is told."""


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

    def close(self) -> None:  # noqa: B027  # most hold nothing that is let go of
        """Let go of the file."""


def read_part(storage: Storage, begin: int, length: int) -> bytearray:
    """Return so many bytes of a file; raises InputError where it ends before."""
    data = bytearray(length)
    storage.read_into(memoryview(data), begin)
    return data


class LocalFile(Storage):
    """A file on this machine, or the copy of a pipe."""

    def __init__(self, path: str) -> None:
        self.uri = path
        try:
            self._descriptor = open_descriptor(path)
        except FileNotFoundError:
            raise MissingFile(f"there is no file {path!r}") from None
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
                raise InputError(f"{self.uri!r} was truncated while it was read")
            view, begin = view[got:], begin + got

    def is_cached(self, begin: int) -> bool:
        """Whether the system holds this byte in memory; true where it does not tell."""
        if not hasattr(os, "RWF_NOWAIT"):
            return True
        try:
            os.preadv(self._descriptor, [bytearray(1)], begin, os.RWF_NOWAIT)
        except BlockingIOError:
            return False
        except OSError:  # a file system that cannot tell
            return True
        return True

    def forget(self, begin: int, length: int) -> None:
        """Let the system use the memory of these bytes for something else."""
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._descriptor, begin, length, os.POSIX_FADV_DONTNEED)

    def close(self) -> None:
        """Let go of the file."""
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


class ReadAhead(Storage):
    """A storage that is read in long pieces, one of which is kept: for files that are far away."""

    PIECE: ClassVar[int] = 1 << 23

    def __init__(self, storage: Storage) -> None:
        self.uri, self.stamp = storage.uri, storage.stamp
        self._storage = storage
        self._begin, self._piece = 0, b""

    def read_into(self, view: memoryview, begin: int) -> None:
        """Fill `view` from byte `begin` on; raises InputError where the file ends before."""
        while view:
            at = begin - self._begin
            if not 0 <= at < len(self._piece):
                self._fetch(begin, len(view))
                at = 0
            part = self._piece[at : at + len(view)]
            view[: len(part)] = part
            view, begin = view[len(part) :], begin + len(part)

    def close(self) -> None:
        """Let go of the file."""
        self._storage.close()

    def _fetch(self, begin: int, least: int) -> None:
        size = min(self.PIECE, max(least, self.stamp.size - begin))
        self._begin, self._piece = begin, bytes(read_part(self._storage, begin, size))


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


class Seekable(io.RawIOBase):
    """A storage as a file object, for zipfile."""

    def __init__(self, storage: Storage) -> None:
        super().__init__()
        self._storage = storage
        self._position = 0

    def seekable(self) -> bool:
        """Whether seek works: yes."""
        return True

    def readable(self) -> bool:
        """Whether read works: yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, which may lie behind the end."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise OSError(errno.EINVAL, "negative position")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the file goes."""
        view = memoryview(buffer).cast("B")
        view = view[: max(0, min(len(view), self._size - self._position))]
        self._storage.read_into(view, self._position)
        self._position += len(view)
        return len(view)

    @property
    def _size(self) -> int:
        return self._storage.stamp.size
