"""pytest --fcinspect: a section in the report of a failing test, also from processes of xdist."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.python.programs import CAUSE, EDIT, NET

PLUGIN = "fcinspect.python.pytest_plugin"
INSTALLED = any(found.value == PLUGIN for found in entry_points(group="pytest11"))
TESTS = """
import sys
import pytest
import torch
from net import Net


@pytest.fixture
def output():
    return Net()(torch.zeros(4, 8))


def test_called():
    Net()(torch.zeros(4, 8))


def test_fixture(output):
    pass


def test_other():
    assert [1] == [2]


def test_expected():
    with pytest.raises(RuntimeError):
        Net()(torch.zeros(4, 8))
"""


def printed(folder: Path, *options: str, **environment: str) -> str:
    """Return what pytest prints of the tests."""
    (folder / "net.py").write_text(NET, encoding="utf-8")
    (folder / "test_net.py").write_text(TESTS, encoding="utf-8")
    given = () if INSTALLED else ("-p", PLUGIN)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *given, *options, "-c", os.devnull, "--rootdir", "."],
        capture_output=True, encoding="utf-8", cwd=folder, check=False,
        env={**os.environ, "COLUMNS": "80", **environment},
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 1 passed, 1 error" in done.stdout
    return done.stdout


@pytest.mark.parametrize("options", [(), ("-n", "2"), ("--tb=short",)], ids=" ".join)
def test_a_planted_fault_is_found_in_its_line(options: tuple[str, ...], tmp_path: Path) -> None:
    """Of a test and of a fixture; nothing is said of other failures."""
    shown = printed(tmp_path, "--fcinspect", *options)
    assert shown.count("- Diagnosis by fcinspect -") == 2
    assert shown.count(CAUSE) == 2
    assert shown.count("   net.py:8\n") == 2
    assert shown.count(EDIT) == 2


def test_it_is_off_unless_asked_for(tmp_path: Path) -> None:
    """And it then has imported nothing."""
    probe = tmp_path / "conftest.py"
    probe.write_text(
        "import sys\n\ndef pytest_configure():\n"
        "    ours = (m for m in sys.modules if m.startswith(('fcinspect', 'torch')))\n"
        "    print('loaded', *sorted(ours))\n",
        encoding="utf-8",
    )
    shown = printed(tmp_path)
    assert "Diagnosis by fcinspect" not in shown
    loaded = next(line for line in shown.splitlines() if line.startswith("loaded"))
    assert loaded.split()[1:] == ["fcinspect", "fcinspect.python", PLUGIN]


def test_a_failure_of_ours_is_silent(tmp_path: Path) -> None:
    """The report of the test is as it would be."""
    (tmp_path / "conftest.py").write_text(
        "import sys\nsys.modules['fcinspect.reports'] = None\n", encoding="utf-8"
    )
    assert "Diagnosis by fcinspect" not in printed(tmp_path, "--fcinspect")


def test_the_entry_point_is_declared() -> None:
    """An installed fcinspect is found by pytest."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    told = project.read_text(encoding="utf-8")
    assert f'[project.entry-points.pytest11]\nfcinspect = "{PLUGIN}"\n' in told
