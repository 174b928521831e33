"""The number formats a layer can hold: precision, range, rounding, ulps. Exact, without numpy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from fcinspect.errors import UsageError, did_you_mean
from fcinspect.names import canonical


@dataclass(frozen=True)
class NumberFormat:
    """A binary floating-point format with gradual underflow (IEEE 754-2019, section 3.3)."""

    name: str
    """The dtype's name in PyTorch."""
    precision: int
    """t: bits of the significand, the leading one included."""
    largest_exponent: int
    """e of the largest finite number, (2 − 2^(1−t))·2^e."""
    smallest_exponent: int
    """e of the smallest normal number, 2^e."""
    itemsize: int
    """Bytes of one number."""

    @property
    def unit_roundoff(self) -> float:
        """u = 2^-t, the largest relative error of one rounding to nearest."""
        return math.ldexp(1.0, -self.precision)

    @property
    def smallest_subnormal(self) -> float:
        """η, the distance between neighbouring subnormal numbers."""
        return math.ldexp(1.0, self.smallest_exponent - self.precision + 1)

    @property
    def smallest_normal(self) -> float:
        """The smallest number that has all t bits."""
        return math.ldexp(1.0, self.smallest_exponent)

    @property
    def largest(self) -> float:
        """The largest finite number."""
        return math.ldexp(2.0 - math.ldexp(1.0, 1 - self.precision), self.largest_exponent)

    def ulp(self, value: Fraction | float) -> float:
        """Return the distance between neighbours of this format in the binade of `value`."""
        exponent = self.smallest_exponent
        if value != 0:
            exponent = max(_exponent(Fraction(value)), exponent)
        return math.ldexp(1.0, exponent - self.precision + 1)

    def round(self, value: Fraction | float) -> float:
        """Return the nearest number of this format, ties to even; ±inf beyond the largest."""
        if isinstance(value, float) and not math.isfinite(value):
            return value
        exact = Fraction(value)
        if exact == 0:
            return float(value) if isinstance(value, float) else 0.0
        step = Fraction(self.ulp(exact))
        rounded = round(exact / step) * step
        if abs(rounded) > self.largest:
            return math.inf if exact > 0 else -math.inf
        result = float(abs(rounded))
        return result if exact > 0 else -result

    def holds(self, value: Fraction | float) -> bool:
        """Whether `value` is a number of this format."""
        return self.round(value) == value or value != value


def _exponent(value: Fraction) -> int:
    """Return e with 2^e <= |value| < 2^(e+1)."""
    top, bottom = abs(value.numerator), value.denominator
    guess = top.bit_length() - bottom.bit_length()
    below = (top << -guess) < bottom if guess < 0 else top < (bottom << guess)
    return guess - 1 if below else guess


FLOAT64 = NumberFormat("float64", 53, 1023, -1022, 8)
FLOAT32 = NumberFormat("float32", 24, 127, -126, 4)
FLOAT16 = NumberFormat("float16", 11, 15, -14, 2)
BFLOAT16 = NumberFormat("bfloat16", 8, 127, -126, 2)

FORMATS = {f.name: f for f in (FLOAT64, FLOAT32, BFLOAT16, FLOAT16)}
"""The formats by name, in the order in which they are offered."""

FLOAT8_E4M3FN = NumberFormat("float8_e4m3fn", 4, 8, -6, 1)
"""Its largest number is 448: the code of (2 − 2^(1−t))·2^e stands for NaN."""
FLOAT8_E5M2 = NumberFormat("float8_e5m2", 3, 15, -14, 1)

STORED = {**FORMATS, **{f.name: f for f in (FLOAT8_E4M3FN, FLOAT8_E5M2)}}
"""The formats that files hold weights in by name; no layer is computed in those of 8 bits."""


def format_named(name: str) -> NumberFormat:
    """Return the format of that dtype name; raises UsageError for any other name."""
    found = canonical(name, FORMATS)
    if found is not None:
        return FORMATS[found]
    raise UsageError(
        f"invalid dtype {name!r}: expected one of {', '.join(FORMATS)}",
        hint=did_you_mean(name, FORMATS),
    )
