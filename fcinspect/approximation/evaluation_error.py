"""A bound of the rounding errors with which a stored network is evaluated, in any order of sums.

A unit's z = ±(x − x_k) is one rounded subtraction, so its activation is a·(1 + δ) with |δ| ≤ u;
the dot product with W2 and the addition of b2 keep to the bound of rounding/accumulation.py. Units
of the other side are exactly 0, and adding 0 rounds nothing: only the active units count.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np

from fcinspect.approximation.network import Side, StoredNetwork
from fcinspect.rounding.accumulation import arithmetic_of
from fcinspect.rounding.arrays import Float64Array


def evaluation_error(network: StoredNetwork) -> Fraction:
    """Return the bound of |computed y − exact y| of the stored network between its outer knots.

    It holds for every x of the network's format, and any order of summation with or without
    fused multiply–adds; without overflow, which the caller excludes by `largest_sum`.
    """
    sides = (network.right, network.left)
    return max(Fraction(float(_error(side, network).max(initial=0.0))) for side in sides)


def largest_sum(network: StoredNetwork) -> float:
    """Return a bound of every sum on the way, |b2| + Σ|w|·a and its rounding at most."""
    sides = (network.right, network.left)
    return max(float(_magnitude(side, network).max(initial=0.0)) for side in sides)


def _magnitude(side: Side, network: StoredNetwork) -> Float64Array:
    """Return a bound of |b2| + Σ|w|·relu(distance − d), computed, at each distance of the side."""
    return (abs(network.bias) + _products(side)) * _slack(side) + _error(side, network)


def _error(side: Side, network: StoredNetwork) -> Float64Array:
    """Return the bound on the segment that ends at each distance of the side."""
    u = network.number_format.unit_roundoff
    products = _products(side)
    moved = products * (1 + u)
    reached = np.abs(np.array(list(map(float, side.reached))))
    # |y| is convex on a segment: it is largest at an end
    reached = np.maximum(reached, np.concatenate((reached[:1], reached[:-1])))
    spread = arithmetic_of(network.number_format.name).spread(
        reached,
        u * products,
        moved,
        moved + abs(network.bias),
        max(len(side.weights), 1),
        with_bias=True,
    )
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
