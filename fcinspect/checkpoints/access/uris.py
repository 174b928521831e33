"""Names of checkpoints: paths, file:// and other URIs, what lies beside them."""

from __future__ import annotations

import os
from urllib.parse import quote, unquote

from fcinspect.errors import InputError
from fcinspect.masking import before_query, is_uri, is_web


def local_path(name: str) -> str:
    """Return the path that a file:// URI names; any other name as it is."""
    if not name.startswith("file://"):
        return name
    host, slash, path = name.removeprefix("file://").partition("/")
    if host not in ("", "localhost"):
        raise InputError(
            f"{name!r} names a file of the machine {host!r}: expected file:///PATH, with three"
            " slashes"
        )
    literal = slash + path
    return literal if os.path.lexists(literal) else unquote(literal)


def beside(name: str, other: str) -> str:
    """Return the path or URI of a file in the same folder."""
    if not is_uri(name):
        return os.path.join(os.path.dirname(name), other)  # noqa: PTH118, PTH120  # keeps "./"
    beginning, mark, query = before_query(name)
    return f"{beginning.rpartition('/')[0]}/{_quoted(name, other)}{mark}{query}"


def inside(folder: str, name: str) -> str:
    """Return the path or URI of a file in a folder."""
    if not is_uri(folder):
        return os.path.join(folder, name)  # noqa: PTH118  # keeps "./"
    beginning, mark, query = before_query(folder)
    return f"{beginning.rstrip('/')}/{_quoted(folder, name)}{mark}{query}"


def last_part(name: str) -> str:
    """Return the name of a file in its folder."""
    if not is_uri(name):
        return os.path.basename(os.path.normpath(name))  # noqa: PTH119  # a URI is no path
    return before_query(name)[0].rstrip("/").rpartition("/")[2]


def _quoted(uri: str, name: str) -> str:
    return quote(name) if is_web(uri) else name
