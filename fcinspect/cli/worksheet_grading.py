"""Reading the files of `worksheet --grade`: each graded, or refused for a reason."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcinspect.cli.inputs import json_text
from fcinspect.errors import FcinspectError, InputError, SpecError, UsageError

if TYPE_CHECKING:
    from fcinspect.page.view import View
    from fcinspect.worksheets.grading import Entry, Gradebook

MOST_NAMED = 3


def graded_view(files: Sequence[str], others: Sequence[str], *, solution: bool) -> View:
    """Return the view of graded worksheets; raises UsageError for options of new sheets."""
    from fcinspect.masking import masked_name
    from fcinspect.reports.worksheet_grade import view_of_grades

    if others:
        raise UsageError(
            f"--grade reads a filled worksheet: it cannot be combined with {', '.join(others)}"
        )
    for file in files:
        _require_no_widths(file)
    asked = {"grade": [masked_name(file) for file in files], "solution": solution}
    return view_of_grades(graded(files), asked, solution=solution)


def _require_no_widths(file: str) -> None:
    from fcinspect.checkpoints.paths import is_file, is_folder
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
    from fcinspect.masking import masked_name
    from fcinspect.worksheets.grading import Entry, Gradebook

    expanded = [name for file in files for name in _files_of(file)]
    if len(files) == 1 == len(expanded):
        return Gradebook((_entry(expanded[0]),))
    times: dict[str, list[str]] = {}
    for file in expanded:
        times.setdefault(file if file == "-" else os.path.realpath(file), []).append(file)
    entries = []
    for same in times.values():
        try:
            entry = _entry(same[0])
        except FcinspectError as error:
            said = filter(None, (error.message, error.hint))
            entry = Entry(masked_name(same[0]), None, refusal="; ".join(said))
        if len(same) > 1:
            note = f"it is named {len(same)} times, but counts once"
            entry = replace(entry, notes=(note, *entry.notes))
        entries.append(entry)
    return Gradebook(tuple(entries))


def _files_of(name: str) -> list[str]:
    """Return the .json files of a folder; of what is none, the name itself."""
    from fcinspect.checkpoints.paths import is_folder

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
    from fcinspect.masking import masked_name
    from fcinspect.worksheets.filled import read_filled
    from fcinspect.worksheets.grading import Entry, grade

    document, source, notes = _document(file)
    filled = read_filled(document, source)
    return Entry(
        masked_name(file),
        grade(filled.problem, filled.answers),
        notes=(*filled.notes, *notes),
        pupil=filled.pupil,
        date=filled.date,
        altered=filled.altered,
    )


def _document(file: str) -> tuple[Any, str, tuple[str, ...]]:
    from fcinspect.checkpoints.formats.json_array import parse
    from fcinspect.worksheets.answers import fails_in_an_answer, quoted

    text, source = json_text(file)
    try:
        return parse(text, source, "a filled worksheet"), source, ()
    except InputError as error:
        try:
            plain = text.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise error from None
        mended, names = quoted(plain)
        if not names:
            hint = 'in JSON, put quotes around an answer that is not a plain number: "3/2"'
            raise InputError(error.message, hint if fails_in_an_answer(plain) else None) from None
    count = len(names)
    shown = ", ".join(names[:MOST_NAMED]) + ", …" * (count > MOST_NAMED)
    said = f"{count} answer{'s' * (count > 1)} without JSON quotes: {shown}"
    return parse(mended, source), source, (said,)
