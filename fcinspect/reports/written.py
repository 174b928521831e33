"""Records as plain data for JSON: every field that a document lists, every number exact."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, NotRequired, get_args, get_origin, get_type_hints

from fcinspect.layers.array import Array

INLINE = 1000
"""Arrays of up to this many elements are written out; larger ones only with --full."""


SIMPLE = (str, int, bool, NoneType)
"""Types whose values are in JSON as they are."""


class Plain(dict[str, Any]):
    """A record as JSON holds it, which need not be converted again."""


def written(record: object, document: Any, /, *, full: bool = False, **own: Any) -> dict[str, Any]:
    """Return a record as a document: what this TypedDict lists, from the record's attributes.

    `own` has the values of the keys that the record calls otherwise or has in another form; keys
    that need not be there are left out where neither has them. Arrays are written out when
    `full`. Raises AttributeError for a key that neither has, TypeError for an own value that the
    document does not list.
    """
    data = Plain()
    for key, (hint, required) in _fields(document).items():
        if key in own:
            data[key] = plain(own.pop(key), hint, full=full)
        elif required or hasattr(record, key):
            data[key] = plain(getattr(record, key), hint, full=full)
    if own:
        raise TypeError(f"{document.__name__} has no {', '.join(own)}")
    return data


def plain(value: Any, hint: Any = None, *, full: bool = False) -> Any:
    """Return a value as JSON holds it: a record as the document that the hint names.

    A mapping may hold records, too, where the hint is a document or tells what it holds.
    """
    if type(value) in SIMPLE or isinstance(value, Plain):
        return value
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Enum():
            return value.value
        case Array():
            return array(value, full=full)
        case Mapping():
            return {key: plain(each, _inner(hint, key), full=full) for key, each in value.items()}
        case tuple() | list():
            inner = _inner(hint)
            return [plain(each, inner, full=full) for each in value]
    if is_dataclass(value) and (document := _named(hint)) is not None:
        return written(value, document, full=full)
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


@cache
def _named(hint: Any) -> Any:
    """Return the type that stands beside None in a hint."""
    return next((each for each in get_args(hint) if each is not NoneType), hint)


@cache
def _inner(hint: Any, key: str = "") -> Any:
    """Return the type of what a list or a mapping holds, or a document under that key."""
    outer = hint if get_origin(hint) in (list, dict) else _named(hint)
    if hasattr(outer, "__required_keys__"):
        return _fields(outer)[key][0]
    return (get_args(outer) or (None,))[-1]


def array(values: Array, *, full: bool = False) -> dict[str, Any]:
    """Return the document of an array."""
    if values.size > INLINE and not full:
        return _summary(values)
    lost: list[dict[str, Any]] = []
    numbers = _without_nonfinite(values.values.tolist(), [], lost)
    document = {"shape": list(values.shape), "dtype": values.dtype, "values": numbers}
    return {**document, "nonfinite": lost} if lost else document


def _summary(values: Array) -> dict[str, Any]:
    import hashlib

    from fcinspect.layers.statistics import statistics_of
    from fcinspect.reports.documents.core import Statistics
    from fcinspect.rounding.arrays import to_bytes

    return {
        "shape": list(values.shape),
        "dtype": values.dtype,
        "statistics": written(statistics_of(values), Statistics),
        "sha256": hashlib.sha256(to_bytes(values.values, values.dtype)).hexdigest(),
    }


def _without_nonfinite(plain: Any, index: list[int], lost: list[dict[str, Any]]) -> Any:
    if isinstance(plain, list):
        return [_without_nonfinite(v, [*index, i], lost) for i, v in enumerate(plain)]
    if isinstance(plain, float) and not math.isfinite(plain):
        word = "nan" if math.isnan(plain) else "inf" if plain > 0 else "-inf"
        lost.append({"index": index, "value": word})
        return None
    return plain
