"""Formulas that stand within a line of text."""

from __future__ import annotations

import re

from fcinspect.render.latex.formulas import CASES, NotAFormula, formula
from fcinspect.render.latex.words import words

INSIDE = re.compile(r"\([^()]*\)")
FORMAL = set("=·⊗⊙∂−²")
"""Signs of which a formula within a sentence has one."""


def math_or_words(text: str) -> str:
    """Return a formula as mathematics within a line, other text as words."""
    if len(text) > 1 and text.isalpha():
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
        ends = range(len(pieces), start, -1)
        end = next((e for e in ends if _within(" ".join(pieces[start:e]))), None)
        if end is None:
            plain.append(pieces[start])
            start += 1
            continue
        core = " ".join(pieces[start:end])
        after = core[len(core.rstrip(",;:")) :]
        built += [words(" ".join(plain))] if plain else []
        built.append(f"${formula(core.rstrip(',;:'), flat=True)}${after}")
        plain, start = [], end
    return " ".join([*built, *([words(" ".join(plain))] if plain else [])])


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
