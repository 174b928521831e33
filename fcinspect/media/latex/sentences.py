"""Formulas that stand within a line of text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fcinspect.media.latex.formulas import ALONE, CASES, formula
from fcinspect.media.latex.tokens import NotAFormula
from fcinspect.media.latex.words import words

INSIDE = re.compile(r"\([^()]*\)")
FORMAL = set("=·⊗⊙∂−²")
"""Signs of which a formula within a sentence has one."""
NAME = re.compile(r"(?=.*[A-Za-z])[\w./-]{2,}", re.ASCII)
"""What a layer may be called, "q/k" or "--bias_v", and a formula of the records never is."""
JOINED = re.compile(r"([-+−·×⊙⊗]) ([A-Za-z](?:\[[\d,]+\])?)([,;:]?)")
"""What goes on with a formula behind the words that part it: "z = W·a of fc1 + b"."""


def math_or_words(text: str) -> str:
    """Return a formula as mathematics within a line, other text as words."""
    if NAME.fullmatch(text):
        return words(text)
    try:
        return f"${formula(text, flat=True)}$"
    except NotAFormula:
        return words(text)


def sentence(text: str) -> str:
    """Return words in which the longest formulas are mathematics."""
    pieces = text.split(" ")
    built: list[str] = []
    plain: list[str] = []
    start = 0
    while start < len(pieces):
        found, end = _formula_at(pieces, start) or _rest_at(pieces, start, bool(built)) or ("", 0)
        if not found:
            plain.append(pieces[start])
            start += 1
            continue
        built += [words(" ".join(plain))] if plain else []
        built.append(found)
        plain, start = [], end
    return " ".join([*built, *([words(" ".join(plain))] if plain else [])])


def _formula_at(pieces: Sequence[str], start: int) -> tuple[str, int] | None:
    """Return the longest formula that begins here, and where it ends."""
    for end in range(len(pieces), start, -1):
        said = " ".join(pieces[start:end])
        if _within(said):
            core = said.rstrip(",;:")
            return f"${formula(core, flat=True)}${said[len(core) :]}", end
    return None


def _rest_at(pieces: Sequence[str], start: int, begun: bool) -> tuple[str, int] | None:
    """Return how a formula that words have parted goes on here, and where that ends."""
    joined = JOINED.fullmatch(" ".join(pieces[start : start + 2]))
    if joined is None or not begun:
        return None
    sign, letter, after = joined.groups()
    return f"${{}} {ALONE[sign]} {formula(letter)}${after}", start + 2


def _within(text: str) -> bool:
    """Whether this part of a sentence is a formula, or several that commas part."""
    core = text.rstrip(",;:")
    apart = INSIDE.sub("", core).split(", ")
    if not CASES.fullmatch(core) and not all(set(part) & FORMAL for part in apart):
        return False
    try:
        formula(core)
    except NotAFormula:
        return False
    return True
