"""Progress of long work, on stderr, when that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

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
    from rich.progress import MofNCompleteColumn, TimeRemainingColumn

    with _bar(what, total, done, MofNCompleteColumn(), TimeRemainingColumn()) as shown:
        for item in items:
            yield item
            shown.advance(shown.task_ids[0])


def _bar(what: str, total: int, done: int, *columns: ProgressColumn) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    # redirect_stdout would take what is written to stdout away from a redirected stdout
    shown = Progress(
        TextColumn(what),
        BarColumn(),
        *columns,
        console=Console(stderr=True),
        redirect_stdout=False,
        transient=True,
    )
    shown.add_task(what, total=total, completed=done)
    return shown


@contextmanager
def bytes_read(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how many bytes more were read.

    It shows the share, rate and time left of `total` when reading takes more than a second.
    """
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    start, done = time.monotonic(), 0
    bar: Progress | None = None

    def advance(count: int) -> None:
        nonlocal bar, done
        done += count
        if bar is not None:
            bar.update(bar.task_ids[0], completed=done)
        elif time.monotonic() - start > PATIENCE:
            bar = _byte_bar(what, total, done)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()


def _byte_bar(what: str, total: int, done: int) -> Progress:
    from rich.progress import DownloadColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = DownloadColumn(binary_units=True), TransferSpeedColumn(), TimeRemainingColumn()
    bar = _bar(what, total, done, *columns)
    bar.start()
    return bar
