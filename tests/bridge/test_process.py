from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from fcinspect.bridge.process import PATIENCE, Worker
from fcinspect.errors import InputError, Misbehaved, UsageError


class Played:
    """What the worker of these tests holds."""

    def __init__(self, number: int) -> None:
        self.number = number

    def add(self, more: int) -> int:
        """Return a sum, and remember it."""
        self.number += more
        return self.number

    def sleep(self, seconds: float) -> str:
        """Take that long."""
        time.sleep(seconds)
        return "awake"

    def end(self, status: int) -> None:
        """End the process at once."""
        os._exit(status)

    def killed(self) -> None:
        """Die as of a segmentation fault."""
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)

    def fail(self) -> None:
        """Raise what the worker does not expect."""
        raise ValueError("planted")

    def misbehave(self) -> None:
        """Raise what a subject raises."""
        raise Misbehaved("returned None")

    def refuse(self) -> None:
        """Raise a refusal."""
        raise UsageError("no such thing", hint="another")

    def unsendable(self) -> Callable[[], int]:
        """Return what cannot be pickled."""
        return lambda: 1

    def printed(self) -> int:
        """Write to standard output, by Python and below it."""
        print("printed by python", flush=True)
        return os.write(1, b"printed below python\n")

    def typed(self) -> str:
        """Read from standard input."""
        return input()


def refused(message: str) -> None:
    """Refuse to build anything."""
    raise InputError(message, hint="try another")


def broken(status: int | None) -> None:
    """Fail to build anything."""
    if status is None:
        raise KeyError("planted")
    os._exit(status)


@contextmanager
def working(
    build: Callable[..., object], *arguments: Any, timeout: float = 600.0
) -> Iterator[Worker]:
    """Close a worker after use."""
    made = Worker(build, *arguments, timeout=timeout)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    """A worker with a generous limit, shared by the tests that do not end its process."""
    with working(Played, 40) as shared:
        yield shared


def test_the_object_lives_between_calls(worker: Worker) -> None:
    """Its state stays."""
    first = worker.ask("add", 1, returns=int)
    assert worker.ask("add", 1, returns=int) == first + 1


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("fail", r"^raised ValueError: planted \(test_process.py:\d+\)$"),
        ("misbehave", r"^returned None$"),
        ("unsendable", r"^returned a value that cannot be sent: "),
        ("typed", r"^raised EOFError"),
        ("no_such_method", r"^raised AttributeError: "),
    ],
)
def test_what_the_object_does_wrong_is_told_and_the_worker_lives(
    worker: Worker, method: str, words: str
) -> None:
    """An error there is an answer here; no process is lost by it."""
    before = worker.ask("add", 0, returns=int)
    with pytest.raises(Misbehaved, match=words):
        worker.ask(method, returns=None)
    assert worker.ask("add", 0, returns=int) == before


