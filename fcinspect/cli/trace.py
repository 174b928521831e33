"""fcinspect trace: shapes through a real module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fcinspect.cli.code import Code
from fcinspect.cli.module import ModuleOptions
from fcinspect.cli.options import Output
from fcinspect.cli.status import ExitStatus
from fcinspect.errors import InputError

if TYPE_CHECKING:
    from fcinspect.shapes.steps import ModuleTrace


def trace(
    code: Code,
    options: ModuleOptions,
    show_all: Annotated[bool, typer.Option("--all", help="Show every step of a long run.")] = False,
    *,
    output: Output,
) -> ExitStatus:
    """Trace shapes, parameters and multiply-adds through a module.

    This executes the code you name: on the meta device, without numbers, where it can, else on
    zeros. Where the module stops, the step is diagnosed; for that the code is executed again with
    each proposed change, in memory.
    """
    from fcinspect.render.trace import view_of_trace

    with options.opened(code) as tracing:
        found = options.traced(tracing)
        diagnosis = None if found.failure is None else options.diagnosed(tracing, found)
    if diagnosis is None:
        refuse_unmade(found)
    asked = {"code": code, **options.asked()}
    return output.write(view_of_trace(found, diagnosis, asked, show_all=show_all))


def refuse_unmade(found: ModuleTrace) -> None:
    """Raise InputError for code that raised, by no known mistake, before there was a module."""
    from fcinspect.bridge.loading import package_hint

    failure = found.failure
    if failure is not None and failure.stage != "forward":
        what = "imported" if failure.stage == "import" else "made"
        where = "" if failure.place is None else f" ({failure.place.file}:{failure.place.line})"
        said = " ".join(failure.message.split())[:300]
        raise InputError(
            f"{found.source} cannot be {what}: {failure.error}: {said}{where}",
            hint=package_hint(found.source, failure.message),
        )
