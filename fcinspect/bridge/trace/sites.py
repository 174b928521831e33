"""Where in the reader's own source code a module is made or called."""

from __future__ import annotations

import functools
import sys
import sysconfig
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import Any

import torch
from torch import nn

from fcinspect.shapes.steps import Place

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

    @contextmanager
    def remembered(self, *, in_run: bool = False) -> Iterator[None]:
        """Watch the modules that are made inside, by code that is loaded or by a run."""
        original: Callable[..., None] = nn.Module.__init__

        @functools.wraps(original)
        def initialised(module: nn.Module, *args: Any, **kwargs: Any) -> None:
            original(module, *args, **kwargs)
            frame: FrameType | None = sys._getframe(1)
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
