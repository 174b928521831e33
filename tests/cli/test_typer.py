"""What is taken of Typer beyond its documentation, and a Typer that has it no more."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.core import TyperCommand, TyperGroup

from fcinspect.cli.command import TyperContext

INNER = (
    "get_runtime_param",
    "coerce",
    "type_descriptor",
    "parameter_info",
    "_runtime_param",
    "_coercion",
    "_completion_shared",
    "_completion_classes",
)
"""Names that a newer minor version may give up."""


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a copy of Typer whose inner names are others; return the folder to import it from."""
    folder = tmp_path_factory.mktemp("other")
    copied = folder / "typer"
    shutil.copytree(Path(typer.__file__).parent, copied, ignore=shutil.ignore_patterns("*.pyc"))
    hidden = re.compile(rf"\b({'|'.join(INNER)})\b")
    for file in copied.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        file.write_text(hidden.sub(r"\1_of_later", text), encoding="utf-8")
        if file.stem in INNER:
            file.rename(file.with_stem(f"{file.stem}_of_later"))
    return folder


def called(*arguments: str, path: Path | None = None, **more: str) -> tuple[int, str, str]:
    """Return the status and the output of a call, under the Typer of a folder."""
    environment = {**os.environ, **more}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, "-m", "fcinspect", *arguments],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("explain", "--help"),
        ("shapes", "3-5-2", "--batch", "2,3", "--dtype", "BF16", "--json"),
        ("explain", "--weight", "1,2;3,4", "--bias", "0,1", "--x", "1,1", "--element", "1"),
        ("approximate", "x**2", "--on", "0,1", "--error", "0.1", "--precision", "2"),
        ("worksheet", "3-2-2", "--grade", "missing.json", "--no-solution"),
        ("verify", "example", "--list", "-q"),
        ("completion", "zsh"),
    ],
    ids=lambda words: " ".join(words)[:40],
)
def test_commands_run_under_a_typer_of_other_inner_names(
    other: Path, arguments: tuple[str, ...]
) -> None:
    """What is not there is not used: Typer reads the values itself, more slowly."""
    assert called(*arguments, path=other) == called(*arguments)


@pytest.mark.parametrize(
    "arguments", [("shapes", "3-2", "--batch", "x"), ("scan",), ("show", "--layout", "sideways")]
)
def test_what_is_wrong_is_refused_under_it(other: Path, arguments: tuple[str, ...]) -> None:
    """With the same status, and in one line that names the option."""
    status, out, err = called(*arguments, path=other)
    assert (status, out) == (2, "")
    assert called(*arguments)[2].split(":")[1] == err.split(":")[1]
    assert err.count("\n") == 1


def test_the_other_typer_is_the_one_that_is_called(other: Path) -> None:
    """The tests above can fail: pydantic, which our own reading does without, is loaded."""
    for path, loaded in ((other, "True"), (None, "False")):
        program = (
            "import sys; from fcinspect.cli import run; run(['shapes', '3-2', '-q']);"
            "print('pydantic' in sys.modules)"
        )
        environment = os.environ if path is None else {**os.environ, "PYTHONPATH": str(path)}
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            encoding="utf-8",
            env=environment,
            check=True,
        )
        assert done.stdout.strip() == loaded


def test_the_names_that_are_used_are_there() -> None:
    """Says which name has gone where starting takes twice as long: cli/command.py uses them."""

    def command(count: Annotated[int, typer.Option(parser=int)] = 1) -> None: ...

    app = typer.Typer()
    app.command()(command)
    parameter: Any = typer.main.get_command(app).params[0]
    assert parameter.type_descriptor.parameter_info.parser is int
    assert callable(parameter.process_value)
    assert issubclass(TyperCommand.context_class, TyperGroup.context_class)
    assert TyperContext.formatter_class.write_dl
