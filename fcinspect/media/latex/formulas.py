"""The formulas that the records hold as text, "Σ(y − t)²/N", as LaTeX.

A formula is a sum of products of factors; quotients become fractions, and a case distinction
"z where z > 0, else 0.01·z" becomes cases. Names in braces, as in an optimizer's template, are
written as the caller says. What is not a formula raises NotAFormula.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from fcinspect.media.latex.numbers import math_number
from fcinspect.media.latex.tokens import NotAFormula, tokens
from fcinspect.media.latex.words import MATH

Write = Callable[[str], str]

FUNCTIONS = {"exp", "log", "max", "min", "tanh"}
"""Those that LaTeX has a command for."""
SUMS = {"+": "+", "-": "-", "−": "-"}
PRODUCTS = {"·": r"\cdot", "×": r"\times", "⊙": r"\odot", "⊗": r"\otimes"}
RELATIONS = {"=": "=", "<": "<", ">": ">", "≈": r"\approx"}
ALONE = {**SUMS, **PRODUCTS, **RELATIONS, "→": r"\to"}
CASES = re.compile(r"(.+) where (.+), else (.+)")
LONGEST = 400
MOST_NESTED = 60
"""What is longer or has more parentheses is no formula of these records."""
FRACTION = r"\frac"


def formula(text: str, write: Write | None = None, *, flat: bool = False) -> str:
    """Return the LaTeX of a formula or a sign; `write` writes the names in braces of a template.

    `flat` writes quotients with a slash, as within a line of text. Raises
    NotAFormula for text that is none.
    """
    if text in ALONE:
        return ALONE[text]
    if len(text) > LONGEST or sum(map(text.count, "([|")) > MOST_NESTED:
        raise NotAFormula(text)
    cases = CASES.fullmatch(text)
    if cases:
        *before, first = cases[1].rsplit(" = ", 1)
        left = f"{formula(before[0], write, flat=flat)} = " if before else ""
        parts = (first, cases[2], cases[3])
        yes, condition, no = (formula(part, write, flat=flat) for part in parts)
        return rf"{left}\begin{{cases}}{yes} & {condition}\\{no} & \text{{else}}\end{{cases}}"
    return _Parser(text, write or _refuse, flat).whole()


def symbol(name: str) -> str:
    """Return a quantity's name: one letter in italics, a word upright."""
    if "-" in name or name.count("_") > 1 or name.endswith("_"):
        raise NotAFormula(name)
    base, _, low = name.partition("_")
    base = base.removeprefix("∂") if name.startswith("∂") else base
    written = MATH.get(base, base if len(base) == 1 else rf"\mathrm{{{base}}}")
    written = {"ŷ": r"\hat{y}", "inf": r"\infty"}.get(base, written)
    written = rf"\partial {written}" if name.startswith("∂") else written
    below = low if len(low) <= 1 else rf"\mathrm{{{low}}}"
    return f"{written}_{{{below}}}" if low else written


def _refuse(name: str) -> str:
    """Refuse a name in braces: only a template has any."""
    raise NotAFormula(name)


