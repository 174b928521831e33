"""What somebody meant who did not write MODULE:OBJECT, or named what is not there."""

from __future__ import annotations

import re
import shlex
import sys
from difflib import get_close_matches
from pathlib import Path

from fcinspect.bridge.module_names import (
    NAMES,
    Module,
    file_below,
    is_installed,
    is_there,
    module_of,
    names_in,
    top_module,
)

MOST_SHOWN = 8
MOST_PROPOSED = 3
SLIP = 0.75
"""How alike two names are, from 0 to 1, of which one may be meant for the other."""
LONGEST = 1000
"""Characters; longer text is no slip of the pen."""
DOTTED = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)+")
OF_TORCH = ("nn.", "torch.")
"""How a layer begins that is given in words."""
ERRORS = re.compile(r".*(?:Error|Exception|Warning|Interrupt|Exit|StopIteration)$")
MISSING = re.compile(r"No module named '([\w.]+)'")


def reads_as_code(text: str) -> bool:
    """Whether a text names code rather than says something: model.py, mypkg.model.Net.

    Of an object of a module the form is another; see loading.split.
    """
    plain = text.strip()
    if not plain or re.search(r"\s", plain):
        return False
    place = re.sub(r":[^:/\\]*$", "", plain)
    if place.endswith(".py"):
        return place == plain or is_there(Path(place))
    if DOTTED.fullmatch(plain) is None or ERRORS.fullmatch(plain) is not None:
        return False
    if plain.startswith(OF_TORCH):
        return False
    # layer.npzz is dotted, too
    return plain.rpartition(".")[2][:1].isupper() or meant(plain) is not None


def meant(text: str) -> str | None:
    """Return "did you mean mypkg.model:Net? …" for a text that names no object that is there.

    The files are read, never run; None where nothing near is found.
    """
    plain = text.strip()
    if len(plain) > LONGEST:
        return None
    if plain.endswith(")"):
        plain = plain.partition("(")[0]  # Net() is Net
    plain = plain.replace("::", ":")
    place, colon, name = plain.rpartition(":")
    if not colon:
        place, name = plain, ""
    if NAMES.fullmatch(name) is None:
        name = ""
    if place.endswith(".py") or "/" in place or "\\" in place:
        module, rest = _of_path(place), name
    else:
        module, rest = _of_dots(".".join(part for part in (place, name) if part))
    return None if module is None else _proposal(module, rest, text)


def _of_path(place: str) -> Module | None:
    path = Path(place)
    for file in (path, path.with_name(f"{path.name}.py"), path / "__init__.py"):
        found = module_of(file) if path.name else None
        if found is not None:
            return found
    name = path.name if path.suffix == ".py" else f"{path.name}.py"
    below = file_below(name) if path.name else None
    if below is not None:
        return module_of(below)
    folder = path.parent if path.parent.is_dir() else Path()
    near = _close(Path(name).stem, [other.stem for other in folder.glob("*.py")])
    return module_of(folder / f"{near[0]}.py") if near else None


def _close(word: str, known: list[str]) -> list[str]:
    """Return the name that a word is a slip of the pen for, none for another word."""
    return get_close_matches(word, known, n=1, cutoff=SLIP)


def _of_dots(dotted: str) -> tuple[Module | None, str]:
    """Return the module that a dotted name begins with, or the nearest, and the rest of it."""
    if NAMES.fullmatch(dotted) is None:
        return None, ""
    first, *rest = dotted.split(".")
    own = names_in(None).get(first)
    if first in sys.stdlib_module_names and own is not None and own.suffix == ".py":
        return module_of(own), ".".join(rest)  # by its name Python's own would be found
    near = _close(first, list(names_in(None)))
    file = top_module(first)
    if file is None and near:
        first, file = near[0], names_in(None)[near[0]]
    name = first
    while file is not None and rest and (file.is_dir() or file.name == "__init__.py"):
        inside = names_in(file if file.is_dir() else file.parent)
        bound = () if file.is_dir() else Module(name, file).outline.names
        part = rest[0]
        if part not in inside and part not in bound:
            near = _close(part, [*inside, *bound])
            part = near[0] if near else part
        if part not in inside:
            break
        name, file, rest = f"{name}.{part}", inside[part], rest[1:]
    if file is None:
        return None, ""
    return Module(name, file), ".".join(rest)


def _proposal(module: Module, wanted: str, text: str) -> str | None:
    """Return the objects of a module that may be meant, and all of its classes."""
    if module.file.is_dir():
        parts = [Module(f"{module.name}.{n}", f) for n, f in names_in(module.file).items()]
        parts = [part for part in parts if part.file.is_file()]
    else:
        parts = [module, *module.submodules()]
    first, _, further = wanted.partition(".")
    for part in parts if first else ():
        found = part.outline
        name = _nearest(first, found.classes) or _nearest(first, found.names)
        if name is not None:
            full = f"{part.name}:{name}{f'.{further}' if further else ''}"
            if full != text:
                return _words([full], part)
    for part in parts:
        if part.outline.classes:
            names = part.outline.classes[:MOST_PROPOSED]
            return _words([f"{part.name}:{name}" for name in names], part)
    return None


def _nearest(wanted: str, names: tuple[str, ...]) -> str | None:
    if wanted in names:
        return wanted
    folded = {name.casefold(): name for name in names}
    near = get_close_matches(wanted.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def _words(proposed: list[str], module: Module) -> str:
    shown = " or ".join(shlex.quote(name) for name in proposed)
    classes = module.outline.classes
    listed = ", ".join(classes[:MOST_SHOWN])
    left = len(classes) - MOST_SHOWN
    more = f" and {left} more" if left > 0 else ""
    defines = f" {module.name} defines {listed}{more}" if classes else ""
    return f"did you mean {shown}?{defines}"


def not_installed(package: str) -> str:
    """Return what is said of a package that is missing, and the two ways to mend that."""
    return (
        f"{package} is not installed in the environment that runs fcinspect ({sys.executable}):"
        " install it there, or run fcinspect with the Python that has it:"
        " path/to/python -m fcinspect …"
    )


def missing_package(text: str) -> str | None:
    """Return what is said of mypkg.model.Net whose package is missing; None of another word."""
    first = text.partition(".")[0]
    if not reads_as_code(text) or text.endswith(".py") or is_installed(first):
        return None
    return not_installed(first)


def import_hint(place: str, name: str, error: str) -> str | None:
    """Return how to mend a module that failed to import another: "No module named 'timm'"."""
    told = MISSING.search(error)
    if told is None:
        return None
    missing = told[1]
    first = missing.partition(".")[0]
    if is_installed(first) and first != missing:
        return f"{first} is installed, but has no module {missing}: another version may have it"
    module, rest = (None, "") if place.endswith(".py") else _of_dots(place)
    if module is not None and not rest and is_there(module.file.parent / f"{first}.py"):
        own, here = module.file, Path.cwd()
        shown = own.relative_to(here) if own.is_relative_to(here) else own
        return f"{first}.py is in the same folder: did you mean {shlex.quote(f'{shown}:{name}')}?"
    return not_installed(first)
