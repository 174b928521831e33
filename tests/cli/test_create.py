from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch

from fcinspect.reports.schema import schema_of
from tests.conftest import Run

GIBIBYTES = "1000000000000"


def test_the_page_shows_every_number_and_its_law(run: Run) -> None:
    """A small layer is shown whole."""
    result = run("create", "--in", 4, "--out", 2, "--seed", 0)
    assert (result.status, result.err) == (0, "")
    for words in (
        "nn.Linear(4, 2), seed 0",
        "y (2) = W (2×4) · x (4) + b (2)",
        "2·4 + 2 = 10 parameters, 40 B",
        "x[3]",
        "y[1]",
        "-0.4115",
        "0.1323",
        "U(−1/√4, 1/√4) = U(−0.5, 0.5)",
        "satisfied: all 8 within the bound",
    ):
        assert words in result.out


def test_json_holds_the_exact_numbers_and_validates(run: Run) -> None:
    """The document equals torch's numbers and its published schema."""
    result = run("create", "--in", 4, "--out", 2, "--seed", 0, "--json")
    jsonschema.validate(result.document, schema_of("create"))
    torch.manual_seed(0)
    expected = torch.nn.Linear(4, 2)
    layer = result.data["layer"]
    assert layer["weight"]["values"] == expected.weight.tolist()
    assert layer["bias"]["values"] == expected.bias.tolist()
    assert (layer["in_features"], layer["out_features"]) == (4, 2)
    assert result.data["parameters"] == 10
    assert result.data["initialisation"]["weight"]["verdict"] == "within bound"
    assert result.data["initialisation"]["weight"]["bound"] == 0.5


@pytest.mark.parametrize(
    "options", [[], ["--no-bias"], ["--dtype", "bfloat16"], ["--init", "eye"], ["--precision", "9"]]
)
def test_no_line_is_wider_than_80_columns(
    options: list[str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns are left out until the table fits a terminal."""
    monkeypatch.setenv("COLUMNS", "80")
    for widths in ((784, 512), (9, 9), (8, 8), (0, 3), (3, 0), (1, 1000)):
        out = run("create", "--in", widths[0], "--out", widths[1], *options).out
        assert max(len(line.rstrip()) for line in out.splitlines()) <= 80


def test_large_layers_say_what_is_shown(run: Run) -> None:
    """Nothing is left out silently, and what fits is not left out."""
    out = run("create", "--in", 784, "--out", 512).out
    assert "showing 16 of 512 outputs, 7 of 784 inputs; all in --format csv or --json" in out
    assert "x[783]" in out
    assert "y[511]" in out
    assert "⋯" in out
    assert "⋮" in out
    assert "showing" not in run("create", "--in", 4, "--out", 16).out


def test_without_a_width_sixteen_inputs_are_shown(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Markdown is as wide as it needs be; a pipe has 100 columns, and says what it left out."""
    monkeypatch.delenv("COLUMNS")
    out = run("create", "--in", 17, "--out", 16, "-f", "md").out
    assert "showing 16 of 17 inputs;" in out
    assert out.replace("\\", "").count("x[") == 16
    assert "showing" not in run("create", "--in", 16, "--out", 16, "-f", "md").out
    piped = run("create", "--in", 17, "--out", 16).out
    (shown,) = re.findall(r"showing (\d+) of 17 inputs;", piped)
    assert piped.count("x[") == int(shown)
    assert max(map(len, piped.splitlines())) <= 100


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 0), (0, 3), (0, 0)])
def test_nothing_is_said_of_numbers_that_are_not_there(inputs: int, outputs: int, run: Run) -> None:
    """A layer without parameters has no initialisation."""
    widths = ("--in", inputs, "--out", outputs)
    assert "Initialization" not in run("create", *widths, "--no-bias").out
    assert ("Initialization" in run("create", *widths).out) == bool(outputs)


