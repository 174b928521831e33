"""Colours and signs for numbers from −1 to 1, that read in black and white too.

The colours are those of cividis (Nunez, Anderton and Renslow, "Optimizing colormaps with
consideration for color vision deficiency", 2018) with 0 in the middle: dark blue for −1, grey for
0, yellow for 1. Their lightness only rises, so that a sign is told from the other in grey as well.
"""

from __future__ import annotations

import math

from fcinspect.render.page import Medium

CIVIDIS = (
    (0, 34, 78), (18, 53, 112), (59, 73, 108), (87, 93, 109), (112, 113, 115),
    (138, 134, 120), (165, 156, 116), (195, 179, 105), (225, 204, 85), (254, 232, 56),
)  # fmt: skip
"""Ten colours at equal distances, (red, green, blue)."""
NOT_FINITE = "!"
LEAST = 5e-324
"""The smallest positive number of float64."""
SHADES = "░▒▓█"
ASCII_SHADES = ".:*#"
"""Up to a quarter, a half, three quarters and all of the largest magnitude."""


def color_of(value: float) -> str:
    """Return the colour "#rrggbb" of a number from −1 to 1."""
    at = (min(max(value, -1.0), 1.0) + 1) / 2 * (len(CIVIDIS) - 1)
    low = min(int(at), len(CIVIDIS) - 2)
    mixed = (
        round(a + (b - a) * (at - low)) for a, b in zip(CIVIDIS[low], CIVIDIS[low + 1], strict=True)
    )
    return "#" + "".join(f"{channel:02x}" for channel in mixed)


def ink_on(value: float) -> str:
    """Return the colour of a sign that is to be read on the colour of a number."""
    return "#ffffff" if value < 0.15 else "#000000"


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
