"""Rounding to narrower formats, held against torch's conversions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from fcinspect.checkpoints.diff.rules import is_narrowed, narrowed, same_numbers
from fcinspect.rounding.formats import STORED

HALVES = np.arange(2**16, dtype=np.uint32) << 16
"""The upper halves of all float32 numbers."""
LOWER = (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF)
"""Lower halves: none, next to none, around the tie, all ones."""


def every_float32(lower: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Return a float32 for every upper half, NaNs and infinities among them."""
    return (HALVES | np.uint32(lower)).view(np.float32)


@pytest.mark.parametrize("lower", LOWER)
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e4m3fn", "float8_e5m2"])
def test_every_upper_half_is_rounded_as_torch_rounds_it(dtype: str, lower: int) -> None:
    """65,536 numbers with ties, subnormal ones and overflow."""
    values = every_float32(lower)
    wanted = torch.from_numpy(values.copy()).to(getattr(torch, dtype)).double().numpy()
    with np.errstate(invalid="ignore"):
        found = narrowed(values.astype(np.float64), dtype)
    if dtype == "float8_e4m3fn" and np.isnan(wanted).sum() > np.isnan(found).sum():
        found[np.isnan(wanted)] = np.nan  # torch before it saturated
    assert same_numbers(found, wanted).all()


def test_every_float16_is_rounded_to_8_bits_as_torch_rounds_it() -> None:
    """From float16 to the formats with one byte, and to bfloat16."""
    values = np.arange(2**16, dtype=np.uint16).view(np.float16)
    for dtype in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        wanted = torch.from_numpy(values.copy()).to(getattr(torch, dtype)).double().numpy()
        assert is_narrowed(values.astype(np.float64), wanted, dtype)


def test_what_lies_beyond_a_format_without_infinity_is_its_largest_number_or_nan() -> None:
    """Converters differ; a number within it is never NaN."""
    values = np.array([500.0, -1e9, 1.0])
    assert narrowed(values, "float8_e4m3fn").tolist() == [448.0, -448.0, 1.0]
    for beyond in (448.0, np.nan):
        wanted = np.array([beyond, -beyond, 1.0])
        assert is_narrowed(values, wanted, "float8_e4m3fn")
        assert not is_narrowed(values, np.array([beyond, -beyond, np.nan]), "float8_e4m3fn")


@pytest.mark.parametrize("lower", LOWER)
def test_truncation_to_bfloat16_drops_bits(lower: int) -> None:
    """The upper half alone is left."""
    values = every_float32(lower)
    finite = np.isfinite(values)
    found = narrowed(values[finite].astype(np.float64), "bfloat16", "truncated")
    wanted = HALVES.view(np.float32)[finite].astype(np.float64)
    assert same_numbers(found, wanted).all()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_truncation_is_the_largest_number_not_beyond(dtype: str) -> None:
    """Exactly, of random numbers of all sizes, of powers of two and just below them."""
    random = np.random.default_rng(0)
    values = np.ldexp(random.standard_normal(300), random.integers(-30, 15, 300))
    powers = 2.0 ** np.arange(-20, 15)
    values = np.concatenate([values, powers, -powers, np.nextafter(powers, 0), [0.0, -0.0]])
    form = STORED[dtype]
    for value, found in zip(values, narrowed(values, dtype, "truncated"), strict=True):
        assert form.holds(float(found))
        assert abs(found) <= abs(value)
        assert Fraction(abs(value)) - Fraction(abs(found)) < Fraction(form.ulp(float(value)))
        assert np.signbit(found) == np.signbit(value)


def test_same_numbers_are_told_from_others() -> None:
    """The signs of zeros count, the bits of NaN do not."""
    a = np.array([0.0, 0.0, np.nan, np.inf, 1.0, np.nan])
    b = np.array([0.0, -0.0, np.nan, -np.inf, 1.0, 1.0])
    assert same_numbers(a, b).tolist() == [True, False, True, False, True, False]
