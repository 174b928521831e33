"""How the lines of stderr are broken on a terminal."""

from __future__ import annotations

import os
import sys
import textwrap

NARROWEST = 40
"""Columns; in less no sentence can be read."""


def stderr_width() -> int | None:
    """Return the columns of the terminal that shows stderr, None where there is none."""
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or None
    except (OSError, ValueError):
        return None


def wrapped(line: str, width: int) -> str:
    """Return a line broken between its words; --run-slow and a path are one word."""
    return "\n".join(
        textwrap.wrap(
            line,
            max(width, NARROWEST),
            subsequent_indent="  ",
            expand_tabs=False,
            replace_whitespace=False,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )
