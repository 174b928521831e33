from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fcinspect.rounding import functions
from fcinspect.rounding.arrays import Float64Array, round_to
from fcinspect.rounding.formats import FLOAT32, FLOAT64, NumberFormat
from fcinspect.rounding.running import Running, constant, exact, hull

NUMBERS = st.floats(-1e6, 1e6, width=32)
FORMATS = st.sampled_from([FLOAT32, FLOAT64])


def rounded(value: Fraction, number_format: NumberFormat) -> Fraction:
    """Return one correctly rounded result; results beyond the range have no bound to test."""
    result = number_format.round(value)
    assume(math.isfinite(result))
    return Fraction(result)


def holds(result: Running, computed: Fraction | float) -> bool:
    """Whether a computed number lies within the error of its closed form."""
    if math.isinf(float(result.error)):
        return True
    return abs(Fraction(float(result.value)) - Fraction(computed)) <= Fraction(float(result.error))


@settings(max_examples=300, deadline=None)
@given(a=NUMBERS, b=NUMBERS, c=NUMBERS, number_format=FORMATS)
def test_a_chain_rounded_step_by_step_stays_within_the_error(
    a: float, b: float, c: float, number_format: NumberFormat
) -> None:
    """The oracle rounds every operation correctly, in exact arithmetic."""
    x, y, z = (exact(v, number_format) for v in (a, b, c))
    product = rounded(Fraction(a) * Fraction(b), number_format)
    total = rounded(product + Fraction(c), number_format)
    assert holds(x * y + z, total)
    difference = rounded(total - Fraction(a), number_format)
    assert holds(x * y + z - x, difference)
    fused = rounded(Fraction(a) * Fraction(b) + Fraction(c), number_format)
    assert holds(x * y + z, fused)
    if c:
        assert holds((x * y) / z, rounded(product / Fraction(c), number_format))


@settings(max_examples=200, deadline=None)
@given(values=st.lists(NUMBERS, min_size=1, max_size=30), number_format=FORMATS, seed=st.integers())
def test_a_sum_in_any_order_stays_within_the_error(
    values: list[float], number_format: NumberFormat, seed: int
) -> None:
    """γ-like: (n−1)·u·Σ|terms|."""
    order = np.random.default_rng(abs(seed)).permutation(len(values))
    partial = Fraction(0)
    for i in order:
        partial = rounded(partial + Fraction(values[i]), number_format)
    assert holds(exact(values, number_format).sum(), partial)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (functions.exp, np.exp),
        (functions.tanh, np.tanh),
        (functions.log, np.log),
        (functions.log1p, np.log1p),
        (functions.sqrt, np.sqrt),
        (functions.sigmoid, lambda v: 1 / (1 + np.exp(-v))),
        (functions.erf, np.vectorize(math.erf)),
    ],
)
def test_a_function_of_an_inexact_number_covers_the_whole_interval(
    ours: Callable[[Running], Running], theirs: Callable[[Float64Array], Float64Array]
) -> None:
    """f at both ends of v ± e, rounded to float32, lies within the propagated error."""
    value = np.linspace(0.25, 5, 101)
    error = np.linspace(0, 0.1, 101)
    result = ours(Running(value, error, FLOAT32))
    for end in (value - error, value + error):
        away = np.abs(round_to(theirs(end), FLOAT32) - result.value)
        assert (away <= result.error).all()
    # and it is no wider than ten times what the ends need
    assert (
        result.error <= 10 * np.maximum(np.abs(theirs(value + error) - result.value), 3e-6)
    ).all()


def test_a_number_that_the_format_lacks_costs_one_rounding() -> None:
    """A number that the format lacks costs one rounding."""
    assert float(constant(0.5, FLOAT32).error) == 0
    assert float(constant(0.1, FLOAT64).error) == 0
    assert float(constant(0.1, FLOAT32).error) == pytest.approx(0.1 * 2.0**-24)


def test_beyond_the_range_there_is_no_bound() -> None:
    """Beyond the range there is no bound."""
    huge = exact(3e38, FLOAT32)
    assert math.isinf(float((huge + huge).error))
    assert not hull([huge + huge]).decided


def test_division_by_what_may_be_zero_has_no_bound() -> None:
    """Division by what may be zero has no bound."""
    unsure = Running(np.asarray(1e-9), np.asarray(1e-8), FLOAT32)
    assert math.isinf(float((exact(1.0, FLOAT32) / unsure).error))


def test_the_hull_holds_every_form() -> None:
    """The hull holds every form."""
    forms = [Running(np.asarray(v), np.asarray(0.5), FLOAT32) for v in (1.0, 3.0)]
    found = hull(forms)
    assert (float(found.reference), float(found.low), float(found.high)) == (1.0, 0.5, 3.5)


def test_the_smaller_of_two_certain_numbers_costs_nothing() -> None:
    """The smaller of two certain numbers costs nothing."""
    a = Running(np.asarray(5.0), np.asarray(0.1), FLOAT32)
    b = Running(np.asarray(1.0), np.asarray(2.0), FLOAT32)
    assert float(functions.maximum(a, b).error) == 0.1
    close = Running(np.asarray(4.0), np.asarray(2.0), FLOAT32)
    assert float(functions.maximum(a, close).error) == 2.0
