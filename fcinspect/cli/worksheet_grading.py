"""Reading the files of `worksheet --grade`: each graded, or refused for a reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fcinspect.cli.json_input import json_document
from fcinspect.errors import FcinspectError, InputError, UsageError

if TYPE_CHECKING:
    from fcinspect.render.view import View
    from fcinspect.worksheets.gradebook import Entry, Gradebook

HINT = 'in JSON an answer that is no plain number stands in quotes: "3/2"'


def graded_view(files: Sequence[str], others: Sequence[str], *, solution: bool) -> View:
    """Return the view of graded worksheets; one that is asked for alone is refused if unreadable.

    "-" stands for standard input. `others` are the options given of a worksheet to be made.
    Raises UsageError for these and for widths among the files, InputError.
    """
    from fcinspect.checkpoints.access.uris import masked_name
    from fcinspect.render.worksheet_grade import view_of_grades

    if others:
        raise UsageError(f"--grade reads a filled worksheet: {', '.join(others)} cannot go with it")
    for file in files:
        _require_no_widths(file)
    asked = {"grade": [masked_name(file) for file in files], "solution": solution}
    return view_of_grades(graded(files), asked, solution=solution)


def _require_no_widths(file: str) -> None:
    """Raise UsageError for what names no file and is meant for the widths of a worksheet."""
    from fcinspect.checkpoints.files import is_file, is_folder
    from fcinspect.errors import SpecError
    from fcinspect.layers.spec import parse_widths

    if not file.strip():
        raise UsageError("--grade names no file: expected a filled worksheet, a folder or -")
    if is_file(file) or is_folder(file):
        return
    try:
        parse_widths(file)
    except SpecError:
        return
    raise UsageError(
        f"--grade reads the widths from the file: {file[:60]!r} is one argument too many"
    )


def graded(files: Sequence[str]) -> Gradebook:
    """Return the grades of files in their order, of a folder in the order of their names."""
    from fcinspect.checkpoints.access.uris import masked_name
    from fcinspect.worksheets.gradebook import Entry, Gradebook

    expanded = [name for file in files for name in _files_of(file)]
    if len(files) == 1 == len(expanded):
        return Gradebook((_entry(expanded[0]),))
    entries = []
    for file in expanded:
        try:
            entries.append(_entry(file))
        except FcinspectError as error:
            said = filter(None, (error.message, error.hint))
            entries.append(Entry(masked_name(file), None, refusal="; ".join(said)))
    return Gradebook(tuple(entries))


def _files_of(name: str) -> list[str]:
    """Return the .json files of a folder; of what is none, the name itself."""
    from fcinspect.checkpoints.files import is_folder

    if name == "-" or not is_folder(name):
        return [name]
    try:
        found = sorted(str(p) for p in Path(name).iterdir() if p.suffix.lower() == ".json")
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot read the folder {name!r}: {reason}") from error
    if not found:
        raise InputError(f"there is no .json file in the folder {name!r}")
    return found


def _entry(file: str) -> Entry:
    from fcinspect.checkpoints.access.uris import masked_name
    from fcinspect.worksheets.filled import read_filled
    from fcinspect.worksheets.gradebook import Entry
    from fcinspect.worksheets.grading import grade

    try:
        document, source = json_document(file, "a filled worksheet")
    except InputError as error:
        if "is not JSON" in error.message:
            raise InputError(error.message, HINT) from None
        raise
    filled = read_filled(document, source)
    return Entry(masked_name(file), grade(filled.problem, filled.answers), notes=filled.notes)
