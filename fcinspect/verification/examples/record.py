"""What a published worked example holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from fcinspect.arithmetic.settings import ACTIVATION_NAMES
from fcinspect.verification.examples.interval import DecimalInterval, point

ACTIVATIONS = (*ACTIVATION_NAMES, "softmax")
"""softmax may stand behind the last layer."""


@dataclass(frozen=True, slots=True)
class Printed:
    """A number as it is printed."""

    value: Decimal
    unit: Decimal
    """One unit in its last printed place."""

    def interval(self, half: Decimal, u: Decimal) -> DecimalInterval:
        """Return the numbers that are printed so; `half` is the uncertainty in units."""
        return point(self.value, u).widened(half * self.unit)


Rows = tuple[tuple[Printed, ...], ...]


@dataclass(frozen=True)
class ExampleLayer:
    """One layer of the example."""

    weight: Rows
    """(out_features, in_features), whatever the file's layout."""
    bias: tuple[Printed, ...] | None
    """(out_features)"""
    activation: str

    @property
    def shape(self) -> tuple[int, int]:
        """(out_features, in_features)"""
        return len(self.weight), len(self.weight[0])


@dataclass(frozen=True)
class ExampleOptimizer:
    """An optimizer with its options as exact decimals, torch's defaults where none are given."""

    name: str
    numbers: Mapping[str, Decimal]
    """lr, weight_decay, beta1, beta2, …"""
    flags: Mapping[str, bool]
    """nesterov, amsgrad, …"""
    update_bias: bool
    """False where the example freezes its biases."""


@dataclass(frozen=True)
class PrintedArray:
    """What is printed in one place."""

    place: str
    """layers.0.weight.grad, output, loss, …"""
    dimensions: int
    """0, 1 or 2 in the file"""
    rows: tuple[tuple[Printed | None, ...], ...]
    """As two dimensions; None where nothing is printed."""
    transposed: bool = False
    """Whether the file holds it (in, out)."""

    @property
    def of_forward_rows(self) -> bool:
        """Whether it holds a row for each row of the input, reached without a gradient."""
        inner = (".product", ".pre_activation", ".activation")
        return self.place == "output" or self.place.endswith(inner)

    @property
    def by_row(self) -> bool:
        """Whether it holds a row for each row of the input."""
        parts = (".weight.grad", ".bias.grad", ".weight.after", ".bias.after")
        return not self.place.endswith(parts) and self.place not in ("loss", "loss_after")

    def name(self, row: int, column: int) -> str:
        """Return the name of one number: output[0][2]."""
        index = (row, column)[2 - self.dimensions :] if self.dimensions else ()
        return self.place + "".join(f"[{i}]" for i in index)

    def index(self, row: int, column: int) -> tuple[int, ...]:
        """Return the index of one number in the file's array."""
        return (row, column)[2 - self.dimensions :] if self.dimensions else ()

    def numbers(self) -> Iterator[tuple[int, int, Printed]]:
        """Yield row, column and number of all that is printed."""
        for i, row in enumerate(self.rows):
            for j, number in enumerate(row):
                if number is not None:
                    yield i, j, number


@dataclass(frozen=True)
class WorkedExample:
    """A published worked example."""

    title: str
    source: str | None
    """Where it is published."""
    layers: tuple[ExampleLayer, ...]
    input: Rows
    """(rows, in_features)"""
    target: Rows | None
    """(rows, outputs)"""
    classes: tuple[int, ...] | None
    """One class a row, where the target is given so."""
    loss: str | None
    optimizer: ExampleOptimizer | None
    printed: tuple[PrintedArray, ...]
    known_wrong: Mapping[str, str]
    """By place; what somebody has already said of the example."""
    inputs_rounded: bool
    """Whether every given number is itself rounded to its printed places."""
    truncated: bool
    """Whether numbers are cut off rather than rounded."""
    computed_in: str
    """The number format of the publication's computation."""
    u: Decimal
    """Its unit roundoff."""
    notes: tuple[str, ...] = ()

    @property
    def half(self) -> Decimal:
        """The uncertainty of a printed number in units of its last place."""
        return Decimal(1) if self.truncated else Decimal("0.5")

    @property
    def outputs(self) -> int:
        """How many outputs the network has."""
        return self.layers[-1].shape[0]

    def given(self, number: Printed) -> DecimalInterval:
        """Return what a number of the problem stands for.

        A computer holds it with one relative rounding.
        """
        if self.inputs_rounded:
            return number.interval(self.half, self.u).rounded()
        return point(number.value, self.u).rounded()
