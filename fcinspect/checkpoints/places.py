"""From a path or a URI to an open file, and to the numbers at a place of it.

While a checkpoint is opened there is one look at each remote file: its kind is read from the first
bytes, a header from the same ones, the members of a zip file from the last. What came with one
round trip to the server is kept for the next question.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from fcinspect.checkpoints.storage import LocalFile, MissingFile, Stamp, Storage
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free
from fcinspect.masking import is_uri, masked_name

if TYPE_CHECKING:
    from fcinspect.rounding.arrays import FloatArray

BLOCK = 1 << 16
"""Bytes fetched at least."""
AT_A_TIME = 16
"""Files or parts of them that are asked for at once: a large model has hundreds of shards."""
LARGEST_KEPT = 1 << 24
"""Bytes of a read that are kept; what is larger is not a header."""
WIDEST_OF_NOTHING = 1 << 20
"""Rows or columns of an array that has no numbers; those of a layer take memory all the same."""
MOST_DIGITS = 30

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


def at_once(function: Callable[[Given], Found], items: Sequence[Given], uri: str) -> list[Found]:
    """Return what a function makes of each item, several at a time where a file is far away."""
    if not is_uri(uri):
        return list(map(function, items))
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return list(pool.map(function, items))


def look_ahead(names: Sequence[str]) -> None:
    """Open remote files and read their beginnings, several at a time; what fails is left."""
    looks = _looks.get()
    uris = [name for name in names if is_uri(name)]
    if looks is None or len(uris) < 2:
        return
    from fcinspect.checkpoints.remote import RemoteFile, shared_filesystem

    def begun(uri_and_place: tuple[str, tuple[Any, str] | None]) -> Look | None:
        try:
            look = Look(RemoteFile(*uri_and_place))
            look.read(0, min(1, look.stamp.size))
        except InputError:
            return None
        return look

    places = list(zip(uris, shared_filesystem(uris), strict=True))
    for uri, look in zip(uris, at_once(begun, places, uris[0]), strict=True):
        if look is not None:
            looks.setdefault(uri, look)


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
        for first, last in _runs(numbers):
            start, end = first * BLOCK, min((last + 1) * BLOCK, self.stamp.size)
            data = self.storage.read(start, end - start)
            for number in range(first, last + 1):
                at = number * BLOCK - start
                self._blocks[number] = bytes(data[at : at + BLOCK])


class ReadAhead(Storage):
    """A storage that is read in long pieces, one of which is kept: for files that are far away."""

    PIECE: ClassVar[int] = 1 << 23

    def __init__(self, storage: Storage) -> None:
        self.uri, self.stamp = storage.uri, storage.stamp
        self._storage = storage
        self._begin, self._piece = 0, bytearray()

    def read_into(self, view: memoryview, begin: int) -> None:
        """Fill `view` from byte `begin` on; raises InputError where the file ends before."""
        while view:
            at = begin - self._begin
            if not 0 <= at < len(self._piece):
                size = min(self.PIECE, max(len(view), self.stamp.size - begin))
                self._begin, self._piece = begin, self._storage.read(begin, size)
                at = 0
            part = self._piece[at : at + len(view)]
            view[: len(part)] = part
            view, begin = view[len(part) :], begin + len(part)

    def close(self) -> None:
        """Close the file."""
        self._storage.close()


def open_storage(uri: str, expected: Stamp | None = None) -> Storage:
    """Open a file; raises InputError where that fails, or where it is not as `expected`.

    The error is MissingFile where there is none, or none any more.
    """
    try:
        opened = _opened_remote(uri) if is_uri(uri) else LocalFile(uri)
    except MissingFile:
        if expected is None:
            raise
        raise MissingFile(f"{masked_name(uri)!r} was deleted while it was being read") from None
    if expected is not None and opened.stamp != expected:
        opened.close()
        shorter = opened.stamp.size < expected.size
        change = "truncated" if shorter else "changed"
        raise InputError(f"{masked_name(uri)!r} was {change} while it was being read")
    return opened


def _opened_remote(uri: str) -> Storage:
    """Open a remote file, or return the one that this look has opened already."""
    from fcinspect.checkpoints.remote import RemoteFile

    looks = _looks.get()
    if looks is None:
        return RemoteFile(uri)
    if uri not in looks:
        looks[uri] = Look(RemoteFile(uri))
    return looks[uri]


def read_whole(uri: str) -> bytearray:
    """Return all bytes of a file; raises InputError."""
    with contextlib.closing(open_storage(uri)) as storage:
        size = storage.stamp.size
        require_free(size, f"reading {masked_name(uri)!r}", refusal=InputError)
        return storage.read(0, size)


@dataclass(frozen=True)
class FilePlace:
    """Where the numbers of a matrix lie: one run of little-endian bytes of a file, rows first.

    Plain data: it can be sent to another process, which reads the numbers itself.
    """

    uri: str
    """The file, a path or a URI."""
    stamp: Stamp
    """The file as it was when its header was read."""
    dtype: str
    """The number format, a key of `rounding.arrays.ITEMSIZES`."""
    begin: int
    """The first byte."""
    shape: tuple[int, ...]
    """The tensor's shape; its last dimension is contiguous unless `transposed`."""
    transposed: bool = False
    """Whether a two-dimensional tensor lies there column by column."""

    @property
    def numbers(self) -> tuple[str, int, str, tuple[int, ...]] | None:
        """What tensors of the same numbers have in common; None for one without numbers."""
        return (self.uri, self.begin, self.dtype, self.shape) if 0 not in self.shape else None

    @property
    def itemsize(self) -> int:
        """Bytes of one number."""
        from fcinspect.rounding.arrays import ITEMSIZES

        return ITEMSIZES[self.dtype]

    @property
    def size(self) -> int:
        """Bytes of all numbers."""
        return math.prod(self.shape) * self.itemsize

    def read(self, rows: Sequence[int] | None = None) -> FloatArray:
        """Return the tensor, or these rows of it, in the carrier of its dtype.

        Raises InputError where the file is shorter than its header says, or was changed since.
        """
        from fcinspect.rounding.arrays import from_bytes

        if self.transposed:
            turned = from_bytes(self._bytes([(0, self.size)]), self.dtype)
            turned = turned.reshape(self.shape[::-1]).T
            return turned if rows is None else turned[list(rows)]
        if rows is None:
            return from_bytes(self._bytes([(0, self.size)]), self.dtype).reshape(self.shape)
        width = math.prod(self.shape[1:]) * self.itemsize
        data = self._bytes([(first * width, (last + 1) * width) for first, last in _runs(rows)])
        return from_bytes(data, self.dtype).reshape(len(rows), *self.shape[1:])

    def _bytes(self, spans: list[tuple[int, int]]) -> bytearray:
        data = bytearray(sum(end - begin for begin, end in spans))
        view = memoryview(data)
        with contextlib.closing(open_storage(self.uri, self.stamp)) as storage:
            for begin, end in spans:
                storage.read_into(view[: end - begin], self.begin + begin)
                view = view[end - begin :]
        return data


@dataclass(frozen=True)
class Extent:
    """The bytes of an array whose numbers are not read: whole numbers, packed weights."""

    uri: str
    """The file, a path or a URI."""
    stamp: Stamp
    """The file as it was when its header was read."""
    begin: int
    """The first byte."""
    size: int


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (first, last) of each run of consecutive numbers."""
    for _, run in itertools.groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        yield members[0], members[-1]


def claim(shape: Sequence[int]) -> str | None:
    """Return what an array of shape (0, N) or (N, 0) claims, if that is too much, in words.

    None stands for a shape that is as small as any real one. Arrays that have numbers are bounded
    by the bytes that these take.
    """
    if 0 not in shape:
        return None
    widths = math.prod(width for width in shape if width)
    if widths <= WIDEST_OF_NOTHING:
        return None
    text = str(widths) if widths < 10**MOST_DIGITS else f"more than 10^{MOST_DIGITS}"
    return f"has no numbers and claims {text} empty rows or columns"


def unique_keys(
    refuse: Callable[[str], Exception],
) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    """Return the hook of json.loads that raises `refuse(key)` for a key that stands twice."""

    def checked(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if key in found:
                raise refuse(key)
            found[key] = value
        return found

    return checked
