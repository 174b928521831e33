"""The entry point, also of ``python -m fcinspect``."""

from __future__ import annotations

import os
import sys

INPUT = 3
"""The exit status of ExitStatus.INPUT, which may not have been loaded."""
INTERRUPTED = 130


def main() -> None:
    """Run fcinspect; Ctrl-C and limits of the system end it quietly while it is loaded, too."""
    if sys.argv[1:2] == ["run"]:
        from fcinspect.python.run import is_program
        from fcinspect.python.run import run as run_program

        given = sys.argv[3:] if sys.argv[2:3] == ["--"] else sys.argv[2:]
        if is_program(given):
            run_program(given)
            return
    try:
        from fcinspect.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except (MemoryError, OSError, ImportError) as error:
        if os.environ.get("FCINSPECT_DEBUG") == "1":
            raise
        reason = " ".join(f"{type(error).__name__} {error}".split())
        missing = isinstance(error, ModuleNotFoundError)
        hint = "pip install fcinspect brings it" if missing else "ulimit -a shows what is allowed"
        line = f"fcinspect: it cannot be loaded here: {reason}; {hint}\n"
        try:
            os.write(2, line.encode("ascii", "backslashreplace"))
        finally:
            os._exit(INPUT)


def _leave_the_working_folder() -> None:
    """Let no file of the working folder pass for a module; `python -m` puts the folder first."""
    from pathlib import Path

    try:
        here = str(Path.cwd())
    except OSError:
        return
    if sys.flags.safe_path or sys.path[:1] not in ([""], [here]):
        return
    del sys.path[0]
    if str(Path(__file__).resolve().parents[1]) == here:
        sys.path.append(here)  # it is where fcinspect itself lies


if __name__ == "__main__":
    if sys.argv[1:2] != ["run"]:
        _leave_the_working_folder()
    main()
