"""Print the table of the guide's page on speed: python -m tests.benchmarks."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.benchmarks import cases, diff_cases, scan_cases


def main() -> None:
    """Measure every case and print a Markdown table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases.prepare(folder)
        scan_cases.prepare(folder)
        diff_cases.prepare(folder)
        sys.stdout.write("| command | against | ratio | limit | peak memory |\n")
        sys.stdout.write("|:---|:---|---:|---:|---:|\n")
        for case in (*cases.CASES, *scan_cases.SCAN_CASES, *diff_cases.DIFF_CASES):
            found = case.measure(folder)
            sys.stdout.write(
                f"| `{case.name}` | {case.against} | {_ratio(found.ratio)} | {_ratio(case.most)} |"
                f" {found.peak_bytes / 2**20:.0f} MiB |\n"
            )


def _ratio(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


if __name__ == "__main__":
    main()
