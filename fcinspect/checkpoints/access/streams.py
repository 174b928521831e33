"""What can be read only once and has no size: standard input."""

from __future__ import annotations

import select
import sys
from collections.abc import Iterator

from fcinspect.errors import InputError

CHUNK = 1 << 20
"""Bytes read at once."""
LONGEST = 1 << 31
"""Bytes; a longer text, or one that never ends, is not held in memory."""
STDIN = "standard input"


def standard_input(expected: str = "JSON") -> bytes:
    """Return all of standard input, a text.

    Raises InputError when it is closed, unreadable, binary or too long.
    """
    held = bytearray()
    for chunk in chunks_of_standard_input(expected):
        # no text has a zero byte in its first part, a device such as /dev/zero has
        if not held and b"\0" in chunk:
            raise InputError(f"{STDIN} is binary: expected {expected}")
        held += chunk
        if len(held) > LONGEST:
            raise InputError(
                f"{STDIN} did not end within {LONGEST >> 30} GiB: expected {expected}",
                hint="a longer text is read from a file",
            )
    return bytes(held)


def chunks_of_standard_input(expected: str) -> Iterator[bytes]:
    """Yield standard input piece by piece; raises InputError when it is closed or unreadable."""
    if sys.stdin is None:
        raise InputError(f"{STDIN} is closed: expected {expected}")
    stream = sys.stdin.buffer
    try:
        while True:
            chunk = stream.read(CHUNK)
            if chunk is None:  # it does not block, and nothing has come yet
                select.select([stream], [], [])
            elif not chunk:
                return
            else:
                yield chunk
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{STDIN} cannot be read: {reason}") from None
