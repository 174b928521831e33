"""Arrays without numbers: no byte of the file bounds how wide they say they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

WIDEST_OF_NOTHING = 1 << 20
"""Rows or columns of an array that has no numbers; those of a layer take memory all the same."""
MOST_DIGITS = 30


def claim(shape: Sequence[int]) -> str | None:
    """Return what an array of shape (0, N) or (N, 0) claims, if that is too much, in words.

    None stands for a shape that is as small as any real one. Arrays that have numbers are bounded
    by the bytes that these take.
    """
    if 0 not in shape:
        return None
    widths = math.prod(width for width in shape if width)
    if widths <= WIDEST_OF_NOTHING:
        return None
    text = str(widths) if widths < 10**MOST_DIGITS else f"more than 10^{MOST_DIGITS}"
    return f"has no numbers and claims {text} rows or columns of nothing"
