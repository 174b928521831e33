"""Progress of long work, on stderr, when that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

PATIENCE = 1.0
"""Seconds of work that go by before progress is shown."""


def tracked(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Yield the items; show how many of `total` have come when it takes more than a second."""
    if not sys.stderr.isatty():
        yield from items
        return
    start = time.monotonic()
    remaining = iter(items)
    for count, item in enumerate(remaining, start=1):
        yield item
        if count < total and time.monotonic() - start > PATIENCE:
            yield from _shown(remaining, count, total, what)
            return


def _shown(items: Iterator[Item], done: int, total: int, what: str) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # redirect_stdout would take what is written to stdout away from a redirected stdout
    shown = Progress(*columns, console=Console(stderr=True), redirect_stdout=False, transient=True)
    with shown:
        task = shown.add_task(what, total=total, completed=done)
        for item in items:
            yield item
            shown.advance(task)
