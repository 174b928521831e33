"""x² by sawtooth layers, in exact rational arithmetic and in floating point."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from fcinspect.approximation.depth import points, sawtooth
from fcinspect.approximation.network import check_on_grid
from fcinspect.errors import InputError
from fcinspect.layers.array import Array
from fcinspect.layers.linear import DenseLayer, Network
from fcinspect.rounding.formats import FLOAT32, FLOAT64
from fcinspect.rounding.verdict import Verdict
from tests.approximation.exactly import exactly

BOTH = (FLOAT32, FLOAT64)


@pytest.mark.parametrize("layers", [1, 2, 3, 6])
def test_the_error_is_exactly_as_said(layers: int) -> None:
    """0 at the multiples of 2^-m, and 2^(-2m-2) in the middle of every segment between."""
    made = sawtooth(layers, BOTH)
    segments = 2**layers
    for k in range(segments + 1):
        x = Fraction(k, segments)
        assert exactly(made.network, x) == x * x
    for k in range(segments):
        x = Fraction(2 * k + 1, 2 * segments)
        assert exactly(made.network, x) - x * x == Fraction(1, 4 ** (layers + 1))
    assert made.error.interpolation == Fraction(1, 4 ** (layers + 1))


def test_layers_and_units_are_counted() -> None:
    """Three units in the first layer, and one more in each further one that carries the sum."""
    made = sawtooth(5, BOTH)
    assert made.network.widths == (1, 3, 4, 4, 4, 4, 1)
    assert made.units == sum(made.network.widths[1:-1]) == 19
    assert made.shallow.greedy == 32
    assert made.shallow.pieces == 23  # 2^4.5 = 22.6…


@pytest.mark.parametrize(("layers", "dtype"), [(1, "float32"), (8, "float32"), (12, "float64"),
                                               (22, "float64")])  # fmt: skip
def test_the_certificate_holds(layers: int, dtype: str) -> None:
    """In the first format whose rounding is below the error, no point is farther off than said."""
    made = sawtooth(layers, BOTH)
    assert made.number_format.name == dtype
    x = points(made)
    check = check_on_grid(made.network, x, [Fraction(v) ** 2 for v in x.tolist()], made.error.total)
    assert check.verdict is Verdict.WITHIN
    assert check.largest > made.error.interpolation * Fraction(99, 100)


@pytest.mark.parametrize(("layers", "formats"), [(23, BOTH), (60, BOTH), (9, (FLOAT32,))])
def test_a_depth_beyond_the_format_is_refused(layers: int, formats: tuple[object, ...]) -> None:
    """Where rounding may add more than the error itself; the deepest that works is named."""
    most = {2: 22, 1: 8}[len(formats)]
    with pytest.raises(InputError, match=rf"expected at most {most}$"):
        sawtooth(layers, formats)  # type: ignore[arg-type]  # formats
    assert sawtooth(most, formats).layers == most  # type: ignore[arg-type]


def test_a_moved_weight_is_seen() -> None:
    """The check can fail: a tooth that is a little too high breaks the certificate."""
    made = sawtooth(4, BOTH)
    second = made.network.layers[1]
    weight = np.array(second.linear.weight.values)
    weight[0, 0] += 0.01
    moved = DenseLayer(replace(second.linear, weight=Array(weight, "float32")), "relu")
    broken = Network((made.network.layers[0], moved, *made.network.layers[2:]))
    x = points(made)
    values = [Fraction(v) ** 2 for v in x.tolist()]
    assert check_on_grid(broken, x, values, made.error.total).verdict is Verdict.OUTSIDE
