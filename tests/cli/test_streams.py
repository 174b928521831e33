"""The standard streams: all that is written arrives or is missed, and what is closed is said."""

import fcntl
import os
import resource
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest

from tests.conftest import Run

if sys.platform == "win32":
    pytest.skip("descriptors and limits of POSIX", allow_module_level=True)

PROGRAM = [sys.executable, "-m", "fcinspect"]
_Case = TypeVar("_Case")
MOST = 1024
"""Bytes that a file may have where a disk is full."""


def alternating(*cases: _Case) -> list[tuple[_Case, str]]:
    """Return each case without and with PYTHONUNBUFFERED, every second one with it first."""
    return [
        (case, value)
        for number, case in enumerate(cases)
        for value in (("", "1") if number % 2 == 0 else ("1", ""))
    ]


def _environment(unbuffered: str) -> dict[str, str]:
    return {**os.environ, "PYTHONUNBUFFERED": unbuffered}


def _small_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST, MOST))


@pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    alternating(
        ("schema",),
        ("shapes", "9-" * 40 + "2", "--json"),
        ("shapes", "9-" * 40 + "2"),
        ("scan", "--help"),
    ),
)
@pytest.mark.sampled(2)
def test_a_disk_that_takes_a_part_is_status_74(
    tmp_path: Path, arguments: tuple[str, ...], unbuffered: str
) -> None:
    """A short write is no success, whatever the environment says of buffers."""
    with (tmp_path / "out").open("wb") as out:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            stdout=out,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=_environment(unbuffered),
            preexec_fn=_small_files,
            check=False,
        )
    assert done.returncode == 74
    assert "cannot write to standard output: File too large" in done.stderr
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "out").stat().st_size == MOST


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_pipe_that_does_not_block_gets_everything(run: Run, unbuffered: str) -> None:
    """A pipe that is full for a while is waited for."""
    whole = run("schema").out.encode()
    read, write = os.pipe()
    os.set_blocking(write, False)
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    process = subprocess.Popen(
        [*PROGRAM, "schema"],
        stdout=write,
        stderr=subprocess.PIPE,
        env=_environment(unbuffered),
    )
    os.close(write)
    time.sleep(0.5)
    with os.fdopen(read, "rb") as reader:
        assert reader.read() == whole
    _, error = process.communicate()
    assert (process.returncode, error) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "unbuffered"), alternating("schema", "shapes 9-9-9", "--help", "--version")
)
@pytest.mark.sampled(2)
def test_a_reader_that_has_gone_ends_it_by_sigpipe(arguments: str, unbuffered: str) -> None:
    """As every tool of a pipeline ends: without a word, and a shell sees 141."""
    line = f"{sys.executable} -m fcinspect {arguments} | true; exit ${{PIPESTATUS[0]}}"
    # whether the reader has gone before the first write is a race: a long import loses it
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, env=_environment(unbuffered), check=False
    )
    assert (done.returncode, done.stderr) == (141, b"")


CLOSED = {
    "shapes 3-2": (0, 74),
    "shapes 3-2 --json": (0, 74),
    "shapes 3-2 -q": (0, 0),
    "shapes 3-2 -v": (0, 74),
    "--version": (0, 74),
    "--help": (0, 74),
    "schema": (0, 74),
    "completion bash": (0, 74),
    "": (2, 74),
    "shapes 3-x": (2, 2),
    "nosuch": (2, 2),
    "show nosuch.json": (3, 3),
    "diagnose RuntimeError:x": (2, 2),
    "create --in 2 --out 2 --save new.json -q": (0, 0),
    "trace torch.nn:Flatten --input 2,3 -q": (0, 0),
}
"""arguments -> status with and without standard output."""


@pytest.mark.parametrize("arguments", CLOSED)
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.sampled(7)
def test_a_stream_that_is_closed_is_no_crash(tmp_path: Path, arguments: str, closed: str) -> None:
    """What cannot be written is status 74; what cannot be said leaves the status as it is."""
    line = f"{sys.executable} -m fcinspect {arguments} {closed}"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, encoding="utf-8", cwd=tmp_path, check=False
    )
    assert done.returncode == CLOSED[arguments][">&-" in f" {closed}".replace("2>&-", "")]
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    if done.returncode == 74 and "2>&-" not in closed:
        assert "cannot write to standard output: it is closed" in done.stderr


