"""A process that runs foreign code, and the pipes to it: one question, one answer, one deadline."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from typing import IO

from fcinspect.bridge import messages
from fcinspect.bridge.loading import path_of_child
from fcinspect.bridge.messages import Garbled
from fcinspect.layers import memory

PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from fcinspect.bridge.served import main; main()"
"""What the other process executes; nothing is imported before its path is settled."""
LONGEST_STDERR = 2**16
"""Bytes that it may write to stderr, with all that it starts."""
WATCHED = 0.25
"""Seconds between two looks at its memory."""
ENDING = 5.0
"""Seconds that ending it may take."""


class Ended(Exception):
    """The process is gone, or has closed its side."""


class Late(Exception):
    """No whole answer came in time."""


class TooMuchMemory(Exception):
    """The process and those that it started took more than they may; says how much."""


class Channel:
    """Another Python process that answers messages; it ends with this one, however that ends.

    What it prints goes to stderr, up to a bound. See served.py for the other side.
    """

    def __init__(self) -> None:
        self.free = memory.free()
        """Bytes that it may take, with all that it starts: what is free before."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", PROGRAM, *path_of_child()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            # out of reach of the terminal's Ctrl-C, and of what it sends to its own group
            start_new_session=True,
        )
        self._exchange: _Exchange | None = None
        self._talk = threading.Thread(target=self._pass_on, daemon=True)
        self._talk.start()

    def ask(self, request: bytes, seconds: float) -> tuple[bytes, bytes]:
        """Send a request, b"" for none, and return the two parts of the answer's frame.

        Raises Ended, Late, TooMuchMemory and messages.Garbled; after each of them the process is
        of no more use.
        """
        exchange = self._exchange = _Exchange(self._process, request, self.free)
        exchange.start()
        deadline = time.monotonic() + seconds
        while exchange.is_alive():
            left = deadline - time.monotonic()
            if left <= 0:
                raise Late
            exchange.join(min(left, WATCHED))
            if exchange.is_alive() and memory_of(self._process.pid) > self.free:
                raise TooMuchMemory(memory.words_of(self.free))
        if exchange.failure is not None:
            raise exchange.failure
        return exchange.answer

    def close(self) -> None:
        """End the process and all that it started."""
        self._process.terminate()
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        if self.exit_status() is None:
            kill_tree(self._process.pid)
            self._process.wait()
        # the pipes have ended unless somebody outlived the guard
        for pipe, reader in (("stdout", self._exchange), ("stderr", self._talk)):
            if reader is not None:
                reader.join(ENDING)
            if reader is None or not reader.is_alive():
                getattr(self._process, pipe).close()

    def exit_status(self) -> int | None:
        """Return the exit status of a process that is about to end, negative for a signal.

        None where it lives on.
        """
        try:
            return self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            return None

    def _pass_on(self) -> None:
        """Write to stderr what the process writes there; read the rest, so that it can go on."""
        source = self._process.stderr
        assert source is not None
        left, told = LONGEST_STDERR, False
        while data := _read(source, 2**14):
            _to_stderr(data[:left])
            if len(data) > left and not told:
                told = True
                _to_stderr(
                    f"\nfcinspect: output of the code beyond {LONGEST_STDERR:,} bytes is left"
                    " out\n".encode()
                )
            left = max(left - len(data), 0)


class _Exchange(threading.Thread):
    """Writes a request and reads one frame: in a thread, since no pipe takes a deadline."""

    def __init__(self, process: subprocess.Popen[bytes], request: bytes, free: int) -> None:
        super().__init__(daemon=True)
        self._process = process
        self._request = request
        self._free = free
        self.answer = (b"", b"")
        self.failure: Exception | None = None

    def run(self) -> None:
        """Keep the answer, or what went wrong."""
        if hasattr(signal, "pthread_sigmask"):
            # a process that is gone is told by EPIPE, not by the end of this one
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
        try:
            self._write()
            head = self._exactly(messages.HEAD.size)
            document, arrays = messages.lengths(head, self._free)
            self.answer = (self._exactly(document), self._exactly(arrays))
        except (OSError, ValueError):
            self.failure = Ended()
        except (Ended, Garbled) as failure:
            self.failure = failure

    def _write(self) -> None:
        assert self._process.stdin is not None
        left = memoryview(self._request)
        while left:
            left = left[self._process.stdin.write(left) or 0 :]

    def _exactly(self, size: int) -> bytes:
        assert self._process.stdout is not None
        parts = []
        while size:
            part = _read(self._process.stdout, min(size, 2**20))
            if not part:
                raise Ended
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _read(source: IO[bytes], size: int) -> bytes:
    try:
        return source.read(size)
    except (OSError, ValueError):
        return b""


def _to_stderr(data: bytes) -> None:
    if sys.__stderr__ is None:
        return
    left = memoryview(data)
    with contextlib.suppress(OSError):
        while left:
            left = left[os.write(2, left) :]


def memory_of(process: int) -> int:
    """Return how many bytes of memory a process holds with all that it started; 0 of none.

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


def kill_tree(process: int) -> None:
    """Kill a process with all that it started, and wait a moment until they are gone."""
    import psutil

    with contextlib.suppress(psutil.Error):
        first = psutil.Process(process)
        # the first one is reaped by whoever started it
        others = first.children(recursive=True)
        for member in (first, *others):
            with contextlib.suppress(psutil.Error):
                member.kill()
        psutil.wait_procs(others, timeout=2.0)
