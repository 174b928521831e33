"""The command line: the Typer app, and main() with the one error boundary."""

from __future__ import annotations

import gc
import json
import os
import re
import signal
import sys
import warnings
from importlib import import_module
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from fcinspect import __version__
from fcinspect.cli.command import Command, expanded, group_of, settle_completion
from fcinspect.cli.output import FORMAT_VARIABLE
from fcinspect.cli.system import (
    BY_KIND,
    EndedBySignal,
    ExitStatus,
    ReaderGone,
    abandon_output,
    end_by,
    refusal_for,
    say,
    settle_limits,
    settle_signals,
    settle_streams,
    settle_width,
)
from fcinspect.errors import FcinspectError, brief
from fcinspect.media.emit import write_text
from fcinspect.page.text import safe

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = (
    "create", "show", "explain", "shapes", "trace", "step", "verify", "diagnose", "run", "scan",
    "diff", "approximate", "draw", "worksheet", "schema", "guide", "man", "completion",
)  # fmt: skip
"""In the order of the help; each is the function of that name in the module of that name."""
ELSEWHERE = {
    "schema": "guide", "man": "guide", "completion": "guide",
    "verify layer": "verify_code", "verify implementation": "verify_code",
    "verify optimizer": "verify_code",
}  # fmt: skip
"""The modules of the commands that are defined in the module of another one."""
PARSED = {"run": {"allow_interspersed_args": False, "ignore_unknown_options": True}}
"""How the parser reads a command line whose end is not fcinspect's."""
GROUPS = ("verify",)
"""The commands that have commands of their own, which their module lists."""


def _show_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"fcinspect {__version__}\n")
        raise typer.Exit


def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """See every multiply-add of a linear layer (nn.Linear), and prove it right."""


def app_for(arguments: list[str]) -> typer.Typer:
    """Return fcinspect with the command that is called, or with all where none is."""
    app = _typer("fcinspect", COMMANDS)
    app.callback()(root)
    called = arguments[:1] if arguments and arguments[0] in COMMANDS else COMMANDS
    for name in called:
        if name not in GROUPS:
            app.command(cls=Command, context_settings=PARSED.get(name))(_function(name))
            continue
        module = import_module(f"fcinspect.cli.{name}")
        group = _typer(name, module.COMMANDS)
        asked = [word for word in arguments[1:2] if word in module.COMMANDS]
        for part in asked or module.COMMANDS:
            group.command(cls=Command)(_function(f"{name} {part}"))
        app.add_typer(group, help=module.HELP)
    return app


def _function(command: str) -> Callable[..., ExitStatus]:
    module = import_module(f"fcinspect.cli.{ELSEWHERE.get(command, command.partition(' ')[0])}")
    return expanded(getattr(module, command.rpartition(" ")[2]))


