"""What a published worked example holds, and how the numbers in its JSON are read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fcinspect.arithmetic.settings import ACTIVATION_NAMES
from fcinspect.errors import InputError, did_you_mean
from fcinspect.names import canonical
from fcinspect.verification.examples.interval import DecimalInterval, point

ACTIVATIONS = (*ACTIVATION_NAMES, "softmax")
"""softmax is allowed only after the last layer."""


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
        return self.place + "".join(f"[{i}]" for i in self.index(row, column))

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
        """Return what a number of the problem stands for; a computer rounds it once."""
        if self.inputs_rounded:
            return number.interval(self.half, self.u).rounded()
        return point(number.value, self.u).rounded()


DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
LONGEST = 400
LARGEST = Decimal(2) ** 1024
SMALLEST_UNIT = -1100
SHOWN = 40


class ExampleReader:
    """Reads the values of one document, and counts what was read with less than it says."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.plain_numbers = 0
        """How many numbers were JSON numbers."""

    def refuse(self, message: str, hint: str | None = None) -> InputError:
        """Return the refusal of something in this document."""
        return InputError(f"{self.source}: {message}", hint)

    def number(self, value: object, place: str) -> Printed:
        """Return a decimal number; raises InputError for anything else."""
        text: object = value
        expected = 'expected a decimal such as "0.15"'
        if type(value) in (int, float):
            self.plain_numbers += 1
            text = repr(value)
        if not isinstance(text, str):
            raise self.refuse(f"{place} is {kind_of(value)}: {expected}")
        written, told = text.replace("−", "-"), f"{place} is {shown(text)}"
        if len(written) > LONGEST or not DECIMAL.fullmatch(written):
            raise self.refuse(f'{told}: {expected} or "-1.2e-3"')
        found = Decimal(written)
        exponent = found.as_tuple().exponent
        assert isinstance(exponent, int)
        if found.copy_abs() >= LARGEST or exponent > 310:
            raise self.refuse(f"{told}: beyond float64's range")
        if exponent < SMALLEST_UNIT:
            raise self.refuse(f"{told}: its last place is below 1e{SMALLEST_UNIT}")
        return Printed(found, Decimal((0, (1,), exponent)))

    def array(
        self, value: object, place: str, shape: Sequence[int | None], null: bool = False
    ) -> tuple[Any, ...]:
        """Return nested tuples of that shape (None: any length > 0); `null` allows None in them."""
        if null and value is None:
            return (None,) * (shape[0] or 0) if len(shape) == 1 else (None,)
        if not isinstance(value, list):
            what = "a list of rows" if len(shape) == 2 else "a list of numbers"
            raise self.refuse(f"{place} is {kind_of(value)}: expected {what}")
        if not value or (shape[0] is not None and len(value) != shape[0]):
            expected = "at least 1" if shape[0] is None else str(shape[0])
            raise self.refuse(f"{place} has {entries(len(value))}: expected {expected}")
        if len(shape) == 1:
            return tuple(
                None if null and item is None else self.number(item, f"{place}[{i}]")
                for i, item in enumerate(value)
            )
        width = shape[1]
        found = []
        for i, item in enumerate(value):
            if width is None and i and isinstance(item, list) and len(item) != len(value[0]):
                rows = f"{place}[{i}] has {entries(len(item))} and {place}[0] has {len(value[0])}"
                raise self.refuse(f"{rows}: rows must have the same length")
            found.append(self.array(item, f"{place}[{i}]", (width,), null))
        return tuple(found)

    def mapping(self, value: object, place: str, keys: Iterable[str]) -> Mapping[str, Any]:
        """Return an object that has no other keys than these."""
        known = list(keys)
        if not isinstance(value, dict):
            raise self.refuse(f"{place} is {kind_of(value)}: expected an object")
        for key in value:
            if key not in known:
                words = f"{place} has the unknown key {shown(key)}: expected {', '.join(known)}"
                raise self.refuse(words, did_you_mean(key, known))
        return value

    def chosen(self, value: object, place: str, known: Sequence[str]) -> str:
        """Return one of the known words."""
        written, hint = kind_of(value), None
        if isinstance(value, str):
            found = canonical(value, known)
            if found is not None:
                return found
            written, hint = shown(value), did_you_mean(value, known)
        raise self.refuse(f"{place} is {written}: expected one of {', '.join(known)}", hint)

    def flag(self, value: object, place: str) -> bool:
        """Return true or false."""
        if isinstance(value, bool):
            return value
        raise self.refuse(f"{place} is {kind_of(value)}: expected true or false")

    def text(self, value: object, place: str) -> str:
        """Return a string, on one line, with what cannot be printed escaped."""
        if isinstance(value, str):
            return "".join(c if c.isprintable() else repr(c)[1:-1] for c in value)
        raise self.refuse(f"{place} is {kind_of(value)}: expected a string")


def shown(text: str) -> str:
    """Return text in quotes, shortened."""
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 3] + "...")


def entries(count: int) -> str:
    """Return "3 entries"."""
    return f"{count} {'entry' if count == 1 else 'entries'}"


def kind_of(value: object) -> str:
    """Return in words what a JSON value is."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return f"the string {shown(value)}"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return f"the number {shown(repr(value))[1:-1]}"
