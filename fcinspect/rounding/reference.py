"""X·Wᵀ to more digits than any format under inspection has, for a few rows of W at a time.

Inputs of up to 24 bits are multiplied in float64, with an error of n·2⁻⁵³·|X||W|ᵀ; float64 inputs
in slices (rounding/slices.py) and, where these leave too much, by compensated sums.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fcinspect.rounding.accumulation import DotArithmetic
from fcinspect.rounding.arrays import Float64Array, FloatArray
from fcinspect.rounding.exact import dot2
from fcinspect.rounding.formats import FLOAT32, FLOAT64
from fcinspect.rounding.slices import SlicedRows, product_of_slices, sliced

ROUGH = 2.0**-60
"""Where slices leave an error above this times |X||W|ᵀ, sums are compensated instead."""


@dataclass(frozen=True, eq=False)
class Products:
    """X·Wᵀ for some rows of W; arrays are (rows, out)."""

    value: Float64Array
    error: Float64Array
    """How far `value` may be from the exact products' sum."""
    magnitude: Float64Array
    """|X||W|ᵀ, not smaller than exact"""
    flushed: Float64Array | float
    """The magnitude of terms that a CPU may take for zero."""
    finite: npt.NDArray[np.bool_]
    """Whether all operands of the element are finite."""


class Reference:
    """X (rows, n) made ready to be multiplied by rows of W.

    Numbers that are not finite meet numpy's arithmetic here: callers silence its warnings.
    """

    def __init__(self, x: FloatArray, arithmetic: DotArithmetic) -> None:
        self.rows, self.n = x.shape
        self.arithmetic = arithmetic
        self.x: Float64Array = np.asarray(x, dtype=np.float64)
        self.finite = np.isfinite(x).all(axis=1)
        self.wide = arithmetic.inputs is FLOAT64
        # magnitudes need few digits: in float32 unless they may leave its range undecided
        self.narrow = not self.wide and arithmetic.accumulate.precision <= FLOAT32.precision
        self.sizes: FloatArray = np.abs(x).astype(np.float32) if self.narrow else np.abs(self.x)
        self.slices: SlicedRows | None = None
        self.small: Float64Array | None = None
        if arithmetic.loses_subnormals:
            self.small = _small(self.x, arithmetic.inputs.smallest_normal)

    def products(self, weight: FloatArray) -> Products:
        """Return X·Wᵀ for rows of W, (out, n)."""
        w: Float64Array = np.asarray(weight, dtype=np.float64)
        magnitude = self._magnitude(weight, w)
        if self.wide:
            value, error = self._wide(w, magnitude)
        else:
            value = self.x @ w.T
            error = (self.n * 2.0**-53) * magnitude
        finite = np.logical_and.outer(self.finite, np.isfinite(w).all(axis=1))
        return Products(value, error, magnitude, self._flushed(w), finite)

    def _magnitude(self, weight: FloatArray, w: Float64Array) -> Float64Array:
        """Return |X||W|ᵀ, rounded up."""
        if not self.narrow:
            sizes = self.sizes @ np.abs(w).T
            return np.asarray(sizes * (1 + (self.n + 2) * 2.0**-53), dtype=np.float64)
        sums = (self.sizes @ np.abs(weight).astype(np.float32).T).astype(np.float64)
        unit = FLOAT32.unit_roundoff
        if (self.n + 1) * unit < 0.25:
            sums = sums * (1 + 2 * (self.n + 2) * unit)
            return np.asarray(sums + self.n * FLOAT32.smallest_subnormal)
        return np.asarray(np.abs(self.x) @ np.abs(w).T * (1 + (self.n + 2) * 2.0**-53))

    def _wide(self, w: Float64Array, magnitude: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Return products of float64 operands to about twice their precision."""
        if self.slices is None:
            self.slices = sliced(self.x)
        value, error = product_of_slices(self.slices, sliced(w))
        rough = (error - 2.0**-53 * np.abs(value) > ROUGH * magnitude) & np.isfinite(value)
        if rough.any():
            gamma = self.n * 2.0**-53 / (1 - self.n * 2.0**-53)
            rows, columns = rough.any(axis=1), rough.any(axis=0)
            chosen = np.ix_(rows, columns)
            value[chosen] = dot2(self.x[rows], w[columns])
            error[chosen] = (
                2.0**-53 * np.abs(value[chosen])
                + gamma * gamma * magnitude[chosen]
                + 5 * self.n * FLOAT64.smallest_subnormal
            )
        return value, error

    def _flushed(self, w: Float64Array) -> Float64Array | float:
        if self.small is None:
            return 0.0
        return _flushed(self.x, self.small, w, self.arithmetic)

    def kinds(
        self, weight: FloatArray, bias: Float64Array | None, largest: float
    ) -> tuple[Float64Array, npt.NDArray[np.bool_]]:
        """Return NaN, Inf or −Inf where operands are not finite, and where that is certain.

        It is certain unless the finite terms may overflow on the way to the other infinity.
        """
        w: Float64Array = np.asarray(weight, dtype=np.float64)
        # NaN and Inf times 0 are NaN by the product itself
        value = self.x @ w.T
        if bias is not None:
            value = value + bias
        rest = np.where(np.isfinite(self.x), np.abs(self.x), 0.0)
        size = rest @ np.where(np.isfinite(w), np.abs(w), 0.0).T
        return value, ~np.isfinite(value) & (size < largest)


def flushed_magnitude(
    x: Float64Array, weight: Float64Array, arithmetic: DotArithmetic
) -> Float64Array | float:
    """Return the magnitude of terms with a subnormal operand, where these may count as zero."""
    if not arithmetic.loses_subnormals:
        return 0.0
    return _flushed(x, _small(x, arithmetic.inputs.smallest_normal), weight, arithmetic)


def _small(values: Float64Array, tiny: float) -> Float64Array:
    """Return the sizes of the subnormal numbers, 0 for others."""
    sizes = np.abs(values)
    return np.where(sizes < tiny, sizes, 0.0)


def _flushed(
    x: Float64Array, small: Float64Array, w: Float64Array, arithmetic: DotArithmetic
) -> Float64Array | float:
    w_small = _small(w, arithmetic.inputs.smallest_normal)
    if not small.any() and not w_small.any():
        return 0.0
    flushed: Float64Array = small @ np.abs(w).T + np.abs(x) @ w_small.T
    return flushed
