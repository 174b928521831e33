"""Objects of somebody else's Python code, found by "package.module:Object" or "file.py:Object"."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType, TracebackType

from fcinspect.bridge.module_names import is_installed, is_there
from fcinspect.bridge.targets import MISSING, import_hint, meant, missing_package, not_installed
from fcinspect.errors import InputError, did_you_mean

FORM = "expected package.module:Object or file.py:Object"


def split(text: str) -> tuple[str, str]:
    """Return the module and the object of "module:object"; raises InputError for another form."""
    place, colon, name = text.rpartition(":")
    if not (colon and place.strip() and name.strip()):
        raise no_object(text)
    return place, name


def no_object(text: str) -> InputError:
    """Return the refusal of a text that is not "module:object", with what may be meant."""
    return InputError(
        f"{text!r} does not name an object in a module: {FORM}",
        hint=meant(text) or missing_package(text),
    )


def require_there(text: str) -> None:
    """Raise InputError for another form, and where its file or package is missing.

    Nothing is imported: it costs no process to say so.
    """
    place, name = split(text)
    if place.endswith(".py"):
        if not is_there(Path(place)):
            raise InputError(f"no such file: {place!r}", hint=meant(text))
    elif "/" in place or "\\" in place:
        raise InputError(f"{place!r} is neither a .py file nor a module: {FORM}", hint=meant(text))
    elif not is_installed(place):
        raise _no_module(place, name)


def _no_module(place: str, name: str) -> InputError:
    hint = meant(f"{place}:{name}")
    first = place.partition(".")[0]
    if hint is None:
        hint = FORM if is_installed(first) else not_installed(first)
    return InputError(f"no such module: {place!r}", hint=hint)


def load(text: str) -> object:
    """Return the object; this executes the code of its module.

    Raises InputError where there is no such file, module or object, or where the code raises: then
    what it raised is the refusal's __cause__.
    """
    require_there(text)
    place, name = split(text)
    found: object = _module(place, name)
    for part in name.split("."):
        if not hasattr(found, part):
            public = [
                known for known in getattr(found, "__dict__", ()) if not known.startswith("_")
            ]
            near = meant(text) if isinstance(found, ModuleType) else None
            raise InputError(
                f"{place} has no object {name!r}", hint=near or did_you_mean(part, public)
            )
        found = getattr(found, part)
    return found


def loading_hint(text: str, message: str) -> str | None:
    """Return how to mend code that could not import what it needs."""
    place, name = split(text)
    return _package_hint(place, name, message) or import_hint(place, name, message)


def _package_hint(place: str, name: str, message: str) -> str | None:
    """Return how a file of a package is named, where it failed since it was loaded by itself."""
    if not place.endswith(".py"):
        return None
    file = Path(place).resolve()
    root, here = file.parent.parent, Path.cwd()
    missing = MISSING.search(message)
    if missing is not None:
        # the file names its own package, whose folder is not searched for a file by itself
        own = missing[1].partition(".")[0]
        around = next((folder for folder in file.parents if folder.name == own), None)
        if around is None:
            return None
        return _as_package(file, around.parent, name)
    if "attempted relative import" not in message:
        return None
    if (file.parent / "__init__.py").is_file():
        while (root / "__init__.py").is_file():
            root = root.parent
    elif here in root.parents:
        root = here  # a folder without __init__.py is a package of whatever it lies in
    return _as_package(file, root, name)


def _as_package(file: Path, root: Path, name: str) -> str | None:
    """Return how a file is named by the package that lies in a folder."""
    parts = file.relative_to(root).with_suffix("").parts
    if not all(part.isidentifier() for part in parts):
        return None
    where = "" if root == Path.cwd() else f", run from the folder {os.path.relpath(root)}"
    return f"it is part of a package: use {'.'.join(parts)}:{name}{where}"


def _module(place: str, name: str) -> ModuleType:
    if place.endswith(".py"):
        return _from_file(Path(place), name)
    here = str(Path.cwd())
    if is_found_in(here, place):
        admit(here)
    try:
        return importlib.import_module(place)
    except ModuleNotFoundError as error:
        if error.name is not None and (place == error.name or place.startswith(f"{error.name}.")):
            raise _no_module(place, name) from None
        raise InputError(
            f"{place} cannot be imported: {words_of(error)}",
            hint=import_hint(place, name, str(error)),
        ) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InputError(f"{place} cannot be imported: {words_of(error)}") from error


def _from_file(path: Path, wanted: str) -> ModuleType:
    admit(str(path.resolve().parent))
    # a file may be called as a module that others rely on
    name = f"file {path.stem}" if path.stem in sys.modules else path.stem
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    for finder in sys.meta_path:
        if isinstance(finder, EditedFinder):  # which is not asked for a file
            finder.edit(spec)
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # dataclasses and pickle look their module up by name
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InputError(
            f"{path} cannot be imported: {words_of(error)}",
            hint=loading_hint(f"{path}:{wanted}", str(error)),
        ) from error
    return module


def words_of(error: BaseException) -> str:
    """Return "ValueError: message (file.py:12)" of an error that foreign code raised."""
    message = " ".join(str(error).split())
    if isinstance(error, MemoryError) and not message:
        message = "out of memory, or code that is nested too deeply for Python"
    shown = f"{message[:300]}…" if len(message) > 300 else message
    said = type(error).__name__ + (f": {shown}" if shown else "")
    if isinstance(error, SyntaxError):
        where = f"{Path(error.filename or '').name}:{error.lineno}"
        return said if where in said else f"{said} ({where})"
    place = _place(error.__traceback__)
    return f"{said} ({place})" if place else said


def was_entered(error: BaseException) -> bool:
    """Whether the error comes from within the code that was called, not from the call itself."""
    last = traceback.extract_tb(error.__traceback__)[-1:]
    if not last:
        return True
    name = Path(last[0].filename)
    by_torch = name.parts[-4:] == ("torch", "nn", "modules", "module.py")  # module(x)
    return not by_torch and Path(__file__).parents[1] not in name.parents


def expectation(error: BaseException, expected: str) -> str:
    """Return ", expected …" where the arguments of a call were refused, "" for other errors."""
    refused = isinstance(error, TypeError) and not was_entered(error)
    return f", expected {expected}" if refused else ""


def _place(trace: TracebackType | None) -> str | None:
    """Return file and line of the innermost frame that is the user's own code."""
    own, packages = Path(__file__).parents[1], ("site-packages", "importlib")
    for frame in reversed(traceback.extract_tb(trace)):
        name = frame.filename
        foreign = any(part in name for part in packages) or name.startswith("<")
        if not foreign and own not in Path(name).parents and sys.prefix not in name:
            return f"{Path(name).name}:{frame.lineno}"
    return None


