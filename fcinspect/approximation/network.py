"""The stored network of an interpolation: one hidden layer of ReLUs, in a number format; its run.

With knots x₀ < … < x_N, values v and an anchor m among the knots::

    y(x) = b₂ + Σ_{k ≥ m} w_k·relu(x − x_k) + Σ_{0 < k ≤ m} w_k·relu(x_k − x),   b₂ = v_m rounded

which are N units, one for each segment. To the right of the anchor only units of the first sum
are active, to the left only those of the second: both sums are short, and their rounding errors
small.

Evaluated in that format, in any order of sums, a unit's z = ±(x − x_k) is one rounded subtraction,
so its activation is a·(1 + δ) with |δ| ≤ u; the dot product with W2 and the addition of b2 keep to
the bound of rounding/accumulation.py. Units of the other side are exactly 0, and adding 0 rounds
nothing: only the active units count.

The network is also run on a dense grid, and what it returns is compared with the function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from fcinspect.approximation.interpolation import Interpolation
from fcinspect.errors import InputError
from fcinspect.layers.array import Array
from fcinspect.layers.linear import DenseLayer, LinearLayer, Network
from fcinspect.rounding.accumulation import arithmetic_of
from fcinspect.rounding.arrays import Float64Array, FloatArray, carrier
from fcinspect.rounding.formats import NumberFormat
from fcinspect.rounding.verdict import Verdict

FEWEST, MOST = 2000, 8000
"""Points of a grid, about; between these, PER_SEGMENT for each segment."""
PER_SEGMENT = 16


@dataclass(frozen=True)
class Side:
    """The units to one side of the anchor, the nearest first."""

    distances: tuple[Fraction, ...]
    """Of the knots from the anchor, n+1 of them, the first 0; unit k begins at distance k."""
    weights: tuple[float, ...]
    """w of each unit, n of them, numbers of the format."""
    reached: tuple[Fraction, ...]
    """The exact value of the stored network at each distance."""
    off: Fraction
    """The largest |stored network − interpolant| at a knot of this side."""


@dataclass(frozen=True)
class StoredNetwork:
    """A network whose every number is one of its format, and what that costs."""

    number_format: NumberFormat
    knots: tuple[Fraction, ...]
    """x₀ … x_N, numbers of the format."""
    anchor: int
    """m: the knot whose value is b2."""
    right: Side
    left: Side
    bias: float
    """b2"""

    @property
    def width(self) -> int:
        """The number of hidden ReLUs."""
        return len(self.knots) - 1

    @property
    def parameter_error(self) -> Fraction:
        """The largest |stored network − interpolant|, at a knot, without rounding."""
        return max(self.right.off, self.left.off)

    @property
    def units(self) -> tuple[tuple[int, Fraction, float], ...]:
        """Each hidden unit from left to right as (W1, knot, W2): relu(W1·(x − knot))·W2."""
        left = zip(self.knots[self.anchor : 0 : -1], self.left.weights, strict=True)
        right = zip(self.knots[self.anchor : -1], self.right.weights, strict=True)
        found = [(-1, knot, weight) for knot, weight in left][::-1]
        return (*found, *((1, knot, weight) for knot, weight in right))

    def network(self, source: str) -> Network:
        """Return the layers as nn.Sequential(Linear, ReLU, Linear) names them: 0 and 2."""
        signs, knots, weights = zip(*self.units, strict=True)
        dtype = self.number_format.name
        moved = [float(-sign * knot) for sign, knot in zip(signs, knots, strict=True)]
        inner = Array.of(np.array(signs, dtype=float)[:, None], dtype)
        hidden = LinearLayer(inner, Array.of(moved, dtype), source, "0")
        output = LinearLayer(Array.of([weights], dtype), Array.of([self.bias], dtype), source, "2")
        return Network((DenseLayer(hidden, "relu"), DenseLayer(output, "identity")))


def store(interpolation: Interpolation, number_format: NumberFormat) -> StoredNetwork:
    """Return the network of an interpolation, in the format of its knots; raises InputError."""
    knots, values = interpolation.knots, interpolation.values
    anchor = _best_anchor(knots, values)
    bias = _held(values[anchor], number_format, "b2")
    ahead = [x - knots[anchor] for x in knots[anchor:]]
    behind = [knots[anchor] - x for x in knots[anchor::-1]]
    right = _side(ahead, values[anchor:], bias, number_format)
    left = _side(behind, values[anchor::-1], bias, number_format)
    return StoredNetwork(number_format, knots, anchor, right, left, bias)


def _side(
    distances: Sequence[Fraction],
    values: Sequence[Fraction],
    bias: float,
    number_format: NumberFormat,
) -> Side:
    """Return the units of one side.

    Every weight aims at the next value from where the stored network is, so that each knot misses
    by one rounding only.
    """
    reached = [Fraction(bias)]
    weights: list[float] = []
    slope = Fraction(0)
    for (here, there), value in zip(pairwise(distances), values[1:], strict=True):
        wanted = (value - reached[-1]) / (there - here) - slope
        weights.append(_held(wanted, number_format, "a weight of W2"))
        slope += Fraction(weights[-1])
        reached.append(reached[-1] + slope * (there - here))
    off = max(abs(q - v) for q, v in zip(reached, values, strict=True))
    return Side(tuple(distances), tuple(weights), tuple(reached), off)


def _held(value: Fraction, number_format: NumberFormat, what: str) -> float:
    rounded = number_format.round(value)
    if not np.isfinite(rounded):
        raise InputError(
            f"{what} is beyond the range of {number_format.name}, whose largest number is"
            f" {number_format.largest:.3g}"
        )
    return rounded


def _best_anchor(knots: Sequence[Fraction], values: Sequence[Fraction]) -> int:
    """Return the knot from which about the bound of the arithmetic is smallest."""
    x = np.array([float(knot) for knot in knots])
    v = np.array([float(value) for value in values])
    if not (np.isfinite(v).all() and np.isfinite(x).all()):
        return 0
    steps = np.array([float(b - a) for a, b in pairwise(knots)])
    slopes = np.diff(v) / steps
    ahead = _magnitudes(x, slopes)[::-1]
    behind = _magnitudes(-x[::-1], -slopes[::-1])
    units = np.arange(len(x))
    bound = np.maximum((units[::-1] + 2) * (ahead + np.abs(v)), (units + 2) * (behind + np.abs(v)))
    return int(np.argmin(bound))


def _magnitudes(x: Float64Array, slopes: Float64Array) -> Float64Array:
    """Return, for each anchor from the last knot to the first, Σ|w|·distance at the last knot."""
    changes = np.abs(np.diff(slopes)) * (x[-1] - x[1:-1])
    behind = np.concatenate(([0.0], np.cumsum(changes[::-1])))
    first = np.abs(slopes[::-1]) * (x[-1] - x[-2::-1])
    return np.concatenate(([0.0], first + behind))


def evaluation_error(network: StoredNetwork) -> Fraction:
    """Return the bound of |computed y − exact y| of the stored network between its outer knots.

    It holds for every x of the network's format, and any order of summation with or without
    fused multiply–adds; without overflow, which the caller excludes by `largest_sum`.
    """
    sides = (network.right, network.left)
    return max(Fraction(float(_error(side, network).max(initial=0.0))) for side in sides)


def largest_sum(network: StoredNetwork) -> float:
    """Return a bound of every sum on the way, |b2| + Σ|w|·a and its rounding at most."""
    sums = [
        (abs(network.bias) + _products(side)) * _slack(side) + _error(side, network)
        for side in (network.right, network.left)
    ]
    return max(float(bounds.max(initial=0.0)) for bounds in sums)


def _error(side: Side, network: StoredNetwork) -> Float64Array:
    u = network.number_format.unit_roundoff
    products = _products(side)
    moved = products * (1 + u)
    reached = np.abs(np.array(list(map(float, side.reached))))
    # |y| is convex on a segment: it is largest at an end
    reached = np.maximum(reached, np.concatenate((reached[:1], reached[:-1])))
    largest, terms = moved + abs(network.bias), max(len(side.weights), 1)
    arithmetic = arithmetic_of(network.number_format.name)
    spread = arithmetic.spread(reached, u * products, moved, largest, terms, with_bias=True)
    error: Float64Array = (spread + u * products) * _slack(side)
    return error


def _products(side: Side) -> Float64Array:
    """Return Σ|w|·relu(distance − d) at each distance of the side; it grows with the distance."""
    distances = np.array(list(map(float, side.distances)))
    steps = np.array([float(b - a) for a, b in pairwise(side.distances)])
    slopes = np.cumsum(np.abs(np.array(side.weights)))
    total: Float64Array = np.zeros_like(distances)
    total[1:] = np.cumsum(slopes * steps)
    return total


def _slack(side: Side) -> float:
    """Return what covers the rounding of the sums above, all of positive numbers in float64."""
    return 1.0 + (3 * len(side.weights) + 64) * 2.0**-52


@dataclass(frozen=True, eq=False)
class GridCheck:
    """A network's outputs at many points, each compared with the function."""

    computed_by: str
    """"numpy 2.3.0", "torch 2.13.0"."""
    x: FloatArray
    """(points), numbers of the format, rising."""
    y: FloatArray
    """(points), what the network returned."""
    errors: Float64Array
    """(points), y − f(x), computed without rounding and then rounded once."""
    largest: Fraction
    """max |y − f(x)|, exact but for f's own digits; only of finite outputs."""
    place: float
    """The x of the largest error."""
    nonfinite: int
    """How many outputs are nan or infinite."""
    certified: Fraction
    """What the error may be."""

    @property
    def points(self) -> int:
        """How many points there are."""
        return int(self.x.size)

    @property
    def verdict(self) -> Verdict:
        """Within bound when every output is finite and no error larger than what is certified."""
        if self.largest > self.certified:
            return Verdict.OUTSIDE
        return Verdict.UNDECIDED if self.nonfinite else Verdict.WITHIN


