"""Text as LaTeX: whatever a name says is shown, nothing in it is obeyed.

pdflatex's fonts hold ASCII, accented Latin letters and the signs of mathematics; any other sign is
written by its number, ``\\sign{4E2D}``, which a document says in words (document.py).
"""

from __future__ import annotations

import re
import unicodedata

from fcinspect.render.latex.numbers import NUMBER, math_number
from fcinspect.render.text import safe

LONG = 24
"""A word of more characters may be broken behind its dots, and behind every eighth character."""

ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u",
    "\u0307": ".", "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0323": "d",
    "\u0327": "c",
}  # fmt: skip
"""The accents that LaTeX sets on a letter, by their combining signs."""
LETTERS = {
    "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}",
    "Œ": r"\OE{}", "ł": r"\l{}", "Ł": r"\L{}", "\u0131": r"\i{}", "–": "--", "—": "---",
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
    rf"({OPTION.pattern})|{INDEXED.pattern}|({NUMBER})|({LETTER.pattern})|{PERCENT.pattern}"
)


def words(text: str) -> str:
    """Return running text: numbers, indexed letters and signs of mathematics as mathematics."""
    text = safe(text)
    done, built = 0, []
    for found in PIECES.finditer(text):
        built += [_prose(text[done : found.start()]), _piece(*found.groups())]
        done = found.end()
    return "".join((*built, _prose(text[done:])))


def _piece(option: str, indexed: str, index: str, number: str, letter: str) -> str:
    if option:
        return typed(option)
    if indexed:
        return f"${indexed}_{{{index}}}$"
    if number:
        plain = not set(number) & set("-e…")
        return number if plain else f"${math_number(number)}$"
    if letter:
        return f"${''.join(MATH.get(sign, sign) for sign in _spaced(letter))}$"
    return r"\,\%"


def _spaced(letter: str) -> str:
    return letter.replace("∂", "∂ ")


def typed(name: str) -> str:
    """Return a name, in the typewriter font, in which every sign is as it was typed."""
    name = safe(name)
    shown = [_typed(sign, position > 0) for position, sign in enumerate(name)]
    return rf"\texttt{{{_breakable(name, shown)}}}"


def _prose(text: str) -> str:
    parts = re.split(r"( +)", text)
    return "".join(_word(p) if p.strip() else " " * bool(p) for p in parts)


def _word(word: str) -> str:
    return _breakable(word, [_roman(sign) for sign in word]).replace("--", "-{}-")


def _breakable(name: str, shown: list[str]) -> str:
    if len(name) <= LONG:
        return "".join(shown)
    return "".join(
        f"{sign}\\allowbreak{{}}" if name[k] in "._/-:," or k % 8 == 7 else sign
        for k, sign in enumerate(shown)
    )


def _roman(sign: str) -> str:
    if sign in ROMAN:
        return ROMAN[sign]
    return _other(sign)


def _typed(sign: str, inside: bool) -> str:
    if sign == " ":
        return r"\ " if inside else r"\mbox{}\ "
    if sign in TYPED:
        return rf"\symbol{{{ord(sign)}}}" + "{}" * (sign in "!?")  # !` would be joined to ¡
    return _other(sign)


def _other(sign: str) -> str:
    """Return any sign that is not one of TeX's own."""
    if sign in MATH:
        return f"${MATH[sign]}$"
    if sign in LETTERS:
        return LETTERS[sign]
    if sign.isascii():
        return sign
    parts = unicodedata.normalize("NFD", sign)
    letter, accent = parts[0], ACCENTS.get(parts[1:])
    if accent is not None and letter.isascii() and letter.isalpha():
        base = {"i": r"\i", "j": r"\j"}.get(letter, letter)
        return rf"\{accent}{{{base}}}"
    return rf"\sign{{{ord(sign):04X}}}"
