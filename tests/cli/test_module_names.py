"""Every command that takes MODULE:OBJECT says what was meant by another name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Run

pytestmark = pytest.mark.usefixtures("prepared")

NET = """from torch import nn


class Net(nn.Module):
    pass


class Head(nn.Module):
    pass
"""
COMMANDS = (
    ("diagnose",),
    ("diagnose", "--input", "4,3"),
    ("trace",),
    ("trace", "--input", "4,3"),
    ("draw",),
    ("draw", "--input", "4,3"),
    ("verify", "implementation"),
    ("verify", "optimizer"),
)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working folder with a package and a file."""
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "mypkg"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "model.py").write_text(NET, encoding="utf-8")
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")


def called(command: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Return the words of a command with the name where it stands."""
    options = next((n for n, word in enumerate(command) if word.startswith("-")), len(command))
    return (*command[:options], name, *command[options:])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("mypkg.model.Net", "did you mean mypkg.model:Net? mypkg.model defines Net, Head"),
        ("model.py", "did you mean mypkg.model:Net or mypkg.model:Head?"),
        ("mypkg.model", "did you mean mypkg.model:Net or mypkg.model:Head?"),
        ("mypkg/model.py", "did you mean mypkg.model:Net or mypkg.model:Head?"),
        ("net.Net", "did you mean net:Net? net defines Net, Head"),
        ("net.py", "did you mean net.py:Net or net.py:Head? net.py defines Net, Head"),
        ("nopkg.model:Net", "nopkg is not installed in the environment that runs fcinspect"),
        ("nopkg.model.Net", "nopkg is not installed in the environment that runs fcinspect"),
    ],
)
def test_a_name_of_another_form(
    run: Run, command: tuple[str, ...], name: str, proposed: str
) -> None:
    """One line with what was meant, exit status 3, and nothing is said to be executed."""
    result = run(*called(command, name))
    assert (result.status, result.out) == (3, "")
    assert proposed in " ".join(result.err.split())
    assert "executing" not in result.err


def test_an_object_that_is_not_there(run: Run) -> None:
    """The module is loaded, and its classes are listed."""
    result = run("trace", "net.py:net", "--input", "4,3")
    assert result.status == 3
    assert "net.py has no object 'net'; did you mean net.py:Net?" in " ".join(result.err.split())


def test_a_package_that_the_module_needs(run: Run, tmp_path: Path) -> None:
    """It is named, with the two ways to have it."""
    (tmp_path / "net.py").write_text("import nopkg\n", encoding="utf-8")
    for command in (("trace", "--input", "4,3"), ("verify", "implementation")):
        said = " ".join(run(*called(command, "net.py:Net")).err.split())
        assert "No module named 'nopkg'" in said
        assert "nopkg is not installed in the environment that runs fcinspect" in said
        assert "path/to/python -m fcinspect" in said


def test_a_log_and_a_message_are_still_texts(run: Run, tmp_path: Path) -> None:
    """A file that is no code is to be piped, and a word that is none is not recognised."""
    (tmp_path / "train.Log").write_text("", encoding="utf-8")
    assert "fcinspect diagnose - < train.Log" in run("diagnose", "train.Log").err
    for text in ("torch.cuda.OutOfMemoryError", "train.log", "KeyError"):
        result = run("diagnose", text)
        assert result.status == 2
        assert "not recognized" in result.err
