"""What was meant by a name of code that is not MODULE:OBJECT, or that is not there."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from fcinspect.bridge.loading import require_there, split
from fcinspect.bridge.module_names import outline
from fcinspect.bridge.targets import import_hint, meant, reads_as_code
from fcinspect.errors import InputError

NET = """import torch
from torch import nn
from torch.nn import functional as F

raise RuntimeError("this file was run")


class Net(nn.Module):
    pass


class Head(Net):
    pass


class Options:
    pass


class _Hidden(nn.Module):
    pass


def make(width):
    return Net()
"""
LONG = "a" * 5000
DEFINES = "mypkg.model defines Net, Head"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with a package, a file and a file in a folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("mypkg/__init__.py", "mypkg/model.py", "alone.py", "deep/er/far.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("" if name.endswith("__init__.py") else NET, encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "proposed"),
    [
        ("mypkg.model.Net", "mypkg.model:Net"),
        ("mypkg.model.net", "mypkg.model:Net"),
        ("mypkg.model", "mypkg.model:Net or mypkg.model:Head"),
        ("mypkg/model.py", "mypkg.model:Net or mypkg.model:Head"),
        ("./mypkg/model.py", "mypkg.model:Net or mypkg.model:Head"),
        ("model.py", "mypkg.model:Net or mypkg.model:Head"),
        ("mypkg", "mypkg.model:Net or mypkg.model:Head"),
        ("mypkg/", "mypkg.model:Net or mypkg.model:Head"),
        ("mypkg/model", "mypkg.model:Net or mypkg.model:Head"),
        ("mypkg/model:Head", "mypkg.model:Head"),
        ("mypkg.Net", "mypkg.model:Net"),
        ("mypkg:Net", "mypkg.model:Net"),
        ("mypkg:model.Net", "mypkg.model:Net"),
        ("mypkg.model:net", "mypkg.model:Net"),
        ("mypkg.model:Nett", "mypkg.model:Net"),
        ("mypkg.model:Net()", "mypkg.model:Net"),
        ("mypkg.model:Net(3, 4)", "mypkg.model:Net"),
        ("mypkg.model::Net", "mypkg.model:Net"),
        ("mypkg.modle:Net", "mypkg.model:Net"),
        ("mypkgs.model:Net", "mypkg.model:Net"),
        ("mypkg.model:17", "mypkg.model:Net or mypkg.model:Head"),
        ("mypkg.model:", "mypkg.model:Net or mypkg.model:Head"),
    ],
)
def test_what_is_meant(text: str, proposed: str) -> None:
    """The name that would be taken, and the module's classes; nothing is run."""
    assert meant(text) == f"did you mean {proposed}? {DEFINES}"


@pytest.mark.parametrize(
    ("text", "proposed"),
    [
        ("alone.py", "alone.py:Net or alone.py:Head"),
        ("alone", "alone:Net or alone:Head"),
        ("alone.Net", "alone:Net"),
        ("alone.py:net", "alone.py:Net"),
        ("alon.py:Net", "alone.py:Net"),
        ("far.py", "deep/er/far.py:Net or deep/er/far.py:Head"),
        ("alone:mak", "alone:make"),
        ("alone.py:Option", "alone.py:Options"),
    ],
)
def test_a_file_of_no_package(text: str, proposed: str) -> None:
    """It is named as a file where it was, and as a module where it was one."""
    name = proposed.partition(":")[0]
    assert meant(text) == f"did you mean {proposed}? {name} defines Net, Head"


@pytest.mark.parametrize(
    "text", ["nopkg.model:Net", "zzz.py", "zzz/zzz.py:Net", "", ":", "a b", "."]
)
def test_nothing_near_is_not_guessed(text: str) -> None:
    """Another word is not taken for a slip of the pen."""
    assert meant(text) is None


@pytest.mark.parametrize("letter", ["(", "a.", ":", "a:", "::", "/", "()"])
def test_a_long_word_takes_no_time(letter: str) -> None:
    """Nothing is searched from each of its letters."""
    begun = time.process_time()
    for text in (letter * 60_000, f"mypkg.model:{letter * 60_000}"):
        assert meant(text) is None
        reads_as_code(text)
    assert time.process_time() - begun < 2


