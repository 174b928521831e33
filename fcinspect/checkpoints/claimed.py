"""Reading a computation that somebody claims: x, W, b and y, by name, from one file.

Read are .npz, .safetensors and JSON, and the document of ``fcinspect explain --json --full``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fcinspect.checkpoints.arrays import ArrayFile, NamedArray, is_exact, source_of
from fcinspect.errors import InputError, did_you_mean
from fcinspect.layers.array import Array
from fcinspect.layers.memory import require_free
from fcinspect.names import listed
from fcinspect.rounding.formats import FORMATS

if TYPE_CHECKING:
    from fcinspect.checkpoints.formats.json_array import JsonArray

NAMES = {
    "x": ("x", "input"),
    "W": ("W", "weight"),
    "b": ("b", "bias"),
    "y": ("y", "output"),
    "y2": ("y2",),
}
"""What each array may be called."""
OPTIONAL = ("b", "y2")
MOST_NAMED = 8


@dataclass(frozen=True, eq=False)
class Claimed:
    """The arrays of a claimed computation, as the file holds them."""

    source: str
    arrays: Mapping[str, Array]
    """By "x", "W", "b", "y", "y2"; b and y2 may be missing. W as the file holds it."""
    others: tuple[str, ...] = ()
    """Names of arrays of the file that are none of these."""
    notes: tuple[str, ...] = ()
    """How numbers were understood, where the file leaves it open."""
    readings: Mapping[str, Mapping[str, Array]] | None = None
    """Other formats that the same numbers may be of, by dtype; None where the file says which."""


def load_claimed(path: str, dtype: str | None = None) -> Claimed:
    """Return the claimed computation in a file, or in the JSON on standard input for "-".

    `dtype` is the format of JSON numbers for which the file names none. Raises InputError for a
    file that lacks an array or holds one twice, UsageError for a dtype that is not needed.
    """
    source = source_of(path, ".npz, .safetensors or .json file with x, W, b and y")
    if source.kind == "json":
        return _from_json(source, dtype)
    source.refuse_dtype(dtype)
    stored = source.arrays()
    chosen, others = _chosen(list(stored), source.words)
    for name in chosen.values():
        array = stored[name]
        if not array.is_readable:
            is_raw = array.stored.startswith("|V2")
            raise InputError(
                f"{name!r} of {path!r} holds {array.stored} numbers: expected"
                f" {', '.join(array.readable)}",
                "numpy has no bfloat16; use .safetensors" if is_raw else None,
            )
    if source.kind == "safetensors":
        needed = sum(8 * math.prod(stored[name].shape) for name in chosen.values())
        require_free(needed, f"reading {path!r}", refusal=InputError)
    arrays = {role: _read(stored[name]) for role, name in chosen.items()}
    return Claimed(source.words, arrays, others)


def _read(stored: NamedArray) -> Array:
    import numpy as np

    values = stored.read()
    # a transposed array stays one: nothing is copied
    contiguous = values.flags.c_contiguous or values.flags.f_contiguous
    return Array(values if contiguous else np.ascontiguousarray(values), stored.dtype)


def _from_json(origin: ArrayFile, dtype: str | None) -> Claimed:
    from fcinspect.checkpoints.formats.json_array import decode, parse
    from fcinspect.checkpoints.formats.json_file import envelope_data

    source = origin.words
    document = parse(origin.text, source, "x, W, b and y")
    data = envelope_data(document)
    others: tuple[str, ...] = ()
    if data is not None:
        places = _of_explain(data, source)
    elif isinstance(document, dict):
        held = [key for key, value in document.items() if value is not None]
        chosen, others = _chosen(held, source)
        places = {role: (name, document[name]) for role, name in chosen.items()}
    else:
        raise InputError(f'{source} is not an object: expected {{"x": …, "W": …, "b": …, "y": …}}')
    try:
        found = {role: decode(value, name) for role, (name, value) in places.items()}
    except InputError as error:
        raise InputError(f"{source}: {error.message}", error.hint) from None
    if all(array.dtype is not None for array in found.values()):
        origin.refuse_dtype(dtype)
        return Claimed(source, _read_as(found, ""), others)
    return _with_formats(found, source, dtype, others)


def _of_explain(data: Mapping[str, Any], source: str) -> dict[str, tuple[str, Any]]:
    layer = data.get("layer")
    layer = layer if isinstance(layer, dict) else {}
    if layer.get("rows_held") is not None:
        raise InputError(
            f"{source} explains only some of the outputs",
            hint="write it without --element",
        )
    found = {
        "x": ("data.input", data.get("input")),
        "W": ("data.layer.weight", layer.get("weight")),
        "b": ("data.layer.bias", layer.get("bias")),
        "y": ("data.output", data.get("output")),
    }
    for role, (place, value) in found.items():
        if value is None and role not in OPTIONAL:
            raise InputError(
                f"{source} is an fcinspect document without {place}: expected the output"
                " of 'fcinspect explain --json --full'"
            )
    return {role: held for role, held in found.items() if held[1] is not None}


def _with_formats(
    found: Mapping[str, JsonArray], source: str, dtype: str | None, others: tuple[str, ...]
) -> Claimed:
    """Return the arrays in the formats named; plain numbers are float32 if that holds them all."""
    plain = [role for role, array in found.items() if array.dtype is None]
    named = ", ".join(plain)
    verb = "is" if len(plain) == 1 else "are"
    if dtype is not None:
        arrays = _read_as(found, dtype)
        lost = [role for role in plain if (arrays[role].values != found[role].values).any()]
        note = f"{named} {verb} read as {dtype}"
        note += f"; numbers of {', '.join(lost)} were rounded to it" if lost else ""
        return Claimed(source, arrays, others, (note,))
    told = {array.dtype for array in found.values() if array.dtype is not None}
    if len(told) > 1:
        raise InputError(
            f"{source} uses several dtypes, {', '.join(sorted(told))}, and gives none for"
            f" {named}: expected a single dtype, or --dtype"
        )
    if told:
        chosen, why, readings = told.pop(), "like the other arrays", None
    else:
        exact = {f for f in FORMATS if all(is_exact(found[role].values, f) for role in plain)}
        chosen = "float32" if "float32" in exact else "float64"
        every = "every number is" if "float32" in exact else "not every number is"
        why = f"because {every} a float32 number; use --dtype to choose another"
        others_read = [f for f in FORMATS if f != chosen and (f == "float32" or f in exact)]
        readings = {name: _read_as(found, name) for name in others_read}
    note = f"{named} {verb} read as {chosen}, {why}"
    return Claimed(source, _read_as(found, chosen), others, (note,), readings)


def _read_as(found: Mapping[str, JsonArray], plain: str) -> dict[str, Array]:
    return {role: Array.of(array.values, array.dtype or plain) for role, array in found.items()}


def _chosen(names: list[str], source: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the name that each array has in the file, and the names that are left over."""
    chosen: dict[str, str] = {}
    for role, known in NAMES.items():
        held = [name for name in known if name in names]
        if len(held) > 1:
            both = f"both {held[0]!r} and {held[1]!r}"
            raise InputError(f"{source} holds {both}: expected one of them")
        if held:
            chosen[role] = held[0]
        elif role not in OPTIONAL:
            only = f": only {listed(names, MOST_NAMED, ', …')}" if names else ""
            raise InputError(
                f"{source} holds no {known[0]!r} (or {known[1]!r}){only}:"
                " expected x, W, y, and b or y2 if there are any",
                did_you_mean(known[0], names) or did_you_mean(known[1], names),
            )
    others = tuple(name for name in names if name not in chosen.values())
    return chosen, others
