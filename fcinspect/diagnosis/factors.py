"""Products of channels, height and width: what a number of features was before it was flattened."""

from __future__ import annotations

from math import isqrt

USUAL_CHANNELS = (
    16,
    32,
    64,
    128,
    256,
    512,
    1024,
    2048,
    6,
    8,
    12,
    20,
    24,
    48,
    50,
    96,
    192,
    384,
    3,
    1,
)
"""Channels of usual networks, the commonest first."""
MOST_SIDE = 64


def as_image(features: int, channels: int | None = None) -> tuple[int, int, int] | None:
    """Return (channels, side, side) of a number of features, or None if it is none of the usual.

    With `channels` given, just these are tried.
    """
    for count in USUAL_CHANNELS if channels is None else (channels,):
        side = isqrt(features // count) if count and features % count == 0 else 0
        if 1 < side <= MOST_SIDE and side * side * count == features:
            return count, side, side
    return None


def images(features: int, most: int = 3) -> list[tuple[int, int, int]]:
    """Return the likely factorisations of a number of features as channels × side × side."""
    found = [image for count in USUAL_CHANNELS if (image := as_image(features, count)) is not None]
    return found[:most]


def same_channels(arriving: int, expected: int) -> tuple[int, int, int] | None:
    """Return (channels, side that arrives, side that is expected), where both are pictures.

    1568 and 2048 are 32·7·7 and 32·8·8.
    """
    for count in USUAL_CHANNELS:
        one, other = as_image(arriving, count), as_image(expected, count)
        if one is not None and other is not None and count > 1:
            return count, one[1], other[1]
    return None
