"""fcinspect schema: the JSON Schema of a command's output."""

from __future__ import annotations

from typing import Annotated

import typer

from fcinspect.cli.options import completion_of
from fcinspect.cli.system import ExitStatus

COMMANDS = (
    "create", "show", "explain", "shapes", "trace", "step", "verify", "diagnose", "scan", "diff",
    "approximate", "draw", "worksheet",
)  # fmt: skip


def schema(
    command: Annotated[
        str | None,
        typer.Argument(
            metavar="COMMAND",
            autocompletion=completion_of(COMMANDS),
            help="Without it, the schemas of all commands.",
        ),
    ] = None,
) -> ExitStatus:
    """Print the JSON Schema of a command's output."""
    import json

    from fcinspect.media.emit import write_text
    from fcinspect.reports.schema import all_schemas, schema_of

    found = all_schemas() if command is None else schema_of(command)
    write_text(json.dumps(found, indent=2) + "\n")
    return ExitStatus.DONE
