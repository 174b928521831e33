"""From a path or a URI to an open file."""

from __future__ import annotations

from fcinspect.checkpoints.access.looks import looked_at
from fcinspect.checkpoints.access.storage import LocalFile, MissingFile, Stamp, Storage
from fcinspect.checkpoints.access.uris import is_uri, masked_name
from fcinspect.errors import InputError
from fcinspect.layers.memory import require_free


def open_storage(uri: str, expected: Stamp | None = None) -> Storage:
    """Open a file; raises InputError where that fails, or where it is not as `expected`.

    The error is MissingFile where there is none, or none any more.
    """
    try:
        opened = _opened(uri)
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


def _opened(uri: str) -> Storage:
    if not is_uri(uri):
        return LocalFile(uri)
    return looked_at(uri)


def read_whole(uri: str) -> bytearray:
    """Return all bytes of a file; raises InputError."""
    storage = open_storage(uri)
    try:
        what = f"reading {masked_name(uri)!r}"
        require_free(storage.stamp.size, what, refusal=InputError)
        data = bytearray(storage.stamp.size)
        storage.read_into(memoryview(data), 0)
        return data
    finally:
        storage.close()