def path_of_child() -> list[str]:
    """Return sys.path of this process with the standard library first, for another one.

    "" stands for the working folder, whichever it is: it is left out.
    """
    return _standard_first([place for place in sys.path if place])


def admit(folder: str) -> None:
    """Let modules of a folder be found: behind the standard library, before all others."""
    sys.path[:] = _standard_first([folder, *(place for place in sys.path if place != folder)])


def is_found_in(folder: str, module: str) -> bool:
    """Whether a module's first part is in a folder, where it is not loaded already or standard.

    A folder without __init__.py counts where there is no other module of the name.
    """
    first = module.partition(".")[0]
    if first in sys.modules or first in sys.stdlib_module_names:
        return False
    here = PathFinder.find_spec(first, [folder])
    if here is None:
        return False
    return here.loader is not None or importlib.util.find_spec(first) is None


def _standard_first(places: list[str]) -> list[str]:
    return sorted(places, key=lambda place: not _is_standard(place))


def _is_standard(place: str) -> bool:
    path = Path(place)
    if {"site-packages", "dist-packages"} & set(path.parts):
        return False
    homes = _homes()
    archive = {home.parent / f"{home.name.replace('.', '')}.zip" for home in homes}
    return path in homes | archive or bool(homes & set(path.parents))


@cache
def _homes() -> frozenset[Path]:
    return frozenset(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))


@contextmanager
def replaced(texts: Mapping[str, str]) -> Iterator[None]:
    """Let Python import these texts in place of the files, in memory only.

    Raises InputError at the end where a file was not imported: a run without the change says
    nothing about it.
    """
    finder = EditedFinder(texts)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
    if finder.missing:
        raise InputError(f"{min(finder.missing)} was not imported with its change")


class EditedFinder:
    """Finds modules as the others do, and gives those of some files other texts."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self.missing = set(texts)
        """The files that were not imported yet."""
        self._texts = texts

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the first of the other finders finds."""
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                self.edit(spec)
                return spec
        return None

    def edit(self, spec: ModuleSpec) -> None:
        """Let the text of a file be loaded that is replaced."""
        if not isinstance(spec.loader, SourceFileLoader):
            return
        path = spec.loader.path
        for file in (str(Path(path).resolve()), path):
            if file in self._texts:
                loaded = partial(self.missing.discard, file)
                spec.loader = EditedLoader(spec.name, path, self._texts[file], loaded)
                return


class EditedLoader(SourceFileLoader):
    """Loads a text in place of a file."""

    def __init__(self, name: str, path: str, text: str, loaded: Callable[[], None]) -> None:
        """`loaded` is called when the text is asked for."""
        super().__init__(name, path)
        self._text, self._loaded = text, loaded

    def get_code(self, fullname: str) -> CodeType:
        """Return the text as it is compiled; nothing is cached."""
        self._loaded()
        code: CodeType = compile(self._text, self.path, "exec", dont_inherit=True)
        return code
