"""fcinspect run: a program as python would run it, with the diagnosis of the error it ends in.

`__main__.main` starts programs by itself, before the command line is loaded. This file is for the
help, and for a call from within Python.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer

from fcinspect.cli.options import argument, option
from fcinspect.cli.system import ExitStatus
from fcinspect.errors import UsageError


def run(
    script: Annotated[
        str | None,
        argument(
            "SCRIPT", "A Python program: a file, or a folder or archive with __main__.py in it."
        ),
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARGS", help="Arguments of the program, options too."),
    ] = None,
    module: Annotated[
        str | None, option("-m MODULE", "Run a module instead, as python -m does.")
    ] = None,
) -> ExitStatus:
    """Run a Python program, and diagnose the error it ends in.

    The program runs as python would run it, with the same output and exit status. Where it ends in
    an error that diagnose knows, the diagnosis follows the traceback on standard error, with the
    line to change.
    """
    given = [word for word in (script, *(arguments or ())) if word is not None]
    if module is not None:
        given = ["-m", module, *given]
    if not given:
        raise UsageError("there is no program to run", hint="expected SCRIPT or -m MODULE")
    if given[0].startswith("-") and module is None:
        raise UsageError(f"no such option: {given[0]}", hint="see 'fcinspect run --help'")
    done = subprocess.run([sys.executable, "-m", "fcinspect", "run", *given], check=False)
    return ExitStatus.DONE if done.returncode == 0 else ExitStatus.FAILED
