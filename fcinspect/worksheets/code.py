"""The code of a worksheet: its seed in letters and digits from which nobody reads the seed.

A code has 8 characters, or 12 for the largest seeds, all but one of them the digits of a number to
base 31. That number is the seed, stirred so that neighbouring seeds have codes that do not look
alike. The last character makes the sum of place times digit, places counted from 1, a multiple of
31. Since 31 is a prime number, a code with one wrong character, or with two exchanged, is none.

This hides the seed from a glance. It is no secret: whoever runs fcinspect can read a code.
"""

from __future__ import annotations

import re
from hashlib import sha256

from fcinspect.errors import UsageError
from fcinspect.layers.spec import LARGEST_SEED

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Digits and letters of which no two look alike: neither 0 and O nor 1, I and L."""
BASE = len(ALPHABET)
SHORT, LONG = 7, 11
"""Digits of a seed below BASE**SHORT, and of the others."""
ROUNDS = range(6)
GROUP = 4
"""Characters between two dashes."""
DASHES = re.compile(r"[\s\u2010-\u2015\u2212-]+")
LONGEST_SHOWN = 40


def code_of(seed: int) -> str:
    """Return the code of a seed, such as "JQ6G-GBVA" of 7."""
    count = SHORT if seed < BASE**SHORT else LONG
    digits = _digits(_stirred(seed, count), count)
    weighed = sum(place * digit for place, digit in enumerate(digits, start=1))
    last = -weighed * pow(count + 1, -1, BASE) % BASE
    signs = "".join(ALPHABET[digit] for digit in (*digits, last))
    return "-".join(signs[k : k + GROUP] for k in range(0, len(signs), GROUP))


def seed_of(code: str) -> int:
    """Return the seed of a code, written in any case, with or without the dashes.

    Raises UsageError for what is no code.
    """
    signs = DASHES.sub("", code)
    for sign in signs:
        if sign not in ALPHABET and sign not in ALPHABET.lower():
            raise _refused(code, f"{sign!r} stands in no code (nor do 0, 1, I, L and O)")
    if len(signs) not in (SHORT + 1, LONG + 1):
        raise _refused(code, f"it has {len(signs)} characters, not {SHORT + 1} or {LONG + 1}")
    digits = [ALPHABET.index(sign) for sign in signs.upper()]
    if sum(place * digit for place, digit in enumerate(digits, start=1)) % BASE:
        raise _refused(code, "a character is wrong, or two are exchanged")
    number = 0
    for digit in digits[:-1]:
        number = number * BASE + digit
    seed = _unstirred(number, len(digits) - 1)
    if seed > LARGEST_SEED or (len(digits) > SHORT + 1 and seed < BASE**SHORT):
        raise _refused(code, "it stands for no seed")
    return seed


def _refused(code: str, reason: str) -> UsageError:
    shown = repr(code if len(code) <= LONGEST_SHOWN else f"{code[:LONGEST_SHOWN]}…")
    return UsageError(
        f"{shown} is not the code of a worksheet: {reason}; expected a code as it is printed on"
        f" the sheet, such as {code_of(7)}"
    )


def _digits(number: int, count: int) -> list[int]:
    """Return the digits to base BASE, the highest first."""
    found = []
    for _ in range(count):
        number, digit = divmod(number, BASE)
        found.append(digit)
    return found[::-1]


def _stirred(number: int, count: int) -> int:
    """Return another number of that many digits, of each number another: a Feistel network."""
    high, low, lower = _halves(number, count)
    for k in ROUNDS:
        high, low = low, (high + _noise(k, low)) % (BASE**count // lower)
        lower = BASE**count // lower
    return high * lower + low


def _unstirred(number: int, count: int) -> int:
    """Return the number that `_stirred` makes this one of."""
    high, low, lower = _halves(number, count)
    for k in reversed(ROUNDS):
        high, low = (low - _noise(k, high)) % lower, high
        lower = BASE**count // lower
    return high * lower + low


def _halves(number: int, count: int) -> tuple[int, int, int]:
    """Return the upper digits, the lower ones, and what the lower ones stay below."""
    lower = BASE ** (count // 2)
    return *divmod(number, lower), lower


def _noise(k: int, number: int) -> int:
    return int.from_bytes(sha256(f"fcinspect worksheet code {k}:{number}".encode()).digest(), "big")
