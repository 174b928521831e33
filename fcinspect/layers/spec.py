"""The specification of a fully connected network: its widths, written ``3-5-4-2``.

Grammar::

    spec      = width, {separator, width}
    separator = "-" | "," | "->" | "→"      (one kind throughout, blanks around it ignored)
    width     = whole number >= 1, decimal digits only
"""

from __future__ import annotations

import re

from fcinspect.errors import SpecError

LARGEST_WIDTH = 10**15
"""Widths beyond this are taken for typing mistakes."""

LARGEST_SEED = 2**53 - 1
"""Larger seeds would be rounded by readers of the JSON output."""

EXPECTED = "expected widths such as 3-5-4-2, 3,5,4,2 or '3 -> 5 -> 4 -> 2'"


def parse_widths(text: str) -> tuple[int, ...]:
    """Return the widths that a specification names, e.g. ``(3, 5, 4, 2)``.

    Raises SpecError naming the faulty width and its position, counted from 1.
    """
    if not text.strip():
        raise SpecError(f"the network specification is empty: {EXPECTED}")
    separators = set(re.findall(r"->|→|,|-", text))
    if len(separators) > 1:
        shown = " and ".join(repr(s) for s in sorted(separators))
        raise SpecError(f"separators {shown} are mixed in {text!r}: {EXPECTED}")
    separator = separators.pop() if separators else "-"
    parts = [part.strip() for part in text.split(separator)]
    widths = tuple(
        _width(part, position, text, separator) for position, part in enumerate(parts, start=1)
    )
    if len(widths) < 2:
        raise SpecError(
            f"{text!r} names one width: a layer has two, in_features and out_features, e.g. 4-2"
        )
    return widths


def _width(part: str, position: int, text: str, separator: str) -> int:
    """Return one width; `position` counts from 1."""
    where = f"at position {position} of {text!r}"
    if not part:
        raise SpecError(f"a width is missing {where}: {EXPECTED}")
    if not (part.isascii() and part.isdigit()):
        raise SpecError(f"width {part!r} {where}: widths are whole numbers >= 1")
    if len(part.lstrip("0")) > len(str(LARGEST_WIDTH)) or int(part) > LARGEST_WIDTH:
        raise SpecError(f"width {part} {where}: widths go up to 10^15")
    if int(part) == 0:
        raise SpecError(f"width 0 {where}: widths are whole numbers >= 1")
    return int(part)


def format_widths(widths: tuple[int, ...]) -> str:
    """Return the specification of these widths, e.g. ``3-5-4-2``."""
    return "-".join(str(width) for width in widths)
