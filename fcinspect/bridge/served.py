"""The process that runs foreign code, from its first line: guarded, bounded, answering.

Whatever it starts ends with fcinspect. It is divided before it has loaded anything. One half goes
on, in a process group of its own; the other half waits until fcinspect hangs up, however it ends,
or until the first half ends. Then it kills what is left of the descendants, those in sessions of
their own included: on Linux orphans become its children.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import pkgutil
import select
import signal
import struct
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

SIZE = struct.Struct("<Q")
"""Stands before every request, which is pickled: it comes from fcinspect."""
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
"""From linux/prctl.h."""
PATIENCE = 4.0
"""Seconds for which descendants are looked for: what forks without end is left then."""


def main() -> None:
    """Answer what is asked through stdin until the other side hangs up, or ends."""
    sys.argv[1:] = []
    requests, answers = _own_pipes()
    if hasattr(os, "fork"):
        stand_guard(requests, answers)
    _Server(requests, answers).serve()


def _own_pipes() -> tuple[int, int]:
    """Take stdin and stdout for messages; foreign code reads nothing, and prints to stderr."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


class _Server:
    def __init__(self, requests: int, answers: int) -> None:
        self._requests, self._answers = requests, answers
        self._process = os.getpid()
        self._number = 0

    def serve(self) -> None:
        """Build an object, then call its methods, one request after the other."""
        with contextlib.suppress(EOFError, OSError):
            build, arguments, free = self._next()
            if isinstance(build, str):
                build = pkgutil.resolve_name(build)
            # torch is imported, where the builder needs it: now the clock starts
            self._answer(lambda: None)
            _bound_memory(free)
            made: list[object] = []
            if not self._answer(lambda: made.append(build(*arguments))):
                return
            found = made[0]
            self._answer(getattr(found, "prepare", lambda: None))
            while True:
                method, given = self._next()
                self._answer(partial(_called, found, method, given))

    def _next(self) -> Any:
        size = SIZE.unpack(self._exactly(SIZE.size))[0]
        return pickle.loads(self._exactly(size))

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self._requests, min(size, 2**20))
            if not part:
                raise EOFError
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _answer(self, call: Callable[[], object]) -> bool:
        """Send what a call gives; return whether it gave anything."""
        from fcinspect.bridge.messages import frame

        kind, value = _outcome(call)
        if os.getpid() != self._process:
            # foreign code forked, and both have come back: one answers
            os._exit(0)
        self._number += 1
        try:
            data = frame((self._number, kind, value))
        except Exception as error:
            kind, why = "misbehaved", f"returned a value that cannot be sent: {_words_of(error)}"
            data = frame((self._number, kind, why))
        left = memoryview(data)
        while left:
            left = left[os.write(self._answers, left) :]
        return kind == "done"


def _called(found: object, name: str, arguments: tuple[Any, ...]) -> object:
    value = getattr(found, name)
    return value(*arguments) if callable(value) else value


def _outcome(call: Callable[[], object]) -> tuple[str, object]:
    from fcinspect.errors import FcinspectError, Misbehaved

    try:
        return "done", call()
    except Misbehaved as fault:
        return "misbehaved", str(fault)
    except FcinspectError as error:
        return "refused", (type(error).__name__, error.message, error.hint)
    except BaseException as error:
        return "misbehaved", f"raised {_words_of(error)}"


def _words_of(error: BaseException) -> str:
    from fcinspect.bridge.loading import words_of

    return words_of(error)


def _bound_memory(free: int) -> None:
    """Let an allocation fail that the machine cannot hold, where its line can still be named."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        lowest = free if hard == resource.RLIM_INFINITY else min(free, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (lowest, hard))


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
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status if status >= 0 else 128 - status)


def _control(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
