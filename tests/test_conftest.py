"""Which tests run, and what the end of a run says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.conftest import SLOW, skips


def test_skips_are_explained_in_one_line() -> None:
    """What is slow, what is lacking, and what is no case at all."""
    reasons = Counter({SLOW: 700, "needs onnx (.[cases])": 4, "numpy has no bfloat16": 8, "x": 1})
    assert skips(reasons) == (
        "713 skipped: 700 slow (--run-slow runs them),"
        " 4 for which this machine needs onnx (.[cases]),"
        " 9 cases that do not exist (-rs lists them)"
    )
    assert skips(Counter({SLOW: 2})) == "2 skipped: 2 slow (--run-slow runs them)"


PLANTED = """
import pytest

@pytest.mark.parametrize("a", range(3))
@pytest.mark.parametrize("b", range(3))
@pytest.mark.sampled(4)
def test_some(a, b):
    print(f"some {a + 3 * b}")

class TestOther:
    @pytest.mark.parametrize("n", range(3))
    @pytest.mark.sampled(2)
    def test_some(self, n):
        print(f"other {n}")

@pytest.mark.slow
def test_slow():
    print("slow")

def test_usual():
    print("usual")
"""


@pytest.mark.parametrize(
    ("arguments", "ran"),
    [
        ((), ["some 0", "some 4", "some 8", "other 0", "other 2", "usual"]),
        (("--run-slow",), [*(f"some {n}" for n in range(9)), "other 0", "other 1", "other 2",
                           "slow", "usual"]),
    ],
    ids=["default", "slow"],
)  # fmt: skip
def test_one_in_so_many_cases_runs_by_default(
    tmp_path: Path, arguments: tuple[str, ...], ran: list[str]
) -> None:
    """The first case of each test always does; all of them with --run-slow."""
    (tmp_path / "test_planted.py").write_text(PLANTED, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-sq", *arguments]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestUnknownMarkWarning", "."],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"(?:some|other|slow|usual)(?: \d+)?(?=\n)", done.stdout) == ran
