from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.conftest import Run

Numbers = dict[str, Any]


def numbers(**changed: Any) -> Numbers:
    """Return x, W, b and torch's y in float32, with what is changed; None leaves an array out."""
    made = torch.Generator().manual_seed(2)
    x, w, b = (torch.randn(*shape, generator=made) for shape in ((3, 8), (4, 8), (4,)))
    y = torch.nn.functional.linear(x, w, b)
    found = {name: part.numpy() for name, part in zip("xWby", (x, w, b, y), strict=True)}
    return {name: part for name, part in {**found, **changed}.items() if part is not None}


def npz(folder: Path, **changed: Any) -> Path:
    """Write the arrays to an .npz file."""
    path = folder / "y.npz"
    np.savez(path, **numbers(**changed))
    return path


def as_json(arrays: Numbers) -> str:
    """Return the arrays as plain lists."""
    return json.dumps({name: part.tolist() for name, part in arrays.items()})


def test_a_right_and_a_wrong_output(run: Run, tmp_path: Path) -> None:
    """Status 0 and 1; the page names interval and cause."""
    assert run("verify", "output", npz(tmp_path)).status == 0
    found = run("verify", "output", npz(tmp_path, y=numbers()["y"] - numbers()["b"]))
    assert found.status == 1
    assert "likely cause: the bias is missing" in found.out
    assert "rounding allows" in found.out


def test_the_document(run: Run, tmp_path: Path) -> None:
    """data.checks has a check for y, one for y2 and one for their difference."""
    arrays = numbers()
    other = arrays["x"].astype(np.float64) @ arrays["W"].T.astype(np.float64) + arrays["b"]
    path = npz(tmp_path, y2=other.astype(np.float32), z=np.zeros(2))
    found = run("verify", "output", path, "--json")
    assert found.status == 0
    assert found.document["schema"] == "fcinspect.verify/1"
    assert found.document["input"] == {
        "file": str(path), "accumulate": None, "layout": "out,in", "dtype": None, "checks": None,
    }  # fmt: skip
    assert found.data["kind"] == "output"
    assert found.data["verdict"] == "within bound"
    assert [check["name"] for check in found.data["checks"]] == [
        "output/y", "output/y2", "output/y against y2",
    ]  # fmt: skip
    assert found.data["checks"][0]["elements"] == 12
    assert found.data["not_exercised"] == ["'z': not one of x, W, b, y, y2"]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
@pytest.mark.parametrize("more", [[], ["--batch", "2,3"], ["--no-bias"]])
def test_the_output_of_explain_is_read(run: Run, dtype: str, more: list[str]) -> None:
    """explain --json --full | verify output -, and a spoilt number in between."""
    asked = ["explain", "--in", 30, "--out", 40, "--dtype", dtype, "--json", "--full", *more]
    explained = run(*asked)
    assert run("verify", "output", "-", stdin=explained.out).status == 0
    document = explained.document
    values = np.array(document["data"]["output"]["values"])
    values[(0,) * values.ndim] += 1.0
    document["data"]["output"]["values"] = values.tolist()
    found = run("verify", "output", "-", "--json", stdin=json.dumps(document))
    assert found.status == 1
    assert found.data["checks"][0]["worst"]["index"] == [0] * values.ndim


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--in", 40, "--out", 40, "--json"], "summary of shape (40, 40) without the numbers"),
        (["--in", 4, "--out", 2, "--element", 1, "--json"], None),
    ],
)
def test_part_of_an_explanation(run: Run, asked: list[object], said: str | None) -> None:
    """A summary is refused with what writes the numbers; explained elements do not matter."""
    found = run("verify", "output", "-", stdin=run("explain", *asked).out)
    assert found.status == (0 if said is None else 3)
    assert (said or "") in found.err


def test_some_rows_of_a_stored_layer_are_refused(run: Run, tmp_path: Path) -> None:
    """An explanation that read one output of a file holds no whole y."""
    path = tmp_path / "w.npz"
    np.savez(path, weight=numbers()["W"])
    part = run("explain", path, "--element", 1, "--json").out
    found = run("verify", "output", "-", stdin=part)
    assert found.status == 3
    assert "explains only some of the outputs" in found.err


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_safetensors(run: Run, tmp_path: Path, dtype: torch.dtype) -> None:
    """In the names of torch, and in the format of the file."""
    x, w, b, _ = (torch.from_numpy(part).to(dtype) for part in numbers().values())
    y = torch.nn.functional.linear(x, w, b)
    path = tmp_path / "y.safetensors"
    save_file({"input": x, "weight": w, "bias": b, "output": y}, path)
    assert run("verify", "output", path).status == 0
    save_file({"input": x, "weight": w, "bias": b, "output": y + 1}, path)
    assert run("verify", "output", path).status == 1


def test_the_format_of_plain_numbers_is_told(run: Run) -> None:
    """Numbers of float32 are read so; others as float64; --dtype decides."""
    found = run("verify", "output", "-", stdin=as_json(numbers()))
    assert found.status == 0
    assert "read as float32, because every number is a float32 number" in found.out
    tenth = '{"x": [0.1, 0.2, 0.3], "W": [[0.1, 0.7, 0.9]], "y": [0.42]}'
    found = run("verify", "output", "-", stdin=tenth)
    assert found.status == 0
    assert "read as float64, because not every number is a float32 number" in found.out
    found = run("verify", "output", "-", "--dtype", "float16", stdin=tenth)
    assert found.status == 0
    assert "read as float16; numbers of x, W, y were rounded to it" in found.out