class _Parser:
    """Reads a formula from left to right."""

    def __init__(self, text: str, write: Write, flat: bool) -> None:
        self._tokens = tokens(text)
        self._at = 0
        self._write = write
        self._flat = flat

    def whole(self) -> str:
        parts = [self._relation()]
        while self._take(","):
            parts.append(self._relation())
        if self._at < len(self._tokens):
            raise NotAFormula(self._tokens[self._at])
        return r",\quad ".join(parts)

    def _relation(self) -> str:
        built = self._sum()
        while (sign := self._take(*RELATIONS)) is not None:
            built += f" {RELATIONS[sign]} {self._sum()}"
        return built

    def _sum(self) -> str:
        built = self._term()
        while (sign := self._take(*SUMS)) is not None:
            built += f" {SUMS[sign]} {self._term()}"
        return built

    def _term(self) -> str:
        factors = [self._factor()]
        signs: list[str] = []
        while (sign := self._take("/", *PRODUCTS)) is not None:
            following = self._factor()
            if self._flat:
                factors.append(following)
                signs.append(PRODUCTS.get(sign, sign))
            elif sign != "/":
                factors.append(following)
                signs.append(PRODUCTS[sign])
            elif factors[-1].startswith(FRACTION):
                factors.append(_fraction("1", following))
                signs.append(PRODUCTS["·"])
            else:
                minus = "-" * factors[-1].startswith("-")
                factors[-1] = minus + _fraction(factors[-1].removeprefix("-"), following)
        built = factors[0]
        for sign, factor in zip(signs, factors[1:], strict=True):
            built += f"/{factor}" if sign == "/" else f" {sign} {factor}"
        return built

    def _factor(self) -> str:
        if self._take("−", "-"):
            return f"-{self._factor()}"
        if self._take("√"):
            return rf"\sqrt{{{_bare(self._factor())}}}"
        if self._take("Σ"):
            return rf"\sum {self._factor()}"
        if self._take("½"):
            return r"\tfrac{1}{2}"
        return self._powered()

    def _powered(self) -> str:
        built = self._atom()
        while True:
            if self._take("²"):
                built += "^{2}"
            elif self._take("ᵀ"):
                built += MATH["ᵀ"]
            elif self._take("′"):
                built += "'"
                if self._take("("):
                    built += self._closed("(", ")")
            elif self._take("^"):
                built += f"^{{{self._atom()}}}"
            elif self._take("["):
                built += f"_{{{self._inner(']')}}}"
            else:
                return built

    def _atom(self) -> str:
        token = self._next()
        if token.startswith("{"):
            return self._write(token[1:-1])
        if token[0].isascii() and token[0].isdigit():
            number = math_number(token)
            return number + self._atom() if self._peek().isalpha() else number  # 2π
        if token == "(":
            return self._closed("(", ")")
        if token == "[":
            return self._closed("[", "]")
        if token == "|":
            return rf"\left|{self._inner('|')}\right|"
        name = token.removesuffix("(")
        if not name[0].isalpha() and not name.startswith("∂"):
            raise NotAFormula(token)
        if token.endswith("("):
            return _function(name) + self._closed("(", ")")
        if name in FUNCTIONS:
            return rf"{_function(name)} {self._factor()}"
        return symbol(name)

    def _closed(self, opening: str, closing: str) -> str:
        inner = self._inner(closing)
        tall = FRACTION in inner or r"\sqrt" in inner
        return rf"\left{opening}{inner}\right{closing}" if tall else f"{opening}{inner}{closing}"

    def _inner(self, closing: str) -> str:
        parts = [self._relation()]
        while self._take(","):
            parts.append(self._relation())
        if not self._take(closing):
            raise NotAFormula("".join(self._tokens))
        return ", ".join(parts)

    def _take(self, *signs: str) -> str | None:
        if self._at < len(self._tokens) and self._tokens[self._at] in signs:
            self._at += 1
            return self._tokens[self._at - 1]
        return None

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        if self._at == len(self._tokens):
            raise NotAFormula("".join(self._tokens))
        self._at += 1
        return self._tokens[self._at - 1]


def _fraction(above: str, below: str) -> str:
    return rf"{FRACTION}{{{_bare(above)}}}{{{_bare(below)}}}"


def _bare(built: str) -> str:
    """Return an expression without the parentheses that stand around all of it."""
    for opening, closing in ((r"\left(", r"\right)"), ("(", ")")):
        inner = built.removeprefix(opening).removesuffix(closing)
        if built == f"{opening}{inner}{closing}" and _balanced(inner):
            return inner
    return built


def _balanced(text: str) -> bool:
    depth = 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return False
    return depth == 0


def _function(name: str) -> str:
    if name in FUNCTIONS:
        return f"\\{name}"
    return symbol(name) if len(name) == 1 else rf"\operatorname{{{name}}}"


def named(symbols: Mapping[str, str]) -> Write:
    """Return how the names of a template are written by these symbols."""
    return lambda name: formula(symbols.get(name, name))
