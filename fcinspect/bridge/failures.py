"""What a living exception tells: the same facts as its traceback in text, and what failed.

Nothing of the program is run: its frames, and the files of its own code, are read. torch is
imported where the program has imported it.
"""

from __future__ import annotations

import linecache
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from fcinspect.bridge.module_names import source_text
from fcinspect.diagnosis.editing import Source
from fcinspect.diagnosis.facts import Facts, Frame
from fcinspect.diagnosis.reading import UNDERLINE

MOST_ERRORS = 50
MOST_FRAMES = 200
"""Of a traceback so many are read from its inner end."""
MOST_FILES = 8


@dataclass(frozen=True)
class LivingFailure:
    """An exception that is there, with those that it came from."""

    reports: tuple[Facts, ...]
    """The exception itself, then those that led to it, as `read` returns them of a text."""
    sources: dict[str, Source] = field(default_factory=dict)
    """The reader's own files that took part, by the names that the frames give them."""


def failure_facts(error: BaseException, cells: Mapping[str, str] | None = None) -> LivingFailure:
    """Return what an exception tells; `cells` says what files of a notebook are called."""
    named = dict(cells or {})
    text = _text(error)
    chain = list(_chain(error))
    reports = [
        Facts(
            text,
            type(each).__name__,
            message_of(each),
            _frames(each, named),
            chained=each is not chain[-1] and _came_from(each) is not None,
        )
        for each in chain
    ]
    sources = _sources(reports, named)
    if "torch" in sys.modules:
        from fcinspect.bridge.failed_step import failed_step, lacking_module

        for number, each in enumerate(chain):
            reports[number] = replace(reports[number], attributes=lacking_module(each))
            with suppress(Exception):  # a module may be of any kind, and half made
                found = failed_step(each, named)
                if found is not None:
                    step, inputs, files = found
                    reports[number] = replace(reports[number], step=step, inputs=inputs)
                    sources |= _read(files, named)
    return LivingFailure(tuple(reports), sources)


def _text(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # of __str__ and __repr__ that raise
        return type(error).__name__


def message_of(error: BaseException) -> str:
    """Return what an exception says; "" of one that cannot say it."""
    try:
        return str(error).strip()
    except Exception:  # likewise
        return ""


def _came_from(error: BaseException) -> BaseException | None:
    if error.__cause__ is not None or error.__suppress_context__:
        return error.__cause__
    return error.__context__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, those of a group in it, and those that it came from."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting and len(seen) < MOST_ERRORS:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
        waiting.append(_came_from(each))


def _frames(error: BaseException, named: Mapping[str, str]) -> tuple[Frame, ...]:
    """Return the places on the way of an exception, as a traceback in text shows them."""
    told = traceback.TracebackException(
        type(error), error, error.__traceback__, compact=True, lookup_lines=False
    )
    found = []
    for place in told.stack[-MOST_FRAMES:]:
        code, marked = _line(told.stack, place)
        file = named.get(place.filename, place.filename)
        found.append(Frame(file, place.lineno or 0, place.name, code, marked))
    return tuple(found)


def _line(stack: traceback.StackSummary, place: traceback.FrameSummary) -> tuple[str, str]:
    """Return the line of source code, and the part of it that Python underlines."""
    lines = stack.format_frame_summary(place).splitlines()
    if len(lines) < 2:
        return "", ""
    under = UNDERLINE.fullmatch(lines[2]) if len(lines) > 2 else None
    if under is None:
        return lines[1].strip(), ""
    start, end = under.span(2)
    return lines[1].strip(), lines[1][start:end].strip()


def _sources(reports: list[Facts], named: Mapping[str, str]) -> dict[str, Source]:
    """Return the reader's own files among those of the frames, the innermost first."""
    frames = [frame for facts in reports for frame in reversed(facts.frames) if frame.own]
    return _read(list(dict.fromkeys(frame.file for frame in frames))[:MOST_FILES], named)


def _read(files: list[str], named: Mapping[str, str]) -> dict[str, Source]:
    """Return the texts of files of Python, and of what an interactive Python was given."""
    behind = {name: file for file, name in named.items()}
    found = {}
    for name in files:
        file = behind.get(name, name)
        text = source_text(Path(file))
        if text is None:
            text = "".join(linecache.getlines(file)) or None
        if text is not None:
            found[name] = Source(name, text)
    return found
