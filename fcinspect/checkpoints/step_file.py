"""Reading a training step that somebody claims: parameters before and after, and gradients.

Read are the document of ``fcinspect step --json --full``, and .npz, .safetensors or JSON with
``NAME.before``, ``NAME.grad`` and ``NAME.after`` for every parameter, ``NAME.state.KEY`` for what
the optimizer had kept, and ``input``, ``target``, ``output_before``, ``loss_before``,
``output_after`` and ``loss_after`` where they are known.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fcinspect.checkpoints.arrays import ArrayFile, NamedArray, is_exact, source_of
from fcinspect.errors import InputError
from fcinspect.layers.array import Array
from fcinspect.names import listed

PARTS = ("before", "grad", "after")
SURROUNDINGS = ("input", "target", "output_before", "loss_before", "output_after", "loss_after")
MOST_NAMED = 6
LARGEST_STEP = 2**53


@dataclass(frozen=True, eq=False)
class StepFile:
    """What a file holds of a step."""

    source: str
    parameters: Mapping[str, Mapping[str, Array]]
    """By name, each "before", "grad", "after"."""
    states: Mapping[str, Mapping[str, Array]]
    """By name, what the optimizer had kept of the parameter."""
    surroundings: Mapping[str, Array] = field(default_factory=dict)
    """Those of SURROUNDINGS that are there; classes of a target are float64."""
    optimizer: Mapping[str, Any] | None = None
    """Its "name" and options, where the file tells."""
    number: int | None = None
    loss_name: str | None = None
    activations: Mapping[str, str] = field(default_factory=dict)
    """By layer, where the file tells."""
    notes: tuple[str, ...] = ()


def load_step_file(path: str, dtype: str | None = None) -> StepFile:
    """Return the step in a file, or in the JSON on standard input for "-".

    `dtype` is the format of JSON numbers for which the file names none. Raises InputError for a
    file that lacks an array, names what is none, or holds shapes that do not fit together.
    """
    source = source_of(path, ".npz, .safetensors or .json file of a step")
    if source.kind == "json":
        return _from_json(source, dtype)
    source.refuse_dtype(dtype)
    arrays = {name: _read(name, array, path) for name, array in source.arrays().items()}
    return _from_arrays(arrays, source.words)


def _read(name: str, stored: NamedArray, path: str) -> Array:
    if name == "target" and stored.dtype.startswith(("int", "uint")):
        return Array(stored.read().astype(np.float64, order="C"), "float64")
    if not stored.is_readable:
        expected = f"holds {stored.dtype} numbers: expected {', '.join(stored.readable)}"
        raise InputError(f"{name!r} of {path!r} {stored.problem or expected}")
    return Array(np.ascontiguousarray(stored.read()), stored.dtype)


def _from_json(origin: ArrayFile, dtype: str | None) -> StepFile:
    from fcinspect.checkpoints.formats.json_array import parse, refusals_name
    from fcinspect.checkpoints.formats.json_file import envelope_data

    source = origin.words
    document = parse(origin.text, source, "a step")
    data = envelope_data(document)
    if data is None and isinstance(document, dict) and isinstance(document.get("layers"), list):
        data = document
    with refusals_name(source):
        if data is not None:
            return _from_document(data, source)
        if not isinstance(document, dict):
            raise InputError('expected {"NAME.before": …, "NAME.grad": …, "NAME.after": …}')
        return _from_object(document, source, dtype)


def _from_document(data: Mapping[str, Any], source: str) -> StepFile:
    from fcinspect.checkpoints.formats.json_array import decode

    layers = data.get("layers")
    if not (isinstance(layers, list) and layers and "optimizer" in data):
        raise InputError(
            f"{source} is an fcinspect document, but not a training step: expected the"
            " output of 'fcinspect step --json --full'"
        )
    dtype = str(data.get("dtype", "float32"))

    def held(value: object, place: str) -> Array:
        found = decode(value, place)
        return Array.of(found.values, found.dtype or dtype)

    parameters: dict[str, dict[str, Array]] = {}
    states: dict[str, dict[str, Array]] = {}
    activations: dict[str, str] = {}
    for index, layer in enumerate(layers):
        place = f"layers[{index}]"
        if not isinstance(layer, dict):
            raise InputError(f"{place} is not an object")
        name = _word(layer.get("name", f"fc{index + 1}"), f"{place}.name")
        activations[name] = _word(layer.get("activation", "identity"), f"{place}.activation")
        for what in ("weight", "bias"):
            parameter, where = layer.get(what), f"{place}.{what}"
            if parameter is None and what == "bias":
                continue
            if not isinstance(parameter, dict):
                raise InputError(f"{where} is missing: expected before, grad and after")
            parameters[f"{name}.{what}"] = {
                part: held(parameter.get(part), f"{where}.{part}") for part in PARTS
            }
            kept = _object(parameter.get("state_before"), f"{where}.state_before")
            states[f"{name}.{what}"] = {
                key: held(value, f"{where}.state_before.{key}") for key, value in kept.items()
            }
    known = {key: data[key] for key in SURROUNDINGS if data.get(key) is not None}
    target = known.get("target")
    if isinstance(target, dict) and target.get("dtype") == "int64":
        known["target"] = {**target, "dtype": "float64"}
    surroundings = {key: held(value, key) for key, value in known.items()}
    made = StepFile(source, parameters, states, surroundings, activations=activations)
    return _checked(replace(made, optimizer=_optimizer(data["optimizer"]), **_told(data)))


def _object(value: object, place: str) -> Mapping[str, Any]:
    """Return an object, an empty one for null; raises InputError for another value."""
    if value is not None and not isinstance(value, dict):
        raise InputError(f"{place} is {_shown(value)}: expected an object of arrays by name")
    return value or {}


def _word(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{place} is {_shown(value)}: expected a name")
    return value


def _told(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the number of the step and the name of its loss, where the file gives them."""
    number, loss = data.get("step"), data.get("loss")
    if number is not None and (type(number) is not int or not 1 <= number <= LARGEST_STEP):
        raise InputError(f"step is {_shown(number)}: expected a whole number >= 1")
    return {"number": number, "loss_name": None if loss is None else _word(loss, "loss")}