def test_width_0_is_served(run: Run) -> None:
    """A layer without inputs gives y = b, and the page says so."""
    result = run("create", "--in", 0, "--out", 3)
    assert result.status == 0
    assert "y = b" in result.out
    assert "y = 0" in run("create", "--in", 0, "--out", 3, "--no-bias").out
    assert "y is empty" in run("create", "--in", 3, "--out", 0).out
    assert run("create", "--in", 0, "--out", 0, "--json").data["parameters"] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--in", "4"], "--out is missing"),
        (["--out", "4"], "--in is missing"),
        ([], "expected --in N --out M"),
        (["--in", "-1", "--out", "2"], "not a whole number"),
        (["--in", "1e3", "--out", "2"], "not a whole number"),
        (["--in", "4.0", "--out", "2"], "not a whole number"),
        (["--in", "4", "--out", "2", "--init", "kaming_normal"], "did you mean 'kaiming_normal'"),
        (["--in", "4", "--out", "2", "--dtype", "float23"], "did you mean"),
        (["--in", "0", "--out", "0", "--init", "xavier_normal"], "which is 0"),
        (["--in", "4", "--out", "2", "--init", "orthogonal", "--dtype", "float16"], "float16"),
        (["--in", GIBIBYTES, "--out", "3"], "of memory"),
        (["--in", GIBIBYTES, "--out", GIBIBYTES], "of memory"),
        (["--in", "4", "--out", "2", "--save", "x.docx"], "unknown file ending '.docx'"),
        (["--in", "4", "--out", "2", "--save", "x.npz", "--dtype", "bfloat16"], ".safetensors"),
    ],
)
def test_bad_options_give_one_line_and_status_2(
    arguments: list[str], words: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The value and the expected form are named, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    result = run("create", *arguments)
    assert (result.status, result.out) == (2, "")
    assert words in result.err
    assert result.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_is_refused_before_torch_is_imported() -> None:
    """Neither memory nor time is spent on a layer that cannot be."""
    script = (
        "import sys; from fcinspect.cli import run;"
        f"status = run(['create', '--in', '{GIBIBYTES}', '--out', '3']);"
        "print(int(status), 'torch' in sys.modules)"
    )
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout == "2 False\n"
    after = os.times()
    assert after.children_user - before.children_user < 30


@pytest.mark.parametrize("ending", ["safetensors", "npz", "json", "pt"])
@pytest.mark.parametrize("init", ["default", "xavier_normal"])
def test_saved_layers_are_shown_again_bit_for_bit(
    ending: str, init: str, run: Run, tmp_path: Path
) -> None:
    """Every layer file is read back exactly and never overwritten unasked."""
    path = tmp_path / f"m.{ending}"
    made = run(
        "create", "--in", 40, "--out", 30, "--init", init, "--save", path, "--json", "--full"
    )
    assert made.status == 0
    shown = run("show", path, "--json", "--full")
    assert (shown.status, shown.err) == (0, "")
    for key in ("weight", "bias", "in_features", "out_features", "dtype"):
        assert shown.data["layer"][key] == made.data["layer"][key]
    again = run("create", "--in", 4, "--out", 3, "--save", path)
    assert again.status == 74
    assert "--force" in again.err
    assert run("create", "--in", 4, "--out", 3, "--save", path, "--force").status == 0
    assert [entry.name for entry in tmp_path.iterdir()] == [f"m.{ending}"]


@pytest.mark.parametrize("ending", ["md", "csv", "svg", "html", "txt"])
def test_reports_are_saved_by_their_ending(ending: str, run: Run, tmp_path: Path) -> None:
    """Other endings hold the report."""
    path = tmp_path / f"m.{ending}"
    assert run("create", "--in", 4, "--out", 2, "--save", path, "-q").out == ""
    assert "-0.411" in path.read_text()


def test_csv_is_exact(run: Run) -> None:
    """The rows of the sheet are torch's numbers."""
    lines = run("create", "--in", 3, "--out", 2, "-f", "csv").out.splitlines()
    assert lines[0] == "output,x[0],x[1],x[2],b"
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    for i, line in enumerate(lines[1:]):
        name, *numbers = line.split(",")
        assert name == f"y[{i}]"
        assert [float(n) for n in numbers] == [*layer.weight[i].tolist(), layer.bias[i].item()]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("ending", ["npz", "safetensors", "pt", "json", "svg"])
def test_a_full_disk_is_told(ending: str, run: Run, tmp_path: Path) -> None:
    """A device that takes no bytes is no crash."""
    path = tmp_path / f"m.{ending}"
    path.symlink_to("/dev/full")
    result = run("create", "--in", 4, "--out", 2, "--save", path)
    assert (result.status, result.out, result.err.count("\n")) == (74, "", 1)
    assert "No space left" in result.err


def test_the_script_that_is_shown_runs_and_gives_the_numbers(run: Run) -> None:
    """The printed script is a program."""
    arguments = ["--in", 3, "--out", 2, "--seed", 5, "--init", "orthogonal", "--dtype", "float64"]
    result = run("create", *arguments, "--show-code")
    done = subprocess.run(
        [sys.executable, "-c", result.out], capture_output=True, encoding="utf-8", check=True
    )
    assert "Parameter containing" in done.stdout
    names: dict[str, torch.nn.Linear] = {}
    exec(result.out, names)
    values = run("create", *arguments, "--json").data["layer"]["weight"]["values"]
    np.testing.assert_array_equal(names["layer"].weight.detach().numpy(), values)


def test_output_in_a_pipe_is_whole(shell: Run) -> None:
    """A process of its own writes one whole document."""
    result = shell("create", "--in", 4, "--out", 2, "--json")
    assert (result.status, result.err) == (0, "")
    assert json.loads(result.out)["ok"] is True
