"""Other text in place of source files, in memory only."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from fcinspect.bridge.trace.sites import is_own
from fcinspect.errors import InputError


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
        imported = self._imported()
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

    def _imported(self) -> dict[str, str]:
        """Return the files by the names of their modules."""
        files = {
            name: getattr(module, "__file__", None)
            for name, module in list(sys.modules.items())
            if name not in self._before
        }
        return {name: file for name, file in files.items() if file and is_own(file)}


def _holds(module: ModuleType, others: Set[str]) -> bool:
    """Whether names of a module stand for other modules, or for classes or objects of theirs."""
    return any(
        value.__name__ in others
        if isinstance(value, ModuleType)
        else getattr(value, "__module__", None) in others or type(value).__module__ in others
        for value in list(vars(module).values())
    )


@contextmanager
def replaced(texts: Mapping[str, str]) -> Iterator[None]:
    """Let Python import these texts in place of the files.

    Raises InputError at the end where a file was not imported: a run without the change says
    nothing about it.
    """
    from importlib.machinery import SourceFileLoader

    original = SourceFileLoader.get_code
    missing = set(texts)

    def get_code(loader: Any, fullname: str) -> Any:
        for file in (str(Path(loader.path).resolve()), loader.path):
            if file in texts:
                missing.discard(file)
                return compile(texts[file], loader.path, "exec", dont_inherit=True)
        return original(loader, fullname)

    SourceFileLoader.get_code = get_code  # type: ignore[method-assign,assignment]  # no hook exists
    try:
        yield
    finally:
        SourceFileLoader.get_code = original  # type: ignore[method-assign]
    if missing:
        raise InputError(f"{min(missing)} was not imported with its change")
