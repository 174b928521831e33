"""Colours and signs for numbers from −1 to 1, that read in black and white too.

The colours diverge from a near white for 0: to orange for −1, to blue for 1, as the edges of a
diagram have them. They are told apart with every common colour vision deficiency; lightness tells
the magnitude alone, so that in grey the sign is told by what is written in the cell.
"""

from __future__ import annotations

import math

from fcinspect.page.blocks import Medium

DIVERGING = (
    (127, 59, 8), (179, 88, 6), (224, 130, 20), (253, 184, 99), (247, 247, 247),
    (146, 197, 222), (67, 147, 195), (33, 102, 172), (5, 48, 97),
)  # fmt: skip
"""Nine colours at equal distances, (red, green, blue): the orange half of ColorBrewer's PuOr and
the blue half of its RdBu (Harrower and Brewer, "ColorBrewer.org", 2003)."""
NOT_FINITE = "!"
LEAST = 5e-324
"""The smallest positive number of float64."""
SHADES = "░▒▓█"
ASCII_SHADES = ".:*#"
"""Up to a quarter, a half, three quarters and all of the largest magnitude."""


def color_of(value: float) -> str:
    """Return the colour "#rrggbb" of a number from −1 to 1."""
    at = (min(max(value, -1.0), 1.0) + 1) / 2 * (len(DIVERGING) - 1)
    low = min(int(at), len(DIVERGING) - 2)
    mixed = (
        round(a + (b - a) * (at - low))
        for a, b in zip(DIVERGING[low], DIVERGING[low + 1], strict=True)
    )
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def ink_on(value: float) -> str:
    """Return the colour of a sign that is to be read on the colour of a number.

    Black or white, whichever has the larger contrast (WCAG 2); both have the same at 0.179.
    """
    color = color_of(value)
    red, green, blue = (_linear(int(color[k : k + 2], 16) / 255) for k in (1, 3, 5))
    return "#ffffff" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.179 else "#000000"


def _linear(channel: float) -> float:
    """Return how much light a channel of sRGB stands for."""
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)


def sign_of(value: float, medium: Medium) -> str:
    """Return two characters for a number from −1 to 1: its sign, and a shade of its magnitude.

    Zero is " 0"; what is not finite is " !". Where the colour tells the magnitude there is no
    shade.
    """
    if not math.isfinite(value):
        return " " + NOT_FINITE
    if value == 0:
        return " 0"
    if medium.colored:
        return "+ " if value > 0 else "- "
    shades = ASCII_SHADES if medium.ascii_only else SHADES
    return ("+" if value > 0 else "-") + shades[min(math.ceil(abs(value) * 4), 4) - 1]


def ratio(value: float, scale: float) -> float:
    """Return value/scale, from −1 to 1 where |value| ≤ scale; only 0 gives 0."""
    if not value or not scale:
        return value
    return value / scale or math.copysign(LEAST, value)
