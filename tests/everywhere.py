"""Runs the tests as other machines would: other processors, threads, locales, users, and busy.

``python -m tests.everywhere [--setting NAME]… [--python FILE]… [--spinning N] [ARGUMENT OF
PYTEST]…`` runs them once for each setting, and once by each of these Pythons, which have another
torch, say; beside N processes that only spin (as many as there are cores, unless told). It prints
what passed and failed. Exit status 1: a test failed, or pytest did not come to its end.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOBODY = 65534
LEFT_BEHIND = (".git", ".venv", ".ci-venv", ".hypothesis", "__pycache__", ".*_cache")
"""What a copy of this folder goes without."""


@dataclass(frozen=True)
class Setting:
    """One kind of machine."""

    name: str
    environment: Mapping[str, str]
    flag: str = ""
    """What the processor must be able to do, as Linux spells it."""
    as_nobody: bool = False
    """Whether root hands over to a user without rights, in a copy of this folder."""
    python: str = sys.executable
    """What runs the tests."""


def _processor(level: str, aten: str, mkl: str, onednn: str, openblas: str) -> dict[str, str]:
    return {
        "ATEN_CPU_CAPABILITY": aten,
        "MKL_CBWR": level,
        "MKL_ENABLE_INSTRUCTIONS": mkl,
        "ONEDNN_MAX_CPU_ISA": onednn,
        "OPENBLAS_CORETYPE": openblas,
    }


def _threads(count: int) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return dict.fromkeys(names, str(count))


SETTINGS = (
    Setting("as it is", {}),
    Setting("sse", _processor("COMPATIBLE", "default", "SSE4_2", "SSE41", "Nehalem"), "sse4_2"),
    Setting("avx2", _processor("AVX2", "avx2", "AVX2", "AVX2", "Haswell"), "avx2"),
    Setting(
        "avx512", _processor("AVX512", "avx512", "AVX512", "AVX512_CORE", "SkylakeX"), "avx512bw"
    ),
    Setting("1 thread", _threads(1)),
    Setting("2 threads", _threads(2)),
    Setting(
        "ascii", {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ),
    Setting("not root", {}, as_nobody=True),
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """How the tests went in one setting."""

    setting: Setting
    passed: int = 0
    skipped: int = 0
    failed: tuple[str, ...] = ()
    seconds: float = 0.0
    untried: str = ""
    """Why they were not run here."""
    broken: str = ""
    """Why they did not come to their end."""

    def row(self) -> str:
        """Return its line of the table."""
        if self.untried or self.broken:
            return f"{self.setting.name:<10}  {self.untried or self.broken}"
        numbers = (self.passed, len(self.failed), self.skipped)
        columns = "".join(f"{number:>9,}" for number in numbers)
        return f"{self.setting.name:<10}{columns}{self.seconds:>9,.0f}"


def tried(setting: Setting, arguments: list[str]) -> Outcome:
    """Run the tests in one setting."""
    if setting.flag and setting.flag not in _abilities():
        return Outcome(setting, untried=f"not tried: this processor has no {setting.flag}")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        report = folder / "written" / "report.xml"
        report.parent.mkdir()
        command = [setting.python, "-m", "pytest", "-n", "auto", "-p", "no:cacheprovider"]
        command += [f"--junitxml={report}", *arguments]
        environment = {**os.environ, **setting.environment, "PYTHONDONTWRITEBYTECODE": "1"}
        if not (setting.as_nobody and os.geteuid() == 0):
            done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
            return _read(setting, report, done.returncode)
        return _tried_by_nobody(setting, folder, report, command, environment)


def _tried_by_nobody(
    setting: Setting, folder: Path, report: Path, command: list[str], environment: dict[str, str]
) -> Outcome:
    copy = folder / "copy"
    shutil.copytree(ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    for path in (copy, *copy.rglob("*"), report.parent):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    home, others = str(report.parent), os.environ.get("PYTHONPATH", "")
    own = {
        "HOME": home,
        "TMPDIR": home,
        "PYTHONPATH": f"{copy}{os.pathsep}{others}".strip(os.pathsep),
    }
    try:
        done = subprocess.run(
            command, cwd=copy, env={**environment, **own}, check=False,
            user=NOBODY, group=NOBODY, extra_groups=[],
        )  # fmt: skip
    except PermissionError:
        return Outcome(setting, untried=f"not tried: nobody else may run {sys.executable}")
    return _read(setting, report, done.returncode)


def _read(setting: Setting, report: Path, status: int) -> Outcome:
    if not report.exists():
        return Outcome(setting, broken=f"pytest ended with exit status {status} and no report")
    suite = next(ET.parse(report).iter("testsuite"))
    skipped = int(suite.attrib["skipped"])
    failed = tuple(
        f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    )
    if status not in (0, 1):
        return Outcome(setting, broken=f"pytest ended with exit status {status}")
    passed = int(suite.attrib["tests"]) - skipped - len(failed)
    return Outcome(setting, passed, skipped, failed, float(suite.attrib["time"]))


def _abilities() -> set[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return set()
    return {flag for line in text.splitlines() if line.startswith("flags") for flag in line.split()}


@contextlib.contextmanager
def spinning(count: int) -> Iterator[None]:
    """Keep the machine busy."""
    # each ends by itself when this process is gone, however it went
    spin = f"import os\nwhile os.getppid() == {os.getpid()}: pass"
    others = [subprocess.Popen([sys.executable, "-c", spin]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def main(words: list[str] | None = None) -> int:
    """Try every setting and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.everywhere", allow_abbrev=False)
    names = [setting.name for setting in SETTINGS]
    parser.add_argument("--setting", action="append", choices=names, help="only this (repeatable)")
    parser.add_argument(
        "--python", action="append", default=[], metavar="FILE", help="(repeatable)"
    )
    parser.add_argument("--spinning", type=int, default=os.cpu_count() or 1, metavar="N")
    options, arguments = parser.parse_known_args(words)
    wanted = names if not options.setting and not options.python else options.setting or []
    settings = [setting for setting in SETTINGS if setting.name in wanted]
    settings += [Setting(f"python {n}", {}, python=p) for n, p in enumerate(options.python, 1)]
    outcomes = []
    with spinning(options.spinning):
        for setting in settings:
            print(f"- {setting.name} {dict(setting.environment) or setting.python}", flush=True)
            outcomes.append(tried(setting, arguments))
    print(f"\n{'setting':<10}{'passed':>9}{'failed':>9}{'skipped':>9}{'seconds':>9}")
    for outcome in outcomes:
        print(outcome.row())
    for outcome in outcomes:
        for name in outcome.failed:
            print(f"failed ({outcome.setting.name}): {name}")
    return int(any(outcome.failed or outcome.broken for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main())
