from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from fcinspect.bridge import channel, messages, process
from fcinspect.bridge.process import Worker
from fcinspect.errors import InputError, Misbehaved
from fcinspect.shapes.steps import Tensor

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="orphans are found on Linux alone")


class Hostile:
    """Foreign code that knows the pipe its answers go through."""

    def answer(self, data: bytes, then: float) -> int:
        """Write there, and take that long."""
        os.write(_server()._answers, data)
        time.sleep(then)
        return 1

    def flood(self) -> None:
        """Write there for ever, after a head that announces the most that is read."""
        pipe = _server()._answers
        os.write(pipe, messages.HEAD.pack(messages.MAGIC, messages.LONGEST_DOCUMENT, 0))
        while True:
            os.write(pipe, b"[" * 1000)
            time.sleep(0.05)

    def returns(self, value: Any) -> Any:
        """Return it."""
        return value

    def close_all(self) -> None:
        """Close every file, as a program does that becomes a daemon, and stay."""
        os.closerange(0, 1000)
        time.sleep(600)

    def fork_and_return(self) -> int:
        """Come back twice."""
        os.fork()
        return 7

    def start(self, way: str) -> int:
        """Start a process that stays, and return its number."""
        ready, told = os.pipe()
        if os.fork() == 0:
            if way == "session":
                os.setsid()
            if way == "daemon" and os.fork():
                os._exit(0)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.write(told, struct.pack("I", os.getpid()))
            time.sleep(600)
            os._exit(0)
        return int(struct.unpack("I", os.read(ready, 4))[0])

    def spin(self) -> None:
        """Never return."""
        while True:
            pass

    def stop_the_guard(self) -> None:
        """Stop the process above, and never return."""
        os.kill(os.getppid(), signal.SIGSTOP)
        time.sleep(600)

    def kill_the_guard(self) -> None:
        """Kill the process above, and never return."""
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)

    def write_to_stderr(self, size: int) -> int:
        """Write so many letters, and return how many."""
        return sys.stderr.write("x" * size)

    def hold(self, size: int, processes: int) -> None:
        """Take so much memory in each of some processes."""
        for _ in range(processes - 1):
            if os.fork() == 0:
                break
        kept = b"x" * size
        time.sleep(600)
        del kept

    def limit(self) -> bool:
        """Ask for more than there is."""
        try:
            bytearray(2**50)
        except MemoryError:
            return True
        return False


def _server() -> Any:
    return next(found for found in gc.get_objects() if type(found).__name__ == "_Server")


@contextlib.contextmanager
def hostile(timeout: float = 60.0) -> Iterator[Worker]:
    """Lend a worker."""
    worker = Worker(Hostile, timeout=timeout)
    try:
        yield worker
    finally:
        worker.close()


def framed(document: bytes, arrays: bytes = b"") -> bytes:
    """Return a frame."""
    return messages.HEAD.pack(messages.MAGIC, len(document), len(arrays)) + document + arrays


HALF = framed(b'[5, "done", 1]')[:20]
ANSWERS: list[tuple[bytes, str]] = [
    (HALF, "did not return within"),
    (b"garbage" * 10, "it is not an fcinspect message"),
    (b"\x80\x04cos\nsystem\n(S'touch planted'\ntR.", "it is not an fcinspect message"),
    (framed(b"\xff\xfe"), "it is not JSON"),
    (framed(b"[" * 100_000), "it is not JSON"),
    (framed(b"9" * 100_000), "it is not JSON"),
    (framed(b'{"number": 5}'), "the message is a dict instead of list"),
    (framed(b'[5, "done"]'), "the message has 2 entries instead of 3"),
    (framed(b'[5, "another", 1]'), "the message is of an unknown kind"),
    (framed(b'[5, "done", "text"]'), "value is a str instead of int"),
    (framed(b'[5, "done", true]'), "value is a bool instead of int"),
    (framed(b'[5, "done", null]'), "value is a NoneType instead of int"),
    (framed(b'[5, "refused", ["InputError", 1, null]]'), "is a int instead of str"),
    (framed(b'[9, "done", 1]'), "got answer 9, expected answer 5"),
    (framed(b'[5, "done", 1]', b"more"), "it holds more numbers than its arrays need"),
    (framed(b'[5, "refused", [' + b"[]," * 9 + b"[]]]"), "value has 10 entries instead of 3"),
    (messages.HEAD.pack(messages.MAGIC, 2**32 - 1, 0), "it is 4,294,967,295 bytes long"),
    (messages.HEAD.pack(messages.MAGIC, 2, 2**63), "bytes long"),
]


