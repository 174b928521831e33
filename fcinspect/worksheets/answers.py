"""What a pupil writes into a blank: whole numbers, decimals, fractions and mixed numbers, exactly.

A decimal comma, the minus signs of word processors, the wide digits of East Asian keyboards and
signs such as ½ are read too, and so is a space between a sign and its number. A comma with three
digits behind it may stand between thousands: that is not guessed where results are as large as
that.

3,5 and 2/3 and +4 are no JSON. Where each answer of a document stands on a line of its own, it is
plain which one it is, and it gets its quotes; nothing else of a document is mended.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from unicodedata import normalize

LONGEST = 60
"""Characters of an answer."""
LARGEST_EXPONENT = 30
HALVES = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
PLAIN: dict[int, str | int] = {
    **dict.fromkeys(map(ord, "\u2212\u2013\u2014\ufe63\uff0d"), "-"),
    **{0xFF10 + digit: str(digit) for digit in range(10)},
    **str.maketrans("\uff0b\uff0e\uff0c\uff0f\u2044\u2215", "+.,///"),
    **{ord(one): " " + normalize("NFKC", one).replace("\u2044", "/") + " " for one in HALVES},
}
"""Signs, and what stands for them."""
LOOSE_SIGN = re.compile(r"(?<![\w.,])([+-])\s+")
"""A sign before its number, and the space between them."""
MIXED = re.compile(r"([+-]?)(\d+) +(\d+) ?/ ?(\d+)", re.ASCII)
FRACTION = re.compile(r"([+-]?\d+) */ *([+-]?\d+)", re.ASCII)
DECIMAL = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE]([+-]?\d{1,3}))?", re.ASCII)
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
SURE_DIGITS = 15
"""Digits that float64 keeps: those behind them are not taken for written ones."""
OPENING = re.compile(r'\s*"answers"\s*:\s*\{\s*')
CLOSING = re.compile(r"\s*\}.*")
ANSWER = re.compile(
    r'(\s*"(?P<name>[^"\\]{1,60})"\s*:)\s*(?P<value>[^"{}\[\]\\]{0,200}?)\s*(?P<end>,?)'
)
EXPECTED = "expected a number such as 3, -0.25, 1.5e-3, 2/3 or 1 1/2"


@dataclass(frozen=True)
class Answer:
    """A number as it is written."""

    text: str
    value: Fraction
    unit: Fraction | None
    """One unit in the last decimal place; None of a whole number and of a fraction, which are
    not rounded. Not below the 15th digit of the number."""

    def rounds(self, right: Fraction) -> bool:
        """Whether it is a decimal to which another number rounds; nothing rounds to 0."""
        if self.unit is None or not self.value or self.value == right:
            return False
        return abs(self.value - right) <= self.unit / 2


@dataclass(frozen=True)
class Unreadable:
    """What stands in a blank and is no number."""

    text: str
    reason: str
    """Why, and what is expected."""


def read_answer(value: object, thousands: bool = True) -> Answer | Unreadable | None:
    """Return what a blank holds, None if empty; 1,234 is a decimal if not `thousands`."""
    if value is None:
        return None
    if isinstance(value, bool):
        return Unreadable(str(value).lower(), EXPECTED)
    if isinstance(value, int | float):
        # Python refuses to write whole numbers of more than 4300 digits
        long = isinstance(value, int) and value.bit_length() >= 300
        value = "9" * 100 if long else repr(value)
    if not isinstance(value, str):
        kind = "a list" if isinstance(value, list) else "an object"
        return Unreadable(kind, EXPECTED)
    text = value.strip()
    if not text:
        return None
    return _read(text, thousands)


def _read(text: str, thousands: bool) -> Answer | Unreadable:
    if len(text) > LONGEST:
        return Unreadable(f"{text[:LONGEST]}…", f"longer than {LONGEST} characters: {EXPECTED}")
    plain = LOOSE_SIGN.sub(r"\1", text.translate(PLAIN).strip())
    if (match := MIXED.fullmatch(plain)) and int(match[3]) < int(match[4]):
        size = int(match[2]) + Fraction(int(match[3]), int(match[4]))
        return Answer(text, -size if match[1] == "-" else size, None)
    if match := FRACTION.fullmatch(plain):
        numerator, denominator = int(match[1]), int(match[2])
        if not denominator:
            return Unreadable(text, f"a fraction with denominator 0: {EXPECTED}")
        return Answer(text, Fraction(numerator, denominator), None)
    if thousands and THOUSANDS.fullmatch(plain):
        dot, whole = plain.replace(",", "."), plain.replace(",", "")
        return Unreadable(text, f"may be {dot} or {whole}: expected a decimal point or none")
    match = DECIMAL.fullmatch(plain)
    if match is None:
        return Unreadable(text, EXPECTED)
    if abs(int(match[1] or 0)) > LARGEST_EXPONENT:
        return Unreadable(text, f"an exponent beyond ±{LARGEST_EXPONENT}: {EXPECTED}")
    number = Decimal(plain.replace(",", "."))
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if exponent >= 0:
        return Answer(text, Fraction(number), None)
    last = max(exponent, number.adjusted() + 1 - SURE_DIGITS)
    return Answer(text, Fraction(number), Fraction(10) ** last)


def quoted(text: str) -> tuple[str, list[str]]:
    """Return the text with quotes around what is no JSON in its answers, and whose they are."""
    lines, names, inside = text.splitlines(), [], False
    for number, line in enumerate(lines):
        if OPENING.fullmatch(line):
            inside = True
        elif inside and CLOSING.fullmatch(line):
            inside = False
        elif (found := ANSWER.fullmatch(line)) and (inside or found["name"] in ("pupil", "date")):
            value = found["value"]
            if not _is_json(value):
                lines[number] = f"{found[1]} {json.dumps(value) if value else 'null'}{found['end']}"
                names.append(found["name"])
    return "\n".join(lines), names


def fails_in_an_answer(text: str) -> bool:
    """Whether a document, whole to its end, is no JSON from somewhere in its answers on."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        answers, closing = text.rfind('"answers"', 0, error.pos), text.find("}", error.pos)
        return answers >= 0 and "}" not in text[answers : error.pos] and closing >= 0
    except (ValueError, RecursionError):
        return False
    return False


def _is_json(value: str) -> bool:
    try:
        json.loads(value)
    except ValueError:
        return False
    return True
