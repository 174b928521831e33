"""What probes are made for, and the whole numbers whose sums are exact there."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fcinspect.layers.array import Array
from fcinspect.rounding.accumulation import TF32_PRECISION, DotArithmetic
from fcinspect.rounding.arrays import FloatArray, carrier
from fcinspect.verification.subject import Subject

ROWS = 5
MOST_COLUMNS = 256
"""So many inputs are sent through one at a time."""
MOST_WEIGHTS = 2**22
"""Probes of other shapes take fewer outputs beyond so many weights."""


@dataclass(frozen=True)
class Setting:
    """What the probes are made for."""

    subject: Subject
    in_features: int
    out_features: int
    bias: bool
    dtype: str
    arithmetic: DotArithmetic

    @property
    def exact_bits(self) -> int:
        """t: sums of whole numbers up to 2^t are exact."""
        stored = self.arithmetic.partial_format
        bits = self.arithmetic.accumulate.precision
        return min(bits, stored.precision) if stored else bits

    @property
    def input_bits(self) -> int:
        """The digits of an operand that a sum of one term keeps."""
        bits = min(self.arithmetic.inputs.precision, self.exact_bits)
        return min(bits, TF32_PRECISION) if self.arithmetic.tf32 else bits

    def amplitude(self, n: int) -> int:
        """Return a: n·a² + a stays exact, and within the range of the output."""
        room = min(2.0**self.exact_bits, self.arithmetic.output.largest, self.arithmetic.largest)
        a = math.isqrt(int(room) // (n + 1)) if n else int(math.sqrt(room))
        return int(max(1, min(a, 2**self.input_bits, int(self.arithmetic.inputs.largest))))

    def array(self, values: FloatArray) -> Array:
        """Return numbers that the dtype holds exactly."""
        return Array(values.astype(carrier(self.dtype)), self.dtype)

    def integers(self, shape: tuple[int, ...], n: int, seed: int) -> Array:
        """Return whole numbers, small enough for sums of n products to be exact."""
        random = np.random.default_rng((seed, *shape))
        a = self.amplitude(n)
        values = random.integers(-a, a, shape, endpoint=True).astype(np.float64)
        most = 2**self.exact_bits
        if a == 1 and n >= most and len(shape) > 1:
            # not even ones: so few that their sum is exact
            values[..., most - 1 :] = 0.0
            values = random.permuted(values, axis=-1)
        return self.array(values)

    def operands(
        self, rows: int, n: int, out: int, seed: int = 0
    ) -> tuple[Array, Array, Array | None]:
        """Return x (rows, n), W (out, n) and b of whole numbers."""
        bias = self.integers((out,), n, seed + 2) if self.bias else None
        return self.integers((rows, n), n, seed), self.integers((out, n), n, seed + 1), bias


def columns_of(n: int) -> npt.NDArray[np.intp]:
    """Return the inputs that are sent through one at a time: all, or first, last and spread."""
    if n <= MOST_COLUMNS:
        return np.arange(n)
    third = MOST_COLUMNS // 3
    spread = np.linspace(0, n - 1, third).astype(int)
    return np.unique(np.concatenate([np.arange(third), spread, np.arange(n - third, n)]))
