"""One look at each remote file while a checkpoint is opened.

A kind is told by the first bytes, a header read from the same ones, the members of a zip file from
the last: what came with one round trip to the server is kept for the next question.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fcinspect.checkpoints.storage import Storage

BLOCK = 1 << 16
"""Bytes fetched at least."""
LARGEST_KEPT = 1 << 24
"""Bytes of a read that are kept; what is larger is nobody's header."""

_looks: ContextVar[dict[str, Look] | None] = ContextVar("looks", default=None)


@contextmanager
def one_look() -> Iterator[None]:
    """Keep what is read of remote files until the end of the block, and no longer."""
    if _looks.get() is not None:
        yield
        return
    looks: dict[str, Look] = {}
    token = _looks.set(looks)
    try:
        yield
    finally:
        _looks.reset(token)
        for look in looks.values():
            look.storage.close()


def looked_at(uri: str) -> Storage:
    """Open a remote file, or return the one that this look has opened already."""
    from fcinspect.checkpoints.remote import RemoteFile

    looks = _looks.get()
    if looks is None:
        return RemoteFile(uri)
    if uri not in looks:
        looks[uri] = Look(RemoteFile(uri))
    return looks[uri]


class Look:
    """A storage that keeps the blocks it has read."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.uri, self.stamp = storage.uri, storage.stamp
        self._blocks: dict[int, bytes] = {}

    def read_into(self, view: memoryview, begin: int) -> None:
        """Fill `view` from byte `begin` on; raises InputError where the file ends before."""
        end = begin + len(view)
        if len(view) > LARGEST_KEPT or end > self.stamp.size:
            self.storage.read_into(view, begin)
            return
        numbers = range(begin // BLOCK, -(-end // BLOCK))
        self._fetch([number for number in numbers if number not in self._blocks])
        for number in numbers:
            start = number * BLOCK
            piece = self._blocks[number][max(0, begin - start) : end - start]
            offset = max(0, start - begin)
            view[offset : offset + len(piece)] = piece

    def close(self) -> None:
        """Stay open: the look ends for all files at once."""

    def _fetch(self, numbers: list[int]) -> None:
        """Read these blocks, neighbours together."""
        while numbers:
            run = 1
            while run < len(numbers) and numbers[run] == numbers[0] + run:
                run += 1
            start = numbers[0] * BLOCK
            data = bytearray(min((numbers[0] + run) * BLOCK, self.stamp.size) - start)
            self.storage.read_into(memoryview(data), start)
            for index in range(run):
                piece = bytes(data[index * BLOCK : (index + 1) * BLOCK])
                self._blocks[numbers[0] + index] = piece
            numbers = numbers[run:]
