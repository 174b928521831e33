"""How a dot product is computed: number formats, and what is declared besides.

Whatever the order of summation, the result stays within a bound (u the accumulator's unit
roundoff, k the number of additions, S = |X||W|ᵀ + |b|, P = |X||W|ᵀ)::

    (k+1)·u·S                                       Jeannerod and Rump, SIAM J. Matrix Anal.
                                                    Appl. 34(2), 2013: no restriction on k·u
    [uₚ·P + k·u·(M + uₚ·P)] / (1 − k·u)             M = (S + |y|)/2, for k·u < 1/2;
                                                    uₚ = 0 where products are exact

plus (k+2)·η for underflow. What is declared widens it:

    truncating tensor cores, block K    u → 2u, k → k + ceil(n/K) + 1, in the form k·u/(1 − k·u)
                                        (Blanchard, Higham, Lopez, Mary and Pranesh, SIAM J. Sci.
                                        Comput. 42(3), 2020; Fasi et al., PeerJ CS 330, 2021)
    inputs rounded to tf32              + (2·2⁻¹¹ + 2⁻²²)·P; (2·2⁻¹⁰ + 2⁻²⁰)·P when truncated
    Q partial sums stored in a format   + (Q+1)·u_s·(S + |y|), u_s of that format
    flush to zero                       + the terms with a subnormal operand + (2n+2)·2^emin
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from fcinspect.errors import UsageError, did_you_mean
from fcinspect.names import canonical
from fcinspect.rounding.arrays import Float64Array
from fcinspect.rounding.formats import FLOAT32, FLOAT64, FORMATS, NumberFormat, format_named

SLACK = 1.0 + 2.0**-40
"""Covers the rounding of the bounds' own evaluation, a few dozen float64 operations."""

TF32_PRECISION = 11
"""Bits of the significand of tf32, NVIDIA's tensor-core format for float32 inputs."""

PARTS = (*FORMATS, "tf32", "tf32:truncated", "ftz")
GRAMMAR = (
    "expected parts such as float32, rz:16, tf32, tf32:truncated, split:4, split:4:bfloat16 or"
    " ftz, separated by commas"
)