def _typer(name: str, order: tuple[str, ...]) -> typer.Typer:
    return typer.Typer(
        name=name,
        cls=group_of(order),
        add_completion=False,
        # markup would eat "(batch, in)" written in brackets
        rich_markup_mode=None,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def main() -> NoReturn:
    """Run the command line and exit with its status."""
    settle_streams()
    settle_width()
    settle_signals()
    settle_limits()
    if os.environ.get("FCINSPECT_DEBUG") != "1":
        # what a reader must know is in the report; stderr is for refusals
        warnings.simplefilter("ignore")
    # torch's import allocates so much that collecting cycles on the way takes a tenth of the time
    gc.set_threshold(100_000, 50, 100)
    settle_completion()
    try:
        status = run(sys.argv[1:])
    except EndedBySignal as ended:
        end_by(ended.number)
    if status is ExitStatus.READER_GONE:
        end_by(signal.SIGPIPE)
    if status is ExitStatus.OUTPUT:
        abandon_output()
    sys.exit(status)


def run(arguments: list[str]) -> ExitStatus:
    """Run one command line; every refusal becomes one line on stderr and a status."""
    try:
        return _called(arguments)
    except (KeyboardInterrupt, typer.Abort):
        return ExitStatus.INTERRUPTED
    except ReaderGone:
        return ExitStatus.READER_GONE
    except Exception as error:
        refusal = error if isinstance(error, FcinspectError) else refusal_for(error)
        if refusal is not None:
            return _refuse(arguments, refusal.kind, refusal.message, refusal.hint)
        if os.environ.get("FCINSPECT_DEBUG") == "1":
            raise
        return _refuse(
            arguments,
            "internal",
            f"internal error: {type(error).__name__}: {error}".replace("\n", " "),
            "this is a bug in fcinspect: please report it with the command;"
            " FCINSPECT_DEBUG=1 shows the traceback",
        )


def _called(arguments: list[str]) -> ExitStatus:
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    elif arguments[:1] == ["version"]:
        arguments = ["--version", *arguments[1:]]
    try:
        result = app_for(arguments)(arguments, prog_name="fcinspect", standalone_mode=False)
    except typer.TyperException as error:
        return _refuse_usage(arguments, error)
    sys.stdout.flush()
    # typer returns the plain number for --help (0) and for Ctrl-C (130)
    return ExitStatus(result) if isinstance(result, int) else ExitStatus.DONE


def _refuse_usage(arguments: list[str], error: Any) -> ExitStatus:
    """Say what was wrong with the arguments; typer's own texts lose the value."""
    message: str = error.format_message()
    context = getattr(error, "ctx", None)
    path = "fcinspect" if context is None else context.command_path
    if type(error).__name__ == "NoArgsIsHelpError":
        write_text(message + "\n")
        return ExitStatus.USAGE
    message = re.sub(r"^Invalid value for '([^']+)'(?: / '[^']+')*", r"\1", message)
    message = re.sub(r"\. Did you mean (.*)\?$", r"; did you mean \1?", message)
    message = message.rstrip(".").replace("\n", " ")
    hint = f"see '{path} --help'"
    if message.startswith("Got unexpected extra argument"):
        hint = _as_one_word(arguments) or hint
    if re.match("No such option: -[^-]", message):
        hint = f"put -- before arguments that start with -; {hint}"
    return _refuse(arguments, "usage", message, hint)


def _as_one_word(arguments: list[str]) -> str | None:
    for first, word in enumerate(arguments):
        run = list(takewhile(str.isdigit, arguments[first:]))
        if len(run) > 1 and not arguments[max(first - 1, 0)].startswith("-"):
            rest = arguments[first + len(run) :]
            whole = [*arguments[:first], "-".join(run), *rest]
            import shlex

            return f"write widths as one word: fcinspect {shlex.join(whole)}"
        if word == "--":
            return None
    return None


def _refuse(arguments: list[str], kind: str, message: str, hint: str | None = None) -> ExitStatus:
    from fcinspect.masking import masked

    status = ExitStatus.INTERNAL if kind == "internal" else BY_KIND[kind]
    message, hint = safe(masked(brief(message))), hint and safe(masked(brief(hint)))
    if _wants_json(arguments):
        words = [a for a in arguments if not a.startswith("-")]
        command = " ".join(words[: 2 if words[:1] and words[0] in GROUPS else 1]) or None
        error = {
            "kind": kind,
            "message": message,
            "hint": hint,
            "command": command,
            "exit_code": int(status),
        }
        say(json.dumps({"error": error}), whole=True)
    else:
        say(f"fcinspect: {message}" + (f"; {hint}" if hint else ""))
    return status


def _wants_json(arguments: list[str]) -> bool:
    """Whether the command line asks for JSON, also when it could not be parsed."""
    folded = [argument.casefold() for argument in arguments]
    return (
        "--json" in arguments
        or "--format=json" in folded
        or "-fjson" in folded
        or any(p in (("-f", "json"), ("--format", "json")) for p in pairwise(folded))
        or os.environ.get(FORMAT_VARIABLE, "").casefold() == "json"
    )