@pytest.mark.parametrize(("data", "words"), ANSWERS, ids=[words for _, words in ANSWERS])
@pytest.mark.sampled(3)
def test_what_is_no_answer_is_told_within_the_limit(data: bytes, words: str) -> None:
    """Half a message, garbage, another type, another number, too much: never more than a line."""
    with hostile(timeout=4.0) as worker:
        worker.ask("returns", 1, returns=int)  # what starting takes is not measured
        began = time.monotonic()
        with pytest.raises(Misbehaved) as raised:
            worker.ask("answer", data, 600.0, returns=int)
        assert words in str(raised.value)
        assert time.monotonic() - began < 30
        # and the next call finds a new process
        assert worker.ask("returns", 3, returns=int) == 3


def test_a_slow_flood_ends_at_the_limit() -> None:
    """The limit holds for the whole answer, not for its first byte."""
    with hostile(timeout=2.0) as worker:
        worker.ask("returns", 1, returns=int)
        began = time.monotonic()
        with pytest.raises(Misbehaved, match="did not return within 2 s"):
            worker.ask("flood", returns=None)
        assert time.monotonic() - began < 30


def test_an_answer_of_another_type_is_refused() -> None:
    """What is expected is said by who asks; nothing else becomes an object here."""
    with hostile() as worker:
        with pytest.raises(Misbehaved, match="value is a int instead of str"):
            worker.ask("returns", 1, returns=str)
        with pytest.raises(Misbehaved, match="returned a value that cannot be sent: TypeError"):
            worker.ask("returns", {1, 2}, returns=str)
        too_long = "x" * (messages.LONGEST_DOCUMENT + 1)
        with pytest.raises(Misbehaved, match="returned a value that cannot be sent: ValueError"):
            worker.ask("returns", too_long, returns=str)


def test_an_answer_of_very_many_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them takes time to read, which belongs to the limit."""
    monkeypatch.setattr(messages, "MOST_VALUES", 10_000)
    many = json.dumps([1, "done", [[]] * (messages.MOST_VALUES + 1)]).encode()
    with pytest.raises(messages.Garbled, match="it holds more than 10,000 values"):
        messages.read_message(many, b"", {"done": tuple[tuple[str, ...], ...]})
    with pytest.raises(messages.Overdue):
        messages.read_message(many, b"", {"done": tuple[tuple[str, ...], ...]}, time.monotonic())


def test_a_long_text_is_cut() -> None:
    """No word and no whole of a record is longer than what is wrapped and searched in no time."""
    document = json.dumps(
        [1, "done", {"shape": [], "dtype": "x" * 100_000, "name": "y " * 100_000, "device": ""}]
    )
    _, _, found = messages.read_message(document.encode(), b"", {"done": Tensor})
    assert found.dtype == f"{'x' * 500} … 99,000 characters … {'x' * 500}"
    assert len(found.name) < messages.LONGEST_TEXT + 100
    assert "180,000 characters" in found.name


def test_a_process_that_closes_its_files_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers nothing any more, whatever it does."""
    monkeypatch.setattr(channel, "ENDING", 0.5)
    with hostile() as worker:
        worker.ask("returns", 1, returns=int)
        with pytest.raises(Misbehaved, match="closed its answer pipe"):
            worker.ask("close_all", returns=None)


def test_of_two_processes_one_answers() -> None:
    """Code that forks, and comes back in both, is asked as if it had not."""
    with hostile() as worker:
        assert worker.ask("fork_and_return", returns=int) == 7
        assert worker.ask("returns", 8, returns=int) == 8


