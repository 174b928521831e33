"""Records as plain data for JSON: every field that a document lists, every number exact."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, NotRequired, TypeVar, get_args, get_origin, get_type_hints

from typing_extensions import is_typeddict

from fcinspect.layers.array import Array

if TYPE_CHECKING:
    from fcinspect.layers.linear import LinearLayer
    from fcinspect.reports.documents.core import ArrayDocument, LayerDocument, Nonfinite, Statistics

Doc = TypeVar("Doc", bound=Mapping[str, Any])

INLINE = 1000
"""Arrays of up to this many elements are written out; larger ones only with --full."""


def written(record: object, document: type[Doc], *, full: bool = False, **own: Any) -> Doc:
    """Return a record as a document: what the document lists, from the record's attributes.

    `own` has the values of the keys that the record calls otherwise or has in another form; keys
    that need not be there are left out where neither has them. Arrays are written out when
    `full`. Raises AttributeError for a key that neither has.
    """
    data = {}
    for key, (hint, required) in _fields(document).items():
        if key in own:
            data[key] = plain(own.pop(key), hint, full=full)
        elif required or hasattr(record, key):
            data[key] = plain(getattr(record, key), hint, full=full)
    if own:
        raise TypeError(f"{document.__name__} has no {', '.join(own)}")
    return data  # type: ignore[return-value]  # just the keys of the document


def plain(value: Any, hint: Any = None, *, full: bool = False) -> Any:
    """Return a value as JSON holds it: a record as the document that the hint names."""
    match value:
        case float():
            return finite(value)
        case Enum():
            return value.value
        case Array():
            return array(value, full=full)
        case Mapping():
            inner = _inner(hint, 1)
            return {key: plain(each, inner, full=full) for key, each in value.items()}
        case tuple() | list():
            inner = _inner(hint, 0)
            return [plain(each, inner, full=full) for each in value]
    if is_dataclass(value) and is_typeddict(named := _named(hint)):
        return written(value, named, full=full)
    return value


@cache
def _fields(document: Any) -> dict[str, tuple[Any, bool]]:
    """Return the type of each key of a document, and whether it must be there."""
    found = get_type_hints(document, include_extras=True)
    required = {key: get_origin(hint) is not NotRequired for key, hint in found.items()}
    return {
        key: (hint if required[key] else get_args(hint)[0], required[key])
        for key, hint in found.items()
    }


def _named(hint: Any) -> Any:
    """Return the type that stands beside None in a hint."""
    return next((each for each in get_args(hint) if each is not NoneType), hint)


def _inner(hint: Any, place: int) -> Any:
    """Return the type of what a list or a mapping holds."""
    outer = hint if get_origin(hint) in (list, dict) else _named(hint)
    inside = get_args(outer)
    return inside[place] if len(inside) > place else None


def finite(value: float) -> float | None:
    """Return the number, or None where JSON has no number for it."""
    return value if math.isfinite(value) else None


def array(values: Array, *, full: bool = False) -> ArrayDocument:
    """Return the document of an array."""
    if values.size > INLINE and not full:
        return _summary(values)
    document: ArrayDocument = {"shape": list(values.shape), "dtype": values.dtype}
    plain = values.values.tolist()
    lost: list[Nonfinite] = []
    document["values"] = _without_nonfinite(plain, [], lost)
    if lost:
        document["nonfinite"] = lost
    return document


def layer_document(layer: LinearLayer, *, full: bool = False) -> LayerDocument:
    """Return the document of a layer, or of the rows that it holds."""
    return {
        "name": layer.name,
        "in_features": layer.in_features,
        "out_features": layer.out_features,
        "dtype": layer.dtype,
        "weight": array(layer.weight, full=full),
        "bias": None if layer.bias is None else array(layer.bias, full=full),
        "source": layer.source,
    }


def _summary(values: Array) -> ArrayDocument:
    import hashlib

    from fcinspect.layers.statistics import statistics_of
    from fcinspect.rounding.arrays import to_bytes

    found = statistics_of(values)
    summary: Statistics = {
        "min": finite(found.min),
        "max": finite(found.max),
        "mean": finite(found.mean),
        "std": finite(found.std),
    }
    return {
        "shape": list(values.shape),
        "dtype": values.dtype,
        "statistics": summary,
        "sha256": hashlib.sha256(to_bytes(values.values, values.dtype)).hexdigest(),
    }


def _without_nonfinite(plain: Any, index: list[int], lost: list[Nonfinite]) -> Any:
    if isinstance(plain, list):
        return [_without_nonfinite(v, [*index, i], lost) for i, v in enumerate(plain)]
    if isinstance(plain, float) and not math.isfinite(plain):
        word = "nan" if math.isnan(plain) else "inf" if plain > 0 else "-inf"
        lost.append({"index": index, "value": word})  # type: ignore[typeddict-item]  # one of three
        return None
    return plain