def grid_points(knots: Sequence[Fraction], dtype: str) -> FloatArray:
    """Return numbers of the format between the end knots, as many in every segment."""
    places = np.array([float(knot) for knot in knots])
    segments = len(knots) - 1
    steps = min(segments * max(PER_SEGMENT, -(-FEWEST // segments)), max(MOST, segments))
    steps = segments * (steps // segments) if segments <= MOST else MOST
    spread = np.interp(np.linspace(0, segments, steps + 1), np.arange(len(knots)), places)
    held: FloatArray = np.unique(spread.astype(carrier(dtype)))
    inside: FloatArray = held[(held >= places[0]) & (held <= places[-1])]
    return inside


def run_in_numpy(network: Network, x: FloatArray) -> FloatArray:
    """Return the network's outputs (points, 1) for inputs (points, 1), in their own format."""
    y = x
    with np.errstate(all="ignore"):
        for layer in network.layers:
            assert layer.linear.bias is not None
            y = y @ layer.linear.weight.values.T + layer.linear.bias.values
            if layer.activation == "relu":
                y = np.maximum(y, 0)
    return y


def check_on_grid(
    network: Network,
    x: FloatArray,
    values: Sequence[Fraction],
    certified: Fraction,
    run: Callable[[Network, FloatArray], FloatArray] = run_in_numpy,
    computed_by: str = "",
) -> GridCheck:
    """Return the outputs (points, 1) of `run` at points `x`, compared with `values`, f there."""
    y = np.asarray(run(network, x[:, None]))[:, 0]
    differences = [
        Fraction(float(got)) - value if np.isfinite(got) else None
        for got, value in zip(y, values, strict=True)
    ]
    sizes = [Fraction(-1) if d is None else abs(d) for d in differences]
    worst = max(range(len(sizes)), key=sizes.__getitem__)
    errors = np.array([np.nan if d is None else float(d) for d in differences])
    return GridCheck(
        computed_by or f"numpy {np.__version__}",
        x,
        y,
        errors,
        max(sizes[worst], Fraction(0)),
        float(x[worst]),
        int((~np.isfinite(y)).sum()),
        certified,
    )
