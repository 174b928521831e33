from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fcinspect.rounding.exact import ExactSums, dot2, to_float, two_product, two_sum

DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
PAIRS = st.lists(st.tuples(DOUBLES, DOUBLES), min_size=0, max_size=12)
MODERATE = st.floats(-1e100, 1e100, allow_subnormal=False).filter(lambda v: not 0 < abs(v) < 1e-100)


@given(PAIRS)
def test_sums_are_those_of_fractions(pairs: list[tuple[float, float]]) -> None:
    """Products, running sums, total and magnitude equal plain Fraction arithmetic."""
    sums = ExactSums([w for w, _ in pairs], [x for _, x in pairs])
    products = [Fraction(w) * Fraction(x) for w, x in pairs]
    assert sums.total() == sum(products)
    assert sums.magnitude() == sum(map(abs, products))
    order = list(reversed(range(len(pairs))))
    total = Fraction(0)
    for index, running in zip(order, sums.running(order), strict=True):
        total += products[index]
        assert running == to_float(total.numerator, total.denominator)
        exact = products[index]
        assert sums.product(index) == to_float(exact.numerator, exact.denominator)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), max_size=20))
def test_fsum_gives_the_same_total(values: list[float]) -> None:
    """An independent correctly rounded sum, math.fsum, agrees for exact products."""
    sums = ExactSums(values, [1.0] * len(values))
    total = sums.total()
    assert to_float(total.numerator, total.denominator) == math.fsum(values)


@given(MODERATE, MODERATE)
def test_error_free_transformations_are_exact(a: float, b: float) -> None:
    """The result and its error add up to the exact sum and product."""
    x, y = np.array([a]), np.array([b])
    s, e = two_sum(x, y)
    assert Fraction(float(s[0])) + Fraction(float(e[0])) == Fraction(a) + Fraction(b)
    p, e = two_product(x, y)
    assert Fraction(float(p[0])) + Fraction(float(e[0])) == Fraction(a) * Fraction(b)


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_dot2_keeps_its_promise(seed: int, n: int) -> None:
    """The error of dot2 stays below u|y| + γₙ²·|x||w|, also under heavy cancellation."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((2, n)) * 10.0 ** random.integers(-8, 8, (2, n))
    w = random.standard_normal((3, n))
    w[0] = -w[1]
    x[1] = x[0][::-1]
    gamma = Fraction(n, 2**53 - n)
    for i, row in enumerate(x.tolist()):
        for j, weights in enumerate(w.tolist()):
            sums = ExactSums(weights, row)
            exact = sums.total()
            error = abs(Fraction(float(dot2(x, w)[i, j])) - exact)
            assert error <= abs(exact) / 2**53 + gamma**2 * sums.magnitude()
