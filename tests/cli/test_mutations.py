from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest

from tests.cli.mutation import Call, calls, fault, steps
from tests.conftest import Run

MANY = ",".join("1" * 67)


def test_no_command_line_and_no_file_is_a_defect() -> None:
    """Whatever is changed in them, one line on stderr refuses it, or a report answers it."""
    wrong = {call: found for call in islice(calls(0), 150) if (found := fault(call))}
    assert wrong == {}


def test_a_defect_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search can fail: a planted exception is found."""

    def planted(*given: object) -> None:
        raise KeyError("planted")

    monkeypatch.setattr("fcinspect.checkpoints.step_file.load_step_file", planted)
    assert "KeyError: 'planted'" in str(fault(Call(("verify", "step", "-"), "{}")))


@pytest.mark.parametrize("words", [("step", "3-2"), ("explain", "3-2"), ("shapes", "3-2")])
def test_a_batch_has_no_more_dimensions_than_an_array_can(run: Run, words: tuple[str, ...]) -> None:
    """Those of torch and numpy end at 64, and what they exchange at 32."""
    result = run(*words, "--batch", MANY)
    assert (result.status, result.out) == (2, "")
    assert "has 67 dimensions: expected at most 30" in result.err
    assert run(*words, "--batch", ",".join("1" * 30)).status == 0


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("shape", [(0, 17), (17, 0), (0, 0)])
def test_a_step_of_a_layer_without_numbers_is_shown(run: Run, shape: tuple[int, int]) -> None:
    """Nothing is updated, and nothing fails."""
    rows, columns = shape
    weight = {"shape": list(shape), "dtype": "float32", "values": [[0] * columns] * rows}
    result = run("step", "-", stdin=json.dumps({"weight": weight}))
    assert result.status in (0, 1)
    assert f"on {columns}-{rows}" in result.out


def step_with(place: str, value: Any) -> str:
    """Return a recorded step of Adam with another value in a place: "layers.0.activation"."""
    document = list(steps())[1]
    *path, last = place.split(".")
    holder = document["data"]
    for key in path:
        holder = holder[int(key) if key.isdigit() else key]
    holder[last] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ("layers.0.weight.state_before", 1, "layers[0].weight.state_before is 1: expected an obj"),
        ("layers.0.weight.state_before", [], "layers[0].weight.state_before is []: expected an"),
        ("layers.0.weight.state_before", "x", "is 'x': expected an object of arrays by name"),
        ("optimizer.options.betas", [2.5, 0.9], "betas=(2.5, 0.9): expected two numbers >= 0"),
        ("optimizer.options.betas", [0.9, -1], "betas=(0.9, -1.0): expected two numbers >= 0"),
        ("optimizer.options.betas", [float("nan"), 0.9], "expected two numbers >= 0 and < 1"),
        ("optimizer.options.betas", 2.5, "betas=2.5: expected two numbers >= 0 and < 1"),
        ("optimizer.options.betas", [[0.9, 0.9], 0.9], "betas is [0.9, 0.9]: expected a number"),
        ("optimizer.options.betas", [10**400, 0.9], "optimizer.betas is 1000"),
        ("optimizer.options.lr", 10**400, "optimizer.lr is 1000"),
        ("optimizer.options.lr", -1, "lr=-1: expected a finite number >= 0"),
        ("optimizer.options.lr", float("inf"), "lr=inf: expected a finite number >= 0"),
        ("optimizer.options.lr", [0.1, 0.2], "lr=(0.1, 0.2): expected a finite number >= 0"),
        ("optimizer.options.eps", True, "eps=True: expected a finite number >= 0"),
        ("optimizer.options.amsgrad", 0.5, "amsgrad=0.5: expected true or false"),
        ("loss", "msee", "loss is 'msee': expected one of mse, l1"),
        ("loss", 1, "loss is 1: expected a name"),
        ("layers.0.activation", "rellu", "activation of fc1 is 'rellu': expected one of relu"),
        ("layers.0.activation", [], "layers[0].activation is []: expected a name"),
        ("layers.0.name", None, "layers[0].name is None: expected a name"),
        ("step", 1.5, "step is 1.5: expected a whole number >= 1"),
        ("step", 0, "step is 0: expected a whole number >= 1"),
        ("target", {"shape": [1], "dtype": "int64", "values": " "}, "target"),
    ],
)
def test_a_step_file_is_refused_by_what_is_wrong_in_it(
    run: Run, place: str, value: Any, words: str
) -> None:
    """The place, the value and what is expected there; nothing is guessed."""
    result = run("verify", "step", "-", stdin=step_with(place, value))
    assert (result.status, result.out) == (3, "")
    assert words in result.err
    assert result.err.count("\n") == 1
