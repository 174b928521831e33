"""Runs a command on many files, each in a process forked from this one, and measures it.

``python -m tests.checkpoints.formats.measured FOLDER COMMAND``: FOLDER/cases.json lists the files
that ``show`` or ``scan`` are given, [[folder, file], …]; what each run did is printed as a line of
JSON. The command ``planted`` is a function that breaks every rule.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

Command = Callable[[str], int]


def command(words: str) -> Command:
    """Return what runs a command as its users do."""
    from fcinspect.cli import run

    return lambda file: int(run([words, file]))


def planted(file: str) -> int:
    """Do all that must not happen: print, fill the memory, take time, make a file, crash."""
    import time

    print("something")
    Path("hostile_canary").touch()
    filled = bytearray(os.urandom(1 << 20)) * 300
    began = time.process_time()
    while time.process_time() - began < 2.1:
        filled[0] = 1
    print("first line\nTraceback", file, file=sys.stderr)
    import torch  # noqa: F401  # seen to be loaded

    return 0


def measured(run: Command, folder: Path, file: str) -> dict[str, object]:
    """Return what one run did: status, stdout, stderr, seconds of CPU, MB, and files touched."""
    before = listing(folder)
    sys.stdout.flush()
    child = os.fork()
    if not child:
        _run(run, folder, file)
    _, status, usage = os.wait4(child, 0)
    out, err, extra = (folder.parent / f"{folder.name}.{ending}" for ending in ("out", "err", "x"))
    return {
        "name": folder.name,
        "status": os.waitstatus_to_exitcode(status),
        "out": out.read_text(errors="replace"),
        "err": err.read_text(errors="replace"),
        "seconds": usage.ru_utime + usage.ru_stime,
        "megabytes": usage.ru_maxrss / 1024,
        "torch": extra.exists(),
        "touched": listing(folder) != before,
    }


def listing(folder: Path) -> list[tuple[str, int, int]]:
    """Return name, size and time of change of everything in a folder."""
    found = [(path, path.stat()) for path in sorted(folder.rglob("*"))]
    return [(str(path), status.st_size, status.st_mtime_ns) for path, status in found]


def _run(run: Command, folder: Path, file: str) -> None:
    """Be the child: run in the folder, with stdout and stderr in files beside it."""
    status = 99
    try:
        os.chdir(folder)
        for number, ending in ((1, "out"), (2, "err")):
            beside = folder.parent / f"{folder.name}.{ending}"
            os.dup2(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        status = run(file)
        if "torch" in sys.modules:
            (folder.parent / f"{folder.name}.x").touch()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def main(folder: Path, words: str) -> None:
    """Measure all cases of a folder."""
    usual = command("show" if words == "planted" else words)
    for sound in (*sorted(folder.glob("sound.*")), folder / "missing.pt"):
        usual(str(sound))  # what every run imports is imported once
    run = planted if words == "planted" else usual
    gc.collect()
    gc.freeze()  # a child that collects would copy all that it shares with this process
    for name, file in json.loads((folder / "cases.json").read_text()):
        print(json.dumps(measured(run, folder / name, file)), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2])
