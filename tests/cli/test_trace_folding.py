"""trace: deep modules folded, some modules alone, columns left out by name, inputs from forward."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import Run

pytestmark = pytest.mark.usefixtures("prepared")

CODE = """
import torch
from torch import nn

class Deep(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(100, 16)
        self.encoder = nn.ModuleList(
            nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 16)) for _ in range(3)
        )
        self.head = nn.Linear(16, 2)

    def forward(self, input_ids, attention_mask):
        x = self.emb(input_ids) * attention_mask[..., None]
        for block in self.encoder:
            x = x + block(x)
        return self.head(x[:, 0])

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(7, 2)

    def forward(self, x, y):
        return self.fc(x) + y
"""
GIVEN = ("--input", "input_ids=2,8:int64", "--input", "attention_mask=2,8:int64")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deep.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)


def test_the_hint_is_a_command_that_runs(run: Run) -> None:
    """Names and dtypes come from forward's signature; the options can be pasted."""
    refused = run("trace", "deep.py:Deep")
    assert refused.status == 2
    assert refused.err.endswith(
        "; forward takes input_ids, attention_mask: --input input_ids=2,8:int64"
        " --input attention_mask=2,8:int64\n"
    )
    options = refused.err.split("attention_mask: ")[1].split()
    assert run("trace", "deep.py:Deep", *options).status == 0
    short = run("trace", "deep.py:Two")
    assert short.err.endswith("; forward takes x, y: --input x=2,7 --input y=2,7\n")


def test_depth_folds_runs_of_steps_and_says_so(run: Run) -> None:
    """What enters and leaves, the parameters and MACs of all; the totals stay."""
    whole = run("trace", "deep.py:Deep", *GIVEN)
    folded = run("trace", "deep.py:Deep", *GIVEN, "--depth", "1")
    rows = [line for line in folded.out.splitlines() if line.startswith("encoder (3 steps)")]
    assert len(rows) == 3
    assert all(re.search(r"2×8×16 → 2×8×16 +1,072 +16,384$", row) for row in rows)
    assert "17 steps in 11 rows: --depth 1; JSON and CSV have every step" in folded.out
    total = next(line.split() for line in whole.out.splitlines() if line.startswith("total"))
    assert total == next(
        line.split() for line in folded.out.splitlines() if line.startswith("total")
    )
    deeper = run("trace", "deep.py:Deep", *GIVEN, "--depth", "2").out
    assert "encoder.1 (3 steps)" in deeper
    assert "steps)" not in run("trace", "deep.py:Deep", *GIVEN, "--depth", "3").out
    documents = [run("trace", "deep.py:Deep", *GIVEN, *d, "--json") for d in ((), ("--depth", "1"))]
    assert documents[0].data == documents[1].data


def test_only_shows_the_steps_of_some_modules(run: Run) -> None:
    """In the table and among the linear layers; a glob that fits nothing is refused."""
    result = run("trace", "deep.py:Deep", *GIVEN, "--only", "encoder.[01].*", "--only", "head")
    assert "showing 7 of 17 steps: --only encoder.[01].* head" in result.out
    assert "encoder.2" not in result.out
    assert "  head          (2, 16) · (2, 16)ᵀ + (2) → (2, 2)" in result.out
    refused = run("trace", "deep.py:Deep", *GIVEN, "--only", "heat")
    assert (refused.status, refused.out) == (3, "")
    assert "matches --only heat; did you mean 'head'?" in refused.err


def test_columns_without_room_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A narrow page leaves out lines and weights, and says where they are."""
    monkeypatch.setenv("COLUMNS", "56")
    narrow = run("trace", "deep.py:Deep", *GIVEN).out
    assert "no room for line, weight: see --json" in " ".join(narrow.split())
    assert max(map(len, narrow.splitlines())) <= 56
