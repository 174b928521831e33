"""Files behind s3://, gs://, hf://, https:// and memory://, through fsspec.

No more is taken from a server of the web than was asked for, nor forever.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Sequence
from typing import Any

from fcinspect.checkpoints.paths import last_part
from fcinspect.checkpoints.storage import FolderGiven, MissingFile, Stamp, Storage
from fcinspect.errors import InputError, did_you_mean, install_hint
from fcinspect.masking import masked_name, without_secrets

TAGS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "updated", "Last-Modified",
        "blob_id", "created")  # fmt: skip
"""What filesystems call that which changes with the content."""
PIECE = 1 << 24
"""Bytes asked of the server at once."""
DRIVERS = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "hf": "huggingface_hub",
    "http": "aiohttp", "https": "aiohttp",
}  # fmt: skip
"""The library that each scheme needs beside fsspec."""
LOGGERS = ("fsspec", "gcsfs", "s3fs", "botocore", "aiobotocore", "huggingface_hub", "google.auth")
"""Libraries that log tracebacks, and URIs with their secrets, before they raise."""
SCHEMES = ("http", "https")
SILENCE = 30.0
"""Seconds that a server may be silent."""
PATIENCE = 60.0
"""Seconds that an answer of any size may take."""
SLOWEST = 1 << 16
"""Bytes a second; a longer answer may take as long as they need at this rate."""
CHUNK = 1 << 16
"""Bytes that are taken from the connection at a time."""


class RemoteFile(Storage):
    """A file behind a URI, read by bytes alone; fsspec keeps the connection for the next one.

    Without a `place`, a filesystem and the path in it, it is this thread's filesystem.
    """

    def __init__(self, uri: str, place: tuple[Any, str] | None = None) -> None:
        self.uri = uri
        self._system, self._path = place or filesystem_of(uri)
        try:
            told = self._system.info(self._path)
        except Exception as error:  # every filesystem raises its own
            raise refused(uri, error, hint=self._near(error)) from None
        if told.get("type") == "directory":
            raise FolderGiven(f"{masked_name(uri)!r} is a folder: expected a file")
        if told.get("size") is None:
            raise InputError(f"{masked_name(uri)!r} has no known size: download it first")
        tag = next((str(told[key]) for key in TAGS if told.get(key) is not None), "")
        self.stamp = Stamp(int(told["size"]), tag)

    def read_into(self, view: memoryview, begin: int) -> None:
        """Fill `view` from byte `begin` on; raises InputError where the file ends before."""
        while view:
            wanted = min(len(view), PIECE)
            try:
                data = self._part(begin, begin + wanted)
            except InputError:
                raise
            except Exception as error:  # every filesystem raises its own
                raise refused(self.uri, error) from None
            if not data:
                raise InputError(f"{masked_name(self.uri)!r} was truncated while it was being read")
            if len(data) > wanted:
                raise _serves_no_parts(self.uri)
            view[: len(data)] = data
            view, begin = view[len(data) :], begin + len(data)

    def _part(self, begin: int, end: int) -> bytes:
        if _scheme_of(self.uri) in SCHEMES:
            # fsspec itself would take whatever a server sends
            return part_of(self._system, self._path, begin, end)
        return bytes(self._system.cat_file(self._path, start=begin, end=end))

    def _near(self, error: Exception) -> str | None:
        if not isinstance(error, FileNotFoundError) or _scheme_of(self.uri) in SCHEMES:
            return None
        try:
            listed = self._system.ls(self._path.rstrip("/").rpartition("/")[0], detail=False)
        except Exception:  # a hint is no reason for another refusal
            return None
        return did_you_mean(last_part(self.uri), [last_part(f"x://x/{name}") for name in listed])


def listing_of(uri: str) -> list[tuple[str, bool]]:
    """Return the names in a folder, and whether each is a folder itself; raises InputError."""
    system, path = filesystem_of(uri)
    try:
        listed = system.ls(path, detail=True)
    except Exception as error:
        raise refused(uri, error) from None
    found = [
        (str(entry["name"]).rstrip("/").rpartition("/")[2], entry.get("type") == "directory")
        for entry in listed
    ]
    return [(name, is_folder) for name, is_folder in found if name]


def _scheme_of(uri: str) -> str:
    return uri.partition("://")[0]


def filesystem_of(uri: str) -> tuple[Any, str]:
    """Return fsspec's filesystem of a URI and the path in it; raises InputError."""
    shown, scheme = masked_name(uri), _scheme_of(uri)
    to_install = install_hint(" ".join(filter(None, ["fsspec", DRIVERS.get(scheme)])))
    try:
        from fsspec.core import url_to_fs
        from fsspec.registry import known_implementations, registry
    except ImportError:
        raise InputError(f"{shown!r} needs fsspec", hint=to_install) from None
    if scheme not in known_implementations and scheme not in registry:
        raise InputError(
            f"{shown!r} has the unknown scheme {scheme + '://'!r}: expected s3://, gs://, hf://,"
            " https://, or another one that fsspec supports"
        )
    for logger in LOGGERS:
        logging.getLogger(logger).setLevel(logging.CRITICAL + 1)
    try:
        options = {"client_kwargs": _client_options()} if scheme in SCHEMES else {}
        system, path = url_to_fs(uri, **options)
    except ImportError as error:
        reason = without_secrets(_line(error), uri)
        hint = to_install if scheme in DRIVERS else None
        raise InputError(f"{shown!r} needs a driver: {reason}", hint) from None
    except Exception as error:
        raise refused(uri, error) from None
    return system, path


