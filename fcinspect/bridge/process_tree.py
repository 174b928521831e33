"""A process with all that it started: what they hold, and their end."""

from __future__ import annotations

import contextlib


def memory_of(process: int) -> int:
    """Return how many bytes of memory they hold; 0 where they are gone.

    Pages that some of them share count for each.
    """
    import psutil

    held = 0
    with contextlib.suppress(psutil.Error):
        first = psutil.Process(process)
        for member in (first, *first.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                held += member.memory_info().rss
    return held


def kill(process: int) -> None:
    """Kill them all, and wait a moment until they are gone."""
    import psutil

    with contextlib.suppress(psutil.Error):
        first = psutil.Process(process)
        # the first one is reaped by whoever started it
        others = first.children(recursive=True)
        for member in (first, *others):
            with contextlib.suppress(psutil.Error):
                member.kill()
        psutil.wait_procs(others, timeout=2.0)
