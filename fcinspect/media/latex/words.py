"""Text as LaTeX: whatever a name says is shown, nothing in it is obeyed.

pdflatex's fonts hold ASCII, accented Latin letters and the signs of mathematics; any other sign is
written by its number, ``\\sign{4E2D}``, which a document says in words (document.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from fcinspect.page.text import safe

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
    """Whether this is a number as page/text.py writes it, or a gap between numbers."""
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


LONG = 24
"""A wider word may be broken behind one of ENDS, and behind every PIECE."""
PIECE = 8
ENDS = set("._/-:,")
NUMBERED = 8
"""How wide a sign is that is written by its number."""

ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u",
    "\u0307": ".", "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0323": "d",
    "\u0327": "c",
}  # fmt: skip
"""The accents that LaTeX sets on a letter, by their combining signs."""
LETTERS = {
    "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}",
    "Œ": r"\OE{}", "ł": r"\l{}", "Ł": r"\L{}", "\u0131": r"\i{}",
    "–": r"\textendash{}", "—": r"\textemdash{}",
    "…": r"\dots{}", "\u2018": "`{}", "’": "'{}", "“": "``{}", "”": "''{}",
}  # fmt: skip
GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "\u03b9": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu",
    "ξ": "xi", "π": "pi", "ρ": "rho", "ς": "varsigma", "σ": "sigma", "τ": "tau",
    "\u03c5": "upsilon", "φ": "varphi", "χ": "chi", "ψ": "psi", "ω": "omega",
    "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta",
    "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
    "µ": "mu",
}  # fmt: skip
MATH = {
    "·": r"\cdot", "×": r"\times", "−": "-", "→": r"\to", "←": r"\leftarrow", "⋯": r"\cdots",
    "⋮": r"\vdots", "⋱": r"\ddots", "√": r"\surd", "≤": r"\le", "≥": r"\ge", "≠": r"\ne",
    "≈": r"\approx",
    "∑": r"\Sigma", "½": r"\tfrac{1}{2}", "⊙": r"\odot", "⊗": r"\otimes", "∂": r"\partial",
    "∞": r"\infty", "∈": r"\in", "±": r"\pm", "÷": r"\div", "ᵀ": r"^{\mathsf{T}}", "′": "'",
    "″": "''", "‖": r"\|", "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil",
    "°": r"^\circ", "<": "<", ">": ">", "|": "|", "¬": r"\lnot", "∇": r"\nabla", "∘": r"\circ",
    "⁻": "^{-}", "ᵢ": "_i", "ₖ": "_k", "ₙ": "_n", "ₚ": "_p", "ⁿ": "^n",
    **{sign: f"\\{name}" for sign, name in GREEK.items()},
    **{sign: f"_{digit}" for digit, sign in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    **{sign: f"^{digit}" for digit, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
}  # fmt: skip
"""The signs that mathematics has."""
ROMAN = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\symbol{36}", "&": r"\&", "#": r"\#",
    "^": r"\symbol{94}", "_": r"\_", "~": r"\symbol{126}", "%": r"\%", '"': "''{}",
    "'": "'{}", "`": "`{}",
}  # fmt: skip
"""ASCII that acts, or that running text joins to its neighbour."""
TYPED = set("\\{}$&#^_~%\"'`<>|!?")
"""ASCII that is written by its place in the typewriter font."""
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
INDEXED = re.compile(r"(?<![\w.\]])([A-Za-z])\[(\d+(?:,\d+)*)\]")
PERCENT = re.compile(r"(?<=\d) %")
LETTER = re.compile(
    r"(?<![\w.'/\\{-])(?:[GXWZYNRLxyzbtg]ᵀ?|φ′\(z\)|∂L/∂[A-Za-z]|a(?= afterwards)|(?<=number of )a)"
    r"(?![\w'/\\-]|\.\w)"
)
"""A letter that stands for a matrix or a number, or a derivative."""
PIECES = re.compile(
    rf"({OPTION.pattern})|{INDEXED.pattern}|({NUMBER})|({LETTER.pattern})|{PERCENT.pattern}",
    re.ASCII,
)


@dataclass(frozen=True)
class _Sign:
    """What is written for a sign, or for several that belong together."""

    latex: str
    width: int = 1
    """About how many letters wide it is."""
    ends: bool = False
    """Whether a long word may be broken behind it."""


BLANK = _Sign(" ", 0)
DASH = re.compile("-(?=-)")
"""Two hyphens in running text would become one dash."""


def words(text: str) -> str:
    """Return running text: numbers, indexed letters and signs of mathematics as mathematics."""
    text = safe(text)
    done = 0
    signs: list[_Sign] = []
    for found in PIECES.finditer(text):
        signs += map(_roman, text[done : found.start()])
        signs.append(_Sign(_piece(*found.groups()), len(found.group())))
        done = found.end()
    signs += map(_roman, text[done:])
    runs = groupby(signs, lambda sign: sign is BLANK)
    return "".join(" " if blank else DASH.sub("-{}", _joined(list(run))) for blank, run in runs)


def _piece(option: str, indexed: str, index: str, number: str, letter: str) -> str:
    if option:
        return typed(option)
    if indexed:
        return f"${indexed}_{{{index}}}$"
    if number:
        plain = not set(number) & set("-e…")
        return number if plain else f"${math_number(number)}$"
    if letter:
        return f"${''.join(MATH.get(sign, sign) for sign in letter.replace('∂', '∂ '))}$"
    return r"\,\%"


def typed(name: str) -> str:
    """Return a name, in the typewriter font, in which every sign is as it was typed."""
    name = safe(name)
    return rf"\texttt{{{_joined([_typed(sign, bool(k)) for k, sign in enumerate(name)])}}}"


def _joined(signs: Sequence[_Sign]) -> str:
    long = sum(sign.width for sign in signs) > LONG
    built, width = [], 0
    for sign in signs:
        built.append(sign.latex)
        width += sign.width
        if long and (sign.ends or width >= PIECE):
            built.append(r"\allowbreak{}")
            width = 0
    return "".join(built)


def _roman(sign: str) -> _Sign:
    if sign == " ":
        return BLANK
    return _Sign(ROMAN[sign], ends=sign in ENDS) if sign in ROMAN else _other(sign)


def _typed(sign: str, inside: bool) -> _Sign:
    if sign == " ":
        return _Sign(r"\ " if inside else r"\mbox{}\ ")
    if sign in TYPED:  # !` would be joined to ¡
        return _Sign(rf"\symbol{{{ord(sign)}}}" + "{}" * (sign in "!?"), ends=sign in ENDS)
    return _other(sign)


def _other(sign: str) -> _Sign:
    if sign in MATH:
        return _Sign(f"${MATH[sign]}$")
    if sign in LETTERS or sign.isascii():
        return _Sign(LETTERS.get(sign, sign), ends=sign in ENDS)
    parts = unicodedata.normalize("NFD", sign)
    letter, accent = parts[0], ACCENTS.get(parts[1:])
    if accent is not None and letter.isascii() and letter.isalpha():
        base = {"i": r"\i", "j": r"\j"}.get(letter, letter)
        return _Sign(rf"\{accent}{{{base}}}")
    return _Sign(rf"\sign{{{ord(sign):04X}}}", NUMBERED)
