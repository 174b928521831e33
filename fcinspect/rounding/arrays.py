"""numpy arrays that hold the numbers of a format.

numpy has no bfloat16: its numbers are held, without loss, in float32 arrays.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.formats import (
    FLOAT8_E4M3FN,
    FLOAT8_E5M2,
    STORED,
    NumberFormat,
    format_named,
)

ITEMSIZES = {name: form.itemsize for name, form in STORED.items()}
"""Bytes of one number of every format that is read from files."""

FloatArray = npt.NDArray[np.floating[Any]]
Float64Array = npt.NDArray[np.float64]


def carrier(dtype: str) -> np.dtype[Any]:
    """Return the numpy dtype whose arrays hold numbers of `dtype`."""
    return np.dtype("float32" if dtype == "bfloat16" else format_named(dtype).name)


def round_to(values: npt.ArrayLike, number_format: NumberFormat) -> npt.NDArray[np.float64]:
    """Round float64 numbers once, to nearest even; the result is float64, ±inf on overflow."""
    exact = np.asarray(values, dtype=np.float64)
    if number_format.precision == 53:
        return exact.copy()
    with np.errstate(all="ignore"):
        if number_format.name in ("float32", "float16"):
            return exact.astype(number_format.name).astype(np.float64)
        exponent = np.frexp(exact)[1] - 1
        step = np.maximum(exponent, number_format.smallest_exponent) - number_format.precision + 1
        rounded = np.ldexp(np.rint(np.ldexp(exact, -step)), step)
        rounded = np.where(
            np.abs(rounded) > number_format.largest, np.copysign(np.inf, exact), rounded
        )
        return np.where(np.isfinite(exact), rounded, exact)


def half_ulp(values: npt.ArrayLike, number_format: NumberFormat) -> npt.NDArray[np.float64]:
    """Return half an ulp of the format at each value, but at least 2⁻¹⁰⁷⁴, a float64's smallest."""
    magnitude = np.asarray(np.abs(np.asarray(values, dtype=np.float64)))
    # a float64's exponent stands in its upper bits; that of 0 is taken for a very small one
    exponent = (magnitude.view(np.int64) >> 52) - 1023
    exponent = np.asarray(np.maximum(exponent, number_format.smallest_exponent))
    if number_format.precision < 53:
        # half an ulp of these formats is a normal float64: its bits are its exponent
        bits = np.asarray((exponent - (number_format.precision - 1023)) << 52)
        return bits.view(np.float64)
    half: npt.NDArray[np.float64] = np.ldexp(1.0, exponent - number_format.precision)
    return np.maximum(half, 2.0**-1074)


def hold(values: npt.ArrayLike, dtype: str) -> FloatArray:
    """Return the carrier array of `values` rounded to `dtype`."""
    with np.errstate(over="ignore"):
        return round_to(values, format_named(dtype)).astype(carrier(dtype))


def from_bytes(data: bytes | bytearray | memoryview, dtype: str) -> FloatArray:
    """Return the carrier array of little-endian numbers, one-dimensional."""
    if dtype == "bfloat16":
        halves = np.frombuffer(data, dtype="<u2")
        return (halves.astype(np.uint32) << 16).view(np.float32)
    if dtype in (FLOAT8_E4M3FN.name, FLOAT8_E5M2.name):
        return float8_table(dtype)[np.frombuffer(data, dtype=np.uint8)]
    return np.frombuffer(data, dtype=carrier(dtype).newbyteorder("<")).astype(
        carrier(dtype), copy=False
    )


@functools.cache
def float8_table(name: str) -> npt.NDArray[np.float32]:
    """Return the number that each byte of an 8-bit format stands for, as float32.

    Source: Micikevicius et al., "FP8 Formats for Deep Learning", 2022.
    """
    codes = np.arange(256, dtype=np.uint16)
    if name == FLOAT8_E5M2.name:  # the upper byte of a float16
        return (codes << 8).view(np.float16).astype(np.float32)
    exponent, fraction = (codes >> 3) & 15, (codes & 7).astype(np.float32)
    # bias 7; exponent 0 holds the subnormal numbers
    size = np.ldexp(
        np.where(exponent == 0, fraction / 8, 1 + fraction / 8),
        np.maximum(exponent, 1).astype(np.int32) - 7,
    )
    size[(codes & 127) == 127] = np.nan  # there is no infinity
    signed: npt.NDArray[np.float32] = np.where(codes < 128, size, -size).astype(np.float32)
    return signed


def to_bytes(values: FloatArray, dtype: str) -> bytes:
    """Return the little-endian bytes of a carrier array, rows first."""
    rows = np.ascontiguousarray(values)
    if dtype == "bfloat16":
        return (rows.view(np.uint32) >> 16).astype("<u2").tobytes()
    return rows.astype(carrier(dtype).newbyteorder("<"), copy=False).tobytes()
