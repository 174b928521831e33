"""A linear layer under inspection, whoever wrote it: what is asked of it and what it answers.

`bridge` runs such layers, in this process or in one of their own; the checks here know only these
records.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from fcinspect.errors import Misbehaved
from fcinspect.layers.array import Array
from fcinspect.rounding.accumulation import TF32_PRECISION, DotArithmetic
from fcinspect.rounding.arrays import FloatArray, carrier

ROWS = 5
MOST_COLUMNS = 256
"""The most inputs that are sent through one at a time."""
MOST_WEIGHTS = 2**22
"""Probes of other shapes take fewer outputs beyond so many weights."""

Layout = Literal["contiguous", "strided", "transposed"]
"""How x and weight lie in memory: as they are, as every other number of a wider array, or as the
transpose of an array."""


@dataclass(frozen=True, eq=False)
class LayerCall:
    """One call: y = layer(x) with these parameters."""

    x: Array
    """(*batch, in_features)"""
    weight: Array | None = None
    """(out_features, in_features); None for the module's own parameters."""
    bias: Array | None = None
    """(out_features); None for a layer without bias, or for the module's own."""
    layout: Layout = "contiguous"
    grad_output: Array | None = None
    """(*batch, out_features): asks for the gradients as well."""


@dataclass(frozen=True, eq=False)
class LayerAnswer:
    """What came back."""

    output: Array
    """In the dtype and shape in which it came."""
    changed: tuple[str, ...] = ()
    """Which of "input", "weight", "bias", "grad_output" the call wrote to."""
    grad_input: Array | None = None
    """(*batch, in_features)"""
    grad_weight: Array | None = None
    """(out_features, in_features)"""
    grad_bias: Array | None = None
    """(out_features)"""


@dataclass(frozen=True, eq=False)
class Made:
    """A module just made by a factory, or a ready one."""

    state: tuple[tuple[str, Array], ...]
    """Its state dict."""
    trainable: tuple[str, ...]
    """The names of its parameters that require a gradient."""
    in_features: int | None
    out_features: int | None
    """Its attributes of these names."""

    def parameter(self, name: str) -> Array | None:
        """Return an entry of the state dict."""
        return next((values for key, values in self.state if key == name), None)


class LayerSubject(Protocol):
    """A linear layer under inspection."""

    @property
    def kind(self) -> Literal["kernel", "factory", "module"]:
        """A function of (input, weight, bias); a maker of modules; one ready module.

        A kernel and a factory take every width, weight and bias; a ready module has widths of its
        own, and takes other parameters only if it has `weight` and `bias` of its own.
        """

    @property
    def words(self) -> str:
        """What it is, in words: "mylayers:FastLinear"."""

    @property
    def differentiable(self) -> bool:
        """Whether gradients can be asked for (torch autograd, or a `backward`)."""

    def call(self, call: LayerCall) -> LayerAnswer:
        """Run it once; raises Misbehaved when it raises, hangs, dies or returns no array."""

    def made(self, in_features: int, out_features: int, bias: bool, seed: int) -> Made:
        """Return a fresh module (factory) or the ready one; raises Misbehaved.

        Not for kernels.
        """


@dataclass(frozen=True)
class Setting:
    """What the probes are made for, and the whole numbers whose sums are exact there."""

    subject: LayerSubject
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

    def own_parameters(self) -> tuple[Array, Array | None]:
        """Return W and b of a ready module; raises Misbehaved without a W of its widths."""
        made = self.subject.made(0, 0, True, 0)
        weight, shape = made.parameter("weight"), (self.out_features, self.in_features)
        if weight is None or weight.shape != shape:
            found = "it has none" if weight is None else f"it has shape {weight.shape}"
            raise Misbehaved(f"the module has no weight of shape {shape} to compare with: {found}")
        return weight, made.parameter("bias")

    def fewer_outputs(self, n: int) -> int:
        """Return how many outputs a probe of n inputs takes."""
        return max(1, min(self.out_features, MOST_WEIGHTS // max(n, 1)))

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
        random, a = np.random.default_rng((seed, *shape)), self.amplitude(n)
        values = random.integers(-a, a, shape, endpoint=True).astype(np.float64)
        most = 2**self.exact_bits
        if a == 1 and n >= most and len(shape) > 1:
            # not even ones: so few that their sum is exact
            values[..., most - 1 :] = 0.0
            values = random.permuted(values, axis=-1)
        return self.array(values)

    def operands(self, rows: int, n: int, out: int, seed: int) -> tuple[Array, Array, Array | None]:
        """Return x (rows, n), W (out, n) and b of whole numbers."""
        bias = self.integers((out,), n, seed + 2) if self.bias else None
        return self.integers((rows, n), n, seed), self.integers((out, n), n, seed + 1), bias


def columns_of(n: int) -> npt.NDArray[np.intp]:
    """Return the inputs that are sent through one at a time: all, or first, last and spread."""
    if n <= MOST_COLUMNS:
        return np.arange(n)
    third = MOST_COLUMNS // 3
    spread = np.linspace(0, n - 1, third).astype(int)
    return np.unique([*range(third), *spread, *range(n - third, n)])
