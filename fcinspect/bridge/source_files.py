"""The files of source code that a traceback names, where they lie on this machine."""

from __future__ import annotations

import tokenize
from collections.abc import Iterable
from pathlib import Path

from fcinspect.diagnosis.editing import Source
from fcinspect.diagnosis.reported import Frame

LARGEST = 2**20
"""Bytes; larger files are not written by hand."""
MOST_FILES = 8
REMOTE = ("\\\\", "//")
"""How a path begins that Windows would fetch from another machine."""


def sources_of(frames: Iterable[Frame]) -> dict[str, Source]:
    """Return the reader's own files among those of the frames, by the names given there.

    The innermost come first. What is not there, or is no file of Python, is left out.
    """
    named = dict.fromkeys(frame.file for frame in reversed(list(frames)) if frame.own)
    found: dict[str, Source] = {}
    for name in list(named)[:MOST_FILES]:
        path = None if name.startswith(REMOTE) or not name.endswith(".py") else _here(name)
        text = None if path is None else source_text(path)
        if path is not None and text is not None:
            found[name] = Source(str(path), text)
    return found


def _here(name: str) -> Path | None:
    """Return the whole path of a file, below the working folder where it lies there."""
    try:
        here = Path.cwd()
        path = here / Path(name).expanduser()
        behind_links = path.resolve()
    except (OSError, RuntimeError, ValueError):
        return None
    if not path.is_relative_to(here) and behind_links.is_relative_to(here):
        return behind_links
    return path


def source_text(path: Path) -> str | None:
    """Return the text of a regular file of Python, in the encoding that it declares."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return None
        with tokenize.open(path) as file:
            return file.read()
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
        return None
