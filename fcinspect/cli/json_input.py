"""The JSON of a file or of standard input, for commands that read a document of their own."""

from __future__ import annotations

from typing import Any


def json_document(file: str, what: str) -> tuple[Any, str]:
    """Return what JSON a file or, for "-", standard input holds, and its source in words.

    `what` is expected there. Raises InputError for what cannot be read.
    """
    from fcinspect.checkpoints.formats.json_array import parse

    text, source = json_text(file)
    return parse(text, source, what), source


def json_text(file: str) -> tuple[bytes | bytearray, str]:
    """Return the text of that document, unread, and its source in words; raises InputError."""
    from fcinspect.checkpoints.access.handles import read_whole
    from fcinspect.checkpoints.access.streams import standard_input
    from fcinspect.checkpoints.access.uris import masked_name
    from fcinspect.checkpoints.files import check_readable

    if file == "-":
        return standard_input(), "standard input"
    check_readable(file)
    return read_whole(file), repr(masked_name(file))
