"""From a path or a URI to an open file.

While a checkpoint is opened there is one look at each remote file: a kind is told by the first
bytes, a header read from the same ones, the members of a zip file from the last, so what came with
one round trip to the server is kept for the next question.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, TypeVar

from fcinspect.checkpoints.access.storage import LocalFile, MissingFile, Stamp, Storage, read_part
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free
from fcinspect.masking import is_uri, masked_name

BLOCK = 1 << 16
"""Bytes fetched at least."""
AT_A_TIME = 16
"""Files or parts of them that are asked for at once: a large model has hundreds of shards."""
LARGEST_KEPT = 1 << 24
"""Bytes of a read that are kept; what is larger is nobody's header."""
Given = TypeVar("Given")
Found = TypeVar("Found")
_looks: ContextVar[dict[str, Look] | None] = ContextVar("looks", default=None)


@contextlib.contextmanager
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


def at_once(function: Callable[[Given], Found], items: Sequence[Given], uri: str) -> list[Found]:
    """Return what a function makes of each item, several at a time where a file is far away."""
    if not is_uri(uri):
        return list(map(function, items))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(function, items))


def look_ahead(names: Sequence[str]) -> None:
    """Open remote files and read their beginnings, several at a time.

    What cannot be opened is left for the one who asks for it, who is told why.
    """
    looks = _looks.get()
    uris = [name for name in names if is_uri(name)]
    if looks is None or len(uris) < 2:
        return
    from fcinspect.checkpoints.access.remote import shared_filesystem

    places = list(zip(uris, shared_filesystem(uris), strict=True))
    for uri, look in zip(uris, at_once(_begun, places, uris[0]), strict=True):
        if look is not None:
            looks.setdefault(uri, look)


def _begun(uri_and_place: tuple[str, tuple[Any, str] | None]) -> Look | None:
    from fcinspect.checkpoints.access.remote import RemoteFile

    try:
        look = Look(RemoteFile(*uri_and_place))
        look.read_into(memoryview(bytearray(min(1, look.stamp.size))), 0)
    except InputError:
        return None
    return look


class Look(Storage):
    """A storage that keeps the blocks it has read; it stays open until the look ends for all."""

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

    def _fetch(self, numbers: list[int]) -> None:
        """Read these blocks, neighbours together."""
        while numbers:
            run = 1
            while run < len(numbers) and numbers[run] == numbers[0] + run:
                run += 1
            start = numbers[0] * BLOCK
            end = min((numbers[0] + run) * BLOCK, self.stamp.size)
            data = read_part(self.storage, start, end - start)
            for index in range(run):
                piece = bytes(data[index * BLOCK : (index + 1) * BLOCK])
                self._blocks[numbers[0] + index] = piece
            numbers = numbers[run:]


def open_storage(uri: str, expected: Stamp | None = None) -> Storage:
    """Open a file; raises InputError where that fails, or where it is not as `expected`.

    The error is MissingFile where there is none, or none any more.
    """
    try:
        opened = looked_at(uri) if is_uri(uri) else LocalFile(uri)
    except MissingFile:
        if expected is None:
            raise
        raise MissingFile(f"{masked_name(uri)!r} vanished while it was read") from None
    if expected is not None and opened.stamp != expected:
        opened.close()
        shorter = opened.stamp.size < expected.size
        change = "truncated" if shorter else "changed"
        raise InputError(f"{masked_name(uri)!r} was {change} while it was read")
    return opened


def read_whole(uri: str) -> bytearray:
    """Return all bytes of a file; raises InputError."""
    with contextlib.closing(open_storage(uri)) as storage:
        what = f"reading {masked_name(uri)!r}"
        require_free(storage.stamp.size, what, refusal=InputError)
        return read_part(storage, 0, storage.stamp.size)