def test_what_it_prints_does_not_reach_our_output(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard output belongs to the report, whoever writes to it."""
    with working(Played, 0) as own:
        own.ask("printed", returns=int)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "printed by python\n" in captured.err
    assert "printed below python\n" in captured.err


def test_a_hanging_call_is_ended_and_the_next_one_starts_anew() -> None:
    """After the limit the process is gone, and so is what the object remembered."""
    with working(Played, 1, timeout=2) as worker:
        assert worker.ask("add", 5, returns=int) == 6
        began = time.monotonic()
        with pytest.raises(Misbehaved, match=r"^did not return within 2 s$"):
            worker.ask("sleep", 600, returns=str)
        assert time.monotonic() - began < 300
        assert worker.ask("add", 5, returns=int) == 6


@pytest.mark.parametrize(
    ("method", "arguments", "words"),
    [
        ("end", (5,), "its process ended with exit status 5"),
        ("end", (0,), "its process ended with exit status 0"),
        ("killed", (), "its process was killed by SIGSEGV"),
    ],
)
def test_a_death_is_told_with_its_reason(
    method: str, arguments: tuple[Any, ...], words: str
) -> None:
    """A crash there is an answer here."""
    with working(Played, 1) as worker:
        with pytest.raises(Misbehaved, match=f"^{words}$"):
            worker.ask(method, *arguments, returns=None)
        assert worker.ask("add", 5, returns=int) == 6


def test_patience_ends() -> None:
    """What dies at every call is not started for ever; what recovers is."""
    with working(Played, 1) as worker:
        for _ in range(PATIENCE):
            with pytest.raises(Misbehaved, match="ended with exit status"):
                worker.ask("end", 1, returns=None)
        words = f"^its process ended with exit status 1, {PATIENCE} calls in a row; it was not"
        with pytest.raises(Misbehaved, match=words):
            worker.ask("add", 1, returns=int)
    with working(Played, 1) as worker:
        for _ in range(PATIENCE):
            with pytest.raises(Misbehaved, match="ended with exit status"):
                worker.ask("end", 1, returns=None)
            assert worker.ask("add", 1, returns=int) == 2


def test_refusals_come_through_as_themselves() -> None:
    """A refusal keeps its kind, message and hint, from building and from a call."""
    with working(refused, "planted") as worker:
        with pytest.raises(InputError, match=r"^planted$") as raised:
            worker.ask("anything", returns=None)
        assert raised.value.hint == "try another"
    with (
        working(Played, 1) as worker,
        pytest.raises(UsageError, match=r"^no such thing$"),
    ):
        worker.ask("refuse", returns=None)


def test_a_refused_call_does_not_end_the_process() -> None:
    """Starting anew would cost seconds, and what the object holds."""
    with working(Played, 1) as worker:
        assert worker.ask("add", 1, returns=int) == 2
        with pytest.raises(UsageError):
            worker.ask("refuse", returns=None)
        assert worker.ask("add", 1, returns=int) == 3


@pytest.mark.parametrize(
    ("status", "words"),
    [(None, "raised KeyError: 'planted'"), (3, "its process ended with exit status 3")],
)
def test_what_cannot_be_built_is_refused(status: int | None, words: str) -> None:
    """An error while building is no finding about any call."""
    with (
        working(broken, status) as worker,
        pytest.raises(InputError, match=f"^the code cannot be loaded: {words}"),
    ):
        worker.ask("add", 1, returns=int)


def test_no_process_is_left_behind() -> None:
    """Closing ends the process, and closing twice does no harm."""
    own = psutil.Process()
    before = set(own.children(recursive=True))
    worker = Worker(Played, 1, timeout=600.0)
    worker.ask("add", 1, returns=int)
    started = set(own.children(recursive=True)) - before
    assert started
    worker.close()
    worker.close()
    assert not list(filter(lives, started))


PROGRAM = """
import sys
from fcinspect.bridge.process import Worker
from tests.bridge.test_process import Played
if __name__ == "__main__":
    worker = Worker(Played, 1, timeout=600.0)
    worker.ask("add", 1, returns=int)
    try:
        sys.stdout.write("ready\\n")
        sys.stdout.flush()
        worker.ask("sleep", 600, returns=str)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs groups of processes")
def test_ctrl_c_ends_both_processes_quietly(tmp_path: Path) -> None:
    """The whole group is interrupted, as by a terminal: no traceback, and nobody left."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM, encoding="utf-8")
    root = str(Path(__file__).parents[2])
    program = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": root},
        start_new_session=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    children = psutil.Process(program.pid).children(recursive=True)
    assert children
    os.killpg(program.pid, signal.SIGINT)
    out, err = program.communicate(timeout=600)
    assert (program.returncode, out, err) == (130, "", "")
    deadline = time.monotonic() + 300
    while any(map(lives, children)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not list(filter(lives, children))


def lives(process: psutil.Process) -> bool:
    """Whether a process is more than an entry that nobody has removed yet."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
