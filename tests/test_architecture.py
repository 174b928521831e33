"""The arrows between the rooms, read from the imports of every module."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import fcinspect

PACKAGE = Path(fcinspect.__file__).parent
ROOMS = {
    "errors": set[str](),
    "names": set[str](),
    "masking": set[str](),
    "rounding": {"errors", "names"},
    "layers": {"errors", "rounding"},
    "arithmetic": {"errors", "names", "rounding", "layers"},
    "shapes": {"errors", "rounding", "layers"},
    "checkpoints": {"errors", "names", "masking", "rounding", "layers"},
    "approximation": {"errors", "rounding", "layers", "arithmetic"},
    "verification": {"errors", "names", "rounding", "layers", "arithmetic", "checkpoints"},
    "worksheets": {"errors", "rounding", "layers", "arithmetic", "verification"},
    "diagnosis": {"errors", "shapes"},
    "bridge": {
        "errors", "names", "masking", "rounding", "layers", "arithmetic", "shapes", "checkpoints",
        "verification", "diagnosis", "worksheets",
    },
    "page": {"errors", "rounding"},
    "pictures": {"errors", "rounding", "layers", "approximation", "page"},
    "media": {"errors", "masking", "page"},
    "reports": {
        "errors", "rounding", "layers", "arithmetic", "shapes", "checkpoints", "verification",
        "diagnosis", "approximation", "worksheets", "page", "pictures",
    },
    "cli": {
        "errors", "names", "masking", "rounding", "layers", "arithmetic", "shapes", "checkpoints",
        "verification", "diagnosis", "approximation", "worksheets", "bridge",
        "page", "pictures", "media", "reports", "python",
    },
    "python": {
        "errors", "names", "masking", "rounding", "layers", "arithmetic", "shapes", "checkpoints",
        "verification", "diagnosis", "approximation", "worksheets", "bridge",
        "page", "pictures", "media", "reports",
    },
    # code under inspection: nothing imports it
    "examples": set[str](),
}  # fmt: skip
"""Which rooms each room may import."""

HEAVY = {
    "torch": {"bridge", "examples"},
    "typer": {"cli"},
    "rich": {"media"},
    "pydantic": {"reports"},
    "safetensors": {"checkpoints"},
    "sympy": {"approximation"},
    "mpmath": {"approximation", "verification"},
    "matplotlib": {"pictures"},
    "jinja2": {"media"},
    "psutil": {"layers", "bridge"},
    "aiohttp": {"checkpoints"},
    "fsspec": {"checkpoints"},
    "distributed": {"checkpoints"},
    "threadpoolctl": {"checkpoints"},
    "IPython": {"python"},
    "pytest": {"python"},
}
"""Which rooms may import a library."""

ON_DISK = {"checkpoints", "bridge", "cli"}
"""The rooms that may touch the disk."""
OWN_TEXT = {"diagnosis/catalogue/parsing.py"}
"""Modules that read text which the package brings along, and nothing of the user's."""
PROGRAMS = {"python/run.py"}
"""The module that opens a program as Python does, before anything else is loaded."""


def modules() -> list[tuple[str, Path]]:
    """Return (room, file) of every module in a room."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room in ("__init__", "__main__"):
            continue
        found.append((room, path))
    return found


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.AST) -> set[str]:
    """Return every module that is imported anywhere in a tree, dotted."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module != "fcinspect":
                names.add(node.module)
            # what is taken from a package may be a module in it
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def violations(room: str, tree: ast.AST) -> list[str]:
    """Return the imports of a module that its room may not have."""
    found = []
    for name in sorted(imports(tree)):
        first, _, rest = name.partition(".")
        target = rest.split(".")[0]
        if first == "fcinspect":
            if target in ROOMS and target != room and target not in ROOMS[room]:
                found.append(name)
        elif first in HEAVY and room not in HEAVY[first]:
            found.append(name)
    return found


@pytest.mark.parametrize(
    ("room", "path"), modules(), ids=[str(p.relative_to(PACKAGE)) for _, p in modules()]
)
def test_every_arrow_points_downwards(room: str, path: Path) -> None:
    """A module imports only the rooms below its own and the libraries that belong there."""
    assert violations(room, parsed(path)) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("rounding", "import torch"),
        ("layers", "from fcinspect.page.text import safe"),
        ("reports", "def f():\n    from fcinspect.bridge.linear import run_layer"),
        ("arithmetic", "from fcinspect import cli"),
        ("cli", "import rich.console"),
        ("media", "from fcinspect.arithmetic.explanation import Explanation"),
        ("media", "from fcinspect.reports.written import array"),
        ("reports", "def f():\n    from fcinspect.media.markdown import to_markdown"),
        ("pictures", "from fcinspect.media.tables import fit"),
        ("python", "from fcinspect.cli.system import say"),
        ("python", "import torch"),
        ("bridge", "from fcinspect.python.diagnose import diagnose"),
    ],
)
def test_a_wrong_arrow_is_seen(room: str, source: str) -> None:
    """The check can fail: planted imports are found."""
    assert violations(room, ast.parse(source))


def test_every_folder_is_a_known_room() -> None:
    """A new room is declared here before it is built."""
    assert {room for room, _ in modules()} <= set(ROOMS)


@cache
def needs() -> dict[str, set[str]]:
    """Return which modules each module imports, by their dotted names."""
    named = {}
    for _, path in modules():
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        named[".".join(parts).removesuffix(".__init__")] = path
    return {name: (imports(parsed(path)) & set(named)) - {name} for name, path in named.items()}


def circle(found: dict[str, set[str]]) -> list[str]:
    """Return modules that need one another, none where there are none."""
    try:
        TopologicalSorter(found).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_needs_itself() -> None:
    """The imports go around in no circle, those inside of functions and for types included."""
    assert circle(needs()) == []


def test_a_circle_is_seen() -> None:
    """The check can fail."""
    found = needs()
    assert len(found) > 300
    found = found | {"fcinspect.errors": {"fcinspect.cli.show"}}
    assert "fcinspect.errors" in circle(found)


def opens_files(tree: ast.AST) -> bool:
    """Whether a module opens, reads or writes a file."""
    disk = {"open", "read_text", "read_bytes", "write_text", "write_bytes", "mkstemp", "unlink"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            owner = getattr(getattr(node.func, "value", None), "id", "")
            if name in disk and owner not in ("self", "emit"):
                return True
    return False


@pytest.mark.parametrize(
    ("room", "path"), modules(), ids=[str(p.relative_to(PACKAGE)) for _, p in modules()]
)
def test_only_three_rooms_touch_the_disk(room: str, path: Path) -> None:
    """Files are opened in checkpoints, bridge and cli only."""
    own = path.relative_to(PACKAGE).as_posix() in OWN_TEXT | PROGRAMS
    if room not in ON_DISK and path.name != "emit.py" and not own:
        assert not opens_files(parsed(path))


def test_opening_a_file_is_seen() -> None:
    """The check can fail."""
    assert opens_files(ast.parse("def f(p):\n    return p.read_text()"))


def test_no_arithmetic_library_in_command_modules() -> None:
    """What --help loads imports neither numpy nor torch at its top."""
    for room, path in modules():
        if room == "cli":
            tree = parsed(path)
            top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
            assert not imports(ast.Module(body=list(top), type_ignores=[])) & {"numpy", "torch"}