def shared_filesystem(uris: Sequence[str]) -> list[tuple[Any, str] | None]:
    """Return (filesystem, path) of each URI; None where threads cannot share the filesystem."""
    places: list[tuple[Any, str] | None] = []
    for uri in uris:
        place = None
        with contextlib.suppress(InputError):
            place = filesystem_of(uri)
        is_shared = place is not None and getattr(place[0], "async_impl", False)
        places.append(place if is_shared else None)
    return places


def refused(uri: str, error: BaseException, hint: str | None = None) -> InputError:
    """Return the refusal for what a filesystem raised; no secret of the URI is in it."""
    shown = masked_name(uri)
    # the web's filesystem calls everything a missing file, and keeps what was wrong as the cause
    cause = error.__cause__ if isinstance(error, FileNotFoundError) else None
    if cause is not None and getattr(cause, "status", None) not in (404, 410):
        error = cause
    if isinstance(error, FileNotFoundError):
        return MissingFile(f"no such file: {shown!r}", hint)
    kind = type(error).__name__
    # aiohttp tells a status; gcsfs a code, which aiohttp has too but warns of
    status = error.status if hasattr(error, "status") else getattr(error, "code", None)
    if isinstance(error, PermissionError) or status in (401, 403) or "Credentials" in kind:
        return InputError(
            f"{shown!r} cannot be read with the credentials that were found:"
            f" {without_secrets(_line(error), uri)}"
        )
    if isinstance(error, TimeoutError) or "Timeout" in kind:
        if _scheme_of(uri) in SCHEMES:
            return _timed_out(uri, error)
        return InputError(f"{shown!r} cannot be read: the server did not respond in time")
    return InputError(f"{shown!r} cannot be read: {without_secrets(_line(error), uri)}")


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split())[:200].rstrip(".")
    return text or type(error).__name__


def _client_options() -> dict[str, Any]:
    """Return what connections are made with; a compressed answer is refused, not unpacked."""
    import aiohttp
    from fsspec.config import conf

    timeout = aiohttp.ClientTimeout(PATIENCE, sock_connect=SILENCE, sock_read=SILENCE)
    own = conf.get("http", {}).get("client_kwargs", {})
    return {**own, "auto_decompress": False, "timeout": timeout}


def part_of(system: Any, url: str, begin: int, end: int) -> bytes:
    """Return the bytes from `begin` to `end`, fewer where the file ends; raises InputError."""
    from fsspec.asyn import sync

    data: bytes = sync(system.loop, _part, system, url, begin, end)
    return data


def _serves_no_parts(url: str) -> InputError:
    shown = masked_name(url)
    return InputError(f"{shown!r}: the server does not support range requests; download it first")


def _timed_out(url: str, error: BaseException) -> InputError:
    """Return the refusal of a server that was silent, or took too long in all."""
    kinds = {type(cause).__name__ for cause in (error, error.__cause__)}
    if "ConnectionTimeoutError" in kinds:
        reason = f"no connection to the server within {SILENCE:g} s"
    elif "SocketTimeoutError" in kinds:
        reason = f"the server sent nothing for {SILENCE:g} s"
    else:
        reason = f"the server did not respond in time ({PATIENCE:g} s)"
    return InputError(f"{masked_name(url)!r} cannot be read: {reason}")


async def _part(system: Any, url: str, begin: int, end: int) -> bytes:
    import aiohttp

    options = dict(system.kwargs)
    asked = {"Range": f"bytes={begin}-{end - 1}", "Accept-Encoding": "identity"}
    headers = {**options.pop("headers", {}), **asked}
    patience = PATIENCE + (end - begin) / SLOWEST
    timeout = aiohttp.ClientTimeout(patience, sock_connect=SILENCE, sock_read=SILENCE)
    session = await system.set_session()
    data = bytearray()
    try:
        asking = session.get(system.encode_url(url), headers=headers, timeout=timeout, **options)
        async with asking as answer:
            if answer.status == 416:
                return b""
            if answer.status == 404:
                raise FileNotFoundError(url)
            answer.raise_for_status()
            _check(answer, url, begin)
            async for chunk in answer.content.iter_chunked(CHUNK):
                data += chunk[: end - begin - len(data)]
                if len(data) == end - begin:
                    break
    except aiohttp.ServerTimeoutError as error:
        raise _timed_out(url, error) from None
    except TimeoutError:
        raise InputError(
            f"{masked_name(url)!r} cannot be read: the server sent {len(data)} of"
            f" {end - begin} bytes in {patience:.3g} s"
        ) from None
    return bytes(data)


def _check(answer: Any, url: str, begin: int) -> None:
    """Refuse an answer that is packed, or that is not the part that was asked for."""
    packed = answer.headers.get("Content-Encoding", "identity")
    if packed != "identity":
        raise InputError(
            f"{masked_name(url)!r}: the server compresses it ({packed[:20]!a}) although it was"
            " asked not to; download it first"
        )
    if answer.status != 206:
        if begin:
            raise _serves_no_parts(url)
        return
    first = re.match(r"bytes (\d{1,20})-", answer.headers.get("Content-Range", f"bytes {begin}-"))
    if first is None or int(first[1]) != begin:
        raise InputError(
            f"{masked_name(url)!r}: the server sent a different part from the one requested"
        )
