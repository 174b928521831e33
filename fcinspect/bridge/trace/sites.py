"""The reader's own source code: where modules are made and called, where they fail, its files."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
import sysconfig
import traceback
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from types import CodeType, FrameType, ModuleType, TracebackType
from typing import Any

import torch
from torch import nn

from fcinspect.shapes.steps import Failure, Place, Stage, Step

PACKAGE = str(Path(__file__).parents[2])
EXAMPLES = str(Path(PACKAGE, "examples.py"))
LIBRARIES = (
    str(Path(torch.__file__).parent),
    str(Path(torch.__file__).parents[1] / "functorch"),
    str(Path(torch.__file__).parents[1] / "torchgen"),
)
STANDARD = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})


@functools.cache
def is_own(file: str) -> bool:
    """Whether a file is code under inspection: not torch's, Python's or fcinspect's."""
    if file.startswith(("<", *LIBRARIES)) or is_ours(file):
        return False
    if file.startswith(STANDARD):
        return "site-packages" in file or "dist-packages" in file
    return True


def is_ours(file: str) -> bool:
    """Whether a file is fcinspect's, and not one of its examples."""
    return file.startswith(PACKAGE) and file != EXAMPLES


@functools.cache
def _positions(code: CodeType) -> list[tuple[int | None, int | None, int | None, int | None]]:
    return list(code.co_positions())


def place_of(code: CodeType, instruction: int, line: int | None) -> Place:
    """Return the place of one instruction of a piece of compiled code."""
    start, end, column, end_column = _positions(code)[instruction // 2]
    return Place(code.co_filename, start or line or 0, column, end, end_column, code.co_name)


def own_place(frame: FrameType | None) -> Place | None:
    """Return the innermost place in the reader's own code from a frame outwards."""
    while frame is not None:
        if is_own(frame.f_code.co_filename):
            return place_of(frame.f_code, frame.f_lasti, frame.f_lineno)
        frame = frame.f_back
    return None


def calling_place() -> Place | None:
    """Return the place in the reader's own code from which this is reached."""
    return own_place(inspect.currentframe())


def failing_place(trace: TracebackType | None) -> Place | None:
    """Return the innermost place in the reader's own code that an error passed through."""
    found = None
    while trace is not None:
        code = trace.tb_frame.f_code
        if is_own(code.co_filename):
            found = place_of(code, trace.tb_lasti, trace.tb_lineno)
        trace = trace.tb_next
    return found


class MadePlaces:
    """Remembers for every module that is made where that was."""

    def __init__(self) -> None:
        self._places: weakref.WeakKeyDictionary[nn.Module, Place] = weakref.WeakKeyDictionary()
        self._of_run: weakref.WeakSet[nn.Module] = weakref.WeakSet()

    def of(self, module: nn.Module) -> Place | None:
        """Return where a module was made, or None for one made elsewhere."""
        return self._places.get(module)

    def is_of_run(self, module: nn.Module) -> bool:
        """Whether a module was made while another ran."""
        return module in self._of_run

    def same(self, module: nn.Module, copied: nn.Module) -> None:
        """Remember that a copy was made where the module was."""
        place = self._places.get(module)
        if place is not None:
            self._places[copied] = place

    @contextlib.contextmanager
    def remembered(self, *, in_run: bool = False) -> Iterator[None]:
        """Watch the modules that are made inside, by code that is loaded or by a run."""
        original: Callable[..., None] = nn.Module.__init__

        @functools.wraps(original)
        def initialised(module: nn.Module, *args: Any, **kwargs: Any) -> None:
            original(module, *args, **kwargs)
            frame = inspect.currentframe()
            frame = frame and frame.f_back
            # a class of the reader's own is made where its constructor is called
            while frame is not None and frame.f_locals.get("self") is module:
                frame = frame.f_back
            place = own_place(frame)
            if place is not None:
                self._places[module] = place
            if in_run:
                self._of_run.add(module)

        nn.Module.__init__ = initialised  # type: ignore[method-assign,assignment]  # torch has no hook for this
        try:
            yield
        finally:
            nn.Module.__init__ = original  # type: ignore[method-assign]


def failure_of(error: BaseException, stage: Stage, step: Step | None) -> Failure:
    """Return the record of what the reader's own code raised."""
    place = failing_place(error.__traceback__)
    attributes: tuple[str, ...] = ()
    if isinstance(error, AttributeError) and isinstance(error.obj, nn.Module):
        attributes = tuple(name for name in dir(error.obj) if not name.startswith("_"))
    code = ""
    if place is not None:
        lines = texts_of([place], {}).get(place.file, "").splitlines()
        code = lines[place.line - 1].strip() if place.line <= len(lines) else ""
    told = traceback.TracebackException.from_exception(error)
    own = [frame for frame in told.stack if not is_ours(frame.filename)]
    told.stack = traceback.StackSummary.from_list(own)
    whole = "".join(told.format())
    kind = type(error).__name__
    return Failure(step, kind, str(error), place, code, stage, whole, attributes)


def class_places(module: nn.Module) -> list[Place]:
    """Return where the classes of a module and its parts are written, those of the reader."""
    found = []
    for kind in dict.fromkeys(type(part) for part in module.modules()):
        file = getattr(sys.modules.get(kind.__module__), "__file__", None)
        if file and is_own(file):
            found.append(Place(file, 1))
    return found


def texts_of(places: Sequence[Place | None], edited: Mapping[str, str]) -> dict[str, str]:
    """Return the text of each file that is the reader's own."""
    found: dict[str, str] = {}
    for place in places:
        if place is None or place.file in found:
            continue
        with contextlib.suppress(OSError, UnicodeDecodeError):
            file = place.file
            found[file] = edited[file] if file in edited else Path(file).read_text("utf-8")
    return found


class Sources:
    """The modules under inspection that this process has imported."""

    def __init__(self) -> None:
        """Remember what was imported before; that is never imported anew."""
        self._before = set(sys.modules)
        self._replaced: set[str] = set()

    def forget(self, texts: Mapping[str, str]) -> bool:
        """Let Python import the modules of these files anew, and all the reader's own.

        False where that would not suffice: other installed modules, which are not executed twice,
        hold objects of what is replaced. Then nothing is forgotten.
        """
        self._replaced |= {str(Path(file).resolve()) for file in texts}
        files = {
            name: getattr(module, "__file__", None)
            for name, module in list(sys.modules.items())
            if name not in self._before
        }
        imported = {name: file for name, file in files.items() if file and is_own(file)}
        stale = {
            name
            for name, file in imported.items()
            if "-packages" not in file or str(Path(file).resolve()) in self._replaced
        }
        if any(_holds(sys.modules[name], stale) for name in imported.keys() - stale):
            return False
        for name in stale:
            del sys.modules[name]
        return True


def _holds(module: ModuleType, others: Set[str]) -> bool:
    """Whether names of a module stand for other modules, or for classes or objects of theirs."""
    return any(
        value.__name__ in others
        if isinstance(value, ModuleType)
        else getattr(value, "__module__", None) in others or type(value).__module__ in others
        for value in list(vars(module).values())
    )
