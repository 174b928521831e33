"""Signals that ask this process to end: what it has begun is cleaned up first."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

ASKING = ("SIGTERM", "SIGHUP")
"""Those that end a process by default and leave it time; Ctrl-C raises KeyboardInterrupt."""


class Ended(BaseException):
    """A signal has come that asks this process to end."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"ended by {signal.Signals(number).name}")


def settle_signals() -> None:
    """Let a signal that asks to end raise Ended, unless whoever started this process ignores it.

    A second one ends it at once.
    """
    for name in ASKING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def end_by(number: int) -> NoReturn:
    """End as that signal ends a process, so that whoever waits for it sees which it was."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    # the first process of a container does not die of a signal to itself
    sys.exit(128 + number)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)
    raise Ended(number)
