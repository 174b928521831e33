"""Help pages: whole summaries, unbroken options, common options below, examples that run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from fcinspect.cli import COMMANDS, GROUPS, command
from fcinspect.cli import run as run_command_line
from fcinspect.cli.command import examples_of
from fcinspect.cli.guide import topics
from tests.conftest import Run

PAGES = [name for name in COMMANDS if name not in GROUPS] + [
    f"{group} {name}"
    for group in GROUPS
    for name in import_module(f"fcinspect.cli.{group}").COMMANDS
]


@pytest.mark.parametrize("page", ["", *GROUPS])
def test_every_summary_stands_whole(run: Run, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    """One line each in 80 columns, none cut off."""
    monkeypatch.setenv("COLUMNS", "80")
    out = run(*page.split(), "--help").out
    listed, _, more = out.partition("Commands:\n")[2].partition("\n\n")
    rows = listed.splitlines()
    assert len(rows) == sum(p.startswith(page) for p in PAGES) - (
        0 if page else len([p for p in PAGES if " " in p]) - len(GROUPS)
    )
    assert all(re.fullmatch(r"  \w+ {2,}[A-Z].*\.", row) and len(row) <= 80 for row in rows)
    assert "..." not in "".join(rows)
    assert more == f"More: fcinspect guide {page}".rstrip() + "\n"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_its_own_options_first_and_two_examples_last(
    run: Run, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    """No line is over 80 columns, and no option is broken at its hyphens."""
    monkeypatch.setenv("COLUMNS", "80")
    out = run(*page.split(), "--help").out
    sections = re.findall(r"^(\w[\w ]*):$", out, re.MULTILINE)
    order = ["Arguments", "Options", "Common options", "Examples"]
    assert sections == [section for section in order if section in sections]
    assert sections[-1] == "Examples"
    examples, _, more = out.partition("Examples:\n")[2].partition("\n\n")
    assert [line[2:] for line in examples.splitlines()] == examples_of(page)
    assert len(examples_of(page)) == 2
    assert re.fullmatch(rf"More: fcinspect guide( ({'|'.join(topics())}))?\n", more)
    assert ("guide " in more) == (page != "guide")
    assert max(map(len, out.splitlines())) <= 80
    assert not re.search(r"--[a-z-]*-$", out, re.MULTILINE)
    own, _, common = out.partition("\nCommon options:\n")
    if common:
        assert re.search(r"^  --json ", common, re.MULTILINE)
        assert not re.search(r"^  (--json|-f, --format|--save|-q, --quiet) ", own, re.MULTILINE)


def test_a_narrow_page_breaks_no_option(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """At any width that typer draws, all options stand whole."""
    whole = set(re.findall(r"--[a-z-]+", run("step", "--help").out))
    for columns in range(52, 100, 3):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert set(re.findall(r"--[a-z-]+", run("step", "--help").out)) == whole


def test_no_example_is_of_a_command_that_is_gone() -> None:
    """The file holds those of the commands there are."""
    text = Path(command.__file__).with_name("examples.txt").read_text(encoding="utf-8")
    assert set(text.splitlines()) == {line for page in PAGES for line in examples_of(page)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the examples name."""
    path = tmp_path_factory.mktemp("examples")
    state = {
        name: np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 10
        for name, shape in (("fc1.weight", (4, 3)), ("fc1.bias", (4,)), ("fc2.weight", (2, 4)))
    }
    np.savez(path / "model.npz", **state)  # type: ignore[arg-type]  # its stubs
    save_file(state, path / "model.safetensors")
    save_file({**state, "fc1.bias": state["fc1.bias"] + 1}, path / "tuned.safetensors")
    weight = [[1, 2], [3, 4]]
    (path / "result.json").write_text(json.dumps({"x": [1, 1], "W": weight, "y": [3, 7]}))
    made = ["step", "3-2", "--full", "-q", "--save", str(path / "step.json")]
    assert run_command_line(made) == 0
    example = {
        "input": [1, 2],
        "layers": [{"weight": weight}],
        "printed": {"output": ["5", "11"]},
    }
    (path / "example.json").write_text(json.dumps(example))
    (path / "mypkg").mkdir()
    for program in ("train.py", "mypkg/train.py"):
        (path / program).write_text("import sys\nprint(sys.argv)\n")
    return path


@pytest.mark.usefixtures("prepared")
@pytest.mark.parametrize("example", [e.partition(" ")[2] for p in PAGES for e in examples_of(p)])
@pytest.mark.sampled(3)
def test_every_example_runs(
    run: Run, monkeypatch: pytest.MonkeyPatch, folder: Path, example: str
) -> None:
    """As a shell reads it; status 1 where a finding is what it shows."""
    monkeypatch.chdir(folder)
    before = set(folder.iterdir())
    if {"<", ">"} & set(example.split()):
        status, error = in_shell(f"{sys.executable} -m fcinspect {example}")[::2]
    else:
        words = in_shell(f"printf '%s\\0' {example}")[1].split("\0")[:-1]
        result = run(*words)
        status, error = result.status, result.err
    found = example.startswith(("diff", "diagnose"))
    assert status in ((0, 1) if found else (0,)), error
    for made in set(folder.iterdir()) - before:
        made.unlink()


def in_shell(line: str) -> tuple[int, str, str]:
    """Return the exit status of a line, and what it wrote to stdout and stderr."""
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, check=False, stdin=subprocess.DEVNULL,
        encoding="utf-8",
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr
