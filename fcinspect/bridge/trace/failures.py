"""What the reader's own code raised, as a record."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import nn

from fcinspect.bridge.trace.sites import failing_place, is_ours, is_own
from fcinspect.shapes.steps import Failure, Place, Stage, Step


def failure_of(error: BaseException, stage: Stage, step: Step | None) -> Failure:
    """Return the record of what the reader's own code raised."""
    place = failing_place(error.__traceback__)
    attributes: tuple[str, ...] = ()
    if isinstance(error, AttributeError) and isinstance(error.obj, nn.Module):
        attributes = tuple(name for name in dir(error.obj) if not name.startswith("_"))
    code = ""
    if place is not None:
        lines = texts_of([place], {}).get(place.file, "").splitlines()
        code = lines[place.line - 1].strip() if place.line <= len(lines) else ""
    return Failure(
        step=step,
        error=type(error).__name__,
        message=str(error),
        place=place,
        code=code,
        stage=stage,
        traceback=_told(error),
        attributes=attributes,
    )


def _told(error: BaseException) -> str:
    """Return Python's traceback without the steps of fcinspect itself."""
    told = traceback.TracebackException.from_exception(error)
    told.stack = traceback.StackSummary.from_list(
        [frame for frame in told.stack if not is_ours(frame.filename)]
    )
    return "".join(told.format())


def class_places(module: nn.Module) -> list[Place]:
    """Return where the classes of a module and its parts are written, those of the reader."""
    found = []
    for kind in dict.fromkeys(type(part) for part in module.modules()):
        file = getattr(sys.modules.get(kind.__module__), "__file__", None)
        if file and is_own(file):
            found.append(Place(file, 1))
    return found


def texts_of(places: Sequence[Place | None], edited: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each file that is the reader's own."""
    found: dict[str, str] = {}
    for place in places:
        if place is None or place.file in found:
            continue
        if place.file in edited:
            found[place.file] = edited[place.file]
            continue
        try:
            found[place.file] = Path(place.file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
    return found
