"""A Dask cluster that dies, freezes or is none, and which one is trusted."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from fcinspect.checkpoints.scan import engines
from fcinspect.checkpoints.scan.engines import Task, dask
from fcinspect.errors import InputError, UsageError
from tests.conftest import Run

pytest.importorskip("distributed", reason="needs distributed")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Dask's own clean-up

GARBAGE = {
    "text": b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100,
    "zeros": b"\0" * 4096,
    "many frames": struct.pack("<Q", 2**60) * 64,
    "a huge frame": struct.pack("<QQ", 1, 2**62) * 64,
    "no message": struct.pack("<QQQ", 16, 1, 8) + b"\xff" * 8,
    "nothing": b"",
}
"""What a server sends to whoever connects."""


@pytest.mark.parametrize("sent", GARBAGE)
def test_a_server_that_sends_garbage_is_refused(
    run: Run, tmp_path: Path, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line and status 3, whatever Dask makes of it."""
    monkeypatch.setattr(engines, "PATIENCE", 2.0)
    (tmp_path / "layer.json").write_text('{"weight": [[1, 2]]}')
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)

        def serve() -> None:
            for _ in range(4):
                try:
                    connection, _ = listener.accept()
                    with connection:
                        connection.sendall(GARBAGE[sent])
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        begun = time.monotonic()
        address = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        result = run("scan", tmp_path / "layer.json", "--scheduler", address)
        assert time.monotonic() - begun < 2 * engines.PATIENCE + 10
    assert (result.status, result.out, result.err.count("\n")) == (3, "", 1)
    assert f"{address} cannot be reached" in result.err


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("tcp://127.0.0.1:9", True),
        ("tcp://127.8.8.8:9", True),
        ("tcp://[::1]:9", True),
        ("tcp://localhost:9", True),
        ("tls://10.0.0.1:9", True),
        ("tcp://10.0.0.1:9", False),
        ("tcp://0.0.0.0:9", False),
        ("tcp://localhost.evil.example:9", False),
        ("tcp://127.0.0.1.evil.example:9", False),
        ("tcp://127.0.0.1@10.0.0.1:9", False),
    ],
)
def test_only_this_machine_and_tls_are_trusted(address: str, trusted: bool) -> None:
    """Others need --trust-scheduler, since whoever answers can run code here."""
    scheduler = engines._Scheduler(address, 1.0)
    scheduler.require_trust(True)
    if trusted:
        scheduler.require_trust(False)
    else:
        with pytest.raises(UsageError, match="can run code here") as refusal:
            scheduler.require_trust(False)
        assert "--trust-scheduler" in (refusal.value.hint or "")


def test_nothing_is_sent_to_a_scheduler_that_is_not_trusted(run: Run, tmp_path: Path) -> None:
    """Usage, before Dask is even loaded; and the option by itself means nothing."""
    (tmp_path / "layer.json").write_text('{"weight": [[1, 2]]}')
    result = run("scan", tmp_path / "layer.json", "--scheduler", "tcp://192.0.2.1:8786")
    assert (result.status, result.err.count("\n")) == (2, 1)
    assert "--trust-scheduler" in result.err
    assert run("scan", tmp_path / "layer.json", "--trust-scheduler").status == 2
    assert "can run code here" in " ".join(run("scan", "--help").out.split())


@pytest.fixture
def processes() -> Iterator[tuple[str, subprocess.Popen[bytes], subprocess.Popen[bytes]]]:
    """A scheduler and a worker that nobody starts again, each a process, and their address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    root = str(Path(__file__).parents[3])
    started = []
    for command in (
        ("dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"),
        ("dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"),
    ):
        module, *arguments = command
        program = [sys.executable, "-m", f"distributed.cli.{module}", *arguments]
        started.append(
            subprocess.Popen(
                program,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": root},
            )
        )
    try:
        _wait_for_worker(address)
        yield address, started[0], started[1]
    finally:
        for process in started:
            process.kill()
            process.wait()


def _wait_for_worker(address: str) -> None:
    for _ in range(240):
        try:
            if engines._Scheduler(address, 5.0).threads():
                return
        except InputError:
            pass
        time.sleep(0.25)
    pytest.fail("no worker came within a minute")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("scheduler killed", "cannot be reached"),
        ("scheduler frozen", "cannot be reached"),
        ("worker killed", "has had no workers"),
    ],
)
def test_what_ends_a_cluster_ends_the_scan(
    processes: tuple[str, subprocess.Popen[bytes], subprocess.Popen[bytes]],
    how: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Within a deadline, and Dask says nothing of its own."""
    monkeypatch.setattr(engines, "PATIENCE", 5.0)
    monkeypatch.setattr(engines, "BEAT", 0.5)
    monkeypatch.setattr(engines, "WITHOUT_WORKERS", 1.0)
    address, scheduler, worker = processes
    naps = [Task(partial(time.sleep, seconds), "a nap") for seconds in (0.0, 300.0, 300.0)]
    with dask(address) as engine:
        results = engine.run(naps)
        next(results)
        begun = time.monotonic()
        victim = worker if how == "worker killed" else scheduler
        victim.send_signal(signal.SIGSTOP if "frozen" in how else signal.SIGKILL)
        with pytest.raises(InputError, match=words):
            list(results)
    assert time.monotonic() - begun < 60
    assert capfd.readouterr() == ("", "")
