"""The commands of Typer: how their options are read, and what their help shows.

All that depends on the internals of Typer is here; they are those of typer 0.29.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from typer.core import TyperCommand, TyperGroup

from fcinspect.cli.output import Output, Writes
from fcinspect.cli.system import ExitStatus

WHOLE_HYPHEN = "\N{NON-BREAKING HYPHEN}"
"""Stands for - while lines are broken, so that no option is broken at its hyphens."""

COMPLETE_VARIABLE = "_FCINSPECT_COMPLETE"
"""Set by a shell that completes a command line."""

COMMON = {*(field.name for field in fields(Output)), "help"}
"""The parameters of the options that all commands share."""

BARE = {"--bias": "yes", "--no-bias": "no"}
"""What the flags stand for where no numbers follow."""

GUIDE_TOPICS = {
    "create": "layers",
    "show": "layers",
    "verify example": "examples",
    "run": "diagnose",
    "schema": "json",
    "completion": "install",
    "man": "install",
    "guide": "",
}
"""The topics of the commands that have none of their own name; guide lists them all."""

TyperContext: Any = TyperCommand.context_class


def examples_of(command: str) -> list[str]:
    """Return the examples of a command such as "verify layer": lines to type."""
    text = Path(__file__).with_name("examples.txt").read_text(encoding="utf-8")
    return re.findall(rf"^fcinspect {command}(?: .*)?$", text, re.MULTILINE)


def topic_of(command: str) -> str:
    """Return the topic of a command, such as "scan" or "verify layer"."""
    return GUIDE_TOPICS.get(command, command.partition(" ")[0])


class HelpFormatter(TyperContext.formatter_class):  # type: ignore[misc]  # the class of typer's own contexts
    """Breaks lines between words, never inside of an option."""

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(text.replace("-", WHOLE_HYPHEN))

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage line."""
        super().write_usage(prog, args.replace("-", WHOLE_HYPHEN), prefix)

    def write_dl(self, rows: Any, col_max: int = 30, col_spacing: int = 2) -> None:
        """Write options, arguments or commands with what they mean."""
        whole = [(first, second.replace("-", WHOLE_HYPHEN)) for first, second in rows]
        super().write_dl(whole, col_max, col_spacing)

    def getvalue(self) -> str:
        """Return the page."""
        page: str = super().getvalue()
        return page.replace(WHOLE_HYPHEN, "-")


class _Context(TyperContext):  # type: ignore[misc]  # named by no public module
    formatter_class = HelpFormatter


@dataclass(frozen=True)
class OwnParser:
    """Reads the value of a parameter by the parser of its option; without one text stays text."""

    parameter: Any
    parse: Callable[[Any], Any] | None
    process: Callable[[Any, Any], Any]
    """Typer's own way, which also refuses a value that is missing."""

    def __call__(self, ctx: Any, value: Any) -> Any:
        """Return the value; several values as a list."""
        parameter = self.parameter
        several = parameter.multiple or parameter.nargs == -1
        missing = value is None or (several and not value)
        if missing and parameter.required and not ctx.resilient_parsing:
            return self.process(ctx, value)
        if value is None:
            value = () if several else None
        elif self.parse is not None:
            value = [self.parse(each) for each in value] if several else self.parse(value)
        return value if parameter.callback is None else parameter.callback(ctx, parameter, value)


