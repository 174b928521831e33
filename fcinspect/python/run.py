"""A program run as Python itself runs it; where it ends in a known error, the diagnosis follows.

Until the program has ended, nothing else of fcinspect is imported. The error then goes on to the
interpreter, which ends the process as it would have: by status 1, or by SIGINT after Ctrl-C. On
its way it meets a hook that takes the frames of this file off the traceback.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType, TracebackType

    Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]

UNREADABLE = 2
"""The exit status of Python for a program that cannot be opened."""
KEPT: list[object] = []
"""The main module that was: CPython goes on to use its names after the program has failed."""
LIBRARIES = ("torch", "numpy")
"""Without one of them a program meets no error that diagnose knows."""


def is_program(arguments: Sequence[str]) -> bool:
    """Whether a program stands first, SCRIPT or -m MODULE, rather than an option or nothing."""
    if arguments[:1] == ["-m"]:
        return len(arguments) > 1
    return bool(arguments) and not arguments[0].startswith("-")


def run(arguments: Sequence[str]) -> None:
    """Run SCRIPT or -m MODULE with its arguments, in place of the main module of this process.

    Returns where the program ends; what it raises goes on. Raises SystemExit with status 2 for a
    script that cannot be opened.
    """
    module = arguments[1] if arguments[0] == "-m" else None
    _as_if_started_by_python(arguments)
    sys.argv = list(arguments if module is None else arguments[1:])
    before = sys.path[:] if sys.flags.safe_path else sys.path[1:]
    try:
        if module is not None:
            _put_first(os.getcwd())  # noqa: PTH109  # pathlib takes as long to load as Python
            _run_module(module, True)
        else:
            _run_file(arguments[0])
    except SystemExit:
        raise
    except BaseException as error:
        theirs = getattr(sys, "excepthook", None)
        sys.excepthook = _hook(theirs, _without_ours(error.__traceback__), before)
        raise


def _as_if_started_by_python(arguments: Sequence[str]) -> None:
    """Give the process the command line of Python, and a main module that is new."""
    own = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv)]
    if own[-1:] == ["-m"]:
        own.pop()
    sys.orig_argv = [*own, *arguments]
    main = type(sys)("__main__")
    builtins = sys.modules["builtins"]
    loader = sys.modules["_frozen_importlib"].__dict__["BuiltinImporter"]
    vars(main).update(__loader__=loader, __annotations__={}, __builtins__=builtins)
    KEPT.append(sys.modules["__main__"])
    sys.modules["__main__"] = main


def _run_file(given: str) -> None:
    whole = given if os.path.isabs(given) else f"{os.getcwd()}{os.sep}{given}"  # noqa: PTH109, PTH117
    if _is_folder_or_archive(whole):
        if sys.flags.safe_path:
            sys.path.insert(0, whole)
        else:
            sys.path[0] = whole
        _run_module("__main__", False)
        return
    try:
        with open(whole, "rb") as file:  # noqa: PTH123  # likewise
            data = file.read()
    except OSError as error:
        sys.stderr.write(f"fcinspect: cannot open {given!r}: {error.strerror}\n")
        sys.exit(UNREADABLE)
    _put_first(os.path.dirname(os.path.realpath(whole)))  # noqa: PTH120
    external = sys.modules["_frozen_importlib_external"].__dict__
    compiled = data.startswith(external["MAGIC_NUMBER"])
    loader = external["SourcelessFileLoader" if compiled else "SourceFileLoader"]
    names = vars(sys.modules["__main__"])
    names.update(__loader__=loader("__main__", whole), __file__=whole, __cached__=None)
    exec(_unpacked(data) if compiled else _compiled(data, whole), names)


def _is_folder_or_archive(path: str) -> bool:
    """Whether Python would import from a path, and so run the __main__.py in it."""
    for hook in sys.path_hooks:
        try:
            hook(path)
        except ImportError:
            continue
        return True
    return False


def _compiled(data: bytes, path: str) -> CodeType:
    """Return the code of a script; what is no Python is left to Python, as nothing has run yet.

    Of encodings its parser of files speaks otherwise than that of texts.
    """
    try:
        return compile(data, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        if os.name == "posix" and sys.executable and os.path.isfile(path):  # noqa: PTH113
            os.execv(sys.executable, sys.orig_argv)
        raise


def _unpacked(data: bytes) -> CodeType:
    import marshal

    header = 16
    code: CodeType = marshal.loads(data[header:])
    return code


def _run_module(name: str, alter_argv: bool) -> None:
    import runpy

    # what the interpreter itself calls, for -m and for folders; its frames are in the tracebacks
    runpy._run_module_as_main(name, alter_argv)  # type: ignore[attr-defined]


def _put_first(folder: str) -> None:
    """Put a folder where Python puts that of its script; here that of fcinspect's stands there."""
    if not sys.flags.safe_path:
        sys.path[:1] = [folder]


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames of this file, which come first."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace


def _hook(theirs: Hook | None, trace: TracebackType | None, path: list[str]) -> Hook:
    """Return the hook for the error that ends the program, which then is over.

    `theirs` is the program's, `trace` the traceback as Python would have made it, `path` where
    fcinspect finds its libraries.
    """

    def hook(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
        _put_back(theirs)
        error.__traceback__ = sys.last_traceback = trace
        try:
            if theirs is None:
                _say("sys.excepthook is missing\n")
            (theirs or sys.__excepthook__)(kind, error, trace)
        except SystemExit:
            _diagnose(error, path)
            raise
        except BaseException as second:
            second.__traceback__ = second.__traceback__ and second.__traceback__.tb_next
            _say("Error in sys.excepthook:\n")
            sys.__excepthook__(type(second), second, second.__traceback__)
            _say("\nOriginal exception was:\n")
            sys.__excepthook__(kind, error, trace)
        _diagnose(error, path)

    return hook


def _put_back(theirs: Hook | None) -> None:
    if theirs is None:
        del sys.excepthook
    else:
        sys.excepthook = theirs


def _say(words: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(words)


def _diagnose(error: BaseException, path: list[str]) -> None:
    """Write the diagnosis of a known error below its traceback; whatever goes wrong is silent."""
    if isinstance(error, KeyboardInterrupt) or not any(map(sys.modules.get, LIBRARIES)):
        return
    program = sys.path
    try:
        sys.path = path  # files beside the program are no libraries of fcinspect's
        from fcinspect.python.diagnose import write_below

        write_below(error, sys.stderr)
    except BaseException:
        if os.environ.get("FCINSPECT_DEBUG") == "1":
            raise
    finally:
        sys.path = program
