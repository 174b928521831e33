"""What the system takes away: memory, open files, or the time to finish; each is one line."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Run

if sys.platform != "linux":
    pytest.skip("limits and signals as Linux has them", allow_module_level=True)

PROGRAM = [sys.executable, "-m", "fcinspect"]


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A file with a layer."""
    path = tmp_path / "layer.json"
    path.write_text(json.dumps({"weight": [[1, 2]]}), encoding="utf-8")
    return path


def limited(
    limit: str, arguments: str, folder: Path, *, may_not_start: bool
) -> subprocess.CompletedProcess[str]:
    """Run fcinspect under a limit of the shell, which it keeps, or says so with status 3."""
    line = f"ulimit {limit}; exec {sys.executable} -m fcinspect {arguments}"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, encoding="utf-8", cwd=folder, check=False
    )
    if may_not_start and "fcinspect: " not in done.stderr and done.returncode:
        pytest.skip("Python itself does not start")
    assert done.returncode in (0, 3)
    return done


@pytest.mark.parametrize("kib", [30_000, 60_000, 100_000, 200_000, 400_000, 550_000, 600_000])
@pytest.mark.parametrize("arguments", ["shapes 3-2", "show layer.json", "create --in 3 --out 2"])
@pytest.mark.sampled(2)
def test_too_little_memory_is_one_line(layer: Path, arguments: str, kib: int) -> None:
    """`ulimit -v` neither crashes a library nor is a bug of ours: status 3, or enough."""
    done = limited(f"-v {kib}", arguments, layer.parent, may_not_start=kib < 60_000)
    assert done.stderr.count("\n") == (done.returncode == 3)
    if done.returncode:
        assert "fcinspect: " in done.stderr
        assert "(ulimit -v)" in done.stderr or "ulimit -a" in done.stderr


@pytest.mark.parametrize("most", [4, 5, 6, 8, 12])
@pytest.mark.parametrize(
    "arguments", ["shapes 3-2", "show layer.json", "trace torch.nn:Flatten --input 2,3"]
)
@pytest.mark.sampled(2)
def test_too_few_files_are_one_line(layer: Path, arguments: str, most: int) -> None:
    """`ulimit -n` is named; Python itself may complain of its own files before."""
    done = limited(f"-n {most}", arguments, layer.parent, may_not_start=most < 6)
    if done.returncode:
        assert "open files" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "memory"),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (OSError(24, "Too many open files"), "open files"),
        (OSError(12, "Cannot allocate memory"), "memory"),
        (RuntimeError("can't start new thread"), "memory"),
        (ImportError("libtorch_cpu.so: failed to map segment from shared object"), "memory"),
    ],
)
def test_each_limit_has_its_words(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    """Nesting is no lack of memory, and none of them is a defect; nor is what hides one."""

    def limited(*_: object, **__: object) -> None:
        raise error

    def hidden(*_: object, **__: object) -> None:
        try:
            raise error
        finally:
            raise AttributeError("'NoneType' object has no attribute 'kill'")

    for function in (limited, hidden):
        monkeypatch.setattr("fcinspect.shapes.trace.trace_widths", function)
        result = run("shapes", "3-2")
        assert (result.status, result.err.count("\n")) == (3, 1)
        assert words in result.err


def test_a_program_nested_too_deeply_is_no_lack_of_memory() -> None:
    """The parser of Python gives up with MemoryError."""
    from fcinspect.diagnosis.editing import Source

    assert Source("net.py", "x = " + "-" * 100_000 + "1").tree is None


SAVING = """
import os, signal, sys
from fcinspect.checkpoints import saving

def fdopen(number, mode, opened=os.fdopen):
    file = opened(number, mode)
    file.write(b"half")
    file.flush()
    os.kill(os.getpid(), signal.{name})
    return file

os.fdopen = fdopen
sys.argv = ["fcinspect", "shapes", "3-2", "--save", "report.json", "--force"]
from fcinspect.__main__ import main
main()
"""


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", -15), ("SIGHUP", -1), ("SIGINT", 130)])
def test_a_signal_in_the_middle_of_a_save_leaves_nothing(
    tmp_path: Path, name: str, status: int
) -> None:
    """The old file is as it was, no temporary one stays, and the end is that by the signal."""
    (tmp_path / "report.json").write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", SAVING.format(name=name)],
        capture_output=True,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, b"", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]
    assert (tmp_path / "report.json").read_text() == "old"


SLOW = """
import time, torch

class Slow(torch.nn.Module):
    def forward(self, x):
        open("running", "w").close()
        time.sleep(60)
        return x
"""


@pytest.mark.parametrize("command", ["trace slow.py:Slow", "diagnose slow.py:Slow"])
def test_a_signal_ends_the_code_that_runs_elsewhere(tmp_path: Path, command: str) -> None:
    """Neither a traceback of its process nor the process stays."""
    (tmp_path / "slow.py").write_text(SLOW)
    process = subprocess.Popen(
        [*PROGRAM, *command.split(), "--input", "2,3", "--timeout", "50"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=tmp_path,
    )
    for _ in range(600):
        if (tmp_path / "running").exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (-signal.SIGTERM, "")
    assert "Traceback" not in err
    assert "Error" not in err


def test_what_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """Under nohup a hang-up is none."""
    script = SAVING.format(name="SIGHUP")
    line = f"trap '' HUP; exec {sys.executable} -c '{script}'"
    done = subprocess.run(["bash", "-c", line], capture_output=True, cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert os.listdir(tmp_path) == ["report.json"]  # noqa: PTH208  # names alone
