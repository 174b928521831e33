"""Parts of files on the web: no more is taken from a server than was asked for, nor forever."""

from __future__ import annotations

import re
from typing import Any

from fcinspect.checkpoints.access.uris import masked_name
from fcinspect.errors import InputError

SCHEMES = ("http", "https")
SILENCE = 30.0
"""Seconds that a server may be silent."""
PATIENCE = 60.0
"""Seconds that an answer of any size may take."""
SLOWEST = 1 << 16
"""Bytes a second; a longer answer may take as long as they need at this rate."""
CHUNK = 1 << 16
"""Bytes that are taken from the connection at a time."""


def client_options() -> dict[str, Any]:
    """Return what every connection is made with; raises ImportError where aiohttp is missing.

    An answer is taken as it comes: one that is compressed is refused, not unpacked.
    """
    import aiohttp
    from fsspec.config import conf

    timeout = aiohttp.ClientTimeout(PATIENCE, sock_connect=SILENCE, sock_read=SILENCE)
    own = conf.get("http", {}).get("client_kwargs", {})
    return {**own, "auto_decompress": False, "timeout": timeout}


def part_of(system: Any, url: str, begin: int, end: int) -> bytes:
    """Return the bytes from `begin` to `end`, fewer where the file ends before.

    Raises InputError for an answer that is something else, or that does not come.
    """
    from fsspec.asyn import sync

    data: bytes = sync(system.loop, _part, system, url, begin, end)
    return data


def serves_no_parts(url: str) -> InputError:
    """Return the refusal of a server that only gives whole files."""
    shown = masked_name(url)
    return InputError(f"{shown!r}: its server serves no parts of a file; download it first")


def timed_out(url: str, error: BaseException) -> InputError:
    """Return the refusal of a server that was silent, or took too long in all."""
    shown = masked_name(url)
    causes = (error, error.__cause__)
    if any(type(cause).__name__ == "ConnectionTimeoutError" for cause in causes):
        return InputError(f"{shown!r} cannot be read: no connection to its server in {SILENCE:g} s")
    if any(type(cause).__name__ == "SocketTimeoutError" for cause in causes):
        return InputError(f"{shown!r} cannot be read: its server was silent for {SILENCE:g} s")
    return InputError(
        f"{shown!r} cannot be read: its server did not answer in time ({PATIENCE:g} s)"
    )


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
            system._raise_not_found_for_status(answer, url)
            _check(answer, url, begin)
            async for chunk in answer.content.iter_chunked(CHUNK):
                data += chunk[: end - begin - len(data)]
                if len(data) == end - begin:
                    break
    except aiohttp.ServerTimeoutError as error:
        raise timed_out(url, error) from None
    except TimeoutError:
        raise InputError(
            f"{masked_name(url)!r} cannot be read: its server sent {len(data)} of"
            f" {end - begin} bytes in {patience:.3g} s"
        ) from None
    return bytes(data)


def _check(answer: Any, url: str, begin: int) -> None:
    """Refuse an answer that is packed, or that is not the part that was asked for."""
    packed = answer.headers.get("Content-Encoding", "identity")
    if packed != "identity":
        raise InputError(
            f"{masked_name(url)!r}: its server compresses it ({packed[:20]!a}) although it was"
            " asked not to; download it first"
        )
    if answer.status != 206:
        if begin:
            raise serves_no_parts(url)
        return
    first = re.match(r"bytes (\d{1,20})-", answer.headers.get("Content-Range", f"bytes {begin}-"))
    if first is None or int(first[1]) != begin:
        raise InputError(
            f"{masked_name(url)!r}: its server sent another part of it than was asked for"
        )
