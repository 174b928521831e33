"""From the JSON document of a worked example to its record."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from itertools import product
from typing import Any

from fcinspect.arithmetic.settings import (
    LOSS_NAMES,
    OPTIMIZER_NAMES,
    OPTIONS,
    Value,
    optimizer_named,
)
from fcinspect.errors import UsageError, did_you_mean
from fcinspect.rounding.formats import FORMATS
from fcinspect.verification.examples.record import (
    ACTIVATIONS,
    ExampleLayer,
    ExampleOptimizer,
    ExampleReader,
    PrintedArray,
    Rows,
    WorkedExample,
    kind_of,
    shown,
)

KEYS = (
    "title", "source", "inputs_rounded", "truncated", "computed_in", "layout", "layers", "input",
    "target", "loss", "optimizer", "printed", "known_wrong",
)  # fmt: skip
LAYOUTS = ("out,in", "in,out")


def read_example(document: object, source: str) -> WorkedExample:
    """Return the worked example that a JSON document holds.

    `source` says in words where it comes from. Raises InputError for a missing or unknown key,
    shapes that do not fit together, and for what is not a decimal number.
    """
    reader = ExampleReader(source)
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
    target, classes = _target(
        reader, held.get("target"), loss, len(rows), layers[-1].shape[0], vector
    )
    optimizer = _optimizer(reader, held)
    printed = read_printed(reader, held["printed"], layers, len(rows), vector, swapped)
    require_enough(reader, printed, loss, target is not None or classes is not None, optimizer)
    computed_in = reader.chosen(held.get("computed_in", "float64"), "computed_in", tuple(FORMATS))
    count = reader.plain_numbers
    what = "1 number is a JSON number" if count == 1 else f"{count} numbers are JSON numbers"
    lost = f"{what}, not strings: trailing zeros are lost, and with them decimal places"
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
        notes=(lost,) if count else (),
    )


def _is_vector(value: object) -> bool:
    return isinstance(value, list) and bool(value) and not isinstance(value[0], list)


def _rows(
    reader: ExampleReader, value: object, place: str, rows: int | None, width: int, vector: bool
) -> Rows:
    """Return rows; where the input is one vector, so is every row."""
    if vector:
        return (reader.array(value, place, (width,)),)
    return reader.array(value, place, (rows, width))


def _layers(reader: ExampleReader, value: object, swapped: bool) -> tuple[ExampleLayer, ...]:
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
            given = f"layers[{k - 1}] returns {found[-1].shape[0]}"
            layout = "in,out" if swapped else "out,in"
            words = f"{place}.weight takes {inputs} features but {given}; the layout is {layout}"
            raise reader.refuse(words)
        bias = None
        if held.get("bias") is not None:
            bias = reader.array(held["bias"], f"{place}.bias", (outputs,))
        known = ACTIVATIONS if k == len(value) - 1 else ACTIVATIONS[:-1]
        name = reader.chosen(held.get("activation", "identity"), f"{place}.activation", known)
        found.append(ExampleLayer(weight, bias, name))
    return tuple(found)


def _target(
    reader: ExampleReader, value: object, loss: str | None, rows: int, outputs: int, vector: bool
) -> tuple[Rows | None, tuple[int, ...] | None]:
    if value is None:
        return None, None
    one = isinstance(value, list) and len(value) == 1
    classes = loss == "cross_entropy" and _is_vector(value) and (not vector or one)
    if not classes:
        target = _rows(reader, value, "target", rows, outputs, vector)
        probabilities = loss in ("bce", "cross_entropy")
        for i, j in product(range(len(target)), range(outputs)) if probabilities else ():
            number = target[i][j].value
            if not 0 <= number <= 1:
                expected = "expected a probability from 0 to 1"
                raise reader.refuse(f"target[{i}][{j}] is {number}: {expected}")
        return target, None
    numbers = [one.value for one in reader.array(value, "target", (rows,))]
    for i, number in enumerate(numbers):
        if number != number.to_integral_value() or not 0 <= number < outputs:
            expected = f"expected a class from 0 to {outputs - 1}"
            raise reader.refuse(f"target[{i}] is {number}: {expected}")
    return None, tuple(map(int, numbers))


def _optimizer(reader: ExampleReader, held: Mapping[str, Any]) -> ExampleOptimizer | None:
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
            text = repr(default) if given is None else given
            numbers[option] = reader.number(text, place).value
    _require_sensible(reader, name, numbers, flags)
    update_bias = reader.flag(value.get("update_bias", True), "optimizer.update_bias")
    return ExampleOptimizer(name, numbers, flags, update_bias)


def _require_sensible(
    reader: ExampleReader, name: str, numbers: Mapping[str, Decimal], flags: Mapping[str, bool]
) -> None:
    options: dict[str, Value | None] = {**flags}
    for option, number in numbers.items():
        place = {"beta1": "betas[0]", "beta2": "betas[1]"}.get(option, option)
        below_one = option in ("beta1", "beta2", "alpha")
        if number < 0 or (below_one and number >= 1):
            expected = "a number >= 0 and < 1" if below_one else "a number >= 0"
            raise reader.refuse(f"optimizer.{place} is {number}: expected {expected}")
        if option not in ("beta1", "beta2"):
            options[option] = float(number)
    try:
        optimizer_named(name, options)
    except UsageError as error:
        raise reader.refuse(f"optimizer: {error.message}", error.hint) from None


NETWORK_PLACES = ("output", "loss", "output_after", "loss_after")
LAYER_PLACES = (
    "product", "pre_activation", "activation", "weight.grad", "bias.grad", "weight.after",
    "bias.after", "grad_output", "grad_activation", "grad_input",
)  # fmt: skip
FORWARD_PLACES = ("product", "pre_activation", "activation", "output")
NEEDS_STEP = ("weight.after", "bias.after", "output_after", "loss_after")
LAYER_PLACE = re.compile(r"layers\.(0|[1-9]\d{0,5})\.(.+)", re.ASCII)


def read_printed(
    reader: ExampleReader,
    value: object,
    layers: tuple[ExampleLayer, ...],
    rows: int,
    vector: bool,
    swapped: bool,
) -> tuple[PrintedArray, ...]:
    """Return what is printed; raises InputError for an unknown place or a wrong shape."""
    if not isinstance(value, dict) or not value:
        what = "empty" if value == {} else kind_of(value)
        expected = 'expected an object such as {"output": [["0.4212"]]}'
        raise reader.refuse(f"printed is {what}: {expected}")
    found = []
    for place, numbers in value.items():
        shape, dimensions = _shape_of(reader, place, layers, rows)
        if dimensions == 2 and vector and "weight." not in place:
            dimensions = 1
        transposed = swapped and "weight." in place
        if transposed:
            shape = (shape[1], shape[0])
        name = f"printed[{place!r}]"
        held: tuple[Any, ...]
        if dimensions == 0:
            held = ((None if numbers is None else reader.number(numbers, name),),)
        elif dimensions == 1:
            held = (reader.array(numbers, name, (shape[1],), null=True),)
        elif numbers is None:
            held = ((None,) * shape[1],) * shape[0]
        else:
            held = reader.array(numbers, name, shape, null=True)
        found.append(PrintedArray(place, dimensions, held, transposed))
    if not any(any(array.numbers()) for array in found):
        raise reader.refuse("printed holds only null: expected at least one number")
    return tuple(found)


def _shape_of(
    reader: ExampleReader, place: str, layers: tuple[ExampleLayer, ...], rows: int
) -> tuple[tuple[int, int], int]:
    """Return the shape of what is printed there, as two dimensions, and how many it has."""
    if place in ("loss", "loss_after"):
        return (1, 1), 0
    if place in ("output", "output_after"):
        return (rows, layers[-1].shape[0]), 2
    match = LAYER_PLACE.fullmatch(place)
    if match is None or match[2] not in LAYER_PLACES:
        numbers = range(min(len(layers), 8))
        known = [f"layers.{k}.{name}" for k in numbers for name in LAYER_PLACES]
        expected = f"{', '.join(NETWORK_PLACES)}, or layers.K. followed by one of"
        expected += f" {', '.join(LAYER_PLACES)}"
        raise reader.refuse(
            f"printed has the unknown place {shown(place)}: expected {expected}",
            did_you_mean(place, [*NETWORK_PLACES, *known]),
        )
    k, name = int(match[1]), match[2]
    if k >= len(layers):
        last = f"the last layer is layers.{len(layers) - 1}"
        raise reader.refuse(f"printed names {shown(place)}: {last}")
    outputs, inputs = layers[k].shape
    if name.startswith("weight."):
        return (outputs, inputs), 2
    if name.startswith("bias."):
        if layers[k].bias is None:
            raise reader.refuse(f"printed names {shown(place)}: layers[{k}] has no bias")
        return (1, outputs), 1
    return (rows, inputs if name == "grad_input" else outputs), 2


def require_enough(
    reader: ExampleReader,
    printed: tuple[PrintedArray, ...],
    loss: str | None,
    target: bool,
    optimizer: ExampleOptimizer | None,
) -> None:
    """Raise InputError where the file does not say enough to recompute what it prints."""
    for array in printed:
        match = LAYER_PLACE.fullmatch(array.place)
        name = match[2] if match else array.place
        if name in FORWARD_PLACES:
            continue
        needed = [] if name == "output_after" and loss else ["loss"] * (loss is None)
        needed += ["target"] * (not target)
        needed += ["optimizer"] * (name in NEEDS_STEP and optimizer is None)
        if needed:
            keys = f"key{'s' * (len(needed) > 1)} {', '.join(needed)}"
            raise reader.refuse(f"printed holds {array.place!r}, which needs the missing {keys}")


def read_known_wrong(
    reader: ExampleReader, held: Mapping[str, Any], printed: tuple[PrintedArray, ...]
) -> dict[str, str]:
    """Return what somebody has said of the example; raises InputError for a place not printed."""
    value = held.get("known_wrong")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise reader.refuse(f"known_wrong is {kind_of(value)}: expected an object")
    known = [array.place for array in printed]
    known += [array.name(i, j) for array in printed for i, j, _ in array.numbers()]
    names = set(known)
    for place, words in value.items():
        if place not in names:
            words = f"known_wrong names {shown(place)}, but nothing is printed there"
            raise reader.refuse(words, did_you_mean(place, known[:200]))
        reader.text(words, f"known_wrong[{place!r}]")
    return dict(value)
