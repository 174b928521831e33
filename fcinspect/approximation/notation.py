"""Signs of mathematics in an expression, and slips of those who write one."""

from __future__ import annotations

import re

SAME = str.maketrans({"−": "-", "–": "-", "×": "*", "·": "*", "⋅": "*", "÷": "/"})
"""Signs that mean what one character of Python does, so that places stay the same."""
PRODUCT = "write every product with *, as in 2*x"
SLIPS = (
    (re.compile(r"([⁰¹²³⁴-⁹])"), "write a power as x**2"),
    (re.compile(r"√"), "write sqrt(x) for a root"),
    (re.compile(r"\|"), "write abs(x) for |x|"),
    (re.compile(r"\b(sin|cos|tan|exp|log|ln|sqrt|abs|tanh|erf)\s+\w"), "a function takes brackets,"
     " as in sin(x)"),
    (re.compile(r"(?<![\w.])[\d.]+\s*[A-Za-zπ(]|([xπ)]|pi)\s+\w|[)]\s*\w"), PRODUCT),
)  # fmt: skip
"""What is written in a way that is not read, and what to write instead."""


def plain(text: str) -> str:
    """Return the expression with Python's signs, each at its place."""
    return text.translate(SAME)


def slip(text: str) -> str:
    """Say what to write instead, empty where that is not known."""
    return next((hint for pattern, hint in SLIPS if pattern.search(text)), "")
