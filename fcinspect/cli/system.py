"""How this process meets the system: its streams, exit status, limits, libraries and signals.

Python's own streams are settled by the environment: under PYTHONUNBUFFERED=1 a write that the
system takes only in part is lost without a word, and a stream that was closed before the start is
None. Here what is written arrives whole, or the writer is told.
"""

from __future__ import annotations

import errno
import io
import os
import re
import select
import signal
import sys
import textwrap
from collections.abc import Iterator
from enum import IntEnum
from importlib.machinery import PathFinder
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from fcinspect.errors import InputError, OutputError, install_hint
from fcinspect.page.text import ascii_only, safe

if TYPE_CHECKING:
    from typing_extensions import Buffer

try:
    import resource
except ImportError:  # a system without such limits
    resource = None  # type: ignore[assignment]

WIDEST = 10_000
"""Columns of a terminal; COLUMNS beyond that is ignored."""
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
    """A bug in fcinspect."""
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


class ReaderGone(Exception):
    """Whoever read standard output has closed it: there is nobody to write for."""


def settle_streams() -> None:
    """Give standard output and error writers that write all or say so; call it before any other.

    A stream that was closed keeps its number, so that no file is opened under it: standard output
    then refuses what is written, and standard error loses it.
    """
    for number, flags in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            # what stands in, as the lowest that is free, gets the number of the closed stream
            os.set_inheritable(os.open(os.devnull, flags), True)
    sys.stdout = _text(sys.stdout, _Standard(1), "strict", lines=False)
    sys.stderr = _text(sys.stderr, _Standard(2), "backslashreplace", lines=True)


def say(line: str, *, whole: bool = False) -> None:
    """Write a line to standard error, on a terminal wrapped at words unless `whole`."""
    width = None if whole else _stderr_width()
    shown = safe(line) if width is None else wrapped(safe(line), width)
    try:
        sys.stderr.write(f"{shown}\n")
    except UnicodeEncodeError:
        sys.stderr.write(f"{ascii_only(shown)}\n")
    sys.stderr.flush()


def _stderr_width() -> int | None:
    if sys.stderr is None or not sys.stderr.isatty():
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or None
    except (OSError, ValueError):
        return None


def wrapped(line: str, width: int) -> str:
    """Return a line broken between its words; --run-slow and a path are one word."""
    return "\n".join(
        textwrap.wrap(
            line,
            max(width, 40),  # in less no sentence can be read
            subsequent_indent="  ",
            expand_tabs=False,
            replace_whitespace=False,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def settle_width() -> None:
    """Forget a COLUMNS or LINES that no window has, such as 0, as if it had not been set."""
    for name in ("COLUMNS", "LINES"):
        value = os.environ.get(name, "1")
        number = value.isascii() and value.isdecimal() and len(value) <= len(str(WIDEST))
        if not (number and 0 < int(value) <= WIDEST):
            del os.environ[name]


def abandon_output() -> None:
    """Keep the interpreter from failing once more on the unwritten rest of standard output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _text(before: TextIO | None, raw: io.RawIOBase, errors: str, *, lines: bool) -> TextIO:
    encoding = "utf-8" if before is None else before.encoding
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding,
        errors if before is None else before.errors,
        line_buffering=lines or (before is not None and bool(before.line_buffering)),
    )


class _Standard(io.RawIOBase):
    """Standard output or error by its number, which stays open when this object ends.

    Output raises OutputError where not all can be written, ReaderGone where nobody reads; error
    loses what cannot be written, as there is no place left to say so.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def writable(self) -> bool:
        """Whether write works: yes."""
        return True

    def fileno(self) -> int:
        """Return the number."""
        return self._number

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return os.isatty(self._number)

    def write(self, data: Buffer) -> int:
        """Write all of it, in as many pieces as the system takes."""
        rest = whole = memoryview(data).cast("B")
        try:
            while rest:
                try:
                    rest = rest[os.write(self._number, rest) :]
                except BlockingIOError:
                    select.select([], [self._number], [])
        except OSError as error:
            if self._number == 1 and isinstance(error, BrokenPipeError):
                raise ReaderGone from None
            if self._number == 1:
                closed = error.errno == errno.EBADF
                reason = "it is closed" if closed else error.strerror or error
                raise OutputError(f"cannot write to standard output: {reason}") from error
        return len(whole)


def settle_limits() -> None:
    """Under ulimit -v, refuse libraries that do not fit: OpenBLAS and torch would abort."""
    if _limit("RLIMIT_AS") is not None:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        sys.meta_path.insert(0, _Room())


def refusal_for(error: BaseException) -> InputError | None:
    """Return the refusal for a limit of the system or a missing library, else None."""
    for each in _chain(error):
        number = each.errno if isinstance(each, OSError) else None
        if number in (errno.EMFILE, errno.ENFILE):
            most = _limit("RLIMIT_NOFILE")
            allowed = "" if most is None else f": {most} are allowed (ulimit -n)"
            return InputError(f"this needs more open files than the system allows{allowed}")
        if isinstance(each, RecursionError):
            return InputError("this is nested too deeply for fcinspect")
        if isinstance(each, MemoryError) or number == errno.ENOMEM or NO_MEMORY.search(str(each)):
            most = _limit("RLIMIT_AS")
            if most is None:
                return InputError("this needs more memory than is free on this machine")
            allowed = f"{most >> 20:,} MiB (ulimit -v)"
            return InputError(f"this needs more memory than this process may use: {allowed}")
    return _refusal_for_library(error) if isinstance(error, ImportError) else None


def _refusal_for_library(error: ImportError) -> InputError | None:
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
    """Let a signal that asks to end raise EndedBySignal; a second one ends this process."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        signal.signal(number, signal.SIG_DFL)
        raise EndedBySignal(number)

    # those end a process by default and leave it time; Ctrl-C raises KeyboardInterrupt
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, end)


def end_by(number: int) -> NoReturn:
    """End as that signal ends a process, so that whoever waits for it sees which it was."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    # the first process of a container does not die of a signal to itself
    sys.exit(128 + number)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        yield each
        each = each.__cause__ or each.__context__


def _limit(name: str) -> int | None:
    number = getattr(resource, name, None)
    if number is None:
        return None
    soft = resource.getrlimit(number)[0]
    return None if soft == resource.RLIM_INFINITY else soft


class _Room:
    """Looks, before numpy or torch is loaded, whether there is room for it."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Raise MemoryError where there is not; the module is found by the next finders."""
        if name not in ("numpy", "torch"):
            return
        needed = NUMPY if name == "numpy" else _size_of_libraries(name) + BESIDE_LIBRARIES
        try:
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        except (OSError, ValueError, IndexError):
            return  # the system does not tell
        most = _limit("RLIMIT_AS")
        if most is not None and pages * os.sysconf("SC_PAGE_SIZE") + needed > most:
            raise MemoryError


def _size_of_libraries(package: str) -> int:
    """Return the bytes of a package's own libraries, which are mapped whole."""
    spec = PathFinder.find_spec(package)
    if spec is None or spec.origin is None:
        return 0
    folder = Path(spec.origin).parent / "lib"
    return sum(file.stat().st_size for file in folder.glob("*.so*"))
