"""fcinspect verify example: are the numbers of a published worked example right?"""

from __future__ import annotations

from typing import Annotated

import typer

from fcinspect.cli.json_input import json_document
from fcinspect.cli.options import Output
from fcinspect.cli.status import ExitStatus
from fcinspect.cli.verify.carry_out import Checks


def example(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="A .json file, or - for JSON on standard input: layers, input and printed, and"
            " target, loss and optimizer where gradients or a step are printed; numbers are"
            ' strings such as "0.150".',
        ),
    ],
    checks: Checks = None,
    *,
    output: Output,
) -> ExitStatus:
    """Check a published worked example.

    Each printed number is consistent, explained by rounded intermediates, or wrong: then the
    right value is told, and the slip if one is known that gives the wrong one.
    """
    from fcinspect.cli.verify.carry_out import carry_out
    from fcinspect.verification.example import plan_of

    return carry_out(
        plan_of(*json_document(file, "a worked example")), checks, {"file": file}, output
    )
