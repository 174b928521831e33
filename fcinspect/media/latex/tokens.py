"""The signs, names and numbers that a formula in text is made of."""

from __future__ import annotations

import re

TOKEN = re.compile(
    r"\s*(?:(?P<braced>\{[^}]+\})|(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)"
    r"|(?P<name>∂?[A-Za-zα-ωΦŷ](?:[A-Za-z_]|-[A-Za-z])*)(?P<low>[₀-₉]*)(?P<call>\(?)"
    r"|(?P<sign>[-+−·×/^()\[\]|,=<>≈⊙⊗√Σ½²ᵀ′]))",
    re.ASCII,
)


class NotAFormula(ValueError):
    """The text is something else."""


def tokens(text: str) -> list[str]:
    """Return the parts of a text from left to right; raises NotAFormula where there is none."""
    found, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if match is None:
            raise NotAFormula(text)
        name, low = match["name"], match["low"]
        if name:
            digits = "".join(str("₀₁₂₃₄₅₆₇₈₉".index(sign)) for sign in low or "")
            found.append(f"{name}_{digits}{match['call']}" if digits else f"{name}{match['call']}")
        else:
            found.append(match["braced"] or match["number"] or match["sign"])
        at = match.end()
    return found
