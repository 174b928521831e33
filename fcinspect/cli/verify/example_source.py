"""Where `fcinspect verify example` takes its example from: a file, stdin or the package."""

from __future__ import annotations

from typing import Any

from fcinspect.cli.json_input import json_document
from fcinspect.errors import UsageError


def require_one_wish(
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


def example_document(file: str) -> tuple[Any, str]:
    """Return the decoded JSON, and its source in words.

    What is no file and looks like none is part of the name of an example of the package. Raises
    InputError for what is neither.
    """
    from fcinspect.checkpoints.access.paths import is_file
    from fcinspect.verification.examples.shipped import shipped_named

    if file != "-" and not is_file(file) and not set(file) & set("./\\:"):
        found = shipped_named(file)
        return found.document, found.source
    return json_document(file, "a worked example")
