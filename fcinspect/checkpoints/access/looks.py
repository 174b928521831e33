"""One look at each remote file while a checkpoint is opened.

A kind is told by the first bytes, a header read from the same ones, the members of a zip file from
the last: what came with one round trip to the server is kept for the next question.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from fcinspect.checkpoints.access.uris import is_uri
from fcinspect.errors import InputError

if TYPE_CHECKING:
    from fcinspect.checkpoints.access.storage import Storage

BLOCK = 1 << 16
"""Bytes fetched at least."""
AT_A_TIME = 16
"""Files that are asked for at once: a large model has hundreds of shards."""
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
    from fcinspect.checkpoints.access.remote import RemoteFile

    looks = _looks.get()
    if looks is None:
        return RemoteFile(uri)
    if uri not in looks:
        looks[uri] = Look(RemoteFile(uri))
    return looks[uri]


def look_ahead(names: Sequence[str]) -> None:
    """Open remote files and read their beginnings, several at a time.

    What cannot be opened is left for the one who asks for it, who is told why.
    """
    looks = _looks.get()
    uris = [name for name in names if is_uri(name)]
    if looks is None or len(uris) < 2:
        return
    from concurrent.futures import ThreadPoolExecutor

    from fcinspect.checkpoints.access.remote import filesystem_of

    # an asynchronous filesystem serves all threads by one session; any other is one for each thread
    system, _ = filesystem_of(uris[0])
    shared = system if getattr(system, "async_impl", False) else None
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for uri, look in zip(uris, pool.map(partial(_begun, shared), uris), strict=True):
            if look is not None:
                looks.setdefault(uri, look)


def _begun(system: Any, uri: str) -> Look | None:
    from fcinspect.checkpoints.access.remote import RemoteFile

    try:
        look = Look(RemoteFile(uri, system))
        look.read_into(memoryview(bytearray(min(1, look.stamp.size))), 0)
    except InputError:
        return None
    return look


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
