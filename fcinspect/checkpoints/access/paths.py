"""What a path names; asking loads nothing."""

from __future__ import annotations

from pathlib import Path


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
