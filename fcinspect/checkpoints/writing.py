"""Writing a file whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from fcinspect.errors import OutputError


def write_beside(path: Path, content: Callable[[], bytes], *, force: bool) -> None:
    """Write `content()` to a temporary file beside `path`, then rename it to `path`.

    Raises OutputError when the folder is missing or read-only, when `path` exists and `force` is
    not given, or when the disk is full; `path` is then as it was before.
    """
    check_target(path, force=force)
    data = content()
    try:
        if path.exists() and not path.is_file():  # a device such as /dev/stdout or /dev/full
            path.write_bytes(data)
            return
        target = path.resolve()
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).chmod(_mode_of(target))
            Path(name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror or error}") from error


def check_target(path: Path, *, force: bool) -> None:
    """Raise OutputError when `path` cannot be written; before any work is done for it."""
    try:
        if path.is_dir():
            raise OutputError(f"cannot write {str(path)!r}: it is a folder")
        if not path.parent.is_dir():
            parent = str(path.parent)
            raise OutputError(f"cannot write {str(path)!r}: there is no folder {parent!r}")
        if path.is_file() and not force:
            raise OutputError(f"{str(path)!r} exists: --force replaces it")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise OutputError(f"cannot write {str(path)!r}: {reason}") from None


def _mode_of(path: Path) -> int:
    """Return the permissions the file has, or those a new file would get."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
