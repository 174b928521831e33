"""Fuzzing by atheris: ``python -m tests.checkpoints.formats.hostile.fuzz ENDING FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["fcinspect"]):
    # what opening a file would import later, when nothing is instrumented any more
    from tests.checkpoints.formats.test_damaged import require_read_or_refused

RUNS = 10_000


def main(ending: str, folder: Path) -> None:
    """Open what the fuzzer makes of a sound file."""

    def one(data: bytes) -> None:
        require_read_or_refused(data, ending, folder)

    atheris.Setup([sys.argv[0], f"-atheris_runs={RUNS}", str(folder / "corpus")], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
