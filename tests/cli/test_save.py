"""--save: several files, all checked before any work, each whole, and named on stderr."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import Run

MADE = ("create", "--in", "4", "--out", "2")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_file_is_written_and_named(run: Run) -> None:
    """One line a file on stderr, in the order of the command line; stdout stays the report."""
    alone = run(*MADE)
    result = run(*MADE, "--save", "a.npz", "--save", "b.safetensors", "--save", "c.md")
    assert (result.status, result.out) == (0, alone.out)
    named = re.findall(r"^wrote (\S+) \((\d+) B\)$", result.err, re.MULTILINE)
    assert [name for name, _ in named] == ["a.npz", "b.safetensors", "c.md"]
    assert [int(size) for _, size in named] == [Path(name).stat().st_size for name, _ in named]
    assert result.err.count("\n") == 3
    values = run("show", "a.npz", "--json").data["layer"]["weight"]["values"]
    assert run("show", "b.safetensors", "--json").data["layer"]["weight"]["values"] == values


@pytest.mark.parametrize("how", ["--json", "--quiet", "--format=json"])
def test_a_program_reads_no_talk(run: Run, how: str) -> None:
    """Under --json and --quiet nothing is said of what was written."""
    result = run("shapes", "3-2", "--save", "a.md", "--save", "a.csv", how)
    assert (result.status, result.err) == (0, "")
    assert Path("a.csv").is_file()


@pytest.mark.parametrize(
    ("bad", "status", "said"),
    [
        ("taken.md", 74, "'taken.md' exists"),
        ("no/folder.md", 74, "no such folder: 'no'"),
        ("a.docx", 2, "unknown file ending '.docx'"),
        ("./a.npz", 2, "names the same file twice: 'a.npz' and './a.npz'"),
    ],
)
def test_one_bad_file_stops_all(run: Run, bad: str, status: int, said: str) -> None:
    """Before anything is written."""
    Path("taken.md").write_text("kept", encoding="utf-8")
    result = run(*MADE, "--save", "a.npz", "--save", bad)
    assert (result.status, result.out) == (status, "")
    assert said in result.err
    assert not Path("a.npz").exists()
    assert Path("taken.md").read_text(encoding="utf-8") == "kept"


def test_a_file_that_cannot_be_made_stops_all(run: Run) -> None:
    """The contents of all files are made before the first is written: npz has no bfloat16."""
    files = ("--save", "a.md", "--save", "b.npz")
    result = run(*MADE, "--dtype", "bfloat16", *files)
    assert (result.status, result.out) == (2, "")
    assert not Path("a.md").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_fills_up_between_two_files_is_said(run: Run) -> None:
    """The refusal names what was written before."""
    result = run("shapes", "3-2", "--save", "a.md", "--save", "/dev/full")
    assert (result.status, result.out) == (74, "")
    assert "cannot write '/dev/full': No space left on device; written before: 'a.md'" in result.err


def test_svg_keeps_its_meaning_beside_a_figure(run: Run) -> None:
    """Without --plot .svg holds the report, whatever other files are asked for."""
    run("step", "3-2", "--save", "alone.svg", "-q")
    run("step", "3-2", "--save", "a.svg", "--save", "a.pdf", "-q")
    run("step", "3-2", "--plot", "--save", "b.svg", "-q")
    alone, beside, figure = (
        Path(n).read_text(encoding="utf-8") for n in ("alone.svg", "a.svg", "b.svg")
    )
    assert beside == alone
    assert figure != alone
