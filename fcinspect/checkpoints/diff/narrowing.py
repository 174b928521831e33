"""Rounding numbers to a narrower format, exactly as conversions do it.

To nearest, ties to even (IEEE 754-2019, section 4.3.1); or toward zero, as by dropping bits.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.arrays import Float64Array, half_ulp, round_to
from fcinspect.rounding.formats import FORMATS, NumberFormat

Way = Literal["rounded", "truncated"]

FLOAT8 = {
    "float8_e4m3fn": NumberFormat("float8_e4m3fn", 4, 8, -6, 1),
    "float8_e5m2": NumberFormat("float8_e5m2", 3, 15, -14, 1),
}
LARGEST = {"float8_e4m3fn": 448.0}
"""Formats whose largest number is not (2 − 2^(1−t))·2^e, since its code stands for NaN."""
NARROW: dict[str, NumberFormat] = {**FORMATS, **FLOAT8}
"""Every format that numbers are rounded to."""


def narrowed(values: Float64Array, dtype: str, way: Way = "rounded") -> Float64Array:
    """Return float64 numbers in a narrower format, still as float64.

    Beyond the largest number of the format lies ±infinity, and NaN where it has no infinity.
    """
    form = NARROW[dtype]
    if way == "truncated":
        return _truncated(values, form)
    found = round_to(values, form)
    if dtype in LARGEST:
        with np.errstate(invalid="ignore"):
            found[~(np.abs(found) <= LARGEST[dtype])] = np.nan
    return found


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