def _shown(value: object) -> str:
    return repr(value)[:60]


def _optimizer(value: object) -> Mapping[str, Any]:
    """Return {"name": …, its options} of {"name": …, "options": {…}} or {"name": …, "lr": …}."""
    if isinstance(value, str):
        return {"name": value}
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise InputError(
            'invalid optimizer: expected an object such as {"name": "sgd", "lr": 0.01}'
        )
    given = value.get("options")
    if not isinstance(given, dict):
        given = {key: held for key, held in value.items() if key != "name"}
    found = {"name": value["name"]}
    for key, held in given.items():
        if isinstance(held, list) and len(held) == 2:
            found[key] = tuple(float(_number(key, part)) for part in held)
        else:
            found[key] = _number(key, held)
    return found


def _number(key: str, value: object) -> bool | int | float:
    try:
        if isinstance(value, bool | int | float):
            float(value)  # a whole number may be beyond the range
            return value
        return float(str(value))
    except (ValueError, OverflowError):
        raise InputError(f"optimizer.{key} is {_shown(value)}: expected a number") from None


def _from_object(document: Mapping[str, Any], source: str, dtype: str | None) -> StepFile:
    """Read arrays by name; nested objects are joined by dots."""
    from fcinspect.checkpoints.formats.json_array import decode

    flat: dict[str, Any] = {}
    _flatten({k: v for k, v in document.items() if k not in _SETTINGS}, "", flat)
    read = {name: decode(value, name) for name, value in flat.items()}
    plain = [name for name, found in read.items() if found.dtype is None]
    note: tuple[str, ...] = ()
    if plain and dtype is None:
        numbers = [read[name].values for name in plain if name not in SURROUNDINGS]
        dtype = "float32" if all(is_exact(values, "float32") for values in numbers) else "float64"
        note = (f"plain numbers are read as {dtype}; use --dtype to choose another",)
    arrays = {n: Array.of(found.values, found.dtype or dtype or "") for n, found in read.items()}
    made = _from_arrays(arrays, source)
    activations = _object(document.get("activations"), "activations")
    for layer, activation in activations.items():
        _word(activation, f"activations.{layer}")
    return replace(
        made,
        optimizer=_optimizer(document["optimizer"]) if "optimizer" in document else None,
        **_told(document),
        activations=activations,
        notes=note,
    )


