"""Products of float64 matrices to about twice float64's precision, by exact matrix products.

Each row is cut into slices of so few bits that products of slices add up without rounding
(Ozaki, Ogita, Oishi and Rump, Numer. Algorithms 59, 2012).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.arrays import Float64Array
from fcinspect.rounding.exact import two_sum

SLICES = 4


@dataclass(frozen=True, eq=False)
class SlicedRows:
    """The rows of a matrix, scaled by powers of two and cut into slices."""

    parts: tuple[Float64Array, ...]
    """(rows, n) each; all of one row are multiples of one power of two."""
    exponents: npt.NDArray[np.int64]
    """(rows): row i is 2^exponents[i] times the sum of its parts, the rest left out."""
    bits: int
    """β: part i (from 0) is at most 2^(−iβ), the rest at most 2^(−SLICES·β)."""


def sliced(values: Float64Array) -> SlicedRows:
    """Return the slices of a matrix (rows, n) of finite numbers."""
    n = max(values.shape[1], 1)
    bits = (53 - math.ceil(math.log2(n))) // 2 if n > 1 else 26
    largest = np.abs(values).max(axis=1, initial=0.0)
    exponents = np.frexp(largest)[1].astype(np.int64)
    # in two factors: one power of two may be beyond the range
    half = -exponents // 2
    rest = np.ldexp(np.ldexp(values, half[:, None]), (-exponents - half)[:, None])
    parts = []
    for index in range(SLICES):
        anchor = 1.5 * 2.0 ** (52 - bits - index * bits + 1)
        part = (rest + anchor) - anchor
        parts.append(part)
        rest = rest - part
    return SlicedRows(tuple(parts), exponents, bits)


def product_of_slices(x: SlicedRows, weight: SlicedRows) -> tuple[Float64Array, Float64Array]:
    """Return X·Wᵀ (rows, out), and a bound of its error."""
    n = x.parts[0].shape[1]
    total: Float64Array = np.zeros((len(x.exponents), len(weight.exponents)))
    carry: Float64Array = np.zeros_like(total)
    for diagonal in range(SLICES):
        for index in range(diagonal + 1):
            product = x.parts[index] @ weight.parts[diagonal - index].T
            total, lost = two_sum(total, product)
            carry += lost
    scale = x.exponents[:, None] + weight.exponents[None, :]
    left_out = n * (SLICES + 1) * 2.0 ** (-SLICES * min(x.bits, weight.bits))
    half = scale // 2
    error = np.ldexp(np.ldexp(left_out + np.abs(carry) * 2.0**-48, half), scale - half)
    y = np.ldexp(np.ldexp(total + carry, half), scale - half)
    return y, error + 2.0**-53 * np.abs(y) + 2.0**-1074
