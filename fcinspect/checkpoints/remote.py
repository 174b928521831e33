"""Files behind s3://, gs://, hf://, https:// and memory://, through fsspec."""

from __future__ import annotations

from typing import Any

from fcinspect.checkpoints.storage import Stamp
from fcinspect.errors import InputError

TAGS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "created")
"""What filesystems call that which changes with the content."""
PIECE = 1 << 24
"""Bytes asked of the server at once."""


class RemoteFile:
    """A file behind a URI; one that is opened by bytes alone, never as a whole."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._system, self._path = filesystem_of(uri)
        try:
            told = self._system.info(self._path)
        except Exception as error:  # every filesystem raises its own
            raise refused(uri, error) from None
        if told.get("type") == "directory" or told.get("size") is None:
            raise InputError(f"{uri!r} is no file that tells its size")
        tag = next((str(told[key]) for key in TAGS if told.get(key) is not None), "")
        self.stamp = Stamp(int(told["size"]), tag)

    def read_into(self, view: memoryview, begin: int) -> None:
        """Fill `view` from byte `begin` on; raises InputError where the file ends before."""
        while view:
            wanted = min(len(view), PIECE)
            try:
                data = self._system.cat_file(self._path, start=begin, end=begin + wanted)
            except Exception as error:
                raise refused(self.uri, error) from None
            if not data:
                raise InputError(f"{self.uri!r} was truncated while it was read")
            view[: len(data)] = data
            view, begin = view[len(data) :], begin + len(data)

    def close(self) -> None:
        """Let go of the file; fsspec keeps the connection for the next one."""


def filesystem_of(uri: str) -> tuple[Any, str]:
    """Return fsspec's filesystem of a URI and the path in it; raises InputError."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise InputError(f"{uri!r} needs fsspec", hint="pip install 'fcinspect[remote]'") from None
    try:
        system, path = url_to_fs(uri)
    except ImportError as error:
        raise InputError(f"{uri!r} needs a driver: {_line(error)}") from None
    except Exception as error:
        raise refused(uri, error) from None
    return system, path


def refused(uri: str, error: Exception) -> InputError:
    """Return the refusal for what a filesystem raised."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"there is no file {uri!r}")
    return InputError(f"{uri!r} cannot be read: {_line(error)}")


def _line(error: Exception) -> str:
    text = " ".join(str(error).split())[:200]
    return text or type(error).__name__
