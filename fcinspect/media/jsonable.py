"""JSON (RFC 8259) of a command's document: no NaN or Infinity, nothing that acts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fcinspect import __version__
from fcinspect.masking import masked_name
from fcinspect.page.text import acting
from fcinspect.page.view import View, schema_name


def envelope(view: View, *, full: bool) -> dict[str, Any]:
    """Return the document of a view; secrets in URIs are not repeated."""
    asked = view.asked.items()
    return {
        "schema": schema_name(view.command),
        "ok": view.ok,
        "version": __version__,
        "input": {k: masked_name(v) if isinstance(v, str) else v for k, v in asked},
        "data": dict(view.data(full)),
        "warnings": list(view.warnings),
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