@pytest.mark.parametrize(
    "command",
    ["show -", "scan -", "explain --in 3 --out 2 --x -", "step -", "diagnose -", "draw -"],
)
def test_closed_standard_input_is_refused(command: str) -> None:
    """A command that waits for input that cannot come says so."""
    line = f"{sys.executable} -m fcinspect {command} <&-"
    done = subprocess.run(["bash", "-c", line], capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (3, "")
    assert "standard input is closed" in done.stderr


def test_a_full_standard_error_leaves_the_status(tmp_path: Path) -> None:
    """What cannot be said is lost, and nothing more."""
    del tmp_path
    for arguments, status in (("shapes 3-2 -v", 0), ("shapes 3-x", 2), ("nosuch", 2)):
        line = f"{sys.executable} -m fcinspect {arguments} 2>/dev/full"
        done = subprocess.run(["bash", "-c", line], capture_output=True, check=False)
        assert done.returncode == status


@pytest.mark.parametrize(
    ("command", "status"), [("diagnose -", 3), ("show -", 3), ("explain 4-2 --x -", 3)]
)
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
@pytest.mark.sampled(2)
def test_a_device_as_standard_input_is_refused(command: str, status: int, device: str) -> None:
    """One that never ends, too."""
    line = f"{sys.executable} -m fcinspect {command} < {device}"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, encoding="utf-8", timeout=600, check=False
    )
    if (command, device) == ("diagnose -", "/dev/null"):
        status = 2  # a text, but none to diagnose
    assert (done.returncode, done.stderr.count("\n")) == (status, 1)


def test_an_endless_text_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not end within a bound is no document and no log."""
    monkeypatch.setattr("fcinspect.checkpoints.storage.LONGEST", 10)
    monkeypatch.setattr("fcinspect.cli.diagnose.LONGEST_LOG", 10)
    for command in (("show", "-"), ("diagnose", "-")):
        result = run(*command, stdin="[" + "1," * 10 + "1]")
        assert result.status == 3
        assert "did not end within" in result.err


def test_standard_input_that_does_not_block_is_waited_for() -> None:
    """Nothing there yet is not the end."""
    read, write = os.pipe()
    os.set_blocking(read, False)
    process = subprocess.Popen(
        [*PROGRAM, "show", "-"], stdin=read, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    os.close(read)

    def answer() -> None:
        time.sleep(1)
        with os.fdopen(write, "w") as file:
            file.write('{"weight": [[1, 2]]}')

    thread = threading.Thread(target=answer)
    thread.start()
    _, error = process.communicate(timeout=600)
    thread.join()
    assert (process.returncode, error) == (0, b"")


@pytest.mark.parametrize("columns", ["0", "-5", "", "wide", "1e3", "²", "9" * 30, "100001"])
@pytest.mark.sampled(3)
def test_a_width_that_no_window_has_is_not_set(shell: Run, columns: str) -> None:
    """COLUMNS=0 prints what is printed without it; so does any other that is no width."""
    for arguments in (("shapes", "3-5-4-2"), ("shapes", "--help")):
        result = shell(*arguments, COLUMNS=columns, LINES=columns)
        assert (result.status, result.err, result.out) == (0, "", usual(arguments))


@cache
def usual(arguments: tuple[str, ...]) -> str:
    """Return what is printed without COLUMNS."""
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    done = subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, encoding="utf-8", env=environment, check=True
    )
    assert done.stdout
    return done.stdout


@pytest.mark.parametrize("columns", ["1", "2", "7", "10000"])
def test_every_width_is_served(run: Run, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    """A narrow window gets everything, folded."""
    monkeypatch.setenv("COLUMNS", columns)
    result = run("explain", "--in", "4", "--out", "2")
    assert (result.status, result.err) == (0, "")
    assert "within" in result.out
