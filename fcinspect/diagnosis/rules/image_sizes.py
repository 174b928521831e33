"""Numbers of features that are channels × height × width of an image."""

from __future__ import annotations

import re
from math import isqrt

USUAL_CHANNELS = (
    16, 32, 64, 128, 256, 512, 1024, 2048, 6, 8, 12, 20, 24, 48, 50, 96, 192, 384, 3, 1,
)  # fmt: skip
"""Channels of usual networks, the commonest first."""
MOST_SIDE = 64
MOST_TEXT = 20000
CONVOLUTION = re.compile(
    r"Conv2d\(\s*(?:in_channels\s*=\s*)?\d+\s*,\s*(?:out_channels\s*=\s*)?(\d+)"
)
"""A convolution as it is made or printed, with its output channels."""


def as_image(features: int, channels: int | None = None) -> tuple[int, int, int] | None:
    """Return (channels, side, side) of a number of features, or None if it is none of the usual.

    With `channels` given, just these are tried.
    """
    for count in USUAL_CHANNELS if channels is None else (channels,):
        side = isqrt(features // count) if count and features % count == 0 else 0
        if 1 < side <= MOST_SIDE and side * side * count == features:
            return count, side, side
    return None


def same_channels(arriving: int, expected: int, most: int = 2) -> list[tuple[int, int, int]]:
    """Return (channels, side that arrives, side that is expected), where both may be images.

    1568 and 2048 are 32·7·7 and 32·8·8, or 8·14·14 and 8·16·16: the commonest come first. Widths
    that layers have without any image are none.
    """
    if usual_width(arriving) and usual_width(expected):
        return []
    found = []
    for count in USUAL_CHANNELS:
        one, other = as_image(arriving, count), as_image(expected, count)
        if one is not None and other is not None and count > 1:
            found.append((count, one[1], other[1]))
    return found[:most]


def usual_width(features: int) -> bool:
    """Whether it is a small number, or 2ⁿ or 3·2ⁿ as 512 and 768 are."""
    third, rest = divmod(features, 3)
    return features < 100 or power_of_two(features) or (rest == 0 and power_of_two(third))


def power_of_two(number: int) -> bool:
    """Whether the number is 1, 2, 4, 8, …"""
    return number.bit_count() == 1


def channels_in(text: str) -> list[int]:
    """Return the output channels of the convolutions that a text quotes, the last one first."""
    return [int(found) for found in CONVOLUTION.findall(text[-MOST_TEXT:])][::-1]