class _Light:
    """A command or a group: its help pages, and a start in half the time.

    Typer makes a pydantic validator for each parameter; importing pydantic takes longer than
    everything else in `fcinspect shapes`, and here every option has a parser of its own.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, the help option among them."""
        found: list[Any] = super().get_params(ctx)  # type: ignore[misc]  # of TyperCommand
        for parameter in found:
            # documented nowhere: a Typer without them reads the values by itself
            described = getattr(parameter, "type_descriptor", None)
            info: Any = getattr(described, "parameter_info", None)
            process: Any = getattr(parameter, "process_value", None)
            if hasattr(info, "parser") and process and not isinstance(process, OwnParser):
                parameter.process_value = OwnParser(parameter, info.parser, process)
        return found

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the topic in the guide at the end of the help."""
        program, _, command = ctx.command_path.partition(" ")
        formatter.write(f"\nMore: {program} guide {topic_of(command)}".rstrip() + "\n")


class Command(_Light, TyperCommand):
    """A command of fcinspect."""

    context_class = _Context

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line; on a command with --weight, --bias may have a value."""
        if any("--no-bias" in parameter.opts for parameter in self.params):
            args = with_values(args)
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples before the topic."""
        with formatter.section("Examples"):
            for example in examples_of(ctx.command_path.partition(" ")[2]):
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")
        super().format_epilog(ctx, formatter)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, the options of the command, and those of all commands below."""
        sections: dict[str, list[Any]] = {"Arguments": [], "Options": [], "Common options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            common = "Common options" if parameter.name in COMMON else "Options"
            kind = "Arguments" if parameter.param_type_name == "argument" else common
            sections[kind].append(record)
        if not sections["Options"] or len(sections["Common options"]) == 1:
            # without a report, --help is all that is common
            own = [*sections["Options"], *sections["Common options"]]
            sections = {**sections, "Options": own, "Common options": []}
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


def with_values(arguments: Sequence[str]) -> list[str]:
    """Return a command line on which each --bias and --no-bias has its value after a "=".

    What follows --bias is its value where --weight is given or where it is a list of numbers; else
    --bias is a flag for a new layer.
    """
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    owned = any(word.partition("=")[0] == "--weight" for word in words[:end])
    found: list[str] = []
    while words[:1] and len(found) < len(arguments):
        word = words.pop(0)
        if word == "--":
            return [*found, word, *words]
        if word in BARE:
            takes = word == "--bias" and bool(words) and _is_value(words[0], owned=owned)
            word = f"{word}={words.pop(0) if takes else BARE[word]}"
        found.append(word)
    return found


def _is_value(word: str, *, owned: bool) -> bool:
    try:
        numbers = [float(part) for part in word.replace(";", ",").split(",")]
    except ValueError:
        return owned and not word.startswith("-")
    return owned or len(numbers) > 1


class Group(_Light, TyperGroup):
    """fcinspect itself, or a group of its commands."""

    context_class = _Context

    order: tuple[str, ...] = ()
    """The commands as the help lists them; typer puts groups after all others."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands in the order of the help."""
        known: list[str] = super().list_commands(ctx)
        return sorted(known, key=self.order.index) if self.order else known


def settle_completion() -> None:
    """Answer a shell that completes a command line; typer's own option would edit its settings."""
    if COMPLETE_VARIABLE in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]  # no __all__

        completion_init()


def group_of(order: tuple[str, ...]) -> type[Group]:
    """Return the class of a group whose help lists its commands in that order."""
    return type("Group", (Group,), {"order": order})


def expanded(function: Callable[..., ExitStatus]) -> Callable[..., ExitStatus]:
    """Let a command take groups of options: each dataclass parameter becomes its fields."""
    hints = get_type_hints(function, include_extras=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, Any] = {}
    members: dict[str, list[str]] = {}
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        kind, writes = get_args(hint)[:2] if get_origin(hint) is Annotated else (hint, None)
        if not (isinstance(kind, type) and is_dataclass(kind)):
            parameters.append(
                parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hint)
            )
            continue
        declared = {} if writes is None else {"writes": writes}
        groups[parameter.name] = functools.partial(kind, **declared)
        options = _options_of(kind, writes)
        members[parameter.name] = [option.name for option in options]
        parameters += options

    @functools.wraps(function)
    def command(**values: Any) -> ExitStatus:
        for name, group in groups.items():
            values[name] = group(**{member: values.pop(member) for member in members[name]})
        output = next((v for v in values.values() if isinstance(v, Output)), None)
        if output is not None:
            output.check()
        status = function(**values)
        if output is not None and output.verbose:
            output.say_versions()
        return status

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _options_of(kind: Any, writes: Writes | None) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    left_out: tuple[str, ...] = ()
    if writes is not None:
        hints |= writes.options()
        left_out = ("writes", *writes.lacks)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(kind)
        if field.name not in left_out
    ]
