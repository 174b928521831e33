"""From the JSON document of a worked example to its record."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fcinspect.arithmetic.settings import (
    LOSS_NAMES,
    OPTIMIZER_NAMES,
    OPTIONS,
    Value,
    optimizer_named,
)
from fcinspect.errors import UsageError
from fcinspect.rounding.formats import FORMATS
from fcinspect.verification.examples.places import (
    read_known_wrong,
    read_printed,
    require_enough,
)
from fcinspect.verification.examples.reading import Reader, kind_of
from fcinspect.verification.examples.record import (
    ACTIVATIONS,
    ExampleLayer,
    ExampleOptimizer,
    Printed,
    Rows,
    WorkedExample,
)

KEYS = (
    "title", "source", "inputs_rounded", "truncated", "computed_in", "layout", "layers", "input",
    "target", "loss", "optimizer", "printed", "known_wrong",
)  # fmt: skip
LAYOUTS = ("out,in", "in,out")


def read_example(document: object, source: str) -> WorkedExample:
    """Return the worked example that a JSON document holds.

    `source` says in words where it comes from. Raises InputError for a missing or unknown key,
    shapes that do not fit together, and for what is no decimal number.
    """
    reader = Reader(source)
    held = reader.mapping(document, "the example", KEYS)
    for key in ("layers", "input", "printed"):
        if key not in held:
            raise reader.refuse(f"the key {key!r} is missing: expected layers, input and printed")
    swapped = reader.chosen(held.get("layout", "out,in"), "layout", LAYOUTS) == "in,out"
    layers = _layers(reader, held["layers"], swapped)
    vector = _is_vector(held["input"])
    rows = _rows(reader, held["input"], "input", None, layers[0].shape[1], vector)
    loss = held.get("loss")
    if loss is not None:
        loss = reader.chosen(loss, "loss", LOSS_NAMES)
    target, classes = _target(reader, held, loss, len(rows), layers[-1].shape[0], vector)
    optimizer = _optimizer(reader, held)
    printed = read_printed(reader, held["printed"], layers, len(rows), vector, swapped)
    require_enough(reader, printed, loss, target is not None or classes is not None, optimizer)
    computed_in = reader.chosen(held.get("computed_in", "float64"), "computed_in", tuple(FORMATS))
    return WorkedExample(
        title=reader.text(held.get("title", "a worked example"), "title"),
        source=None if held.get("source") is None else reader.text(held["source"], "source"),
        layers=layers,
        input=rows,
        target=target,
        classes=classes,
        loss=loss,
        optimizer=optimizer,
        printed=printed,
        known_wrong=read_known_wrong(reader, held, printed),
        inputs_rounded=reader.flag(held.get("inputs_rounded", False), "inputs_rounded"),
        truncated=reader.flag(held.get("truncated", False), "truncated"),
        computed_in=computed_in,
        u=Decimal(FORMATS[computed_in].unit_roundoff),
        notes=_notes(reader),
    )


def _notes(reader: Reader) -> tuple[str, ...]:
    count = reader.plain_numbers
    if not count:
        return ()
    what = "1 number is a JSON number" if count == 1 else f"{count} numbers are JSON numbers"
    return (f"{what}, not strings: zeros at their end are lost, and with them their places",)


def _is_vector(value: object) -> bool:
    return isinstance(value, list) and bool(value) and not isinstance(value[0], list)


def _rows(
    reader: Reader, value: object, place: str, rows: int | None, width: int, vector: bool
) -> Rows:
    """Return rows; where the input is one vector, so is every row."""
    if vector:
        return (reader.array(value, place, (width,)),)
    return reader.array(value, place, (rows, width))


def _layers(reader: Reader, value: object, swapped: bool) -> tuple[ExampleLayer, ...]:
    if not isinstance(value, list) or not value:
        raise reader.refuse(f"layers is {kind_of(value)}: expected a list of at least one layer")
    found: list[ExampleLayer] = []
    for k, item in enumerate(value):
        place = f"layers[{k}]"
        held = reader.mapping(item, place, ("weight", "bias", "activation"))
        if "weight" not in held:
            raise reader.refuse(f"{place} has no weight: expected rows of numbers")
        weight = reader.array(held["weight"], f"{place}.weight", (None, None))
        if swapped:
            weight = tuple(zip(*weight, strict=True))
        outputs, inputs = len(weight), len(weight[0])
        if found and found[-1].shape[0] != inputs:
            raise reader.refuse(
                f"{place}.weight takes {inputs} features and layers[{k - 1}] gives"
                f" {found[-1].shape[0]}"
                + ("; the layout is " + ("in,out" if swapped else "out,in")),
            )
        bias = None
        if held.get("bias") is not None:
            bias = reader.array(held["bias"], f"{place}.bias", (outputs,))
        known = ACTIVATIONS if k == len(value) - 1 else ACTIVATIONS[:-1]
        name = reader.chosen(held.get("activation", "identity"), f"{place}.activation", known)
        found.append(ExampleLayer(weight, bias, name))
    return tuple(found)


def _target(
    reader: Reader, held: Mapping[str, Any], loss: str | None, rows: int, outputs: int, vector: bool
) -> tuple[Rows | None, tuple[int, ...] | None]:
    value = held.get("target")
    if value is None:
        return None, None
    classes = loss == "cross_entropy" and _is_vector(value) and (not vector or len(value) == 1)
    if not classes:
        target = _rows(reader, value, "target", rows, outputs, vector)
        if loss in ("bce", "cross_entropy"):
            _require_probabilities(reader, target)
        return target, None
    numbers: tuple[Printed, ...] = reader.array(value, "target", (rows,))
    for i, number in enumerate(numbers):
        if number.value != number.value.to_integral_value() or not 0 <= number.value < outputs:
            raise reader.refuse(
                f"target[{i}] is {number.value}: expected a class from 0 to {outputs - 1}"
            )
    return None, tuple(int(number.value) for number in numbers)


def _require_probabilities(reader: Reader, target: Rows) -> None:
    for i, row in enumerate(target):
        for j, number in enumerate(row):
            if not 0 <= number.value <= 1:
                raise reader.refuse(
                    f"target[{i}][{j}] is {number.value}: expected a probability from 0 to 1"
                )


def _optimizer(reader: Reader, held: Mapping[str, Any]) -> ExampleOptimizer | None:
    value = held.get("optimizer")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise reader.refuse(f"optimizer is {kind_of(value)}: expected an object with name and lr")
    if "name" not in value:
        raise reader.refuse(f"optimizer has no name: expected one of {', '.join(OPTIMIZER_NAMES)}")
    name = reader.chosen(value["name"], "optimizer.name", OPTIMIZER_NAMES)
    known = OPTIONS[name]
    reader.mapping(value, "optimizer", ("name", "update_bias", *known))
    if "lr" not in value:
        raise reader.refuse('optimizer has no lr: expected a decimal such as "0.5"')
    numbers: dict[str, Decimal] = {}
    flags: dict[str, bool] = {}
    for option, default in known.items():
        place = f"optimizer.{option}"
        given = value.get(option)
        if isinstance(default, bool):
            flags[option] = default if given is None else reader.flag(given, place)
        elif isinstance(default, tuple):
            pair = [repr(beta) for beta in default] if given is None else given
            first, second = reader.array(pair, place, (2,))
            numbers["beta1"], numbers["beta2"] = first.value, second.value
        else:
            number = reader.number(repr(default) if given is None else given, place)
            numbers[option] = number.value
    _require_sensible(reader, name, numbers, flags)
    update_bias = reader.flag(value.get("update_bias", True), "optimizer.update_bias")
    return ExampleOptimizer(name, numbers, flags, update_bias)


def _require_sensible(
    reader: Reader, name: str, numbers: Mapping[str, Decimal], flags: Mapping[str, bool]
) -> None:
    options: dict[str, Value | None] = {**flags}
    for option, number in numbers.items():
        place = {"beta1": "betas[0]", "beta2": "betas[1]"}.get(option, option)
        below_one = option in ("beta1", "beta2", "alpha")
        if number < 0 or (below_one and number >= 1):
            expected = "from 0 to below 1" if below_one else "a number >= 0"
            raise reader.refuse(f"optimizer.{place} is {number}: expected {expected}")
        if option not in ("beta1", "beta2"):
            options[option] = float(number)
    try:
        optimizer_named(name, options)
    except UsageError as error:
        raise reader.refuse(f"optimizer: {error.message}", error.hint) from None
