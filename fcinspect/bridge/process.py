"""An object in a process of its own, so that foreign code can neither crash nor silence us."""

from __future__ import annotations

import contextlib
import pickle
import signal
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from fcinspect.bridge.channel import Channel, Ended, Late, TooMuchMemory
from fcinspect.bridge.messages import Garbled, Overdue, read_message
from fcinspect.bridge.served import SIZE
from fcinspect.errors import FcinspectError, InputError, Misbehaved, brief

STARTING = 120.0
"""Seconds that importing torch may take; foreign code is not loaded yet."""
LOADING = 10.0
"""Seconds that loading foreign code has, where a call has less: it reads files."""
PATIENCE = 3
"""So many calls in a row may hang or end the process before it is asked no more."""


class Worker:
    """Calls methods of an object that lives in another process, and reads its attributes.

    The object is what `build(*arguments)` returns there; `build` may be named "module:function".
    Where it has a method `prepare`, that is called first, without limit. Arguments are pickled;
    what comes back is read as the type that is expected, and trusted no further. What the foreign
    code prints goes to stderr. After a crash or a timeout it is built anew, unless `PATIENCE` calls
    in a row ended so.
    """

    def __init__(self, build: Callable[..., object] | str, *arguments: Any, timeout: float) -> None:
        if find_spec("torch") is None:
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
        self._build = build
        self._arguments = arguments
        self._timeout = timeout
        self._channel: Channel | None = None
        self._answers = 0
        self._lost: list[str] = []

    def ask(self, method: str, *arguments: Any, returns: Any) -> Any:
        """Return what the method returns or the attribute is, a value of the type `returns`.

        Raises Misbehaved when the object raises, does not answer in time or something else, or its
        process dies; refusals of `build` as they are.
        """
        if len(self._lost) >= PATIENCE:
            raise Misbehaved(
                f"{self._lost[-1]}, {PATIENCE} calls in a row; it was not called again"
            )
        if self._channel is None:
            self._start()
        try:
            answer = self._answer((method, arguments), self._timeout, returns)
        except Misbehaved as fault:
            self._lost = [*self._lost, str(fault)] if self._channel is None else []
            raise
        self._lost = []
        return answer

    def close(self) -> None:
        """End the process and all that it started."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _start(self) -> None:
        self._channel, self._answers = Channel(), 0
        begun = (self._build, self._arguments, self._channel.free)
        try:
            self._answer(begun, STARTING, None)
            self._answer(None, max(self._timeout, LOADING), None)
            self._answer(None, STARTING, None)
        except Misbehaved as fault:
            self.close()
            said = str(fault)
            if "within" in said:
                said = said.replace("did not return", "it did not load")
            raise InputError(f"the code cannot be loaded: {said}") from None
        except FcinspectError:
            self.close()
            raise

    def _answer(self, request: object, seconds: float, returns: Any) -> Any:
        """Return the next answer; a process that gives none is ended."""
        assert self._channel is not None
        data = b"" if request is None else pickle.dumps(request)
        deadline = time.monotonic() + seconds
        try:
            parts = self._channel.ask(SIZE.pack(len(data)) + data if data else b"", seconds)
            return self._value(parts, returns, deadline)
        except (Late, Overdue):
            said = f"did not return within {seconds:g} s"
        except TooMuchMemory as held:
            said = f"its processes used more than the {held} of memory that was free"
        except Garbled as fault:
            said = f"its process sent an unreadable answer: {fault}"
        except Ended:
            said = _death(self._channel.exit_status())
        self.close()
        raise Misbehaved(said)

    def _value(self, parts: tuple[bytes, bytes], returns: Any, deadline: float) -> Any:
        """Return what an answer holds; raises Misbehaved and refusals, and Garbled."""
        self._answers += 1
        kinds = {"done": returns, "misbehaved": str, "refused": tuple[str, str, str | None]}
        number, kind, value = read_message(*parts, kinds, deadline)
        if number != self._answers:
            raise Garbled(f"got answer {number}, expected answer {self._answers}")
        if kind == "misbehaved":
            raise Misbehaved(brief(value))
        if kind == "refused":
            name, message, hint = value
            raise _refusals(FcinspectError).get(name, InputError)(message, hint)
        return value


def _refusals(kind: type[FcinspectError]) -> dict[str, type[FcinspectError]]:
    found = {kind.__name__: kind}
    for narrower in kind.__subclasses__():
        found |= _refusals(narrower)
    return found


def _death(status: int | None) -> str:
    if status is None:
        return "its process closed its answer pipe"
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"its process was killed by {signal.Signals(-status).name}"
    return f"its process ended with exit status {status}"
