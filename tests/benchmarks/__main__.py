"""Print the README's table: python -m tests.benchmarks."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.benchmarks.cases import CASES, prepare


def main() -> None:
    """Measure every case and print a Markdown table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        sys.stdout.write("| command | against | ratio | limit | peak memory |\n")
        sys.stdout.write("|:---|:---|---:|---:|---:|\n")
        for case in CASES:
            found = case.measure(folder)
            sys.stdout.write(
                f"| `{case.name}` | {case.against} | {found.ratio:.2f} | {case.most} |"
                f" {found.peak_bytes / 2**20:.0f} MiB |\n"
            )


if __name__ == "__main__":
    main()
