"""fcinspect verify example: are the numbers of a published worked example right?"""

from __future__ import annotations

from typing import Annotated

import typer

from fcinspect.cli.options import Output
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.verify.carry_out import Checks


def example(
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|NAME",
            help="A .json file, - for JSON on standard input, or part of the name of an example"
            " that --list shows, such as mazur. A file holds layers, input and printed, and target,"
            " loss and optimizer where gradients or a step are printed; numbers are strings such as"
            ' "0.150".',
        ),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="List the examples that come with fcinspect.")
    ] = False,
    template: Annotated[
        bool, typer.Option("--template", help="Print a file to start from; its numbers are right.")
    ] = False,
    checks: Checks = None,
    *,
    output: Output,
) -> ExitStatus:
    """Check a published worked example.

    Each printed number is consistent, explained by rounded intermediates, or wrong: then the
    right value is told, and the slip if one is known that gives the wrong one.
    """
    from fcinspect.cli.verify.example_source import example_document, require_one_wish

    require_one_wish(file, listed=listed, template=template, checks=checks)
    if listed:
        from fcinspect.reports.verify import view_of_examples
        from fcinspect.verification.examples.shipped import shipped

        return output.write(view_of_examples(shipped(), {"list": True}))
    if template:
        from fcinspect.verification.examples.shipped import template_text

        return output.write_as_it_is(template_text(), "--template prints a file")

    from fcinspect.cli.verify.carry_out import carry_out
    from fcinspect.verification.example import plan_of

    assert file is not None
    return carry_out(plan_of(*example_document(file)), checks, {"file": file}, output)
