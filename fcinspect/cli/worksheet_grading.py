"""Reading the files of `worksheet --grade`: each graded, or refused for a reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcinspect.cli.json_input import json_document
from fcinspect.errors import FcinspectError, InputError

if TYPE_CHECKING:
    from fcinspect.render.view import View
    from fcinspect.worksheets.gradebook import Entry, Gradebook

HINT = 'in JSON an answer that is no plain number stands in quotes: "3/2"'


def view_of_files(files: Sequence[str], asked: dict[str, Any], *, solution: bool) -> View:
    """Return the view of graded worksheets; one that is asked for alone is refused if unreadable.

    "-" stands for standard input. Raises InputError.
    """
    from fcinspect.render.worksheet_grade import view_of_grades

    return view_of_grades(graded(files), asked, solution=solution)


def graded(files: Sequence[str]) -> Gradebook:
    """Return the grades of files in their order, of a folder in the order of their names."""
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
            entries.append(Entry(file, None, refusal="; ".join(said)))
    return Gradebook(tuple(entries))


def _files_of(name: str) -> list[str]:
    """Return the .json files of a folder; of what is none, the name itself."""
    from fcinspect.checkpoints.files import is_folder

    if name == "-" or not is_folder(name):
        return [name]
    found = sorted(str(path) for path in Path(name).glob("*.json"))
    if not found:
        raise InputError(f"there is no .json file in the folder {name!r}")
    return found


def _entry(file: str) -> Entry:
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
    return Entry(file, grade(filled.problem, filled.answers), notes=filled.notes)
