"""fcinspect verify step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from torch import nn

from tests.conftest import Run

Arrays = dict[str, Any]


def step(factor: float = 1.0) -> Arrays:
    """Return a step of SGD with lr 0.1, its update times `factor`, and what led to it."""
    torch.manual_seed(5)
    layer = nn.Linear(4, 3)
    x, target = torch.randn(6, 4), torch.randn(6, 3)
    loss = nn.functional.mse_loss(layer(x), target)
    loss.backward()  # type: ignore[no-untyped-call]
    found: Arrays = {"input": x, "target": target}
    for name, p in layer.named_parameters():
        assert p.grad is not None
        found[f"fc.{name}.before"] = p.detach().clone()
        found[f"fc.{name}.grad"] = p.grad.clone()
    torch.optim.SGD(layer.parameters(), lr=0.1 * abs(factor), maximize=factor < 0).step()
    for name, p in layer.named_parameters():
        found[f"fc.{name}.after"] = p.detach()
    return {name: tensor.numpy().copy() for name, tensor in found.items()}


def written(folder: Path, arrays: Arrays, kind: str = "npz") -> Path:
    """Write a step to a file."""
    path = folder / f"step.{kind}"
    if kind == "npz":
        np.savez(path, **arrays)
    elif kind == "safetensors":
        save_file(arrays, path)
    else:
        path.write_text(json.dumps({name: a.tolist() for name, a in arrays.items()}))
    return path


RULE = ("--optimizer", "sgd", "--lr", "0.1")


@pytest.mark.parametrize("kind", ["npz", "safetensors", "json"])
def test_a_step_of_torch_is_within(run: Run, tmp_path: Path, kind: str) -> None:
    """From every kind of file, gradients and updates."""
    more = ("--dtype", "float32") if kind == "json" else ()
    path = written(tmp_path, step(), kind)
    result = run("verify", "step", path, *RULE, "--loss", "mse", *more, "--json")
    assert (result.status, result.data["verdict"]) == (0, "within bound")
    names = {check["name"] for check in result.data["checks"]}
    assert {"gradient/fc.weight.grad", "update/fc.weight", "update/fc.bias"} <= names


@pytest.mark.parametrize(
    ("factor", "words"),
    [(2.0, "applied twice"), (0.0, "not applied"), (-1.0, "the sign is wrong")],
)
def test_a_wrong_step_is_found_and_named(
    run: Run, tmp_path: Path, factor: float, words: str
) -> None:
    """Status 1, the cause on the page and in the document; the gradients are right."""
    path = written(tmp_path, step(factor))
    page = run("verify", "step", path, *RULE, "--loss", "mse")
    assert page.status == 1
    assert words in " ".join(page.out.split())
    data = run("verify", "step", path, *RULE, "--loss", "mse", "--json").data
    verdicts = {check["name"]: check["verdict"] for check in data["checks"]}
    assert verdicts["update/fc.weight"] == "outside bound"
    assert verdicts["gradient/fc.weight.grad"] == "within bound"


def test_a_wrong_gradient_is_not_blamed_on_the_optimizer(run: Run, tmp_path: Path) -> None:
    """Twice the gradient and the right update of it."""
    arrays = step(2.0)
    for name in ("fc.weight.grad", "fc.bias.grad"):
        arrays[name] = 2 * arrays[name]
    path = written(tmp_path, arrays)
    data = run("verify", "step", path, *RULE, "--loss", "mse", "--json").data
    verdicts = {check["name"]: check["verdict"] for check in data["checks"]}
    assert verdicts["gradient/fc.weight.grad"] == "outside bound"
    assert verdicts["update/fc.weight"] == "within bound"


def test_our_own_step_is_read_from_a_pipe(run: Run) -> None:
    """The document of fcinspect step tells optimizer, loss and activations itself."""
    made = run("step", "3,5,2", "--optimizer", "adam", "--json", "--full")
    result = run("verify", "step", "-", "--json", stdin=made.out)
    assert (result.status, result.data["verdict"]) == (0, "within bound")
    chosen = run("verify", "step", "-", "--checks", "update", "--json", stdin=made.out)
    assert {check["group"] for check in chosen.data["checks"]} == {"update"}


def changed(**arrays: Any) -> Arrays:
    """Return a step with some arrays replaced (__ for a dot), or left out for None."""
    named = {name.replace("__", "."): array for name, array in arrays.items()}
    return {name: a for name, a in {**step(), **named}.items() if a is not None}


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (changed(fc__weight__grad=None), "fc.weight"),
        (changed(fc__weight__after=np.zeros((4, 3), np.float32)), "(4, 3)"),
        (changed(fc__bias__after=np.zeros(3, np.int64)), "int64"),
        ({"x": np.zeros(3, np.float32)}, "before"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_a_line(
    run: Run, tmp_path: Path, arrays: Arrays, words: str
) -> None:
    """The array is named."""
    result = run("verify", "step", written(tmp_path, arrays), *RULE)
    assert (result.status, result.out) == (3, "")
    assert words in result.err
    assert "Traceback" not in result.err


def test_a_step_to_nan_is_not_within(run: Run, tmp_path: Path) -> None:
    """A parameter that became NaN is never a success."""
    arrays = step()
    arrays["fc.bias.after"][0] = np.nan
    assert run("verify", "step", written(tmp_path, arrays), *RULE).status == 1


def test_the_optimizer_must_be_known(run: Run, tmp_path: Path) -> None:
    """A file that does not tell is not guessed at; a name that does not exist is refused."""
    path = written(tmp_path, step())
    for arguments in ((), ("--optimizer", "sdg")):
        result = run("verify", "step", path, *arguments)
        assert (result.status, result.out) == (2, "")
        assert "--optimizer" in result.err
