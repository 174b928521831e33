from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from fcinspect.bridge.loading import admit, is_found_in, path_of_child

PLANTED = "raise SystemExit('planted: ' + __name__)\n"
MODEL = """
import random
import neighbour
assert random.random() < 1
Net = neighbour.Net
"""
NEIGHBOUR = """
from torch import nn
class Net(nn.Linear):
    def __init__(self):
        super().__init__(3, 2)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file for every name of the standard library and of what is installed."""
    made = tmp_path_factory.mktemp("planted")
    names = {*sys.stdlib_module_names, *(module.name for module in pkgutil.iter_modules())}
    for name in names - {"fcinspect", "tests", "conftest"}:
        (made / f"{name}.py").write_text(PLANTED, encoding="utf-8")
    (made / "mymodel.py").write_text(MODEL, encoding="utf-8")
    (made / "neighbour.py").write_text(NEIGHBOUR, encoding="utf-8")
    return made


def called(folder: Path, *arguments: str) -> str:
    """Return the output of fcinspect in a folder, where it succeeds without a word on stderr."""
    code = "import sys; sys.argv[0] = 'fcinspect'; from fcinspect.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_no_file_of_the_working_folder_is_executed(folder: Path) -> None:
    """Whatever it is called, as long as nobody asks for it."""
    assert "returns (2, 2)" in called(folder, "trace", "fcinspect.examples:MLP", "--input", "2,3")


@pytest.mark.parametrize("place", ["mymodel", "mymodel.py"])
def test_the_module_asked_for_finds_its_neighbours(tmp_path: Path, place: str) -> None:
    """Those of its folder; names of the standard library stay the library's."""
    (tmp_path / "mymodel.py").write_text(MODEL, encoding="utf-8")
    (tmp_path / "neighbour.py").write_text(NEIGHBOUR, encoding="utf-8")
    for name in sys.stdlib_module_names:
        (tmp_path / f"{name}.py").write_text(PLANTED, encoding="utf-8")
    assert "returns (2, 2)" in called(tmp_path, "trace", f"{place}:Net", "--input", "2,3")


def test_python_m_executes_no_file_of_the_working_folder(tmp_path: Path) -> None:
    """Python puts the folder first: fcinspect takes it away before it imports anything."""
    for name in ("typer", "numpy", "torch", "rich", "json", "subprocess", "pickle", "psutil"):
        (tmp_path / f"{name}.py").write_text(PLANTED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "fcinspect", "trace", "fcinspect.examples:MLP", "--input", "2,3"],
        capture_output=True,
        encoding="utf-8",
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_installed_module_wins_over_a_mere_folder(tmp_path: Path) -> None:
    """A folder without __init__.py is a package where nothing else has its name."""
    (tmp_path / "sympy").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "random.py").touch()
    (tmp_path / "own.py").touch()
    found = {
        name
        for name in ("sympy", "models.net", "random", "own", "numpy", "missing")
        if is_found_in(str(tmp_path), name)
    }
    assert found == {"models.net", "own"}


def test_the_standard_library_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the folder that is admitted, then the rest in its order."""
    standard = [place for place in sys.path if place.endswith((".zip", "lib-dynload"))]
    assert standard
    monkeypatch.setattr(sys, "path", ["", "/first", *standard, "/x/site-packages"])
    assert path_of_child() == [*standard, "/first", "/x/site-packages"]
    monkeypatch.setattr(sys, "path", ["/first", *standard, "/x/site-packages"])
    admit("/own")
    assert sys.path == [*standard, "/own", "/first", "/x/site-packages"]
