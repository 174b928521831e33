"""x² by composed sawtooths: a deep network whose error falls by four with every layer.

The tooth g(x) = 2·relu(x) − 4·relu(x − 1/2) + 2·relu(x − 1) composed s times has 2^(s−1) teeth:

    f_m(x) = x − Σ_{s ≤ m} g_s(x) / 4^s

is the piecewise linear interpolant of x² at the multiples of 2^(−m) on [0, 1]. Its error is
2^(−2m−2) in the middle of each segment (Yarotsky, Error bounds for approximations with deep ReLU
networks, Neural Networks 94, 2017). A network with one hidden layer needs a unit for each of its
2^m segments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from fcinspect.approximation.building import ErrorParts
from fcinspect.approximation.interpolation import Comparison
from fcinspect.errors import InputError
from fcinspect.layers.array import Array
from fcinspect.layers.linear import DenseLayer, LinearLayer, Network
from fcinspect.rounding.accumulation import arithmetic_of
from fcinspect.rounding.arrays import Float64Array, FloatArray
from fcinspect.rounding.formats import NumberFormat

TOOTH = (2.0, -4.0, 2.0)
"""Weights of relu(x), relu(x − 1/2) and relu(x − 1)."""
KINKS = (0.0, -0.5, -1.0)
"""Their biases."""
POINTS = 5003
"""Of the grid, about."""


@dataclass(frozen=True, eq=False)
class Sawtooth:
    """The network of f_m."""

    layers: int
    """m, its hidden layers."""
    network: Network
    error: ErrorParts
    number_format: NumberFormat

    @property
    def units(self) -> int:
        """Hidden ReLUs: three a layer, and from the second on one that carries the sum."""
        return 4 * self.layers - 1

    @property
    def shallow(self) -> Comparison:
        """What one hidden layer takes for the same error: 2^m units that interpolate.

        The best line on a segment of length h misses x² by h²/8: ⌈2^(m − 1/2)⌉ pieces at least.
        """
        segments = 2**self.layers
        pieces = math.isqrt(segments**2 // 2 - 1) + 1
        return Comparison(self.error.interpolation, segments, segments, pieces)


def sawtooth(layers: int, formats: tuple[NumberFormat, ...]) -> Sawtooth:
    """Return the network in the first format that can hold it; raises InputError for none."""
    found = _first_fitting(layers, formats)
    if found is None:
        most = next(m for m in range(layers, 0, -1) if _first_fitting(m, formats))
        raise InputError(
            f"--depth {layers}: its error of 2^-{2 * layers + 2} is smaller than the rounding"
            f" errors possible in {formats[-1].name}; expected at most {most}"
        )
    number_format, error = found
    return Sawtooth(layers, _network(layers, number_format.name), error, number_format)


def points(made: Sawtooth) -> FloatArray:
    """Return where the network is compared with x²: all over [0, 1], and where it is worst.

    It is exact at the multiples of 2^(−m); those of 1/POINTS, a prime, meet all parts of a tooth.
    """
    spread = np.arange(POINTS + 1) / POINTS
    halves = 2 ** min(made.layers + 1, 11)
    worst = np.arange(halves + 1) / halves
    return np.unique(np.concatenate((spread, worst)).astype(made.number_format.name))


def _first_fitting(
    layers: int, formats: tuple[NumberFormat, ...]
) -> tuple[NumberFormat, ErrorParts] | None:
    error = Fraction(1, 4 ** (layers + 1))
    for number_format in formats:
        rounding = _rounding(layers, number_format)
        if rounding <= error:
            return number_format, ErrorParts(error, Fraction(0), rounding)
    return None


def _rounding(layers: int, number_format: NumberFormat) -> Fraction:
    """Return the bound of |computed y − f_m(x)| for every x of the format in [0, 1].

    The teeth are exact: x − 1/2 is for x >= 1/2, and both terms of g are multiples of the last
    place of x, below 2. What is rounded are the sums that carry f_s = f_(s−1) − g_s/4^s, each of
    three terms that are not 0.
    """
    arithmetic = arithmetic_of(number_format.name)
    total = 0.0
    for s in range(1, layers + 1):
        # 2·r0 + 4·r1 is at most 4; the first sum takes x and its share of the tooth together
        magnitude = np.array([1.0 if s == 1 else 1.0 + 4.0 ** (1 - s) + total])
        total += arithmetic.spread(
            np.array([1.0]), np.array([total]), magnitude, magnitude, 3, with_bias=False
        ).item()
    return Fraction(total * (1 + 2.0**-40))


def _network(layers: int, dtype: str) -> Network:
    source = f"{layers} sawtooth layers for x²"
    made = [_layer(np.ones((3, 1)), np.array(KINKS), dtype, 0, source)]
    for s in range(1, layers + 1):
        tooth = np.array([[*TOOTH, 0.0][: made[-1].linear.out_features]])
        carried = -tooth / 4.0**s
        carried[0, 0 if s == 1 else 3] += 1.0
        if s == layers:
            made.append(_layer(carried, np.zeros(1), dtype, 2 * s, source, "identity"))
        else:
            weight = np.concatenate((tooth, tooth, tooth, carried))
            made.append(_layer(weight, np.array([*KINKS, 0.0]), dtype, 2 * s, source))
    return Network(tuple(made))


def _layer(
    weight: Float64Array,
    bias: Float64Array,
    dtype: str,
    place: int,
    source: str,
    activation: str = "relu",
) -> DenseLayer:
    linear = LinearLayer(Array.of(weight, dtype), Array.of(bias, dtype), source, str(place))
    return DenseLayer(linear, activation)