def test_numbers_of_another_format_are_recognised(run: Run) -> None:
    """A bfloat16 layer written as plain numbers is outside float32's bound: why is said."""
    x, w, b, _ = (torch.from_numpy(part).bfloat16() for part in numbers().values())
    y = torch.nn.functional.linear(x, w, b)
    text = json.dumps({"x": x.tolist(), "W": w.tolist(), "b": b.tolist(), "y": y.tolist()})
    found = run("verify", "output", "-", "--json", stdin=text)
    assert found.status == 1
    assert "with --dtype bfloat16, all are within bound" in found.data["likely_cause"]
    assert run("verify", "output", "-", "--dtype", "bfloat16", stdin=text).status == 0


def test_layout_and_accumulate(run: Run, tmp_path: Path) -> None:
    """A weight the other way round, and partial sums in fewer bits."""
    arrays = numbers()
    path = npz(tmp_path, W=np.ascontiguousarray(arrays["W"].T))
    assert "--layout in,out fits" in run("verify", "output", path).err
    assert run("verify", "output", path, "--layout", "in,out").status == 0
    halves = [
        torch.from_numpy(arrays["x"][:, part] @ arrays["W"][:, part].T).bfloat16().float().numpy()
        for part in (slice(4), slice(4, 8))
    ]
    path = npz(tmp_path, y=halves[0] + halves[1] + arrays["b"])
    assert run("verify", "output", path).status == 1
    found = run("verify", "output", path, "--accumulate", "split:2:bfloat16")
    assert found.status == 0
    assert "2 partial sums stored in bfloat16" in " ".join(found.out.split())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"y": None}, "holds no 'y' (or 'output'): only 'x', 'W', 'b'"),
        ({"W": None, "w": np.ones((4, 8))}, "holds no 'W' (or 'weight')"),
        ({"input": np.ones((3, 8))}, "holds both 'x' and 'input': expected one of them"),
        ({"x": np.ones((3, 8), int)}, "'x' of 'y.npz' holds int64 numbers: expected float64"),
        ({"x": np.ones((3, 8), complex)}, "holds complex128 numbers"),
        ({"x": np.ones((3, 8))}, "x is float64, W is float32: expected one format for both"),
        ({"b": np.ones(3, np.float32)}, "b has shape (3,): W of shape (4, 8) read as (out,in)"),
        (
            {"y": np.ones((4, 3), np.float32)},
            "y has shape (4, 3): expected (3, 4) for x of shape (3, 8)",
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_not_fit_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: Any, said: str
) -> None:
    """In one line that names what and what would fit, with status 3."""
    npz(tmp_path, **changed)
    monkeypatch.chdir(tmp_path)
    found = run("verify", "output", "y.npz")
    assert (found.status, found.out) == (3, "")
    assert said in found.err
    assert found.err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "standard input is empty"),
        ("[1, 2]", "standard input is not an object"),
        ('{"x": [1], "x": [2]}', "'x' appears twice"),
        ('{"x": [1], "W": [[1]], "y": [null]}', "y[0] is null: expected a number"),
        ('{"x": [1, [2]], "W": [[1]], "y": [1]}', "rows must have the same length"),
        ('{"x": ["1"], "W": [[1]], "y": [1]}', "x[0] is the string '1': expected a number"),
        ('{"x": [NaN], "W": [[1]], "y": [1]}', "x[0] is NaN"),
        (
            '{"schema": "fcinspect.shapes/1", "data": {}}',
            "without data.input: expected the output of",
        ),
    ],
)
def test_json_that_is_not_fit_is_refused(run: Run, text: str, said: str) -> None:
    """In one line that names the place, with status 3."""
    found = run("verify", "output", "-", stdin=text)
    assert (found.status, found.out) == (3, "")
    assert said in found.err


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--dtype", "float64"], 2, "already states the dtype of its numbers"),
        (["--accumulate", "float33"], 2, "float33"),
        (["--layout", "in,in"], 2, "in,in"),
        (["--checks", "output/z"], 2, "matches no check"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    run: Run, tmp_path: Path, options: list[str], status: int, said: str
) -> None:
    """In one line, with status 2."""
    found = run("verify", "output", npz(tmp_path), *options)
    assert (found.status, found.out) == (status, "")
    assert said in found.err


def test_a_file_of_another_kind_is_refused(run: Run, tmp_path: Path) -> None:
    """A missing file, a pickled one, one array alone."""
    assert "no such file" in run("verify", "output", tmp_path / "no.npz").err
    torch.save({"x": torch.ones(2)}, tmp_path / "y.pt")
    assert "is not an .npz, .safetensors or .json" in run("verify", "output", tmp_path / "y.pt").err
    np.save(tmp_path / "y.npy", np.ones(3))
    assert "holds no 'x'" in run("verify", "output", tmp_path / "y.npy").err


def test_checks_are_listed_and_chosen(run: Run, tmp_path: Path) -> None:
    """--checks list computes nothing; a chosen check runs alone."""
    path = npz(tmp_path, y2=numbers()["y"])
    listed = run("verify", "output", path, "--checks", "list", "--json")
    assert listed.data["planned"] == ["output/y", "output/y2", "output/y against y2"]
    chosen = run("verify", "output", path, "--checks", "output/y against y2", "--json")
    assert [check["detail"] for check in chosen.data["checks"]] == ["the same numbers"]
    assert len(chosen.data["not_exercised"]) == 2


def test_torch_is_not_loaded(shell: Run, tmp_path: Path) -> None:
    """Files are verified without it."""
    found = shell("verify", "output", npz(tmp_path), "--verbose")
    assert found.status == 0
    assert "numpy" in found.err
    assert "torch" not in found.err
