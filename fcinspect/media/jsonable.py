"""Records as plain data for JSON (RFC 8259): every number exact, no NaN or Infinity."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fcinspect import __version__
from fcinspect.checkpoints.access.uris import masked_name
from fcinspect.page.text import acting

if TYPE_CHECKING:
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import LinearLayer
    from fcinspect.reports.documents.core import ArrayDocument, LayerDocument, Nonfinite, Statistics

INLINE = 1000
"""Arrays of up to this many elements are written out; larger ones only with --full."""

LARGEST_EXACT_INTEGER = 2**53 - 1
"""Larger integers are rounded by readers that hold every number as float64, jq among them."""


RAISED = {"worksheet": 2}
"""The versions of the documents in which a key was removed or retyped; the others have the 1st.

worksheet: a sheet has a `code` in place of its `seed`."""


def schema_name(command: str) -> str:
    """Return the name of a command's document, with its version."""
    return f"fcinspect.{command}/{RAISED.get(command, 1)}"


def envelope(
    command: str,
    *,
    ok: bool,
    asked: Mapping[str, Any],
    data: Mapping[str, Any],
    warnings: tuple[str, ...],
) -> dict[str, Any]:
    """Return the document of one command; secrets in URIs are not repeated."""
    return {
        "schema": schema_name(command),
        "ok": ok,
        "version": __version__,
        "input": {k: masked_name(v) if isinstance(v, str) else v for k, v in asked.items()},
        "data": dict(data),
        "warnings": list(warnings),
    }


def dumps(document: Any) -> str:
    """Return one line of JSON, newline-terminated; raises ValueError on NaN or Infinity."""
    written = json.dumps(document, ensure_ascii=False, allow_nan=False)
    # json itself leaves most of what acts on a terminal, or cannot be encoded, as it is
    return acting().sub(lambda found: json_escape(found.group()), written) + "\n"


def json_escape(character: str) -> str:
    """Return a character as JSON writes it by number: in one part of UTF-16, or in two."""
    units = memoryview(character.encode("utf-16-le", "surrogatepass")).cast("H")
    return "".join(f"\\u{unit:04x}" for unit in units)


def spread(document: Mapping[str, Any]) -> str:
    """Return JSON for people to write in: each key on a line, and lists of numbers beside it."""
    return _spread(document, "\n") + "\n"


def _spread(value: Any, line: str) -> str:
    deeper = line + "  "
    if isinstance(value, Mapping) and value:
        parts = (f"{_spread(k, line)}: {_spread(v, deeper)}" for k, v in value.items())
        return f"{{{deeper}" + f",{deeper}".join(parts) + f"{line}}}"
    if isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        parts = (_spread(part, deeper) for part in value)
        return f"[{deeper}" + f",{deeper}".join(parts) + f"{line}]"
    return dumps(value).removesuffix("\n")


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
