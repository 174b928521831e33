"""The script that tries other machines runs what it says and sees what fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import everywhere
from tests.everywhere import SETTINGS, Outcome, Setting, main, spinning, tried

TESTS = """
import os
import pytest

def test_the_setting_is_in_force():
    assert os.environ["OMP_NUM_THREADS"] == "1"

@pytest.mark.skip
def test_skipped(): ...

@pytest.mark.parametrize("width", [3, 4])
def test_of_a_width(width):
    assert width != 4
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Write tests of which one fails."""
    path = tmp_path / "test_planted.py"
    path.write_text(TESTS, encoding="utf-8")
    return str(path)


def test_what_fails_in_a_setting_is_named(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1, the table and the test's name."""
    status = main(["--setting", "1 thread", "--spinning", "1", "-n", "0", "--rootdir=/", file])
    out = capsys.readouterr().out
    assert status == 1
    assert out.isascii()  # it runs in a locale without UTF-8, too
    assert "1 thread          2        1        1" in out
    assert "failed (1 thread): " in out
    assert "test_planted.py::test_of_a_width[4]" in out
    assert (
        main(["--setting", "1 thread", "--spinning", "0", "-n", "0", "-k", "not of_a_width", file])
        == 0
    )


def test_another_python_runs_the_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As one of an environment with another torch."""
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nANOTHER=1 exec "{sys.executable}" "$@"\n', encoding="utf-8")
    other.chmod(0o755)
    path = tmp_path / "test_planted.py"
    path.write_text('import os\ndef test_it(): assert os.environ["ANOTHER"]\n', encoding="utf-8")
    common = ("--spinning", "0", "-n", "0", "--rootdir=/", str(path))
    assert main(["--python", str(other), *common]) == 0
    assert "python 1          1        0        0" in capsys.readouterr().out
    assert main(["--python", sys.executable, *common]) == 1


def test_no_tests_at_all_are_a_failure(tmp_path: Path) -> None:
    """Nothing that was run is nothing that holds."""
    done = tried(SETTINGS[0], ["-n", "0", "-q", str(tmp_path)])
    assert done.broken == "pytest ended with exit status 5"


def test_what_this_processor_cannot_do_is_not_tried() -> None:
    """And says so, instead of a crash of the library that was asked for it."""
    done = tried(Setting("tomorrow's", {}, flag="avx4096"), [])
    assert "not tried: this processor has no avx4096" in done.row()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root, to be another")
def test_root_hands_over_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests run as somebody else, in a folder that is theirs, or it says that they cannot."""
    asked: dict[str, object] = {}

    def run(command: list[str], **options: object) -> object:
        asked.update(options)
        raise PermissionError

    monkeypatch.setattr(subprocess, "run", run)
    setting = next(setting for setting in SETTINGS if setting.as_nobody)
    assert tried(setting, []).untried.startswith("not tried: nobody else may run ")
    assert (asked["user"], asked["extra_groups"]) == (everywhere.NOBODY, [])
    assert asked["cwd"] != everywhere.ROOT


def test_settings_have_names_of_their_own() -> None:
    """By which they are chosen."""
    names = [setting.name for setting in SETTINGS]
    assert len(set(names)) == len(names)
    assert all(len(Outcome(setting).row().split()) >= 5 for setting in SETTINGS)


def test_nothing_spins_for_ever() -> None:
    """What keeps the machine busy ends with the block."""
    before = psutil.Process().children()
    with spinning(1):
        assert len(psutil.Process().children()) == len(before) + 1
    assert psutil.Process().children() == before
