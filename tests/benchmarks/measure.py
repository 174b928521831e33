"""Timing whole commands in pairs, so that a ratio holds on a noisy machine."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PYTHON = sys.executable


@dataclass(frozen=True)
class Comparison:
    """A command against a yardstick, run in turn."""

    seconds: float
    """Median of the command."""
    yardstick_seconds: float
    """Median of the yardstick."""
    ratio: float
    """Median of the ratios, pair by pair."""
    peak_bytes: int
    """Median peak of the command."""


def compare(
    command: Sequence[str],
    yardstick: Sequence[str],
    folder: Path,
    runs: int = 9,
    status: int = 0,
) -> Comparison:
    """Run both in turn, after one warm-up each, and return medians.

    `status` is the exit status that the command must end with.
    """
    commands = [list(command), list(yardstick)]
    asked = {"commands": commands, "statuses": [status, 0], "runs": runs}
    # a small process does the timing: a child's peak memory starts from its parent's size
    done = subprocess.run(
        [PYTHON, "-S", str(Path(__file__).with_name("runner.py"))],
        input=json.dumps(asked),
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        # compiled modules are kept, as in every installation
        env={k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
        check=True,
    )
    pairs = json.loads(done.stdout)
    return Comparison(
        statistics.median(a["seconds"] for a, _ in pairs),
        statistics.median(b["seconds"] for _, b in pairs),
        statistics.median(a["seconds"] / b["seconds"] for a, b in pairs),
        int(statistics.median(a["peak_bytes"] for a, _ in pairs)),
    )


def fcinspect(*arguments: str) -> list[str]:
    """Return the command line of fcinspect in this environment."""
    return [PYTHON, "-m", "fcinspect", *arguments]


def python(code: str) -> list[str]:
    """Return the command line of a piece of Python."""
    return [PYTHON, "-c", code]
