"""Processes for foreign code that need not import torch: copies of one that has.

What runs in them is what `bridge.channel.Channel` starts, in a session and with pipes of its own;
only the start of Python and its imports are left out. That Channel starts it is for the tests of
the bridge, and of every command that is run in a shell.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROGRAM = (
    "import sys; sys.path[:] = sys.argv[2:]; from tests.prepared import serve;"
    " serve(int(sys.argv[1]))"
)
IMPORTED = (
    *(f"fcinspect.bridge.{name}" for name in ("hosted", "traced")),
    # what torch imports with the first optimizer, and with some kinds of layers
    "torch._dynamo",
)
LONGEST = 2**18
"""Bytes of a request."""


def are_watched() -> bool:
    """Whether the end of a process can be waited for by its descriptor, as on Linux since 5.3."""
    if sys.platform != "linux":
        return False
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


class Prepared:
    """A process that has imported torch; it is copied by every call."""

    def __init__(self) -> None:
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", PROGRAM, str(other.fileno()), str(ROOT), *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[other.fileno()],
                start_new_session=True,
                # threads would be lost in a copy
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            )

    def __call__(self, command: list[str], **_: Any) -> Copy:
        """Return what subprocess.Popen returns for the command of Channel."""
        pipes = [os.pipe() for _ in range(4)]
        (given, stdin), (stdout, printed), (stderr, complained), (status, ended) = pipes
        passed = [given, printed, complained, ended]
        asked = pickle.dumps((command[4:], str(Path.cwd()), dict(os.environ)))
        socket.send_fds(self._socket, [asked], passed)
        for number in passed:
            os.close(number)
        return Copy(int(self._socket.recv(16)), stdin, stdout, stderr, status)

    def close(self) -> None:
        """End the process; its copies have ended."""
        self._socket.close()
        self._process.wait()


class Copy:
    """As much of subprocess.Popen as Channel asks for."""

    def __init__(self, pid: int, stdin: int, stdout: int, stderr: int, status: int) -> None:
        self.pid = pid
        self.stdin = os.fdopen(stdin, "wb", buffering=0)
        self.stdout = os.fdopen(stdout, "rb", buffering=0)
        self.stderr = os.fdopen(stderr, "rb", buffering=0)
        self._status = status
        self._returned: int | None = None

    def terminate(self) -> None:
        """Send SIGTERM to a process that lives."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        if self._returned is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status; raises TimeoutExpired."""
        if self._returned is None:
            waiting = select.poll()
            waiting.register(self._status, select.POLLIN)
            if not waiting.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired("a copy", timeout or 0)
            self._returned = int(os.read(self._status, 16))
            os.close(self._status)
        return self._returned


def serve(number: int) -> None:
    """Make copies of this process until the other side hangs up; go on as each of them."""
    from fcinspect.bridge import served

    for name in IMPORTED:
        import_module(name)
    with socket.socket(fileno=number) as requests:
        path = _copied(requests)
    if path is None:
        os._exit(0)  # torch takes long to be taken down
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]
    sys.path[:] = path
    served.main()


def _copied(requests: socket.socket) -> list[str] | None:
    """Return in each copy the path of its imports, and None at the end."""
    running: dict[int, tuple[int, int]] = {}
    waiting = select.poll()
    waiting.register(requests, select.POLLIN)
    while True:
        for ready, _ in waiting.poll():
            if ready in running:
                waiting.unregister(ready)
                _tell(ready, *running.pop(ready))
                continue
            asked, passed, _, _ = socket.recv_fds(requests, LONGEST, 4)
            if not asked:
                return None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of threads
                process = os.fork()
            if not process:
                for kept in (*running, *(status for _, status in running.values())):
                    os.close(kept)
                return _begun(*pickle.loads(asked), *passed)
            for given in passed[:3]:
                os.close(given)
            watched = os.pidfd_open(process)
            running[watched] = (process, passed[3])
            waiting.register(watched, select.POLLIN)
            requests.send(str(process).encode())


def _tell(watched: int, process: int, status: int) -> None:
    """Write the exit status of a copy that has ended."""
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with contextlib.suppress(BrokenPipeError):
        os.write(status, str(code).encode())
    os.close(status)
    os.close(watched)


def _begun(path: list[str], folder: str, environment: dict[str, str], *given: int) -> list[str]:
    """Take over what a new process would be given, and return the path of its imports."""
    os.setsid()
    for number, descriptor in enumerate(given[:3]):
        os.dup2(descriptor, number)
    for descriptor in given:
        os.close(descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    return path
