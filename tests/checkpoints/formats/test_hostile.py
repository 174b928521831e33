from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from fcinspect.errors import InputError
from tests.checkpoints.formats.hostile import CANARY, Hostile, corpus
from tests.checkpoints.formats.hostile.cases import archive, pickled, tensor
from tests.checkpoints.formats.test_damaged import SOUND
from tests.checkpoints.sharded import opened, put
from tests.conftest import Run

CORPUS = corpus()
SECONDS = 2.0
"""Of CPU."""
MEGABYTES = 200.0
LONGEST_LINE = 1100
"""Characters, a hint among them."""
ROOT = Path(__file__).parents[3]


def test_the_corpus_is_large() -> None:
    """Every format has its hostile files."""
    assert len(CORPUS) >= 200
    endings = [Path(case.opened).suffix for case in CORPUS.values()]
    assert {".safetensors", ".pt", ".npz", ".npy", ".json"} <= set(endings)
    assert min(map(endings.count, endings)) >= 2


@pytest.mark.parametrize("name", CORPUS)
def test_a_hostile_file_is_refused_in_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No exception of another kind, nothing run, no file made."""
    case = CORPUS[name]
    put(tmp_path, case.files)
    monkeypatch.chdir(tmp_path)
    if case.layerless:
        assert not opened(case.opened).layers
    else:
        with pytest.raises(InputError) as caught:
            opened(case.opened)
        assert caught.value.message.isprintable()
        assert len(caught.value.message) < LONGEST_LINE
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == set(case.files)
    assert "antigravity" not in sys.modules


def measured(cases: dict[str, Hostile], folder: Path, command: str) -> dict[str, dict[str, Any]]:
    """Run a command on every case, each in a process of its own, and return what it did."""
    names = {f"{number:03}": name for number, name in enumerate(cases)}
    sound = {f"sound.{ending}": SOUND[ending]() for ending in ("safetensors", "pt", "npz", "json")}
    put(folder, sound)
    for short, name in names.items():
        put(folder / short, cases[name].files)
    listed = [[short, cases[name].opened] for short, name in names.items()]
    (folder / "cases.json").write_text(json.dumps(listed))
    done = subprocess.run(
        [sys.executable, "-m", "tests.checkpoints.formats.measured", str(folder), command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"')]
    return {names[line["name"]]: line for line in lines}


def breaches(name: str, done: dict[str, Any], command: str = "show") -> list[str]:
    """Return which rules a run broke.

    A scan may report that there is no layer instead of refusing the file; of an index it reports
    the sound shards beside the refusal.
    """
    case = CORPUS[name]
    reported = case.layerless and command == "scan"
    in_part = command == "scan" and "index" in name and "not read: " in done["out"]
    rules = {
        "status": done["status"] == (0 if reported else 3),
        "stdout": ("0 linear layers" in done["out"]) if reported else in_part or not done["out"],
        "stderr": done["err"].count("\n") == (not reported) and len(done["err"]) < LONGEST_LINE,
        "unprintable": all(map(str.isprintable, (done["err"][:-1], *done["out"].splitlines()))),
        "traceback": "Traceback" not in done["err"] and "internal" not in done["err"],
        "time": done["seconds"] < SECONDS,
        "memory": done["megabytes"] < MEGABYTES,
        "files": not done["touched"],
        "torch": not done["torch"],
    }
    return [f"{rule}: {done}" for rule, holds in rules.items() if not holds]


def sample(every: int, *, bombs: bool) -> dict[str, Hostile]:
    """Return one in so many cases, and all that were made to take time or memory if asked for."""
    return {
        name: case
        for number, (name, case) in enumerate(CORPUS.items())
        if number % every == 0 or case.layerless or (bombs and "bomb" in name)
    }


@pytest.mark.parametrize(
    ("command", "cases"),
    [
        pytest.param("show", sample(3, bombs=True), id="show a third"),
        # it opens files as the first one does
        pytest.param("scan", sample(9, bombs=False), id="scan a few"),
        pytest.param("show", CORPUS, id="show", marks=pytest.mark.slow),
        pytest.param("scan", CORPUS, id="scan", marks=pytest.mark.slow),
    ],
)
def test_every_hostile_file_is_refused_fast_and_in_bounded_memory(
    command: str, cases: dict[str, Hostile], tmp_path: Path
) -> None:
    """Exit status 3, one line on stderr, nothing on stdout, 2 s, 200 MB, no file touched."""
    done = measured(cases, tmp_path / "first", command)
    assert list(done) == list(cases)
    late = {name: cases[name] for name, run in done.items() if run["seconds"] >= SECONDS}
    if late:  # on a busy machine the same work takes more seconds of CPU: it has another chance
        done |= measured(late, tmp_path / "again", command)
    broken = {name: found for name, run in done.items() if (found := breaches(name, run, command))}
    assert not broken


def test_a_breach_of_every_rule_is_seen(tmp_path: Path) -> None:
    """The measure can fail: what prints, takes time and memory, and makes a file is caught."""
    name = "pt: calls 'os.system'"
    done = measured({name: CORPUS[name]}, tmp_path, "planted")
    found = {breach.split(":")[0] for breach in breaches(name, done[name])}
    assert found == {"status", "stdout", "stderr", "unprintable", "traceback", "time", "memory",
                     "files", "torch"}  # fmt: skip


def test_the_pickles_are_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own unpickler runs what the corpus holds: the canary would be seen."""
    monkeypatch.chdir(tmp_path)
    live = CORPUS["pth: bare, calls os.system"].files["m.pth"]
    assert pickle.loads(live) == 0
    assert Path(CANARY).exists()


