"""Layers in JSON: our own documents, a network, a plain layer, or a state dict.

Read are ``{"weight": [[…]], "bias": […]}``; ``{"fc1.weight": [[…]], …}``, nested or flat;
``{"layers": [{"weight", "bias", "activation"}, …]}``; and the output of ``create --json`` and of
every other command that writes a layer or a network. W and b stand for weight and bias.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from fcinspect.checkpoints.formats.json_array import PLAIN_DTYPE, as_tensor, is_array_document
from fcinspect.checkpoints.pairing.naming import BIAS, SHORT_WEIGHTS, WEIGHT, spelled_out
from fcinspect.checkpoints.pairing.pair import pair
from fcinspect.checkpoints.records import (
    Checkpoint,
    Layout,
    LayoutChoice,
    SkippedTensor,
    StoredTensor,
)
from fcinspect.errors import InputError

EXPECTED = (
    'expected {"weight": [[...]], "bias": [...]}, {"fc1.weight": ...}, {"layers": [...]}'
    " or the output of 'fcinspect create --json'"
)
MOST_LEVELS = 50


@dataclass(frozen=True)
class _JsonReading:
    """How a document is read: the file in words, its layout, and the dtype where it names none."""

    source: str
    layout: LayoutChoice
    plain: str

    @property
    def own_layout(self) -> Layout:
        """How a weight lies in the formats of fcinspect: as torch holds it, unless asked for."""
        return "out,in" if self.layout == "auto" else self.layout


def envelope_data(document: object) -> Mapping[str, Any] | None:
    """Return the data of a document that fcinspect wrote, None for any other."""
    if not isinstance(document, dict) or "data" not in document:
        return None
    schema, data = document.get("schema"), document["data"]
    ours = isinstance(schema, str) and schema.startswith("fcinspect.")
    return data if ours and isinstance(data, dict) else None


def checkpoint_of(
    document: object, source: str, layout: LayoutChoice = "auto", plain: str = PLAIN_DTYPE
) -> Checkpoint:
    """Return the layers of a parsed document; `plain` is the dtype of numbers without one."""
    way = _JsonReading(source, layout, plain)
    data = envelope_data(document)
    if data is not None and isinstance(document, dict):
        return _from_envelope(data, str(document["schema"]), way)
    if isinstance(document, list):
        return pair([as_tensor(document, "weight", plain)], source, way.own_layout)
    if not isinstance(document, dict):
        raise InputError(f"{source} holds no layer: {EXPECTED}")
    network = document.get("network")
    content: dict[str, Any] = network if isinstance(network, dict) else document
    if isinstance(content.get("layers"), list):
        return _network(content["layers"], "layers", way)
    return _state_dict(content, way)


def _from_envelope(data: Mapping[str, Any], schema: str, way: _JsonReading) -> Checkpoint:
    layer, network = data.get("layer"), data.get("network")
    if isinstance(layer, dict):
        return _one_layer(layer, way)
    if isinstance(network, dict) and isinstance(network.get("layers"), list):
        return _network(network["layers"], "data.network.layers", way)
    command = schema.removeprefix("fcinspect.").partition("/")[0].replace("-", " ")
    if command == "worksheet":
        raise InputError(
            f"{way.source} is a worksheet, from which no layers are read: {EXPECTED}",
            hint="once it is filled in, grade it with fcinspect worksheet --grade FILE",
        )
    raise InputError(
        f"{way.source} is a report of fcinspect {command}, which holds no layer: {EXPECTED}"
    )


def _one_layer(layer: Mapping[str, Any], way: _JsonReading) -> Checkpoint:
    name, origin = _name(layer, "data.layer"), layer.get("source")
    tensors = _named(layer, name, "data.layer", way)
    found = pair(tensors, way.source, way.own_layout, _activations([(name, layer)]))
    words = f"{origin} (from {way.source})" if isinstance(origin, str) and origin else None
    return replace(found, layers=tuple(replace(v, origin=words) for v in found.layers))


def _network(entries: list[Any], place: str, way: _JsonReading) -> Checkpoint:
    """Return the layers of a network file, named fc1, fc2, … where they have no names."""
    tensors: list[StoredTensor] = []
    named: list[tuple[str, Mapping[str, Any]]] = []
    for number, entry in enumerate(entries):
        where = f"{place}[{number}]"
        if not isinstance(entry, dict) or not _has_weight(entry):
            raise InputError(f"{where} of {way.source} has no weight: {EXPECTED}")
        name = _name(entry, where) or f"fc{number + 1}"
        if any(name == other for other, _ in named):
            raise InputError(f"{where} of {way.source} is a second layer named {name!r}")
        named.append((name, entry))
        tensors += _named(entry, name, where, way)
    return pair(tensors, way.source, way.own_layout, _activations(named))


def _name(entry: Mapping[str, Any], place: str) -> str:
    name = entry.get("name", "")
    if name is not None and not isinstance(name, str):
        raise InputError(f"{place}.name is not a string")
    return name or ""


def _activations(named: list[tuple[str, Mapping[str, Any]]]) -> dict[str, str]:
    found = {
        name: entry["activation"] for name, entry in named if entry.get("activation") is not None
    }
    for name, activation in found.items():
        if not isinstance(activation, str):
            raise InputError(f"the activation of layer {name!r} is not a name such as 'relu'")
    return found


def _named(
    entry: Mapping[str, Any], name: str, place: str, way: _JsonReading
) -> Iterator[StoredTensor]:
    """Yield weight and bias of one layer; refusals name their place in the document."""
    if not _has_weight(entry):
        raise InputError(f"{place} has no weight: {EXPECTED}")
    keys = {long: short for short, long in spelled_out(entry).items()}
    for part in ("weight", "bias"):
        key = keys.get(part, part)
        if part == "weight" or entry.get(key) is not None:
            tensor = as_tensor(entry[key], f"{place}.{key}", way.plain)
            yield replace(tensor, name=f"{name}.{part}" if name else part)


def _has_weight(entry: Mapping[str, Any]) -> bool:
    return any(key in entry for key in ("weight", *SHORT_WEIGHTS))


def _state_dict(document: Mapping[str, Any], way: _JsonReading) -> Checkpoint:
    tensors: list[StoredTensor] = []
    ignored: list[SkippedTensor] = []
    entries = dict(_flattened(document, "", 0))
    long = spelled_out(entries)
    for key, value in entries.items():
        name = long.get(key, key)
        strict = bool(WEIGHT.fullmatch(name) or BIAS.fullmatch(name))
        if value is None and BIAS.fullmatch(name):
            continue
        if strict or isinstance(value, list) or is_array_document(value):
            tensors.append(replace(as_tensor(value, key, way.plain), name=name))
        else:
            ignored.append(SkippedTensor(key, "not an array"))
    if not tensors:
        raise InputError(f"{way.source} holds no layer: {EXPECTED}")
    found = pair(tensors, way.source, way.layout)
    return replace(found, skipped=(*found.skipped, *ignored))


def _flattened(value: Mapping[str, Any], prefix: str, level: int) -> Iterator[tuple[str, Any]]:
    """Yield the entries of nested objects under dotted keys; arrays stay whole."""
    if level > MOST_LEVELS:
        raise InputError(f"{prefix!r} is nested too deeply")
    seen: set[str] = set()
    for key, inner in value.items():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(inner, dict) and not is_array_document(inner):
            entries = _flattened(inner, name, level + 1)
        else:
            entries = iter([(name, inner)])
        for entry in entries:
            if entry[0] in seen:
                raise InputError(f"{entry[0]!r} appears twice in the document")
            seen.add(entry[0])
            yield entry