def test_a_name_is_written_as_a_shell_takes_it(tmp_path: Path) -> None:
    """A path with a blank is quoted."""
    folder = tmp_path / "my nets"
    folder.mkdir()
    (folder / "one.py").write_text(NET, encoding="utf-8")
    assert "did you mean 'my nets/one.py:Net'?" in (meant("my nets/one.py:net") or "")


def test_what_a_file_defines(tmp_path: Path) -> None:
    """Classes of modules; where there are none other classes, else functions."""
    file = tmp_path / "some.py"
    for text, classes in (
        (NET, ("Net", "Head")),
        ("class A:\n    def forward(self, x): ...\n\nclass B: ...\n", ("A",)),
        ("import lightning as L\nclass A(L.LightningModule): ...\n", ("A",)),
        ("class A(Base): ...\ndef f(): ...\n", ("A",)),
        ("def f(): ...\ndef _g(): ...\n", ("f",)),
        ("not python (", ()),
        ("", ()),
    ):
        file.write_text(text, encoding="utf-8")
        assert outline(file).classes == classes
    assert outline(tmp_path / "nothing.py").classes == ()


WAYS = f"({sys.executable}): install it there, or run fcinspect with the Python that has it"


@pytest.mark.parametrize("text", ["nopkg.model:Net", "nopkg:Net", "nopkg.model.Net"])
def test_a_package_that_is_missing(text: str) -> None:
    """Where it is looked for, and two ways to mend that; no process is needed to say so."""
    with pytest.raises(InputError) as refused:
        require_there(text)
    assert refused.value.hint is not None
    assert refused.value.hint.startswith(
        f"nopkg is not installed in the environment that runs fcinspect {WAYS}"
    )
    assert refused.value.hint.endswith("path/to/python -m fcinspect …")


def test_a_name_that_no_file_can_have() -> None:
    """It is refused as any other that is not there."""
    for text in (f"{LONG}.py:Net", f"{LONG}:Net", f"x/{LONG}:Net"):
        with pytest.raises(InputError):
            require_there(text)
        assert not reads_as_code(f"{LONG}.py:17")


def test_what_is_there_is_let_through() -> None:
    """A file, a package of the working folder, one that is installed, and one that is loaded."""
    for text in ("alone.py:Net", "mypkg.model:X", "torch.nn:Linear", "sys:path", "json:x"):
        require_there(text)


def test_an_import_that_fails() -> None:
    """Of a missing package, of a module that an installed one lacks, and of a neighbour."""
    missing = "No module named 'nopkg'"
    assert WAYS in (import_hint("mypkg.model", "Net", missing) or "")
    assert import_hint("mypkg.model", "Net", "No module named 'numpy.nothing'") == (
        "numpy is installed, but has no module numpy.nothing: another version may have it"
    )
    Path("mypkg/layers.py").write_text("", encoding="utf-8")
    assert import_hint("mypkg.model", "Net", "No module named 'layers'") == (
        "layers.py is in the same folder: did you mean mypkg/model.py:Net?"
    )
    assert import_hint("mypkg.model", "Net", "cannot import name 'x' from 'y'") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("alone.py", True),
        ("nothing.py", True),
        ("alone.py:17", True),
        ("mypkg.model", True),
        ("mypkg.model.Net", True),
        ("nopkg.model.Net", True),
        ("nothing.py:17", False),
        ("layer.npzz", False),
        ("train.log", False),
        ("KeyError", False),
        ("torch.cuda.OutOfMemoryError", False),
        ("nn.Linear", False),
        ("Net", False),
        ("mat1 and mat2", False),
        ("see alone.py", False),
        ("", False),
        ("-", False),
        ("3-5-4-2", False),
        ("0.5", False),
    ],
)
def test_what_reads_as_code(text: str, code: bool) -> None:
    """A word that is a place of code, rather than a message, a file or widths."""
    assert reads_as_code(text) is code


def test_a_split_name_says_what_was_meant() -> None:
    """The refusal of another form carries the hint."""
    with pytest.raises(InputError, match="does not name an object in a module") as refused:
        split("mypkg.model.Net")
    assert refused.value.hint == f"did you mean mypkg.model:Net? {DEFINES}"
