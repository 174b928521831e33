"""Where the process with foreign code finds modules: no file of the working folder acts unasked."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path


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
    """Return the folders of the standard library."""
    return frozenset(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib"))
