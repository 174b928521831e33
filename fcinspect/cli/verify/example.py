"""fcinspect verify example: are the numbers of a published worked example right?"""

from __future__ import annotations

from typing import Annotated, Any

from fcinspect.cli.options import argument, switch
from fcinspect.cli.output import Output, Writes
from fcinspect.cli.system import ExitStatus
from fcinspect.cli.verify import Checks, carry_out
from fcinspect.errors import UsageError


def example(
    file: Annotated[
        str | None,
        argument(
            "FILE|NAME",
            "A .json file, - for JSON on standard input, or part of the name of an example"
            " that --list shows, such as mazur. A file holds layers, input and printed, and target,"
            " loss and optimizer where gradients or a step are printed; numbers are strings such as"
            ' "0.150".',
        ),
    ] = None,
    listed: Annotated[
        bool, switch("--list", "List the examples that come with fcinspect.")
    ] = False,
    template: Annotated[
        bool, switch("--template", "Print a file to start from; its numbers are right.")
    ] = False,
    checks: Checks = None,
    *,
    output: Annotated[Output, Writes()],
) -> ExitStatus:
    """Check a published worked example.

    Each printed number is consistent, explained by rounded intermediates, or wrong: then the
    right value is told, and the slip if one is known that gives the wrong one.
    """
    _require_one_wish(file, listed=listed, template=template, checks=checks)
    if listed:
        from fcinspect.reports.verify import view_of_examples
        from fcinspect.verification.examples.shipped import shipped

        return output.write(view_of_examples(shipped(), {"list": True}))
    if template:
        from fcinspect.verification.examples.shipped import template_text

        return output.write_as_it_is(template_text(), "--template prints a file")
    from fcinspect.verification.example import plan_of

    assert file is not None
    return carry_out(plan_of(*_document(file)), checks, {"file": file}, output)


def _require_one_wish(
    file: str | None, *, listed: bool, template: bool, checks: list[str] | None
) -> None:
    """Raise UsageError unless one of FILE, --list and --template is given."""
    wishes = [name for name, given in (("--list", listed), ("--template", template)) if given]
    if file is not None:
        wishes.insert(0, repr(file))
    if not wishes:
        raise UsageError(
            "FILE is missing: expected a .json file, - or the name of an example",
            "--list shows the examples that come with fcinspect, --template a file to start from",
        )
    if wishes[1:]:
        raise UsageError(f"{' and '.join(wishes)} exclude each other: expected one of them")
    if checks and file is None:
        raise UsageError(f"--checks chooses checks of an example, and {wishes[0]} makes none")


def _document(file: str) -> tuple[Any, str]:
    """Return the decoded JSON, and its source in words.

    What is no file and looks like none is part of the name of an example of the package. Raises
    InputError for what is neither.
    """
    from fcinspect.checkpoints.paths import is_file
    from fcinspect.cli.inputs import json_document
    from fcinspect.verification.examples.shipped import shipped_named

    if file != "-" and not is_file(file) and not set(file) & set("./\\:"):
        found = shipped_named(file)
        return found.document, found.source
    return json_document(file, "a worked example")
