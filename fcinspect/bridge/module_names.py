"""What a name of code could mean, and the text of files: read from the disk, never run."""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fcinspect.diagnosis.editing import Source, last_name, prefix_of
from fcinspect.diagnosis.facts import Frame, syntax_tree

MOST_FOLDERS = 200
"""So many folders below the working folder are looked through for a file."""
SKIPPED = re.compile(r"\.|__pycache__$|node_modules$|site-packages$|venv$|env$|build$|dist$")
MODULES = re.compile(r"\w*(?:Module|Model|Net|Network|Layer)")
"""Names of classes whose subclasses are modules."""
NAMES = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
LARGEST = 2**20
"""Bytes; larger files are not written by hand."""
MOST_FILES = 8
REMOTE = ("\\\\", "//")
"""How a path begins that Windows would fetch from another machine."""


@dataclass(frozen=True)
class FileOutline:
    """What a file of source code defines at its top."""

    classes: tuple[str, ...]
    """Of torch modules; where there are none, other public classes, else public functions."""
    names: tuple[str, ...]
    """All that is bound there."""


def outline(file: Path) -> FileOutline:
    """Return what a file defines; nothing of one that cannot be read."""
    tree = syntax_tree(source_text(file) or "")
    if tree is None:
        return FileOutline((), ())
    names: dict[str, None] = {}
    classes: dict[str, bool] = {}
    functions = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            classes[node.name] = _is_module(node, classes)
        elif isinstance(node, ast.FunctionDef):
            functions.append(node.name)
        names |= dict.fromkeys(_bound(node))
    public = [name for name in classes if not name.startswith("_")]
    modules = [name for name in public if classes[name]]
    functions = [name for name in functions if not name.startswith("_")]
    return FileOutline(tuple(modules or public or functions), tuple(names))


def _is_module(node: ast.ClassDef, known: dict[str, bool]) -> bool:
    for base in node.bases:
        last = last_name(base)
        if known.get(last) or MODULES.fullmatch(last) or prefix_of(base) in ("nn.", "torch.nn."):
            return True
    return any(isinstance(part, ast.FunctionDef) and part.name == "forward" for part in node.body)


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    else:
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id


@dataclass(frozen=True)
class Module:
    """A module that is there."""

    name: str
    """As it is given on the command line: "mypkg.model", "model.py"."""
    file: Path

    @property
    def outline(self) -> FileOutline:
        """What it defines."""
        return outline(self.file)

    def submodules(self) -> list[Module]:
        """Return the modules of a package; none of another module."""
        if self.file.name != "__init__.py":
            return []
        prefix = self.name.removesuffix("__init__.py")
        found = [path for path in sorted(self.file.parent.glob("*.py")) if path != self.file]
        if prefix == self.name:
            return [Module(f"{prefix}.{path.stem}", path) for path in found]
        return [Module(f"{prefix}{path.name}", path) for path in found]


def names_in(folder: Path | None) -> dict[str, Path]:
    """Return the modules of a folder, else of the working folder, and their files or folders."""
    found: dict[str, Path] = {}
    try:
        entries = sorted((Path.cwd() if folder is None else folder).iterdir())
    except OSError:
        return found
    for path in entries:
        if path.suffix == ".py" and path.stem != "__init__":
            found[path.stem] = path
    for path in entries:
        if path.is_dir() and path.name.isidentifier() and not SKIPPED.match(path.name):
            inside = path / "__init__.py"
            if inside.is_file() or any(path.glob("*.py")):
                found[path.name] = inside if inside.is_file() else path
    return found


def top_module(name: str) -> Path | None:
    """Return the file of a module that is in no package, or the folder of a package without one."""
    here = names_in(None).get(name)
    if here is not None:
        return here
    spec = specification(name)
    if spec is None:
        return None
    if spec.origin and spec.origin.endswith(".py"):
        return Path(spec.origin)
    folders = list(spec.submodule_search_locations or ())
    return Path(folders[0]) if folders else None


def specification(name: str) -> importlib.machinery.ModuleSpec | None:
    """Return where Python would find a module that is in no package; nothing is imported."""
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        found = None
    return found or importlib.machinery.PathFinder.find_spec(name, [str(Path.cwd())])


def is_installed(name: str) -> bool:
    """Whether the package that a dotted name begins with can be found."""
    first = name.partition(".")[0]
    return first in sys.modules or specification(first) is not None


def is_there(file: Path) -> bool:
    """Whether a file is there; False of a name that is too long for one."""
    try:
        return file.is_file()
    except (OSError, ValueError):
        return False


def module_of(file: Path) -> Module | None:
    """Return how a file is named on the command line, or None where it is not there.

    A file of a package in the working folder is named by its package.
    """
    if not is_there(file):
        return None
    whole, here = file.resolve(), Path.cwd().resolve()
    root = whole.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    name = ".".join(whole.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    if root == here and root != whole.parent and NAMES.fullmatch(name):
        return Module(name, whole)
    below = whole.relative_to(here) if whole.is_relative_to(here) else file
    return Module(str(below), whole)


def names_of(files: Iterable[str]) -> dict[str, str]:
    """Return how files are named on the command line, by their paths."""
    found = {file: module_of(Path(file)) for file in files}
    return {file: module.name for file, module in found.items() if module is not None}


def file_below(name: str) -> Path | None:
    """Return the nearest file of a name below the working folder."""
    for folder, _ in zip(_folders(Path.cwd()), range(MOST_FOLDERS), strict=False):
        if is_there(folder / name):
            return (folder / name).relative_to(Path.cwd())
    return None


def _folders(start: Path) -> Iterator[Path]:
    """Yield a folder and those in it, level by level."""
    level = [start]
    while level:
        yield from level
        below: list[Path] = []
        for folder in level:
            try:
                entries = sorted(folder.iterdir())
            except OSError:
                continue
            below += [
                path
                for path in entries
                if not SKIPPED.match(path.name) and path.is_dir() and not path.is_symlink()
            ]
        level = below


def sources_of(frames: Iterable[Frame]) -> dict[str, Source]:
    """Return the reader's own files among those of the frames, by the names given there.

    The innermost come first. What is not there, or is no file of Python, is left out.
    """
    named = dict.fromkeys(frame.file for frame in reversed(list(frames)) if frame.own)
    found: dict[str, Source] = {}
    for name in list(named)[:MOST_FILES]:
        path = None if name.startswith(REMOTE) or not name.endswith(".py") else _here(name)
        text = None if path is None else source_text(path)
        if path is not None and text is not None:
            found[name] = Source(str(path), text)
    return found


def _here(name: str) -> Path | None:
    """Return the whole path of a file, below the working folder where it lies there."""
    try:
        here = Path.cwd()
        path = here / Path(name).expanduser()
        behind_links = path.resolve()
    except (OSError, RuntimeError, ValueError):
        return None
    if not path.is_relative_to(here) and behind_links.is_relative_to(here):
        return behind_links
    return path


def source_text(path: Path) -> str | None:
    """Return the text of a regular file of Python, in the encoding that it declares."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return None
        with tokenize.open(path) as file:
            return file.read()
    except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
        return None