_SETTINGS = ("optimizer", "step", "loss", "activations")


def _flatten(value: Mapping[str, Any], prefix: str, into: dict[str, Any]) -> None:
    from fcinspect.checkpoints.formats.json_array import is_array_document

    for key, part in value.items():
        name = f"{prefix}{key}"
        if isinstance(part, dict) and not is_array_document(part):
            _flatten(part, f"{name}.", into)
        elif part is not None:
            into[name] = part


def _from_arrays(arrays: Mapping[str, Array], source: str) -> StepFile:
    parameters: dict[str, dict[str, Array]] = {}
    states: dict[str, dict[str, Array]] = {}
    surroundings: dict[str, Array] = {}
    left: list[str] = []
    for name, values in arrays.items():
        if name in SURROUNDINGS:
            surroundings[name] = values
        elif match := re.fullmatch(r"(.+)\.state\.(\w+)", name):
            states.setdefault(match[1], {})[match[2]] = values
        elif match := re.fullmatch(rf"(.+)\.({'|'.join(PARTS)})", name):
            parameters.setdefault(match[1], {})[match[2]] = values
        else:
            left.append(name)
    if left:
        raise InputError(
            f"{source} holds {listed(left, MOST_NAMED)}, which is not part of a step: expected"
            f" NAME.before, NAME.grad, NAME.after, NAME.state.KEY, {', '.join(SURROUNDINGS)}"
        )
    if not parameters:
        expected = "expected NAME.before, NAME.grad and NAME.after"
        raise InputError(f"{source} holds no parameter: {expected}")
    ordered = dict(sorted(parameters.items(), key=lambda item: _natural(item[0])))
    return _checked(StepFile(source, ordered, states, surroundings))


def _natural(name: str) -> tuple[Any, ...]:
    """Order layer 10 behind layer 9, and a bias behind its weight."""
    layer, _, what = name.rpartition(".")
    parts = re.split(r"(\d+)", layer)
    return (
        *((0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts),
        (2, what == "bias", what),
    )


def _checked(step: StepFile) -> StepFile:
    """Raise InputError where an array is missing or of another shape or format."""
    first = None
    for name, parts in step.parameters.items():
        missing = [part for part in PARTS if part not in parts]
        if missing:
            raise InputError(f"{step.source} holds no {name}.{missing[0]}")
        before = parts["before"]
        first = first or (name, before.dtype)
        kept = {f"state.{key}": values for key, values in step.states.get(name, {}).items()}
        for part, values in {**parts, **kept}.items():
            if values.shape != before.shape:
                two = f"{name}.{part} has shape {values.shape}, {name}.before {before.shape}"
                raise InputError(f"{step.source}: {two}")
            if values.dtype != before.dtype and part in PARTS:
                two = f"{name}.{part} is {values.dtype}, {name}.before {before.dtype}"
                raise InputError(f"{step.source}: {two}")
        if before.dtype != first[1]:
            two = f"{name} is {before.dtype}, {first[0]} {first[1]}"
            raise InputError(f"{step.source}: {two}: expected a single dtype")
    unknown = [name for name in step.states if name not in step.parameters]
    if unknown:
        raise InputError(f"{step.source} holds {unknown[0]}.state, but no {unknown[0]}.before")
    return step
