"""Written numbers as mathematics: a minus is a minus, a power of ten stands high."""

from __future__ import annotations

import re

NUMBER = r"(?<![\w.+\-])-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?…?(?![\w]|\.\d)"
"""A number in running text."""
WRITTEN = re.compile(r"(-?)([\d,]+(?:\.\d+)?)(?:e([+-]?\d+))?(…?)", re.ASCII)
SIGNS = {
    "nan": r"\mathrm{nan}",
    "inf": r"\infty",
    "-inf": r"-\infty",
    "⋯": r"\cdots",
    "⋮": r"\vdots",
    "⋱": r"\ddots",
    "": "",
}


def is_number(written: str) -> bool:
    """Whether this is a number as render/text.py writes it, or a gap between numbers."""
    return written in SIGNS or WRITTEN.fullmatch(written) is not None


def math_number(written: str) -> str:
    """Return a written number for mathematics: "-1.2e-07" is ``-1.2\\cdot10^{-7}``."""
    if written in SIGNS:
        return SIGNS[written]
    match = WRITTEN.fullmatch(written)
    if match is None:
        raise ValueError(f"{written!r} is not a written number")
    minus, digits, exponent, more = match.groups()
    power = "" if exponent is None else rf"\cdot10^{{{int(exponent)}}}"
    dots = r"\ldots" if more else ""
    digits = digits.replace(",", "{,}")
    return f"{minus}{digits}{dots}{power}"


def factor(written: str) -> str:
    """Return a number as it stands behind a sign: a negative one in parentheses."""
    number = math_number(written)
    return f"({number})" if number.startswith("-") else number
