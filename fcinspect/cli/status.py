"""The exit statuses of fcinspect."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """What the exit status of a command says."""

    DONE = 0
    """Done; everything checked holds."""
    FAILED = 1
    """Checked, and something failed, differs or is undecided."""
    USAGE = 2
    """A bad option, specification or combination."""
    INPUT = 3
    """Input unreadable, unsupported, refused or not found."""
    INTERNAL = 70
    """A defect of fcinspect."""
    OUTPUT = 74
    """Output could not be written."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C."""
    READER_GONE = 141
    """Whoever read standard output closed it, as `head` does; a shell sees the end by SIGPIPE."""


BY_KIND = {
    "usage": ExitStatus.USAGE,
    "spec": ExitStatus.USAGE,
    "input": ExitStatus.INPUT,
    "output": ExitStatus.OUTPUT,
}
"""The exit status of each kind of FcinspectError."""
