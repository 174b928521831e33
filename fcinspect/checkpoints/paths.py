"""Names of checkpoints: paths, file:// and other URIs, numbered shards, what lies beside them."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

from fcinspect.errors import InputError
from fcinspect.masking import before_query, is_uri, is_web

SHARD = re.compile(
    r"(?s)(?P<stem>.*?)-?(?P<number>[0-9]{1,9})-of-(?P<count>[0-9]{1,9})(?P<ending>\.\w+)"
)
"""model-00001-of-00003.safetensors."""


def is_file(path: str) -> bool:
    """Whether `path` names a file or a pipe; False for text that no path can be."""
    try:
        return Path(path).is_file() or Path(path).is_fifo()
    except (OSError, ValueError):
        return False


def is_folder(path: str) -> bool:
    """Whether `path` names a folder; False for text that no path can be."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def local_path(name: str) -> str:
    """Return the path that a file:// URI names; any other name as it is."""
    if not name.startswith("file://"):
        return name
    host, slash, path = name.removeprefix("file://").partition("/")
    if host not in ("", "localhost"):
        raise InputError(
            f"{name!r} names a file on the host {host!r}: expected file:///PATH, with three slashes"
        )
    literal = slash + path
    return literal if os.path.lexists(literal) else unquote(literal)


def beside(name: str, other: str) -> str:
    """Return the path or URI of a file in the same folder."""
    if not is_uri(name):
        return os.path.join(os.path.dirname(name), other)  # noqa: PTH118, PTH120  # keeps "./"
    beginning, mark, query = before_query(name)
    return f"{beginning.rpartition('/')[0]}/{quote(other) if is_web(name) else other}{mark}{query}"


def inside(folder: str, name: str) -> str:
    """Return the path or URI of a file in a folder."""
    if not is_uri(folder):
        return os.path.join(folder, name)  # noqa: PTH118  # keeps "./"
    beginning, mark, query = before_query(folder)
    return f"{beginning.rstrip('/')}/{quote(name) if is_web(folder) else name}{mark}{query}"


def last_part(name: str) -> str:
    """Return the name of a file in its folder."""
    if not is_uri(name):
        return os.path.basename(os.path.normpath(name))  # noqa: PTH119  # a URI is no path
    return before_query(name)[0].rstrip("/").rpartition("/")[2]


def family(name: str) -> tuple[str, int, str] | None:
    """Return what shards of one checkpoint share: the stem, their number and the ending."""
    shard = SHARD.fullmatch(name)
    return None if shard is None else (shard["stem"], int(shard["count"]), shard["ending"])
