"""The network, input and target of a worksheet, and the code that stands for its seed.

The code stands on the sheet, so that nobody reads the seed at a glance. It has 8 characters, or 12
for the largest seeds, all but the last of them the digits of a number to base 31. That number is
the seed, stirred so that neighbouring seeds have codes that do not look alike. The last character
makes the sum of place times digit, places counted from 1, a multiple of 31, a prime number: a code
with one wrong character, or with two exchanged, is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from typing import Generic, TypeVar

from fcinspect.errors import UsageError
from fcinspect.layers.spec import LARGEST_SEED

KINDS = ("forward", "gradient", "step", "all")
"""What is to be worked out: the forward pass; the loss and the gradients; the new parameters and
their loss; or all of these."""
SMOOTH = ("sigmoid", "tanh")
HIDDEN = ("relu", *SMOOTH)
"""Activations that a sheet may have after its hidden layers."""
DECIMALS = 4
"""Unless the sheet is asked for with others."""
FEWEST_DECIMALS, MOST_DECIMALS = 2, 6

LARGEST_CLASS = 100
"""Sheets of a class set."""
LONGEST_NAME = 60
"""Characters of a pupil's name or of a date."""

Vector = tuple[Fraction, ...]
Number = TypeVar("Number")


@dataclass(frozen=True)
class SheetOptions:
    """The worksheet that is asked for; the same options make the same one in every version."""

    kind: str
    """One of KINDS; the numbers do not depend on it."""
    widths: tuple[int, ...]
    """in_features of the first layer, then every layer's out_features."""
    seed: int
    bias: bool = True
    activation: str = "relu"
    """One of HIDDEN."""
    decimals: int | None = None
    """To so many every result is rounded after sigmoid or tanh; None with relu."""


@dataclass(frozen=True)
class SheetLayer(Generic[Number]):
    """A linear layer, in numbers of one kind, and the activation after it."""

    name: str
    """fc1, fc2, …"""
    weight: tuple[tuple[Number, ...], ...]
    """(out_features, in_features)"""
    bias: tuple[Number, ...] | None
    """(out_features)"""
    activation: str
    """relu, sigmoid or tanh; identity after the last layer"""

    @property
    def shape(self) -> tuple[int, int]:
        """(out_features, in_features)"""
        return len(self.weight), len(self.weight[0])


@dataclass(frozen=True)
class Problem:
    """What is to be worked out; every number of it is exact."""

    kind: str
    """One of KINDS."""
    widths: tuple[int, ...]
    """in_features of the first layer, then every layer's out_features."""
    seed: int
    layers: tuple[SheetLayer[Fraction], ...]
    x: Vector
    """One input, (in_features)."""
    target: Vector
    """(outputs)"""
    loss: str
    """mse, Σ(y − t)²/N over the N outputs."""
    learning_rate: Fraction
    """Of one SGD step."""
    decimals: int | None = None
    """To so many every result is rounded and gone on with; None: nothing is rounded."""

    @property
    def activation(self) -> str:
        """That of the hidden layers; identity where there are none."""
        return self.layers[0].activation

    @property
    def code(self) -> str:
        """What stands on the sheet instead of the seed."""
        return code_of(self.seed)

    @property
    def has_bias(self) -> bool:
        """Whether the layers have a bias."""
        return self.layers[0].bias is not None

    @property
    def options(self) -> SheetOptions:
        """The options that make its numbers, unless they are altered."""
        return SheetOptions(
            self.kind, self.widths, self.seed, self.has_bias, self.activation, self.decimals
        )


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
    number, digits = _stirred(seed, count), [0] * count
    for place in reversed(range(count)):
        number, digits[place] = divmod(number, BASE)
    weighed = sum(place * digit for place, digit in enumerate(digits, start=1))
    last = -weighed * pow(count + 1, -1, BASE) % BASE
    signs = "".join(ALPHABET[digit] for digit in (*digits, last))
    return "-".join(signs[k : k + GROUP] for k in range(0, len(signs), GROUP))


def seed_of(code: str) -> int:
    """Return the seed of a code in any case, dashes or not; raises UsageError for no code."""
    signs = DASHES.sub("", code)
    for sign in signs:
        if sign not in ALPHABET and sign not in ALPHABET.lower():
            raise _refused(code, f"{sign!r} appears in no code (nor do 0, 1, I, L and O)")
    if len(signs) not in (SHORT + 1, LONG + 1):
        count = f"{len(signs)} character{'s' * (len(signs) != 1)}"
        raise _refused(code, f"it has {count}, not {SHORT + 1} or {LONG + 1}")
    digits = [ALPHABET.index(sign) for sign in signs.upper()]
    if sum(place * digit for place, digit in enumerate(digits, start=1)) % BASE:
        raise _refused(code, "a character is wrong, or two are swapped")
    number = 0
    for digit in digits[:-1]:
        number = number * BASE + digit
    seed = _unstirred(number, len(digits) - 1)
    if seed > LARGEST_SEED or (len(digits) > SHORT + 1 and seed < BASE**SHORT):
        raise _refused(code, "it matches no seed")
    return seed


def _refused(code: str, reason: str) -> UsageError:
    shown = repr(code if len(code) <= LONGEST_SHOWN else f"{code[:LONGEST_SHOWN]}…")
    return UsageError(
        f"{shown} is not the code of a worksheet: {reason}; expected the code printed on the"
        f" sheet, such as {code_of(7)}"
    )


def _stirred(number: int, count: int) -> int:
    """Return another number of that many digits, of each number another: a Feistel network."""
    high, low, lower = _halves(number, count)
    for k in ROUNDS:
        high, low = low, (high + _noise(k, low)) % (BASE**count // lower)
        lower = BASE**count // lower
    return high * lower + low


def _unstirred(number: int, count: int) -> int:
    high, low, lower = _halves(number, count)
    for k in reversed(ROUNDS):
        high, low = (low - _noise(k, high)) % lower, high
        lower = BASE**count // lower
    return high * lower + low


def _halves(number: int, count: int) -> tuple[int, int, int]:
    lower = BASE ** (count // 2)
    return *divmod(number, lower), lower


def _noise(k: int, number: int) -> int:
    return int.from_bytes(sha256(f"fcinspect worksheet code {k}:{number}".encode()).digest(), "big")
