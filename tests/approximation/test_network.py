"""Interpolations as stored networks: every number of the format, the rest of the error exact."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcinspect.approximation.interpolation import Interpolation
from fcinspect.approximation.network import (
    StoredNetwork,
    evaluation_error,
    largest_sum,
    run_in_numpy,
    store,
)
from fcinspect.errors import InputError
from fcinspect.rounding.formats import FLOAT32, FLOAT64, NumberFormat
from tests.approximation.exactly import exactly

FORMATS = [FLOAT32, FLOAT64]


def interpolation(knots: list[Fraction], values: list[Fraction]) -> Interpolation:
    """Return an interpolation made by hand; its own error is not looked at here."""
    none = Fraction(0)
    return Interpolation(tuple(knots), tuple(values), (none,) * (len(knots) - 1), none)


PLACES = st.integers(-(2**24), 2**24).map(lambda n: n / 2**18) | st.floats(
    2.0**-60, 2.0**-30, width=32
)


@st.composite
def interpolations(draw: st.DrawFn) -> Interpolation:
    """Draw knots of float32, not so near that a slope has no number, and any values at them."""
    places = draw(st.lists(PLACES, min_size=2, max_size=12, unique=True))
    values = draw(
        st.lists(
            st.fractions(-1000, 1000, max_denominator=10**9),
            min_size=len(places), max_size=len(places),
        )
    )  # fmt: skip
    return interpolation(sorted(map(Fraction, places)), values)


def chord(made: Interpolation, x: Fraction) -> Fraction:
    """Return the interpolant at x."""
    for left, right, v, w in zip(
        made.knots, made.knots[1:], made.values, made.values[1:], strict=False
    ):
        if left <= x <= right:
            value: Fraction = v + (w - v) * (x - left) / (right - left)
            return value
    raise AssertionError(x)


@pytest.mark.parametrize("number_format", FORMATS, ids=lambda f: f.name)
@settings(max_examples=50)
@given(made=interpolations())
def test_the_parameter_error_is_exact(number_format: NumberFormat, made: Interpolation) -> None:
    """At every knot and between, the stored numbers as rationals are no farther off than said."""
    stored = store(made, number_format)
    network = stored.network("test")
    knots = [abs(exactly(network, x) - v) for x, v in zip(made.knots, made.values, strict=True)]
    assert max(knots) == stored.parameter_error
    middles = [(a + 2 * b) / 3 for a, b in zip(made.knots, made.knots[1:], strict=False)]
    for x in middles:
        assert abs(exactly(network, x) - chord(made, x)) <= stored.parameter_error


@pytest.mark.parametrize("number_format", FORMATS, ids=lambda f: f.name)
@settings(max_examples=50)
@given(made=interpolations())
def test_the_bound_of_the_arithmetic_holds(
    number_format: NumberFormat, made: Interpolation
) -> None:
    """What numpy returns differs from the exact value of the stored network by less."""
    stored = store(made, number_format)
    network = stored.network("test")
    low, high = float(made.knots[0]), float(made.knots[-1])
    x = np.clip(np.linspace(low, high, 23).astype(number_format.name), low, high)
    y = run_in_numpy(network, x[:, None].astype(number_format.name))[:, 0]
    off = [
        abs(Fraction(got) - exactly(network, Fraction(at)))
        for at, got in zip(x.tolist(), y.tolist(), strict=True)
    ]
    assert max(off) <= evaluation_error(stored)
    assert max(map(abs, y.tolist())) <= largest_sum(stored)


def zigzag(width: int) -> Interpolation:
    """Return 0, 1, 0, 1, … at equal distances."""
    knots = [Fraction(k, width) for k in range(width + 1)]
    return interpolation(knots, [Fraction(k % 2) for k in range(width + 1)])


def test_a_network_has_a_unit_for_each_segment() -> None:
    """Units to the left of the anchor look left, the others right; b2 is the anchor's value."""
    stored = store(zigzag(8), FLOAT32)
    assert stored.width == len(stored.units) == 8
    assert stored.parameter_error == 0
    signs = [sign for sign, _, _ in stored.units]
    assert signs == [-1] * stored.anchor + [1] * (8 - stored.anchor)
    assert stored.bias == stored.anchor % 2
    network = stored.network("test")
    assert network.widths == (1, 8, 1)
    assert [layer.name for layer in network.layers] == ["0", "2"]


def test_an_anchor_in_the_middle_makes_the_bound_smaller() -> None:
    """The bound is less than that of the same network with all units looking right."""
    made = zigzag(64)
    stored = store(made, FLOAT32)
    assert 24 <= stored.anchor <= 40
    from fcinspect.approximation import network as room

    right = room._side(made.knots, made.values, 0.0, FLOAT32)
    left = room._side(made.knots[:1], made.values[:1], 0.0, FLOAT32)
    other = StoredNetwork(FLOAT32, made.knots, 0, right, left, 0.0)
    assert evaluation_error(stored) < evaluation_error(other) / 3


def test_errors_of_parameters_do_not_add_up() -> None:
    """A thousand slopes that no float32 holds leave every knot off by one rounding only."""
    knots = [Fraction(k, 1024) for k in range(1025)]
    values = [Fraction(k * k, 3 * 1024**2) for k in range(1025)]
    stored = store(interpolation(knots, values), FLOAT32)
    assert stored.parameter_error <= Fraction(1, 3) * Fraction(2, 2**24)


@pytest.mark.parametrize("size", [Fraction(10) ** 39, Fraction(10) ** 37])
def test_numbers_beyond_the_format_are_refused(size: Fraction) -> None:
    """A value or a slope that float32 cannot hold is refused by name."""
    made = interpolation([Fraction(0), Fraction(1, 64)], [Fraction(0), size])
    with pytest.raises(InputError, match="beyond the range of float32"):
        store(made, FLOAT32)
    assert store(made, FLOAT64).width == 1
