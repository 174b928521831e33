"""fcinspect verify layer."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from tests.conftest import Run


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float16"])
def test_torchs_own_layer_passes(run: Run, dtype: str) -> None:
    """In every dtype, forward and backward."""
    result = run("verify", "layer", "--in", "4", "--out", "2", "--dtype", dtype, "--json")
    assert (result.status, result.data["verdict"]) == (0, "within bound")
    groups = {check["name"].partition("/")[0] for check in result.data["checks"]}
    assert len(groups) > 1
    assert {check["verdict"] for check in result.data["checks"]} == {"within bound"}


def test_a_layer_of_a_file_on_given_input(run: Run, tmp_path: Path) -> None:
    """The layer's own numbers are used, and the shape of x is held against it."""
    path = tmp_path / "net.safetensors"
    parts = {"fc.weight": torch.randn(3, 5), "fc.bias": torch.randn(3)}
    save_file(parts, path)
    result = run("verify", "layer", path, "fc", "--x", "1,2,3,4,5", "--json")
    assert (result.status, result.data["verdict"]) == (0, "within bound")
    refused = run("verify", "layer", path, "fc", "--x", "1,2,3")
    assert (refused.status, refused.out) == (2, "")
    assert "5" in refused.err


def test_a_wrong_declaration_is_seen(run: Run) -> None:
    """A declared accumulator that the layer does not have is outside, or is said to differ."""
    arguments = ("--in", "512", "--out", "4", "--dtype", "float32")
    right = run("verify", "layer", *arguments, "--json")
    wider = run("verify", "layer", *arguments, "--accumulate", "bfloat16", "--json")
    assert right.status == 0
    assert wider.data["checks"] != right.data["checks"]


def test_checks_are_listed_and_chosen(run: Run) -> None:
    """By group; an unknown one is refused."""
    listed = run("verify", "layer", "--in", "4", "--out", "2", "--checks", "list")
    assert listed.status == 0
    names = [line.split()[0] for line in listed.out.splitlines() if "/" in line]
    group = names[0].partition("/")[0]
    chosen = run("verify", "layer", "--in", "4", "--out", "2", "--checks", group, "--json")
    assert {check["name"].partition("/")[0] for check in chosen.data["checks"]} == {group}
    assert run("verify", "layer", "--in", "4", "--out", "2", "--checks", "x").status == 2


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--in", "4"),
        ("--in", "-1", "--out", "2"),
        ("--in", "4", "--out", "2", "--device", "nowhere"),
        ("--in", "4", "--out", "2", "--accumulate", "float7"),
        ("--in", "4", "--out", "2", "--x", "1,2"),
        ("--in", "4", "--out", "2", "--x", "1,two,3,4"),
        ("no_such_file.npz",),
    ],
)
def test_bad_input_is_refused_without_a_traceback(run: Run, arguments: tuple[str, ...]) -> None:
    """On stderr alone."""
    result = run("verify", "layer", *arguments)
    assert result.status in (2, 3)
    assert result.out == ""
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("cuda", "torch finds no cuda device here; expected cpu"),
        ("cuda:7", "torch finds no cuda device here; expected cpu"),
        ("mps", "torch finds no mps device here; expected cpu"),
        ("xpu", "torch finds no xpu device here; expected cpu"),
        ("meta", "torch finds no meta device here; expected cpu"),
        ("banana", "is not a torch device: expected cpu"),
        ("cuda:x", "is not a torch device: expected cpu"),
    ],
)
def test_a_device_that_is_not_there_is_one_plain_line(
    run: Run, device: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what is there; torch's own lines on drivers and builds are not shown."""
    monkeypatch.setattr("torch.accelerator.current_accelerator", lambda check_available: None)
    told = run("verify", "layer", "--in", "4", "--out", "2", "--device", device)
    assert (told.status, told.out, told.err.count("\n")) == (2, "", 1)
    assert words in told.err


def test_a_device_beyond_those_that_are_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one kind there may be some, and not so many."""
    monkeypatch.setattr(
        "torch.accelerator.current_accelerator", lambda check_available: torch.device("cuda")
    )
    monkeypatch.setattr("torch.accelerator.device_count", lambda: 1)
    told = run("verify", "layer", "--in", "4", "--out", "2", "--device", "cuda:7")
    assert told.status == 2
    assert "no such cuda device; expected cpu or cuda or cuda:0" in told.err
