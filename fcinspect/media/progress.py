"""Progress of long work, on stderr, when that is a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

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


@contextmanager
def bytes_read(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """Yield a function that is told how many bytes more were read.

    It shows the share, rate and time left of `total` when reading takes more than a second.
    """
    if not sys.stderr.isatty():
        yield _nothing
        return
    bar = _ByteBar(total, what)
    try:
        yield bar.advance
    finally:
        bar.stop()


def _nothing(count: int) -> None:
    del count


class _ByteBar:
    """Shown once PATIENCE is over."""

    def __init__(self, total: int, what: str) -> None:
        self._start = time.monotonic()
        self._total, self._what, self._done = total, what, 0
        self._bar: Any = None
        self._task: Any = None

    def advance(self, count: int) -> None:
        self._done += count
        if self._bar is None and time.monotonic() - self._start > PATIENCE:
            self._show()
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done)

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        columns = (
            TextColumn(self._what),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, redirect_stdout=False, transient=True)
        self._task = self._bar.add_task(self._what, total=self._total, completed=self._done)
        self._bar.start()
