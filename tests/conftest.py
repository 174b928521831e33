"""Fixtures: running the command line in this process and in one of its own."""

from __future__ import annotations

import os

for _name in ("FORCE_COLOR", "NO_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "FCINSPECT_FORMAT"):
    os.environ.pop(_name, None)
os.environ["_TYPER_FORCE_DISABLE_TERMINAL"] = "1"
os.environ["COLUMNS"] = "100"
os.environ["PYTHONUTF8"] = "1"  # of the processes that tests start, whatever the locale is
# tests beside each other share the cores: threads beyond that would spin, waiting for each other
_share = max(1, (os.cpu_count() or 1) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, str(_share))

import io  # noqa: E402  # typer reads the environment when it is imported
import json  # noqa: E402
import signal  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from collections import Counter  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402
from types import SimpleNamespace  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from fcinspect.cli import run as run_command_line  # noqa: E402
from tests.prepared import Prepared, are_watched  # noqa: E402

# what was started in the background or by nohup inherits signals that are ignored, and so would
# the processes that the tests interrupt
for _name, _usual in (("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL)):
    if hasattr(signal, _name) and signal.getsignal(getattr(signal, _name)) is signal.SIG_IGN:
        signal.signal(getattr(signal, _name), _usual)

# no deadlines: machines are noisy; and the same examples at every run of a landing check
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")


SLOW = "slow (--run-slow runs them)"


@dataclass(frozen=True)
class Result:
    """What one run of fcinspect did."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on stdout."""
        return json.loads(self.out)

    @property
    def data(self) -> Any:
        """The data of the JSON document on stdout."""
        return self.document["data"]


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run fcinspect in this process: run("shapes", "3-2", stdin=None)."""

    def call(*arguments: object, stdin: str | None = None) -> Result:
        if stdin is not None:
            monkeypatch.setattr(
                sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
            )
        capsys.readouterr()
        status = run_command_line([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Result(int(status), captured.out, captured.err)

    return call


@pytest.fixture
def shell(tmp_path: Path) -> Run:
    """Run fcinspect in a process of its own: shell("shapes", "3-2", stdin=None, **environment)."""

    def call(*arguments: object, stdin: str | None = None, **environment: str) -> Result:
        done = subprocess.run(
            [sys.executable, "-m", "fcinspect", *map(str, arguments)],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
            env={**os.environ, **environment},
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="session")
def _imported() -> Iterator[Prepared | None]:
    if not are_watched():
        yield None
        return
    process = Prepared()
    yield process
    process.close()


@pytest.fixture
def prepared(_imported: Prepared | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let foreign code run in copies of one process, which import torch no more; on Linux."""
    if _imported is not None:
        names = SimpleNamespace(
            Popen=_imported, PIPE=subprocess.PIPE, TimeoutExpired=subprocess.TimeoutExpired
        )
        monkeypatch.setattr("fcinspect.bridge.channel.subprocess", names)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --run-slow."""
    parser.addoption("--run-slow", action="store_true", help="run tests marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip slow tests unless asked for, and all but one in n of the cases of a sampled test."""
    if config.getoption("--run-slow"):
        return
    seen: Counter[str] = Counter()
    for item in items:
        slow = item.get_closest_marker("slow") is not None
        sampled = item.get_closest_marker("sampled")
        if sampled is not None:
            test = item.nodeid.partition("[")[0]
            slow |= bool(seen[test] % sampled.args[0])
            seen[test] += 1
        if slow:
            item.add_marker(pytest.mark.skip(reason=SLOW))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line what was skipped and how to run it."""
    reasons = Counter(
        str(report.longrepr[2]).removeprefix("Skipped: ")
        for report in terminalreporter.stats.get("skipped", [])
        if isinstance(report.longrepr, tuple)
    )
    if reasons:
        terminalreporter.write_line(skips(reasons))


def skips(reasons: Counter[str]) -> str:
    """Write how many tests were skipped for which kinds of reasons: slow, lacking, or void."""
    lacking = {reason: n for reason, n in reasons.items() if reason.startswith("needs ")}
    slow = reasons[SLOW]
    void = reasons.total() - slow - sum(lacking.values())
    parts = [f"{slow} {SLOW}"] if slow else []
    parts += [
        f"{number} for which this machine {reason}" for reason, number in sorted(lacking.items())
    ]
    parts += [f"{void} cases that do not exist (-rs lists them)"] if void else []
    return f"{reasons.total()} skipped: {', '.join(parts)}"
