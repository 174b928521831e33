"""Rounding numbers to a narrower format, exactly as conversions do it.

To nearest, ties to even (IEEE 754-2019, section 4.3.1); or toward zero, as by dropping bits.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.arrays import Float64Array, half_ulp, round_to
from fcinspect.rounding.formats import STORED, NumberFormat

Way = Literal["rounded", "truncated"]

LARGEST = {"float8_e4m3fn": 448.0}
"""Formats whose largest number is not (2 − 2^(1−t))·2^e, since its code stands for NaN."""


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
