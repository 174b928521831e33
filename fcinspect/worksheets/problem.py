"""The network, input and target of a worksheet."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

from fcinspect.worksheets.code import code_of

KINDS = ("forward", "gradient", "step", "all")
"""What is to be worked out: the forward pass; the loss and the gradients; the new parameters and
their loss; or all of these."""
SMOOTH = ("sigmoid", "tanh")
HIDDEN = ("relu", *SMOOTH)
"""Activations that a sheet may have behind its hidden layers."""
DECIMALS = 4
"""Unless the sheet is asked for with others."""
FEWEST_DECIMALS, MOST_DECIMALS = 2, 6

LARGEST_CLASS = 100
"""Sheets of a class set."""

Vector = tuple[Fraction, ...]
Number = TypeVar("Number")


@dataclass(frozen=True)
class SheetOptions:
    """The worksheet that is asked for; the same options make the same one in every version."""

    kind: str
    """One of KINDS; the numbers do not depend on it."""
    widths: tuple[int, ...]
    """in_features of the first layer, then every layer's out_features."""
    seed: int
    bias: bool = True
    activation: str = "relu"
    """One of HIDDEN."""
    decimals: int | None = None
    """To so many every result is rounded behind sigmoid or tanh; None with relu."""


@dataclass(frozen=True)
class SheetLayer(Generic[Number]):
    """A linear layer, in numbers of one kind, and the activation behind it."""

    name: str
    """fc1, fc2, …"""
    weight: tuple[tuple[Number, ...], ...]
    """(out_features, in_features)"""
    bias: tuple[Number, ...] | None
    """(out_features)"""
    activation: str
    """relu, sigmoid or tanh; identity behind the last layer"""

    @property
    def shape(self) -> tuple[int, int]:
        """(out_features, in_features)"""
        return len(self.weight), len(self.weight[0])


@dataclass(frozen=True)
class Problem:
    """What is to be worked out; every number of it is exact."""

    kind: str
    """One of KINDS."""
    widths: tuple[int, ...]
    """in_features of the first layer, then every layer's out_features."""
    seed: int
    layers: tuple[SheetLayer[Fraction], ...]
    x: Vector
    """One input, (in_features)."""
    target: Vector
    """(outputs)"""
    loss: str
    """mse, Σ(y − t)²/N over the N outputs."""
    learning_rate: Fraction
    """Of one SGD step."""
    decimals: int | None = None
    """To so many every result is rounded and gone on with; None: nothing is rounded."""

    @property
    def activation(self) -> str:
        """That of the hidden layers; identity where there are none."""
        return self.layers[0].activation

    @property
    def code(self) -> str:
        """What stands on the sheet in place of the seed."""
        return code_of(self.seed)

    @property
    def has_bias(self) -> bool:
        """Whether the layers have a bias."""
        return self.layers[0].bias is not None

    @property
    def options(self) -> SheetOptions:
        """The options that make its numbers, unless they are altered."""
        return SheetOptions(
            self.kind, self.widths, self.seed, self.has_bias, self.activation, self.decimals
        )
