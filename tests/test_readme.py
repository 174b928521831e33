"""The README's examples, run as they stand."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.pages import LEFT_OUT, same_with_gaps

README = Path(__file__).parents[1] / "README.md"
BIN = Path(os.environ.get("FCINSPECT_BIN") or Path(sys.executable).parent)
"""The folder of the fcinspect and the Python under test: this one's, or another environment's."""
NEEDS = {"--save net.svg": "matplotlib", "--save mnist.png": "matplotlib"}
"""What an example needs besides fcinspect itself."""


@dataclass(frozen=True)
class Example:
    """A command and what it prints."""

    command: str
    output: tuple[str, ...]


def examples(text: str) -> Iterator[list[Example]]:
    """Yield the examples of each console block."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        found: list[Example] = []
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append(Example(command, tuple(output.splitlines())))
        yield found


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a terminal of 80 columns."""
    path = os.pathsep.join([str(BIN), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", "PATH": path},
        check=False,
    )


def printed(command: str, folder: Path) -> list[str]:
    """Return the lines that a command prints."""
    done = run(command, folder)
    assert done.stderr == ""
    assert done.returncode in (0, 1)  # 1: something was checked and found, as told
    return done.stdout.splitlines()


def missing(command: str, folder: Path) -> str | None:
    """Return the library that an example needs and the fcinspect under test lacks."""
    for words, library in NEEDS.items():
        if words in command and run(f"python -c 'import {library}'", folder).returncode:
            return library
    return None


BLOCKS = list(examples(README.read_text(encoding="utf-8")))


@pytest.mark.parametrize("block", BLOCKS, ids=[block[0].command for block in BLOCKS])
def test_the_readme_is_true(block: list[Example], tmp_path: Path) -> None:
    """Each command prints what the README says."""
    for example in block:
        if "| jq" in example.command and shutil.which("jq") is None:
            pytest.skip("needs jq")
        if library := missing(example.command, tmp_path):
            refused = run(example.command.partition(" | ")[0], tmp_path)
            assert (refused.returncode, refused.stdout) == (2, "")
            assert f"needs {library}, which is not installed" in refused.stderr
            return
        lines = printed(example.command, tmp_path)
        assert same_with_gaps(list(example.output), lines), "\n".join(lines)


@pytest.mark.skipif(
    "FCINSPECT_BIN" not in os.environ, reason="needs FCINSPECT_BIN, a folder with another fcinspect"
)
def test_the_installed_package_is_what_is_tested(tmp_path: Path) -> None:
    """The other environment holds a package of its own, not this checkout."""
    place = "python -c 'import fcinspect; print(fcinspect.__file__)'"
    assert "site-packages" in run(place, tmp_path).stdout


@pytest.mark.parametrize("block", BLOCKS, ids=[block[0].command for block in BLOCKS])
def test_a_wrong_example_is_seen(block: list[Example]) -> None:
    """Each line that is missing and each word that is another one is found, in every example."""
    for example in block:
        right = list(example.output)
        assert same_with_gaps(right, right)
        for number, line in enumerate(right):
            if line == LEFT_OUT:
                continue
            others = right[:number], right[number + 1 :]
            assert not same_with_gaps(right, [*others[0], *others[1]])
            for word in re.findall(r"[^\W\d]{5,}", line)[:1]:
                wrong = line.replace(word, word + "s", 1)
                assert not same_with_gaps(right, [*others[0], wrong, *others[1]])


def test_there_are_examples_of_every_command() -> None:
    """No command goes unshown."""
    commands = " ".join(example.command for block in BLOCKS for example in block)
    for command in ("create", "explain", "shapes", "trace", "step", "verify", "diagnose", "diff"):
        assert f"fcinspect {command}" in commands
