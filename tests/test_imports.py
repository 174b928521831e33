"""What each command loads, measured in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PROBE = """
import sys, json, runpy
sys.argv = ["fcinspect", *json.loads(sys.argv[1])]
try:
    runpy.run_module("fcinspect", run_name="__main__")
except SystemExit as stopped:
    status = stopped.code
heavy = ("torch", "numpy", "rich", "pydantic", "matplotlib")
loaded = [name for name in heavy if name in sys.modules]
sys.stderr.write("\\n" + json.dumps([status, loaded]))
"""


def loaded_by(
    *arguments: str,
    folder: Path | None = None,
    statuses: tuple[int | None, ...] = (0, None),
    **environment: str,
) -> set[str]:
    """Return which heavy libraries a command loads; it must succeed, or end as told."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(arguments)],
        capture_output=True,
        encoding="utf-8",
        cwd=folder,
        env={**os.environ, **environment},
        check=True,
    )
    status, loaded = json.loads(done.stderr.splitlines()[-1])
    assert status in statuses, done.stderr
    return set(loaded)


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("--version",), ("shapes", "3-5-4-2"), ("explain", "--help"), ("step", "--help"),
     ("trace", "--help"), ("diagnose", "--help"), ("verify", "--help"),
     ("scan", "--help"), ("diff", "--help"),
     ("approximate", "--help"), ("draw", "--help"), ("draw", "3-5-4-2"),
     ("worksheet", "--help"),
     ("verify", "layer", "--help"),
     ("verify", "optimizer", "--help"),
     ("completion", "bash"), ("schema", "shapes"), ("guide", "scan"), ("man",)],
    ids=" ".join,
)  # fmt: skip
def test_light_commands_load_neither_torch_nor_numpy(arguments: tuple[str, ...]) -> None:
    """Help, version, shapes, schema and completion scripts cost no heavy import."""
    assert not loaded_by(*arguments) & {"torch", "numpy"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_a_tab_loads_neither_torch_nor_numpy(shell: str) -> None:
    """Completing the name of an option is as cheap as --help."""
    loaded = loaded_by(
        _FCINSPECT_COMPLETE=f"complete_{shell}",
        COMP_WORDS="fcinspect explain --dty",
        COMP_CWORD="2",
        _TYPER_COMPLETE_ARGS="fcinspect explain --dty",
        _TYPER_COMPLETE_FISH_ACTION="get-args",
        _TYPER_COMPLETE_WORD_TO_COMPLETE="--dty",
    )
    assert not loaded & {"torch", "numpy"}


def test_the_probe_sees_torch() -> None:
    """The test above can fail: a command that needs torch is seen to load it."""
    assert {"torch", "numpy"} <= loaded_by("explain", "--in", "2", "--out", "1")


@pytest.mark.parametrize("form", ["text", "json", "csv"])
@pytest.mark.sampled(3)
def test_worksheets_are_graded_in_plain_python(tmp_path: Path, form: str) -> None:
    """Only making a sheet asks torch; grading imports neither torch nor numpy."""
    made = ("worksheet", "3-2-2", "--sheet", "all", "--save", "sheet.json", "--quiet")
    assert "torch" in loaded_by(*made, folder=tmp_path)
    path = tmp_path / "sheet.json"
    path.write_text(path.read_text(encoding="utf-8").replace("null", "2.5"), encoding="utf-8")
    graded = ("worksheet", "--grade", "sheet.json", "-f", form)
    assert not loaded_by(*graded, folder=tmp_path, statuses=(1,)) & {"torch", "numpy"}


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_pasted_error_is_diagnosed_without_torch(form: str) -> None:
    """diagnose "TEXT" imports neither torch nor numpy."""
    text = "mat1 and mat2 shapes cannot be multiplied (64x1568 and 2048x128)"
    assert not loaded_by("diagnose", text, "-f", form, statuses=(1,)) & {"torch", "numpy"}


def test_a_traceback_is_located_without_torch(tmp_path: Path) -> None:
    """Nor does reading the files that it names import them or torch."""
    (tmp_path / "model.py").write_text("import torch\nx = self.fc1(x)\n", encoding="utf-8")
    text = (
        'Traceback (most recent call last):\n  File "model.py", line 2, in forward\n'
        "    x = self.fc1(x)\nRuntimeError: mat1 and mat2 shapes cannot be multiplied (4x2 and 3x1)"
    )
    assert not loaded_by("diagnose", text, folder=tmp_path, statuses=(1,)) & {"torch", "numpy"}


def test_tracing_keeps_torch_in_the_other_process() -> None:
    """trace runs the module elsewhere: this process imports neither torch nor numpy."""
    arguments = ("trace", "fcinspect.examples:MLP", "--input", "4,3")
    assert not loaded_by(*arguments) & {"torch", "numpy"}


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    """Write one layer as .npz, .safetensors, .json and .pt."""
    import torch
    from safetensors.numpy import save_file

    weight = np.arange(6, dtype=np.float32).reshape(2, 3)
    bias = np.ones(2, dtype=np.float32)
    np.savez(tmp_path / "layer.npz", weight=weight, bias=bias)
    save_file({"weight": weight, "bias": bias}, tmp_path / "layer.safetensors")
    plain = {"weight": weight.tolist(), "bias": bias.tolist()}
    (tmp_path / "layer.json").write_text(json.dumps(plain), encoding="utf-8")
    state = {"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)}
    torch.save(state, tmp_path / "layer.pt")
    torch.save(state, tmp_path / "layer.old", _use_new_zipfile_serialization=False)
    return tmp_path


@pytest.mark.parametrize("ending", ["json", "npz", "safetensors", "pt", "old"])
@pytest.mark.parametrize("command", ["show", "explain", "scan"])
@pytest.mark.sampled(2)
def test_layers_from_files_load_no_torch(layers: Path, command: str, ending: str) -> None:
    """show, explain and scan read layers without torch."""
    assert "torch" not in loaded_by(command, f"layer.{ending}", folder=layers)


def test_a_page_of_a_layer_loads_no_torch(layers: Path) -> None:
    """Nor does writing it load rich: nothing is printed."""
    command = ("explain", "layer.npz", "--save", "page.html", "--quiet")
    assert loaded_by(*command, folder=layers) == {"numpy"}


@pytest.mark.parametrize("ending", ["json", "npz", "safetensors", "pt"])
def test_comparing_files_loads_no_torch(layers: Path, ending: str) -> None:
    """diff reads both sides without torch."""
    assert "torch" not in loaded_by("diff", f"layer.{ending}", "layer.npz", folder=layers)


@pytest.mark.parametrize(
    "arguments",
    [("show", "layer.npz", "--plot"), ("scan", "layer.safetensors", "--plot"),
     ("scan", "layer.npz", "--plot", "--spectrum"),
     ("show", "layer.npz", "--save", "report.svg"), ("step", "3-2", "--plot")],
    ids=" ".join,
)  # fmt: skip
@pytest.mark.sampled(3)
def test_charts_of_text_load_no_matplotlib(layers: Path, arguments: tuple[str, ...]) -> None:
    """Nor do show and scan load torch for them."""
    loaded = loaded_by(*arguments, folder=layers)
    assert "matplotlib" not in loaded
    assert "torch" not in loaded or arguments[0] == "step"


@pytest.mark.parametrize("command", ["show", "scan"])
def test_figures_load_matplotlib_but_no_torch(layers: Path, command: str) -> None:
    """The test above can fail: a figure is drawn by matplotlib."""
    loaded = loaded_by(command, "layer.npz", "--save", "figure.png", folder=layers)
    assert "matplotlib" in loaded
    assert "torch" not in loaded


@pytest.mark.parametrize("ending", ["json", "npz", "safetensors"])
@pytest.mark.sampled(3)
def test_a_network_is_built_and_saved_without_torch(tmp_path: Path, ending: str) -> None:
    """approximate loads torch for --check and .pt files alone."""
    arguments = ("approximate", "x**2", "--on", "0,1", "--error", "0.01")
    saved = ("--save", f"net.{ending}")
    assert "torch" not in loaded_by(*arguments, *saved, folder=tmp_path)
    assert "torch" in loaded_by(*arguments, "--check", folder=tmp_path)


@pytest.mark.parametrize("save", ["net.svg", "net.mmd", "net.json"])
@pytest.mark.sampled(3)
def test_a_structure_is_drawn_without_torch(tmp_path: Path, save: str) -> None:
    """draw loads matplotlib for figures alone, and torch for the weights of a seed."""
    loaded = loaded_by("draw", "3-5-4-2", "--save", save, folder=tmp_path)
    assert "torch" not in loaded
    assert ("matplotlib" in loaded) == (save == "net.svg")
    assert "torch" in loaded_by("draw", "3-2", "--seed", "0")


@pytest.mark.parametrize("ending", ["json", "npz", "safetensors", "pt"])
@pytest.mark.sampled(2)
def test_networks_from_files_are_drawn_without_torch(layers: Path, ending: str) -> None:
    """Their weights, and the values of their units, are computed by numpy."""
    arguments = ("draw", f"layer.{ending}", "--x", "1,2,3")
    assert "torch" not in loaded_by(*arguments, "--save", "net.png", folder=layers)


def test_a_module_is_drawn_from_another_process() -> None:
    """Code is loaded elsewhere: this process imports no torch."""
    arguments = ("draw", "fcinspect.examples:MLP", "--seed", "0", "--x", "1,2,3")
    assert "torch" not in loaded_by(*arguments)


def test_a_layer_that_torch_makes_is_seen_to_load_it() -> None:
    """The tests above can fail: a new layer is made by torch."""
    assert "torch" in loaded_by("create", "--in", "2", "--out", "2")
