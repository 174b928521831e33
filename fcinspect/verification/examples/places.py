"""The places of a worked example where numbers may be printed, and what a file prints there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fcinspect.errors import did_you_mean
from fcinspect.verification.examples.reading import Reader, kind_of, shown
from fcinspect.verification.examples.record import ExampleLayer, ExampleOptimizer, PrintedArray

NETWORK_PLACES = ("output", "loss", "output_after", "loss_after")
LAYER_PLACES = (
    "product", "pre_activation", "activation", "weight.grad", "bias.grad", "weight.after",
    "bias.after", "grad_output", "grad_activation", "grad_input",
)  # fmt: skip
FORWARD_PLACES = ("product", "pre_activation", "activation", "output")
NEEDS_STEP = ("weight.after", "bias.after", "output_after", "loss_after")
LAYER_PLACE = re.compile(r"layers\.(0|[1-9]\d{0,5})\.(.+)", re.ASCII)


def read_printed(
    reader: Reader,
    value: object,
    layers: tuple[ExampleLayer, ...],
    rows: int,
    vector: bool,
    swapped: bool,
) -> tuple[PrintedArray, ...]:
    """Return what is printed; raises InputError for an unknown place or a wrong shape."""
    if not isinstance(value, dict) or not value:
        raise reader.refuse(
            f"printed is {'empty' if value == {} else kind_of(value)}: expected an object such as"
            ' {"output": [["0.4212"]]}'
        )
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
    if not any(True for array in found for _ in array.numbers()):
        raise reader.refuse("printed holds only null: expected at least one number")
    return tuple(found)


def _shape_of(
    reader: Reader, place: str, layers: tuple[ExampleLayer, ...], rows: int
) -> tuple[tuple[int, int], int]:
    """Return the shape of what is printed there, as two dimensions, and how many it has."""
    if place in ("loss", "loss_after"):
        return (1, 1), 0
    if place in ("output", "output_after"):
        return (rows, layers[-1].shape[0]), 2
    match = LAYER_PLACE.fullmatch(place)
    if match is None or match[2] not in LAYER_PLACES:
        known = [*NETWORK_PLACES]
        for k in range(min(len(layers), 8)):
            known += [f"layers.{k}.{name}" for name in LAYER_PLACES]
        raise reader.refuse(
            f"printed has the unknown place {shown(place)}: expected {', '.join(NETWORK_PLACES)},"
            f" or layers.K. and one of {', '.join(LAYER_PLACES)}",
            did_you_mean(place, known),
        )
    k, name = int(match[1]), match[2]
    if k >= len(layers):
        raise reader.refuse(
            f"printed names {shown(place)}: the last layer is layers.{len(layers) - 1}"
        )
    outputs, inputs = layers[k].shape
    if name.startswith("weight."):
        return (outputs, inputs), 2
    if name.startswith("bias."):
        if layers[k].bias is None:
            raise reader.refuse(f"printed names {shown(place)}: layers[{k}] has no bias")
        return (1, outputs), 1
    return (rows, inputs if name == "grad_input" else outputs), 2


def require_enough(
    reader: Reader,
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
            raise reader.refuse(
                f"printed holds {array.place!r}, which needs the missing"
                f" key{'s' * (len(needed) > 1)} {', '.join(needed)}"
            )


def read_known_wrong(
    reader: Reader, held: Mapping[str, Any], printed: tuple[PrintedArray, ...]
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
            raise reader.refuse(
                f"known_wrong names {shown(place)}, where nothing is printed",
                did_you_mean(place, known[:200]),
            )
        reader.text(words, f"known_wrong[{place!r}]")
    return dict(value)