@pytest.mark.parametrize("way", ["child", "session", "daemon"])
def test_what_it_started_ends_with_it(way: str) -> None:
    """Its children, those in a session of their own, and orphans; they ignore SIGTERM."""
    with hostile() as worker:
        started = psutil.Process(worker.ask("start", way, returns=int))
        assert lives(started)
    assert not lives(started)


def test_what_it_started_ends_when_it_dies() -> None:
    """A child that holds the pipes does not delay the news."""
    with hostile(timeout=300.0) as worker:
        started = psutil.Process(worker.ask("start", "daemon", returns=int))
        os.kill(served(worker).pid, signal.SIGSEGV)
        with pytest.raises(Misbehaved, match="its process was killed by SIGSEGV"):
            worker.ask("returns", 1, returns=int)
        assert not lives(started)


@pytest.mark.parametrize("method", ["stop_the_guard", "kill_the_guard"])
def test_code_that_turns_on_its_guard_ends_as_well(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guard that is stopped or killed ends nothing: its process ends with it."""
    monkeypatch.setattr(channel, "ENDING", 0.5)
    with hostile(timeout=2.0) as worker:
        worker.ask("returns", 1, returns=int)
        process = served(worker)
        with pytest.raises(Misbehaved):
            worker.ask(method, returns=None)
        assert not lives(process)


def test_what_it_writes_to_stderr_is_bounded(capfd: pytest.CaptureFixture[str]) -> None:
    """The rest is read and left out, so that the code goes on."""
    with hostile() as worker:
        assert worker.ask("write_to_stderr", 5_000_000, returns=int) == 5_000_000
    written = capfd.readouterr().err
    assert written == "x" * channel.LONGEST_STDERR + (
        f"\nfcinspect: output of the code beyond {channel.LONGEST_STDERR:,} bytes is left out\n"
    )


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One allocation fails at its line; many processes are ended, with what they took."""
    monkeypatch.setattr("fcinspect.layers.memory.free", lambda: 2**28)
    with hostile() as worker:
        assert worker.ask("limit", returns=bool)
        with pytest.raises(
            Misbehaved, match=r"used more than the 0\.2 GiB of memory that was free"
        ):
            worker.ask("hold", 100_000_000, 6, returns=None)


def test_code_that_does_not_load_ends_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading has the limit of a call, but time to read files; importing torch has its own."""
    monkeypatch.setattr(process, "LOADING", 1.0)
    worker = Worker(time.sleep, 600, timeout=0.5)
    began = time.monotonic()
    with pytest.raises(InputError, match=r"cannot be loaded: it did not load within 1 s"):
        worker.ask("anything", returns=None)
    assert time.monotonic() - began < process.STARTING / 2


PROGRAM = """
import sys
from fcinspect.bridge.process import Worker
from tests.bridge.test_channel import Hostile
worker = Worker(Hostile, timeout=600.0)
print(worker.ask("start", "daemon", returns=int), flush=True)
worker.ask("spin", returns=None)
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL", "SIGINT"])
def test_all_end_however_fcinspect_ends(name: str) -> None:
    """Nobody is left behind, and nobody holds its output open."""
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert program.stdout is not None
    started = psutil.Process(int(program.stdout.readline()))
    descendants = psutil.Process(program.pid).children(recursive=True)
    assert started in descendants
    program.send_signal(signal.Signals[name])
    program.communicate(timeout=30)
    deadline = time.monotonic() + 30
    while any(map(lives, descendants)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not list(filter(lives, descendants))


def served(worker: Worker) -> psutil.Process:
    """Return the process that runs the code: the guard's child."""
    assert worker._channel is not None
    guard = psutil.Process(worker._channel._process.pid)
    return next(child for child in guard.children() if child.pid == os.getpgid(child.pid))


def lives(process: psutil.Process) -> bool:
    """Whether a process is more than an entry that nobody has removed yet."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
