"""From a text to its diagnosis: the first known message, or the shapes that could be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from fcinspect.diagnosis.messages import (
    backward,
    construction,
    devices,
    dtypes,
    losses,
    optimizers,
    product,
    shape,
    state_dicts,
)
from fcinspect.diagnosis.reading import Reported, read
from fcinspect.diagnosis.records import Diagnosis, Pattern, one_line

FAMILIES: tuple[tuple[Pattern, ...], ...] = (
    product.PATTERNS,
    state_dicts.PATTERNS,
    losses.PATTERNS,
    dtypes.PATTERNS,
    devices.PATTERNS,
    backward.PATTERNS,
    optimizers.PATTERNS,
    construction.PATTERNS,
    shape.PATTERNS,
)
"""In the order of trying; a message belongs to the first that knows it."""

SHAPES = re.compile(
    r"(?:torch\.Size\()?[\[(]\s*\d+(?:\s*[,x×]\s*\d+)+\s*,?\s*[\])]+|\b\d+x\d+(?:x\d+)*\b"
)
MOST_FACTS = 8


@dataclass(frozen=True)
class Unrecognised:
    """A text that no family knows."""

    line: str
    """The line that tells most: the error's first, or the last of a log."""
    shapes: tuple[str, ...]
    """The shapes that stand in it, as they are written."""


def diagnose(text: str) -> Diagnosis | Unrecognised:
    """Return the diagnosis of a pasted text."""
    reports = read(text)
    for reported in reports:
        found = recognise(reported)
        if found is not None:
            return found
    message = reports[0].message
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if not reports[0].frames:
        lines.reverse()  # in a log an error stands last
    seen = dict.fromkeys(found.group() for found in SHAPES.finditer(message[:100_000]))
    return Unrecognised(lines[0] if lines else "", tuple(seen)[:MOST_FACTS])


def recognise(reported: Reported) -> Diagnosis | None:
    """Return the diagnosis of one reported error, or None where no family knows it."""
    for family in FAMILIES:
        for known in family:
            if known.marker not in reported.message:
                continue
            match = re.search(known.pattern, reported.message, re.DOTALL)
            found = None if match is None else known.explain(match, reported)
            if found is not None:
                whole = reported.error is not None or "\n" not in reported.message.strip()
                return replace(found, message=one_line(reported.message)) if whole else found
    return None
