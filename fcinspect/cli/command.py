"""Typer commands whose values are read by the parsers of their options alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from typer._coercion import RuntimeParam
from typer.core import TyperCommand, TyperGroup

from fcinspect.cli.help_pages import HelpFormatter, write_examples, write_options
from fcinspect.cli.own import with_values


@dataclass(frozen=True)
class ParsedParameter(RuntimeParam):
    """Reads a value with the parameter's own parser; text without a parser stays text."""

    def _coerce_value(self, value: Any, param: Any, ctx: Any) -> Any:
        parse = self.parameter_info.parser
        if parse is None:
            return value
        return [parse(each) for each in value] if param.multiple else parse(value)


class _Light:
    """A command that starts in half the time.

    Typer makes a pydantic validator for each parameter; importing pydantic takes longer than
    everything else in `fcinspect shapes`, and here every option has a parser of its own.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the parameters, the help option among them."""
        found: list[Any] = super().get_params(ctx)  # type: ignore[misc]  # of TyperCommand
        for parameter in found:
            if parameter._runtime_param is None:  # typer makes it when it is first used
                described = parameter.type_descriptor
                parameter._runtime_param = ParsedParameter(
                    described.parameter_info, described.annotation
                )
        return found


TyperContext: Any = TyperCommand.context_class


class _Context(TyperContext):  # type: ignore[misc]  # named by no public module
    """The context of a command, whose help pages break lines between words only."""

    formatter_class = HelpFormatter


class Command(_Light, TyperCommand):
    """A command of fcinspect."""

    context_class = _Context

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line; on a command with --weight, --bias may have a value."""
        if any("--no-bias" in parameter.opts for parameter in self.params):
            args = with_values(args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options into the help: those of the command, then those of all commands."""
        write_options(self.get_params(ctx), ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples at the end of the help."""
        write_examples(ctx, formatter)


class Group(_Light, TyperGroup):
    """fcinspect itself, or a group of its commands."""

    context_class = _Context

    order: tuple[str, ...] = ()
    """The commands as the help lists them; typer puts groups behind all others."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands in the order of the help."""
        known: list[str] = super().list_commands(ctx)
        return sorted(known, key=self.order.index) if self.order else known

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write where the guide says more at the end of the help."""
        write_examples(ctx, formatter)


def group_of(order: tuple[str, ...]) -> type[Group]:
    """Return the class of a group whose help lists its commands in that order."""
    return type("Group", (Group,), {"order": order})
