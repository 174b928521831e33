"""Numbers and arrays in the JSON of a worked example."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from fcinspect.errors import InputError, did_you_mean
from fcinspect.names import canonical
from fcinspect.verification.examples.record import Printed

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
        if type(value) in (int, float):
            self.plain_numbers += 1
            text = repr(value)
        if not isinstance(text, str):
            raise self.refuse(f'{place} is {kind_of(value)}: expected a decimal such as "0.15"')
        written = text.replace("−", "-")
        if len(written) > LONGEST or not DECIMAL.fullmatch(written):
            raise self.refuse(
                f'{place} is {shown(text)}: expected a decimal such as "0.15" or "-1.2e-3"'
            )
        found = Decimal(written)
        exponent = found.as_tuple().exponent
        assert isinstance(exponent, int)
        if found.copy_abs() >= LARGEST or exponent > 310:
            raise self.refuse(f"{place} is {shown(text)}, beyond float64's range")
        if exponent < SMALLEST_UNIT:
            raise self.refuse(
                f"{place} is {shown(text)}: its last place is below 1e{SMALLEST_UNIT}"
            )
        return Printed(found, Decimal((0, (1,), exponent)))

    def array(
        self, value: object, place: str, shape: Sequence[int | None], null: bool = False
    ) -> tuple[Any, ...]:
        """Return nested tuples of numbers of that shape; None stands for any length above 0.

        With `null`, None may stand in the place of a number or of all of a row.
        """
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
                raise self.refuse(
                    f"{place}[{i}] has {entries(len(item))} and {place}[0] has"
                    f" {len(value[0])}: rows must be equally long"
                )
            found.append(self.array(item, f"{place}[{i}]", (width,), null))
        return tuple(found)

    def mapping(self, value: object, place: str, keys: Iterable[str]) -> Mapping[str, Any]:
        """Return an object that has no other keys than these."""
        known = list(keys)
        if not isinstance(value, dict):
            raise self.refuse(f"{place} is {kind_of(value)}: expected an object")
        for key in value:
            if key not in known:
                raise self.refuse(
                    f"{place} has the unknown key {shown(key)}: expected {', '.join(known)}",
                    did_you_mean(key, known),
                )
        return value

    def chosen(self, value: object, place: str, known: Sequence[str]) -> str:
        """Return one of the known words."""
        found = canonical(value, known) if isinstance(value, str) else None
        if found is not None:
            return found
        written = shown(value) if isinstance(value, str) else kind_of(value)
        hint = did_you_mean(value, known) if isinstance(value, str) else None
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
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"the string {shown(value)}"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return f"the number {shown(repr(value))[1:-1]}"
