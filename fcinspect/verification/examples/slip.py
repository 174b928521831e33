"""A single slip in a computation, and where it is made."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal[
    "none",
    "bias times",
    "activation is",
    "weight transposed",
    "weight misread",
    "rows swapped",
    "softmax twice",
    "target swapped",
    "loss times",
    "loss not squared",
    "gradient times",
    "derivative missing",
    "derivative is activation",
    "derivative inverted",
    "activation of gradient",
    "input not activated",
    "gradient from input not activated",
    "backward transposed",
    "weight gradient transposed",
    "updated weights",
    "old parameters afterwards",
    "bias takes weight gradient",
    "bias frozen",
    "bias stepped",
    "step times",
    "old value forgotten",
    "decay is",
    "uncorrected moments",
]


@dataclass(frozen=True)
class Slip:
    """One thing done wrong, everywhere or in one layer."""

    kind: Kind
    words: str
    """What went wrong, for a reader."""
    layer: int | None = None
    """The layer where it is made; None for every one."""
    factor: Decimal = Decimal(1)
    """What is multiplied too much, for the kinds that end in "times"."""
    name: str = ""
    """The activation that is applied."""
    pair: tuple[int, int] = (0, 0)
    """Rows that are swapped; or in its first number, a column."""

    def made(self, kind: Kind, layer: int | None = None) -> bool:
        """Whether this slip is of that kind and made in that layer."""
        return self.kind == kind and self.layer in (None, layer)


NO_SLIP = Slip("none", "")
