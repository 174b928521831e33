"""fcinspect verify example: are the numbers of a published worked example right?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

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

    return carry_out(plan_of(*_document(file)), checks, {"file": file}, output)


def _document(file: str) -> tuple[Any, str]:
    """Return the JSON of a file or of standard input, and its source in words."""
    from fcinspect.checkpoints.access.opening import read_whole
    from fcinspect.checkpoints.access.uris import masked_name
    from fcinspect.checkpoints.files import check_readable, standard_input
    from fcinspect.checkpoints.formats.json_array import parse
    from fcinspect.errors import InputError

    if file == "-":
        text, source = standard_input(), "standard input"
    else:
        check_readable(file)
        text, source = read_whole(file), repr(masked_name(file))
    if not text.strip():
        raise InputError(f"{source} is empty: expected a worked example in JSON")
    return parse(text, source), source
