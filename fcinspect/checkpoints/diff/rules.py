"""Rules by which every number of B may follow from the one of A at its place.

Each rule is held against all places and struck out at the first that breaks it. Numbers are rounded
to a narrower format exactly as conversions do it: to nearest, ties to even (IEEE 754-2019, section
4.3.1), or toward zero, as by dropping bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.arrays import Float64Array, half_ulp, round_to
from fcinspect.rounding.formats import FLOAT32, STORED, NumberFormat

Way = Literal["rounded", "truncated"]

LARGEST = {"float8_e4m3fn": 448.0}
"""Formats whose largest number is not (2 − 2^(1−t))·2^e, since its code stands for NaN."""
EVIDENCE = 40
"""Bits by which the numbers must speak for a factor: one in 10¹² is no accident."""


def narrowed(values: Float64Array, dtype: str, way: Way = "rounded") -> Float64Array:
    """Return float64 numbers in a narrower format, still as float64.

    Beyond the largest number of the format lies ±infinity; where it has none, the largest itself.
    """
    form = STORED[dtype]
    if way == "truncated":
        return _truncated(values, form)
    found = round_to(values, form)
    if dtype in LARGEST:
        found = np.clip(found, -LARGEST[dtype], LARGEST[dtype])
    return found


def is_narrowed(wide: Float64Array, narrow: Float64Array, dtype: str, way: Way = "rounded") -> bool:
    """Whether `narrow` is `wide` in a narrower format, every number of it.

    Where the format has no infinity, some converters make NaN of what lies beyond it.
    """
    same = same_numbers(narrowed(wide, dtype, way), narrow)
    if dtype in LARGEST:
        with np.errstate(invalid="ignore"):
            same |= np.isnan(narrow) & (np.abs(round_to(wide, STORED[dtype])) > LARGEST[dtype])
    return bool(same.all())


def _truncated(values: Float64Array, form: NumberFormat) -> Float64Array:
    found = round_to(values, form)
    with np.errstate(invalid="ignore", over="ignore"):
        away = np.abs(found) > np.abs(values)
        shorter = found - np.copysign(2 * half_ulp(values, form), values)
        overflown = away & ~np.isfinite(found)
        shorter = np.where(overflown, np.copysign(form.largest, values), shorter)
        shorter = np.where(shorter == 0, np.copysign(0.0, values), shorter)
    return np.where(away, shorter, found)


def same_numbers(a: Float64Array, b: Float64Array) -> npt.NDArray[np.bool]:
    """Return where two numbers are the same: their signs too if they are 0, or both NaN."""
    found = (a == b) & (np.signbit(a) == np.signbit(b))
    both: npt.NDArray[np.bool] = found | (np.isnan(a) & np.isnan(b))
    return both


@dataclass(frozen=True)
class Narrowing:
    """One side is the other in a narrower format."""

    dtype: str
    """The format."""
    way: Way
    """How."""
    of: Literal["A", "B"]
    """Which side was narrowed: B is A rounded for "A"."""


@dataclass
class Factor:
    """The interval of all s with b = s·a rounded to B's format."""

    low: float = -math.inf
    high: float = math.inf
    count: int = 0
    """Places that say something of s."""

    def take(self, a: Float64Array, b: Float64Array, dtype: str) -> bool:
        """Narrow the interval; return whether any s is left."""
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            return False
        if ((a == 0) & (b != 0)).any():
            return False
        told = a != 0
        a, b = a[told], b[told]
        self.count += a.size
        if a.size:
            low, high = ends(a, b, dtype)
            self.low = max(self.low, float(low.max()))
            self.high = min(self.high, float(high.min()))
        return self.low <= self.high

    def value(self, dtype: str) -> float | None:
        """Return the shortest number in the interval; None without enough evidence, or for 0 or 1.

        A number counts as in it where the nearest number of float32 is, which is what torch
        multiplies by.
        """
        if (self.count - 1) * (STORED[dtype].precision - 2) < EVIDENCE:
            return None
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return None
        if any(self.low <= trivial <= self.high for trivial in (0.0, 1.0)):
            return None
        middle = self.low + (self.high - self.low) / 2
        for digits in range(1, 18):
            short = float(f"{middle:.{digits}g}")
            if any(self.low <= s <= self.high for s in (short, FLOAT32.round(short))):
                return short
        return middle


def ends(a: Float64Array, b: Float64Array, dtype: str) -> tuple[Float64Array, Float64Array]:
    """Return, for numbers a that are not 0, the smallest and largest s with s·a rounded to b."""
    with np.errstate(over="ignore"):
        half = half_ulp(b, STORED[dtype]) * _slack(dtype)
        one, other = (b - half) / a, (b + half) / a
    return np.minimum(one, other), np.maximum(one, other)


def _slack(dtype: str) -> float:
    """How much more than half an ulp is granted: formats below float32 are rounded twice."""
    return {53: 4.0, 24: 1 + 2**-20}.get(STORED[dtype].precision, 1 + 2**-8)


class Rules:
    """The rules that are left of those that could hold from A's format to B's."""

    def __init__(self, dtype_a: str, dtype_b: str) -> None:
        """Take all rules for possible."""
        self.dtype_a, self.dtype_b = dtype_a, dtype_b
        self.same = self.negated = True
        self.factor: Factor | None = Factor()
        ways: tuple[Way, ...] = ("rounded", "truncated")
        self.narrowings = [
            *(Narrowing(d, w, "A") for d in _narrower(dtype_a, dtype_b) for w in ways),
            *(Narrowing(d, w, "B") for d in _narrower(dtype_b, dtype_a) for w in ways),
        ]

    @property
    def any_left(self) -> bool:
        """Whether some rule still holds."""
        return bool(self.same or self.narrowings or self.negated or self.factor)

    def take(self, a: Float64Array, b: Float64Array) -> None:
        """Strike out what these numbers break."""
        self.same = self.same and bool(same_numbers(a, b).all())
        self.narrowings = [rule for rule in self.narrowings if _holds(rule, a, b)]
        self.negated = self.negated and bool(same_numbers(-a, b).all())
        if self.factor is not None and not self.factor.take(a, b, self.dtype_b):
            self.factor = None

    def narrowing(self) -> Narrowing | None:
        """Return the narrowing that is left: the widest format, rounding before truncation."""
        if not self.narrowings:
            return None
        return min(
            self.narrowings, key=lambda rule: (-STORED[rule.dtype].precision, rule.way, rule.of)
        )


def _narrower(wide: str, stored: str) -> list[str]:
    """Return the formats that numbers of `wide` may have been rounded to and kept as `stored`."""
    return [
        name
        for name, form in STORED.items()
        if (name == stored and name != wide)
        or (form.precision < STORED[wide].precision and form.precision < STORED[stored].precision)
    ]


def _holds(rule: Narrowing, a: Float64Array, b: Float64Array) -> bool:
    wide, narrow = (a, b) if rule.of == "A" else (b, a)
    return is_narrowed(wide, narrow, rule.dtype, rule.way)
