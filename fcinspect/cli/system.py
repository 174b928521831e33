"""How this process ends: its exit status, limits of the system, missing libraries, signals."""

from __future__ import annotations

import errno
import os
import re
import signal
import sys
from collections.abc import Iterator
from enum import IntEnum
from importlib.machinery import PathFinder
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from fcinspect.errors import InputError, install_hint

try:
    import resource
except ImportError:  # a system without such limits
    resource = None  # type: ignore[assignment]

NUMPY = 96 << 20
"""Bytes of addresses that numpy takes, with one thread of OpenBLAS; each more takes 40 MiB."""
BESIDE_LIBRARIES = 200 << 20
"""Bytes of addresses that torch takes besides its libraries."""
NO_MEMORY = re.compile(
    r"failed to map segment|cannot allocate memory|can't allocate memory|can't start new thread"
    r"|bad_alloc|unable to allocate|not enough memory",
    re.IGNORECASE,
)
"""How systems, numpy and torch say that there is no memory."""
WITHOUT_TORCH = "shapes, diagnose TEXT, and scan, diff and show of most files work without it"
TORCH_BUILDS = "PyTorch's page 'Get Started' gives the command for your system, and for a CPU build"
ASKING = ("SIGTERM", "SIGHUP")
"""Those that end a process by default and leave it time; Ctrl-C raises KeyboardInterrupt."""


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


def settle_limits() -> None:
    """Under a limit on memory (ulimit -v), let a library that would not fit be refused.

    OpenBLAS ends the process, and torch aborts it, where they get no memory while they load.
    """
    if _limit("RLIMIT_AS") is not None:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        sys.meta_path.insert(0, _Room())


def refusal_for_limit(error: BaseException) -> InputError | None:
    """Return the refusal where an error comes of a limit of the system, else None."""
    for each in _chain(error):
        number = each.errno if isinstance(each, OSError) else None
        if number in (errno.EMFILE, errno.ENFILE):
            most = _limit("RLIMIT_NOFILE")
            allowed = "" if most is None else f": {most} are allowed (ulimit -n)"
            return InputError(f"this needs more open files than the system allows{allowed}")
        if isinstance(each, RecursionError):
            return InputError("this is nested more deeply than fcinspect can follow")
        if isinstance(each, MemoryError) or number == errno.ENOMEM or NO_MEMORY.search(str(each)):
            most = _limit("RLIMIT_AS")
            if most is None:
                return InputError("this needs more memory than is free on this machine")
            allowed = f"{most >> 20:,} MiB (ulimit -v)"
            return InputError(f"this needs more memory than this process may have: {allowed}")
    return None


def refusal_for_library(error: ImportError) -> InputError | None:
    """Return the refusal for a library that cannot be imported; None where it is fcinspect's."""
    library = (error.name or "").partition(".")[0]
    if not library or library == "fcinspect":
        return None
    if isinstance(error, ModuleNotFoundError) and error.name == library:
        said = f"{library} is not installed in the environment that runs fcinspect"
    else:
        reason = " ".join(str(error).split())
        said = f"the installed {library} cannot be imported: {reason}"
    if library == "torch":
        return InputError(f"{said}; {WITHOUT_TORCH}", f"pip install torch there: {TORCH_BUILDS}")
    return InputError(said, install_hint(library))


class EndedBySignal(BaseException):
    """A signal has come that asks this process to end."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"ended by {signal.Signals(number).name}")


def settle_signals() -> None:
    """Let a signal that asks to end raise EndedBySignal; a second one ends this process at once.

    Those stay ignored that whoever started it ignores.
    """
    for name in ASKING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def end_by(number: int) -> NoReturn:
    """End as that signal ends a process, so that whoever waits for it sees which it was."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    # the first process of a container does not die of a signal to itself
    sys.exit(128 + number)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_DFL)
    raise EndedBySignal(number)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it comes of; what fails while cleaning up hides the reason."""
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _limit(name: str) -> int | None:
    """Return a limit of this process, None where there is none."""
    number = getattr(resource, name, None)
    if number is None:
        return None
    soft = resource.getrlimit(number)[0]
    return None if soft == resource.RLIM_INFINITY else soft


class _Room:
    """Looks, before numpy or torch is loaded, whether there is room for it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Raise MemoryError where there is not; the module is found by the finders behind."""
        if name == "numpy":
            self._require(NUMPY)
        elif name == "torch":
            self._require(_size_of_libraries(name) + BESIDE_LIBRARIES)

    def _require(self, needed: int) -> None:
        most, taken = _limit("RLIMIT_AS"), _addresses()
        if most is not None and taken is not None and taken + needed > most:
            raise MemoryError


def _size_of_libraries(package: str) -> int:
    """Return the bytes of a package's own libraries, which are mapped whole."""
    spec = PathFinder.find_spec(package)
    if spec is None or spec.origin is None:
        return 0
    folder = Path(spec.origin).parent / "lib"
    return sum(file.stat().st_size for file in folder.glob("*.so*"))


def _addresses() -> int | None:
    """Return how many bytes of addresses this process has; None where the system tells not."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
