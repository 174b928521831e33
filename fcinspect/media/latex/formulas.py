"""The formulas that the records hold as text, "Σ(y − t)²/N", as LaTeX.

A formula is a sum of products of factors; quotients become fractions, and a case distinction
"z where z > 0, else 0.01·z" becomes cases. What is not a formula raises NotAFormula.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from fcinspect.media.latex.words import MATH, math_number, words

TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)"
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
            found.append(match["number"] or match["sign"])
        at = match.end()
    return found


FUNCTIONS = {"exp", "log", "max", "min", "tanh"}
"""Those that LaTeX has a command for."""
SUMS = {"+": "+", "-": "-", "−": "-"}
PRODUCTS = {"·": r"\cdot", "×": r"\times", "⊙": r"\odot", "⊗": r"\otimes"}
RELATIONS = {"=": "=", "<": "<", ">": ">", "≈": r"\approx"}
ALONE = {**SUMS, **PRODUCTS, **RELATIONS, "→": r"\to"}
CASES = re.compile(r"(.+) where (.+), else (.+)")
LONGEST = 400
MOST_NESTED = 60
"""A longer text, or one with more parentheses, is not a formula of these records."""
FRACTION = r"\frac"
RAISED = {"²": "^{2}", "ᵀ": MATH["ᵀ"]}


def formula(text: str, *, flat: bool = False) -> str:
    """Return the LaTeX of a formula or a sign; `flat`: quotients with a slash, as within a line.

    Raises NotAFormula for text that is none.
    """
    if text in ALONE:
        return ALONE[text]
    if len(text) > LONGEST or sum(map(text.count, "([|")) > MOST_NESTED:
        raise NotAFormula(text)
    cases = CASES.fullmatch(text)
    if cases:
        *before, first = cases[1].rsplit(" = ", 1)
        left = f"{formula(before[0], flat=flat)} = " if before else ""
        parts = (first, cases[2], cases[3])
        yes, condition, no = (formula(part, flat=flat) for part in parts)
        return rf"{left}\begin{{cases}}{yes} & {condition}\\{no} & \text{{else}}\end{{cases}}"
    return _Parser(text, flat).whole()


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


class _Parser:
    """Reads a formula from left to right."""

    def __init__(self, text: str, flat: bool) -> None:
        self._tokens = tokens(text)
        self._at = 0
        self._flat = flat

    def whole(self) -> str:
        parts = self._listed()
        if self._at < len(self._tokens):
            raise NotAFormula(self._tokens[self._at])
        return r",\quad ".join(parts)

    def _listed(self) -> list[str]:
        parts = [self._relation()]
        while self._take(","):
            parts.append(self._relation())
        return parts

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
            if (sign := self._take("²", "ᵀ")) is not None:
                built += RAISED[sign]
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
        if token[0].isascii() and token[0].isdigit():
            following = self._tokens[self._at : self._at + 1]
            letter = self._atom() if following and following[0].isalpha() else ""  # 2π
            return math_number(token) + letter
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
        parts = self._listed()
        if not self._take(closing):
            raise NotAFormula("".join(self._tokens))
        return ", ".join(parts)

    def _take(self, *signs: str) -> str | None:
        if self._at < len(self._tokens) and self._tokens[self._at] in signs:
            self._at += 1
            return self._tokens[self._at - 1]
        return None

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
