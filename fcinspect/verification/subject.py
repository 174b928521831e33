"""A linear layer under inspection, whoever wrote it: what is asked of it and what it answers.

`bridge` runs such layers, in this process or in one of their own; the checks here know only these
records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from fcinspect.layers.array import Array

Layout = Literal["contiguous", "strided", "transposed"]
"""How x and weight lie in memory: as they are, as every other number of a wider array, or as the
transpose of an array."""


@dataclass(frozen=True, eq=False)
class Call:
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
class Answer:
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
    """Its attribute of that name."""
    out_features: int | None

    def parameter(self, name: str) -> Array | None:
        """Return an entry of the state dict."""
        return next((values for key, values in self.state if key == name), None)


class Subject(Protocol):
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

    def call(self, call: Call) -> Answer:
        """Run it once; raises Misbehaved when it raises, hangs, dies or returns no array."""

    def made(self, in_features: int, out_features: int, bias: bool, seed: int) -> Made:
        """Return a fresh module (factory) or the ready one; raises Misbehaved.

        Not for kernels.
        """
