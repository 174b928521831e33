"""A guard over a process that runs foreign code: whatever it starts ends with fcinspect.

The process is divided before it has loaded anything. One half goes on, in a process group of its
own; the other half waits until fcinspect hangs up, however it ends, or until the first half ends.
Then it kills what is left of the descendants, those in sessions of their own included: on Linux
orphans become its children.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
"""From linux/prctl.h."""
PATIENCE = 4.0
"""Seconds for which descendants are looked for: what forks without end is left then."""


class _Asked(Exception):
    """Fcinspect asks for the end."""


def stand_guard(lifeline: int, answers: int) -> None:
    """Return in the process that goes on; the guard never does.

    `lifeline` is a pipe whose other end fcinspect holds open while it lives.
    """
    _control(PR_SET_CHILD_SUBREAPER, 1)
    guard = os.getpid()
    process = os.fork()
    if process:
        # its end must close the pipe
        os.close(answers)
        _guard(process, lifeline)
    os.setpgid(0, 0)
    _control(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:
        os._exit(1)


def _guard(process: int, lifeline: int) -> NoReturn:
    status = 1
    try:
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _asked)
        with contextlib.suppress(_Asked):
            _wait(process, lifeline)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        status = _end(process)
        _end_orphans()
    finally:
        _exit_as(status)


def _asked(number: int, frame: object) -> NoReturn:
    raise _Asked


def _wait(process: int, lifeline: int) -> None:
    """Return when the process has ended or fcinspect has hung up."""
    waiting = select.poll()
    waiting.register(lifeline, 0)  # nothing but its end
    patience: int | None = 50
    if sys.platform == "linux":
        waiting.register(os.pidfd_open(process), select.POLLIN)
        patience = None
    while not waiting.poll(patience):
        if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return


def _end(process: int) -> int:
    """Kill the process with its group, and return its exit status, negative for a signal."""
    with contextlib.suppress(OSError):
        os.killpg(process, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.kill(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _end_orphans() -> None:
    """Kill the children that are left, and theirs as they become ours."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for child in _children():
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def _children() -> list[int]:
    """Return the processes whose parent this one is; on Linux only."""
    found, own = [], os.getpid()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # "pid (name) state ppid …", where a name may hold anything
            if int((entry / "stat").read_bytes().rpartition(b")")[2].split()[1]) == own:
                found.append(int(entry.name))
    return found


def _exit_as(status: int) -> NoReturn:
    """Exit as the process did: with its status, or by its signal."""
    if status < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status if status >= 0 else 128 - status)


def _control(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
