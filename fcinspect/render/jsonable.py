"""Records as plain data for JSON (RFC 8259): every number exact, no NaN or Infinity."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fcinspect import __version__
from fcinspect.render.documents import ArrayDocument, Nonfinite, Statistics

if TYPE_CHECKING:
    from fcinspect.layers.array import Array

INLINE = 1000
"""Arrays of up to this many elements are written out; larger ones only with --full."""

LARGEST_EXACT_INTEGER = 2**53 - 1
"""Larger integers are rounded by readers that hold every number as float64, jq among them."""


def envelope(
    command: str,
    *,
    ok: bool,
    asked: Mapping[str, Any],
    data: Mapping[str, Any],
    warnings: tuple[str, ...],
) -> dict[str, Any]:
    """Return the document of one command."""
    return {
        "schema": f"fcinspect.{command}/1",
        "ok": ok,
        "version": __version__,
        "input": dict(asked),
        "data": dict(data),
        "warnings": list(warnings),
    }


def dumps(document: Mapping[str, Any]) -> str:
    """Return one line of JSON, newline-terminated; raises ValueError on NaN or Infinity."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False) + "\n"


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
