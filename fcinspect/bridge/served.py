"""The process that runs foreign code, from its first line: guarded, bounded, answering."""

from __future__ import annotations

import contextlib
import os
import pickle
import pkgutil
import struct
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

SIZE = struct.Struct("<Q")
"""Stands before every request, which is pickled: it comes from fcinspect."""


def main() -> None:
    """Answer what is asked through stdin until the other side hangs up, or ends."""
    sys.argv[1:] = []
    requests, answers = _own_pipes()
    if hasattr(os, "fork"):
        from fcinspect.bridge.guard import stand_guard

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
            kind, why = "misbehaved", f"returned what cannot be sent: {_words_of(error)}"
            data = frame((self._number, kind, why))
        left = memoryview(data)
        while left:
            left = left[os.write(self._answers, left) :]
        return kind == "done"


def _called(found: object, method: str, arguments: tuple[Any, ...]) -> object:
    return getattr(found, method)(*arguments)


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