@dataclass(frozen=True)
class DotArithmetic:
    """How a dot product is computed: three number formats, and what is declared besides."""

    inputs: NumberFormat
    accumulate: NumberFormat
    output: NumberFormat
    truncation_block: int | None = None
    """Sums are truncated after every so many products, as tensor cores do; None: to nearest."""
    tf32: Literal["nearest", "truncated"] | None = None
    """How inputs are taken to 11 bits before they are multiplied, if they are."""
    partials: int = 1
    """Into how many partial sums the products are split."""
    partial_format: NumberFormat | None = None
    """In which format partial sums are stored; None: in the accumulator's."""
    flush: bool = False
    """Whether subnormal operands and results may be taken for zero."""

    @property
    def words(self) -> str:
        """The formats, and what is declared besides, in words."""
        names = (self.inputs.name, self.accumulate.name, self.output.name)
        if len(set(names)) == 1:
            said = [f"compute, accumulate and output in {names[0]}"]
        else:
            said = [f"inputs {names[0]}, accumulate {names[1]}, output {names[2]}"]
        if self.truncation_block is not None:
            said.append(f"sums truncated in blocks of {self.truncation_block}")
        if self.tf32 is not None:
            said.append("inputs " + ("rounded" if self.tf32 == "nearest" else "cut") + " to tf32")
        if self.partials > 1 or self.partial_format is not None:
            stored = self.partial_format or self.accumulate
            count = "1 partial sum" if self.partials == 1 else f"{self.partials} partial sums"
            said.append(f"{count} stored in {stored.name}")
        if self.flush and self.inputs.itemsize != 2:
            said.append("subnormal numbers may be treated as zero")
        return ", ".join(said)

    def spread(
        self,
        y: Float64Array,
        y_error: Float64Array,
        product_magnitude: Float64Array,
        magnitude: Float64Array,
        n: int,
        *,
        with_bias: bool,
    ) -> Float64Array:
        """Return the bound of the module's docstring for n products of magnitude S and P.

        Terms flushed to zero are the caller's to add: they depend on the operands.
        """
        if n == 0:
            return np.zeros_like(y)
        additions = max(n - (not with_bias), 0) + (self.partials - 1 if self.partials > 1 else 0)
        products_exact = 2 * self.inputs.precision <= self.accumulate.precision
        if self.truncation_block is None:
            u = self.accumulate.unit_roundoff
            spread = (additions + (not products_exact)) * u * magnitude
            if additions * u < 0.5:
                u_p = 0.0 if products_exact else u
                middle = magnitude * 0.5 + (np.abs(y) + y_error) * 0.5
                inexact = u_p * product_magnitude
                second = inexact + additions * u * (middle + inexact)
                spread = np.minimum(spread, second / (1 - additions * u))
        else:
            u = 2 * self.accumulate.unit_roundoff
            additions += -(-n // self.truncation_block) + 1 + (not products_exact)
            gamma = additions * u / (1 - additions * u) if additions * u < 1 else np.inf
            spread = gamma * magnitude
        if self.tf32 is not None:
            half = 2.0**-TF32_PRECISION * (1 if self.tf32 == "nearest" else 2)
            moved = 2 * half + half * half
            # the moved operands take part in every later rounding
            spread = spread * (1 + moved) + moved * product_magnitude * (1 + 2 * n * u)
        if self.partial_format is not None:
            stored = self.partial_format
            reach = magnitude + np.abs(y) + spread
            spread = spread + (self.partials + 1) * (
                stored.unit_roundoff * reach + stored.smallest_subnormal
            )
        taken = self.accumulate.smallest_normal if self.flush else 0.0
        underflow = (n + 2) * self.accumulate.smallest_subnormal + (2 * n + 2) * taken
        return np.asarray(spread + underflow)

    @property
    def largest(self) -> float:
        """The largest number that sums may reach on the way."""
        stored = self.partial_format or self.accumulate
        return min(self.accumulate.largest, stored.largest)

    @property
    def loses_subnormals(self) -> bool:
        """Whether a term with a subnormal operand may be lost: flushed, or cut to tf32's bits."""
        return self.flush or self.tf32 is not None


def arithmetic_of(dtype: str) -> DotArithmetic:
    """Return how torch and numpy compute dot products of that dtype on a CPU."""
    number_format = format_named(dtype)
    accumulate = FLOAT64 if number_format is FLOAT64 else FLOAT32
    # CPUs flush subnormal numbers in their 16-bit dot products
    return DotArithmetic(
        number_format, accumulate, number_format, flush=number_format.itemsize == 2
    )


def parse_accumulate(text: str, dtype: str) -> DotArithmetic:
    """Return the arithmetic of `dtype` with what `text` declares of it.

    `text` is a list of parts: a format name (the accumulator), rz:K, tf32, tf32:truncated,
    split:P, split:P:FORMAT, ftz. Raises UsageError for anything else.
    """
    arithmetic = arithmetic_of(dtype)
    seen: set[str] = set()
    for part in text.split(","):
        # names in any case; rz:K, split:P and ftz have theirs in small letters
        word = canonical(part.strip(), PARTS) or part.strip()
        name = "format" if word in FORMATS else word.partition(":")[0]
        if name in seen:
            raise UsageError(f"--accumulate {text!r} repeats {name}: {GRAMMAR}")
        seen.add(name)
        arithmetic = _declared(arithmetic, word, text)
    return arithmetic


def _declared(arithmetic: DotArithmetic, word: str, text: str) -> DotArithmetic:
    if word in FORMATS:
        return replace(arithmetic, accumulate=FORMATS[word])
    if word == "ftz":
        return replace(arithmetic, flush=True)
    if word in ("tf32", "tf32:truncated"):
        if arithmetic.inputs is not FLOAT32:
            raise UsageError(
                f"--accumulate {text!r}: tf32 takes float32 inputs, but these are"
                f" {arithmetic.inputs.name}"
            )
        return replace(arithmetic, tf32="truncated" if ":" in word else "nearest")
    if block := re.fullmatch(r"rz:([1-9]\d{0,8})", word):
        return replace(arithmetic, truncation_block=int(block[1]))
    if split := re.fullmatch(r"split:([1-9]\d{0,8})(?::(\w+))?", word):
        stored = None if split[2] is None else format_named(split[2])
        return replace(arithmetic, partials=int(split[1]), partial_format=stored)
    hint = did_you_mean(word, PARTS)
    raise UsageError(f"invalid --accumulate {word!r}: {GRAMMAR}", hint=hint)
