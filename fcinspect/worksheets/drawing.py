"""Seeded draws of small whole numbers that stay the same for ever.

The stream of a text is SHA-256(text, ":", block number in decimal digits), block after block, byte
by byte. A draw among n values takes the next byte below the largest multiple of n up to 256,
modulo n. Neither the library's nor the language's generators are asked, so that a sheet made today
can be made again with any version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from hashlib import sha256
from typing import TypeVar

Value = TypeVar("Value")


class Draws:
    """The draws that a text begins."""

    def __init__(self, text: str) -> None:
        self._bytes = _stream(text)

    def among(self, values: Sequence[Value]) -> Value:
        """Return one of up to 256 values."""
        limit = 256 - 256 % len(values)
        byte = next(byte for byte in self._bytes if byte < limit)
        return values[byte % len(values)]

    def row(self, count: int, values: Sequence[Value]) -> tuple[Value, ...]:
        """Return so many draws of the same values."""
        return tuple(self.among(values) for _ in range(count))


def around_zero(most: int) -> list[int]:
    """Return the whole numbers from −most to most without 0."""
    return [number for number in range(-most, most + 1) if number]


def exact(row: Sequence[int]) -> tuple[Fraction, ...]:
    """Return whole numbers as exact ones."""
    return tuple(map(Fraction, row))


def least_lacking(attempts: Iterable[tuple[Value, tuple[bool, ...]]]) -> Value:
    """Return the first attempt that lacks nothing, or of all the first that lacks least.

    Beside each attempt stands what it lacks, the most important first. No more are made than are
    looked at. There is at least one.
    """
    best: list[Value] = []
    fewest: tuple[bool, ...] = ()
    for attempt, lacks in attempts:
        if not best or lacks < fewest:
            best, fewest = [attempt], lacks
        if not any(lacks):
            break
    return best[0]


def _stream(text: str) -> Iterator[int]:
    block = 0
    while True:
        yield from sha256(f"{text}:{block}".encode()).digest()
        block += 1
