"""An object in a process of its own, so that foreign code can neither crash nor silence us."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any

from fcinspect.bridge.loading import words_of
from fcinspect.errors import FcinspectError, InputError, Misbehaved

STARTING = 120.0
"""Seconds that importing torch and the foreign module may take."""

PATIENCE = 3
"""So many calls in a row may hang or end the process before it is asked no more."""


class Worker:
    """Calls methods of an object that lives in another process.

    The object is what `build(*arguments)` returns there; all of it must be picklable. What the
    foreign code prints goes to stderr. After a crash or a timeout it is built anew, unless
    `PATIENCE` calls in a row ended so.
    """

    def __init__(self, build: Callable[..., object], *arguments: Any, timeout: float) -> None:
        if find_spec("torch") is None:
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        self._build = build
        self._arguments = arguments
        self._timeout = timeout
        self._process: Any = None
        self._connection: Connection | None = None
        self._lost: list[str] = []

    def ask(self, method: str, *arguments: Any) -> Any:
        """Return what the method returns.

        Raises Misbehaved when the object raises, does not answer in time, or its process dies;
        refusals of `build` as they are.
        """
        if len(self._lost) >= PATIENCE:
            raise Misbehaved(
                f"{self._lost[-1]}, {PATIENCE} calls in a row; it was not called again"
            )
        if self._connection is None:
            self._start()
        try:
            answer = self._asked(method, arguments)
        except Misbehaved as fault:
            self._lost = [*self._lost, str(fault)] if self._connection is None else []
            raise
        self._lost = []
        return answer

    def close(self) -> None:
        """End the process."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def _asked(self, method: str, arguments: tuple[Any, ...]) -> Any:
        assert self._connection is not None
        try:
            self._connection.send((method, arguments))
        except OSError:
            raise Misbehaved(self._died()) from None
        return self._answer(
            self._timeout, lambda: Misbehaved(f"did not return within {self._timeout:g} s")
        )

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self._build, self._arguments), daemon=True
        )
        with _interrupts_held_back():
            self._process.start()
        theirs.close()
        try:
            self._answer(
                STARTING, lambda: InputError(f"the code did not load within {STARTING:g} s")
            )
        except Misbehaved as fault:
            self.close()
            raise InputError(f"the code cannot be loaded: {fault}") from None
        except FcinspectError:
            self.close()
            raise

    def _answer(self, seconds: float, late: Callable[[], Exception]) -> Any:
        assert self._connection is not None
        try:
            if not self._connection.poll(seconds):
                self.close()
                raise late()
            kind, value = self._connection.recv()
        except (EOFError, OSError):
            raise Misbehaved(self._died()) from None
        if kind == "misbehaved":
            raise Misbehaved(value)
        if kind == "refused":
            raise value
        return value

    def _died(self) -> str:
        self._process.join(timeout=5)
        code = self._process.exitcode
        self.close()
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return f"its process died of {signal.Signals(-code).name}"
        return f"its process ended with exit status {code}"


@contextlib.contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Let a process that starts here be born deaf to Ctrl-C: its parent ends it, quietly."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, build: Callable[..., object], arguments: Any) -> None:
    """Build the object and answer until the other side hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdout.flush()
    os.dup2(2, 1)
    try:
        found = build(*arguments)
    except FcinspectError as error:
        connection.send(("refused", error))
        return
    except BaseException as error:
        connection.send(("misbehaved", f"raised {words_of(error)}"))
        return
    connection.send(("done", None))
    while True:
        try:
            method, given = connection.recv()
        except (EOFError, OSError):
            return
        try:
            answer = ("done", getattr(found, method)(*given))
        except Misbehaved as fault:
            answer = ("misbehaved", str(fault))
        except FcinspectError as error:
            answer = ("refused", error)
        except BaseException as error:
            answer = ("misbehaved", f"raised {words_of(error)}")
        try:
            connection.send(answer)
        except OSError:
            return
        except Exception as error:
            connection.send(("misbehaved", f"returned what cannot be sent: {words_of(error)}"))
