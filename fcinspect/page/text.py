"""How numbers, shapes, byte counts and names from files are written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from fcinspect.rounding.formats import NumberFormat

Key = TypeVar("Key")
Value = TypeVar("Value")

DEFAULT_PRECISION = 4
"""Decimals shown unless --precision says otherwise."""


def number(value: float, precision: int = DEFAULT_PRECISION) -> str:
    """Write a number with `precision` decimals; never 0.0000 for what is not zero."""
    if not math.isfinite(value):
        return str(value)
    fixed = f"{value:.{precision}f}"
    short = value == 0 or (abs(value) < 1e7 and float(fixed) != 0)
    return fixed if short else f"{value:.{precision}e}"


def numbers(values: Iterable[float], precision: int = DEFAULT_PRECISION) -> list[str]:
    """Write numbers that stand together; whole numbers lose their decimals."""
    return list(map(writer(values := list(values), precision), values))


def writer(values: Iterable[float], precision: int = DEFAULT_PRECISION) -> Callable[[float], str]:
    """Return how the numbers of one column or matrix are written."""
    if all(math.isfinite(v) and v == int(v) and abs(v) < 1e7 for v in values):
        return lambda value: f"{value:.0f}" if value or math.copysign(1, value) > 0 else "-0"
    return lambda value: number(value, precision)


def significant(value: float, digits: int = 3) -> str:
    """Write a number to a few significant digits."""
    return f"{value:.{digits}g}"


def statistic(value: float, precision: int = DEFAULT_PRECISION) -> str:
    """Write a number of any size to about `precision` significant digits, "–" for nan."""
    if value != value:
        return "–"
    if value == 0:
        return "0"
    if not math.isfinite(value) or 0.1 <= abs(value) < 1e5:
        return number(value, precision)
    if 1e-3 <= abs(value) < 1:
        return number(value, precision + 1)
    return f"{value:.{max(precision - 1, 0)}e}"


def share(ratio: float) -> str:
    """Write how much of the bound an error takes."""
    if not math.isfinite(ratio) or ratio > 1e4:
        return "beyond it"
    if ratio == 0:
        return "exact"
    return f"{100 * ratio:.2g} %" if ratio < 0.1 else f"{100 * ratio:.0f} %"


def shortest(value: float, number_format: NumberFormat) -> str:
    """Write six digits, or as many more as are needed to read back this number of that format."""
    if not math.isfinite(value):
        return str(value)
    written = (f"{value:.{digits}g}" for digits in range(6, 18))
    return next(text for text in written if number_format.round(Fraction(text)) == value)


def exact_decimal(value: Fraction, digits: int = 10) -> str:
    """Write an exact number to `digits` significant digits, with … when digits were left out."""
    from decimal import ROUND_DOWN, Context, Decimal

    context = Context(prec=digits + 1, rounding=ROUND_DOWN)
    quotient = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    more = "" if Fraction(quotient) == value else "…"
    shown = Context(prec=digits, rounding=ROUND_DOWN).plus(quotient) if more else quotient
    plain = format(shown, "f")
    return (plain if len(plain) <= 24 else format(shown, "e")) + more


def shape(dimensions: Iterable[int]) -> str:
    """Write a shape as PyTorch users read it: (3, 4); () for one number."""
    return "(" + ", ".join(str(d) for d in dimensions) + ")"


def matrix_shape(dimensions: Iterable[int]) -> str:
    """Write a shape as mathematics does: (2×4)."""
    return "(" + "×".join(str(d) for d in dimensions) + ")"


def sizes(dimensions: Iterable[int]) -> str:
    """Write a shape without blanks, for tables: 4×3×32×32; () for one number."""
    return "×".join(str(d) for d in dimensions) or "()"


def index(place: Iterable[int]) -> str:
    """Write the place of a number in an array: [1,2]."""
    return "[" + ",".join(map(str, place)) + "]"


def count(value: int) -> str:
    """Write a count with a comma between thousands."""
    return f"{value:,}"


def plural(value: int, noun: str) -> str:
    """Write "1 layer", "2 layers"."""
    return f"{count(value)} {noun}" + ("" if value == 1 else "s")


def byte_count(value: int) -> str:
    """Write a byte count: 24 B, 6.1 KiB, 3.0 GiB."""
    size = float(value)
    if value < 1024:
        return f"{value} B"
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size:.3g} ZiB"


def grouped(pairs: Iterable[tuple[Key, Value]]) -> dict[Key, list[Value]]:
    """Return what goes with each key, the keys in the order in which they first occur."""
    groups: dict[Key, list[Value]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups


ACTING = (
    "\x00-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u2064\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd"
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
"""Control, format and surrogate characters and line separators, as ranges of a pattern."""


@cache
def acting(but: str = "") -> re.Pattern[str]:
    """Return the pattern of a character that acts, `but` some."""
    return re.compile(f"(?![{re.escape(but)}])[{ACTING}]" if but else f"[{ACTING}]")


def escaped(character: str) -> str:
    """Return a character by its number, as in the source of Python."""
    return character.encode("unicode_escape").decode("ascii")


def safe(name: str) -> str:
    """Escape what could act on a terminal: control, format and unprintable characters."""
    if name.isprintable():
        return name
    return "".join(sign if sign.isprintable() else escaped(sign) for sign in name)


NAMELESS = "the layer"


def layer_name(name: str) -> str:
    """Return the name of a layer as it is shown; a file of one layer may give it none."""
    return safe(name) or NAMELESS


BARS = ".▁▂▃▄▅▆▇█"
"""Bars of no height, and of one eighth to all of a line."""


def bars(counts: Sequence[int]) -> str:
    """Draw counts as bars, the largest a whole line high; none but 0 is without height."""
    most = max(counts, default=0)
    return "".join(BARS[0 if not count else -(-8 * count // most)] for count in counts)


ASCII = str.maketrans(
    {
        "⎡": "[", "⎢": "[", "⎣": "[", "⎤": "]", "⎥": "]", "⎦": "]",
        "ᵀ": "^T", "·": "*", "×": "x", "−": "-", "÷": "/", "→": "->", "←": "<-", "…": "...",
        "⋯": "...", "⋮": ":", "⋱": ":", "√": "sqrt", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~",
        "∑": "sum", "Σ": "sum", "½": "1/2", "⊙": "(*)", "⊗": "outer", "∂": "d", "Δ": "D",
        "∞": "inf", "∈": "in", "±": "+/-", "—": "-", "–": "-", "’": "'", "′": "'", "ŷ": "y^",
        "″": "''", "‴": "'''",
        "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "eps", "η": "eta",
        "θ": "theta", "‖": "||", "λ": "lambda", "μ": "mu", "π": "pi", "ρ": "rho",
        "σ": "sigma", "τ": "tau", "φ": "phi",
        "Φ": "Phi", "✓": "ok", "✗": "no", "│": "|", "─": "-", "┤": "+", "└": "+", "┬": "+",
        "⁻": "^-", "ˣ": "^x", "ᶻ": "^z",
        "ⁿ": "^n", "╭": "+", "❱": ">", "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")",
        "ᵢ": "_i", "ₖ": "_k", "ₙ": "_n", "ₚ": "_p", "\u0302": "^", "\u0303": "~",
        **{sign: str(digit) for digit, sign in enumerate("₀₁₂₃₄₅₆₇₈₉")},
        **dict.fromkeys("▉▊▋▌▍▎▏▀", "#"), "░": ".", "▒": ":", "▓": "*",
        **{sign: str(height) for height, sign in enumerate(BARS) if height},
        **{sign: f"^{digit}" for digit, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    }
)  # fmt: skip
"""The replacement of each sign if the terminal or file has ASCII only."""


def layer_called(name: str) -> str:
    """Return the name of a layer in a sentence: "layer 0" for a bare number."""
    return f"layer {safe(name)}" if name[:1].isdigit() else safe(name)


def ascii_only(text: str) -> str:
    """Write text in ASCII: the project's own signs by table, anything else escaped."""
    return text.translate(ASCII).encode("ascii", "backslashreplace").decode("ascii")
