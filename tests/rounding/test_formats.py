from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fcinspect.errors import UsageError
from fcinspect.rounding.arrays import from_bytes, half_ulp, hold, round_to, to_bytes
from fcinspect.rounding.formats import FORMATS, NumberFormat, format_named

ALL = pytest.mark.parametrize("number_format", FORMATS.values(), ids=FORMATS)
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)


@ALL
def test_the_constants_are_torchs(number_format: NumberFormat) -> None:
    """Range and precision of each format are what torch.finfo says."""
    info = torch.finfo(getattr(torch, number_format.name))
    assert number_format.largest == info.max
    assert number_format.smallest_normal == info.tiny
    assert number_format.smallest_subnormal == info.smallest_normal * info.eps
    assert 2 * number_format.unit_roundoff == info.eps
    assert number_format.itemsize * 8 == info.bits


@ALL
@given(value=DOUBLES)
def test_rounding_is_torchs(number_format: NumberFormat, value: float) -> None:
    """Exact and vectorised rounding both equal torch's conversion from float64."""
    expected = torch.tensor(value, dtype=torch.float64).to(getattr(torch, number_format.name))
    assert number_format.round(Fraction(value)) == expected.item()
    assert round_to([value], number_format)[0] == expected.item()
    assert hold([value], number_format.name)[0] == expected.item()


@ALL
@given(value=DOUBLES)
def test_a_rounded_number_is_held(number_format: NumberFormat, value: float) -> None:
    """Rounding twice changes nothing, and the nearest number is at most half an ulp away."""
    rounded = number_format.round(value)
    assert number_format.round(rounded) == rounded
    assert number_format.holds(rounded)
    if math.isfinite(rounded):
        distance = abs(Fraction(rounded) - Fraction(value))
        assert distance <= Fraction(number_format.ulp(value)) / 2
        if number_format.ulp(value) > 2.0**-1074:
            assert half_ulp(value, number_format) * 2 == number_format.ulp(value)


def test_halfway_cases_go_to_even() -> None:
    """Between two neighbours the even one is taken, in fractions that no float64 holds too."""
    bfloat16 = format_named("bfloat16")
    assert bfloat16.round(1 + 2.0**-8) == 1.0
    assert bfloat16.round(1 + 3 * 2.0**-8) == 1 + 2.0**-6
    assert bfloat16.round(1 + Fraction(1, 2**8) + Fraction(1, 2**200)) == 1 + 2.0**-7


@pytest.mark.parametrize("name", FORMATS)
@given(bits=st.lists(st.integers(0, 2**16 - 1), max_size=20))
def test_bytes_are_torchs(name: str, bits: list[int]) -> None:
    """The bytes of every array are those of the torch tensor with the same numbers."""
    itemsize = format_named(name).itemsize
    raw = np.array(bits * itemsize, dtype="<u2").tobytes()[: len(bits) * itemsize]
    values = from_bytes(raw, name)
    tensor = torch.frombuffer(bytearray(raw), dtype=getattr(torch, name)) if raw else None
    assert to_bytes(values, name) == raw
    if tensor is not None:
        with np.errstate(invalid="ignore"):  # signalling NaNs
            np.testing.assert_array_equal(values.astype(np.float64), tensor.double().numpy())


def test_an_unknown_format_is_named() -> None:
    """The nearest known name is suggested."""
    with pytest.raises(UsageError, match="invalid dtype 'flaot32'") as caught:
        format_named("flaot32")
    assert caught.value.hint == "did you mean 'float32'?"