SAMPLE = (
    "pt: calls 'os.system'", "pt: tensor of stride 0", "pt: bomb, a billion laughs",
    "pth: older, calls builtins.eval", "safetensors: overlap", "npz: pickled objects",
    "json: deep lists", "index of a file far above",
)  # fmt: skip


@pytest.mark.parametrize("name", SAMPLE)
def test_the_program_itself_refuses(name: str, tmp_path: Path, shell: Run) -> None:
    """The whole program, in a process of its own."""
    case = CORPUS[name]
    put(tmp_path, case.files)
    done = shell("show", case.opened)
    assert (done.status, done.out, done.err.count("\n")) == (3, "", 1)


ESCAPES = (
    "\x1b[2J\x1b]0;owned\x07",
    "a\nb",
    "a\rb",
    "\u202egnp.exe",
    "\x9b31m",
    "a\tb",
    "[red]x[/]",
)


@pytest.mark.parametrize("ending", ["safetensors", "pt", "npz"])
@pytest.mark.parametrize("code", ESCAPES)
def test_names_with_escape_codes_are_served_escaped(
    code: str, ending: str, tmp_path: Path, run: Run
) -> None:
    """A sound file is read whatever its names are; the terminal gets no code of them."""
    names = (f"{code}.weight", f"x{code}.weight")
    arrays = {name: np.ones((2, 3), np.float32) for name in names}
    path = tmp_path / f"m.{ending}"
    match ending:
        case "safetensors":
            path.write_bytes(save(arrays))
        case "npz":
            np.savez(path, **arrays)  # type: ignore[arg-type]  # names of arrays, not of options
        case "pt":
            torch.save({name: torch.ones(2, 3) for name in names}, path)
    done = run("show", path)
    assert done.status == 0, done.err
    assert all(char == "\n" or char.isprintable() for char in done.out)
    assert "layer" in done.out
    layers = run("show", path, "--json").data["layers"]
    assert {layer["name"] for layer in layers} == {name.removesuffix(".weight") for name in names}


def test_names_that_no_text_can_hold_are_served(tmp_path: Path, shell: Run) -> None:
    """A lone surrogate in a name is escaped, in text and in JSON."""
    name = b"X\x0a\x00\x00\x00\xed\xa0\x80.weight"
    (tmp_path / "m.pt").write_bytes(
        archive(b"\x80\x02}" + name + pickled(tensor())[2:-1] + b"s" + b".")
    )
    for form in ("text", "json"):
        done = shell("show", "m.pt", "-f", form)
        assert (done.status, done.err) == (0, ""), done.err
        assert done.out


def test_a_long_name_is_cut_in_text_and_whole_in_json(tmp_path: Path, run: Run) -> None:
    """The middle is left out and counted, in a report as in a refusal."""
    name = "a" * 50_000
    arrays = {f"{name}.weight": np.ones((2, 3), np.float32), "b.weight": np.ones((2, 3)), name: 1}
    path = tmp_path / "m.safetensors"
    path.write_bytes(save({key: np.asarray(array) for key, array in arrays.items()}))
    for command in ("show", "scan"):
        done = run(command, path)
        assert done.status == 0, done.err
        assert "49200 characters …" in done.out
        assert max(map(len, done.out.splitlines())) < LONGEST_LINE
        assert name in json.dumps(run(command, path, "--json").data)
    assert "characters …" in run("show", path, "c").err
