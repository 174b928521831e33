"""The zip files of torch.save (.pt, .pth, .bin): what lies where in them.

Format: a zip file with ``data.pkl``, a pickle whose tensors are views of storages, and every
storage's bytes as ``data/<key>``; ``byteorder`` tells which end of a number comes first. A member
may be deflated, which torch.save itself never does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from fcinspect.checkpoints.access.handles import open_storage
from fcinspect.checkpoints.access.storage import Storage
from fcinspect.checkpoints.access.uris import is_uri
from fcinspect.checkpoints.formats.nesting import named_tensors
from fcinspect.checkpoints.formats.pickle_stream import LARGEST_PICKLE, Stream
from fcinspect.checkpoints.formats.stand_ins import ITEMSIZE, SavedStorage, SavedTensor
from fcinspect.checkpoints.formats.torch_archive import Archive, opened_archive
from fcinspect.checkpoints.formats.torch_tensors import Packed, check_bounds, stored_tensors
from fcinspect.checkpoints.formats.torch_words import no_tensors, not_torch
from fcinspect.checkpoints.formats.unpickling import read_pickle
from fcinspect.checkpoints.records import StoredTensor

AT_ONCE = 16
"""Members of a remote file whose headers are asked for at a time."""


def tensors_in_zip(storage: Storage) -> tuple[StoredTensor, ...]:
    """Return the tensors of a zip file of torch.save; raises InputError for every other."""
    archive = opened_archive(storage)
    byte_order = archive.content("byteorder", 100)
    if byte_order not in (b"little", b"big", None):
        raise not_torch(archive.source, f"its byteorder is {byte_order!r}")
    pickle = archive.content("data.pkl", LARGEST_PICKLE)
    assert pickle is not None  # an archive without it has been refused
    content = read_pickle(Stream.of(pickle), archive.source, archive.size_of).content
    found = named_tensors(content, SavedTensor, archive.source)
    if not found:
        raise no_tensors(archive.source)
    check_bounds(found, archive.source)
    return stored_tensors(found, storage, _runs(archive, found.values(), byte_order == b"big"))


def _runs(
    archive: Archive, tensors: Iterable[SavedTensor], turned: bool
) -> dict[str, int | Packed]:
    """Return where the bytes of each storage begin, or how they are unpacked."""
    storages = {t.storage.key: t.storage for t in tensors if t.storage is not None}
    runs: dict[str, int | Packed] = {}
    # those of packed storages, too: a member that is not where the list says is refused at once
    for key, begin in _begins(archive, sorted(storages)).items():
        width = _width(storages[key]) if turned else 1
        plain = width == 1 and archive.is_plain(key)
        runs[key] = begin if plain else _Member(archive, storages[key], width)
    return runs


def _width(storage: SavedStorage) -> int:
    """Return the bytes whose order is turned: those of a number, of each part of a complex one."""
    if storage.dtype is None:
        return 1
    return ITEMSIZE[storage.dtype] // (2 if storage.dtype.startswith("complex") else 1)


def _begins(archive: Archive, keys: list[str]) -> dict[str, int]:
    """Return where the bytes of each storage begin."""
    if not is_uri(archive.storage.uri):
        return {key: archive.begin_of(key) for key in keys}
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(keys, pool.map(archive.begin_of, keys), strict=True))


@dataclass(frozen=True, eq=False)
class _Member:
    """A storage that is deflated, or whose numbers begin with their high byte."""

    archive: Archive
    """The zip file; it is opened again to read."""
    saved: SavedStorage
    """The storage."""
    width: int
    """Bytes whose order is turned, 1 for none."""

    def content(self) -> bytes:
        """Return its bytes unpacked and little-endian; they are read once."""
        return self._bytes

    @cached_property
    def _bytes(self) -> bytes:
        storage = open_storage(self.archive.storage.uri, self.archive.storage.stamp)
        try:
            held = replace(self.archive, storage=storage).numbers_of(self.saved.key)
        finally:
            storage.close()
        if self.width == 1:
            return held
        import numpy as np

        whole = np.frombuffer(held, np.uint8, len(held) // self.width * self.width)
        return whole.reshape(-1, self.width)[:, ::-1].tobytes()
