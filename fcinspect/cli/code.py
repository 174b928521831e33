"""What commands share that run somebody's code: its name, its arguments, how long it may take."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from fcinspect.cli.options import Output
from fcinspect.cli.streams import say
from fcinspect.cli.values import real_number
from fcinspect.errors import UsageError

CODE_HELP = "package.module:Object or file.py:Object; this code is executed."
Code = Annotated[str, typer.Argument(metavar="MODULE:OBJECT", help=CODE_HELP)]


def timeout_option(what: str) -> Any:
    """Return the option that bounds how long foreign code may take."""
    return typer.Option(
        "--timeout",
        parser=real_number(0.0, above=True),
        metavar="SECONDS",
        help=f"How long {what} may take.",
    )


def arguments_of(given: list[str]) -> dict[str, Any]:
    """Return the arguments of NAME=VALUE, values read as JSON, else as text."""
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise UsageError(f"--arg {text!r} is not NAME=VALUE")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = {"True": True, "False": False, "None": None}.get(value, value)
    return found


def say_that_code_runs(code: str, output: Output) -> None:
    """Say on stderr that somebody's code is about to be executed."""
    if not output.quiet:
        say(f"fcinspect: executing the code of {code.rpartition(':')[0] or code}")
