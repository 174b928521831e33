"""fcinspect approximate, from the command line to the files that it writes."""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from fcinspect.bridge import networks
from fcinspect.layers.linear import Network
from fcinspect.rounding.arrays import FloatArray
from tests.conftest import Run

pytestmark = pytest.mark.usefixtures("prepared")

SINE = ("sin(2*pi*x)", "--on", "0,1", "--error", "0.1")

FUNCTIONS = [
    ("sin(2*pi*x)", "0,1", "1e-3"),
    ("exp(5*x)", "0,1", "1e-1"),
    ("1/(1+25*x**2)", "-1,1", "1e-2"),
    ("sqrt(x)", "0,1", "1e-2"),
    ("x**(1/3)", "0,1", "1e-2"),
    ("abs(x-1/3)", "-1,1", "1e-4"),
    ("tanh(10*x)", "-1,1", "1e-2"),
    ("erf(x)", "-3,3", "1e-2"),
    ("log(x)", "0.1,3", "1e-2"),
    ("cos(x)", "-pi,pi", "1e-2"),
    ("tan(x)", "-1.2,1.2", "1e-2"),
    ("x**3-x", "-2,2", "1e-2"),
    ("1/x", "0.1,10", "1e-2"),
    ("x*exp(-x**2)", "-4,4", "1e-2"),
    ("sin(x)/(2+cos(x))", "0,2*pi", "1e-2"),
    ("atan(x)", "-10,10", "1e-2"),
    ("2*x-1", "-1,1", "1e-5"),
    ("x**2", "1000,1001", "1"),
    ("exp(-x**2/2)", "-5,5", "1e-2"),
    ("sqrt(1-x**2)", "-0.9,0.9", "1e-2"),
]


def module_of(layers: list[dict[str, Any]]) -> nn.Sequential:
    """Return a network of JSON as torch makes it, in the format that it names."""
    modules: list[nn.Module] = []
    for layer in layers:
        dtype = getattr(torch, layer["dtype"])
        made = nn.Linear(layer["in_features"], layer["out_features"], dtype=dtype)
        with torch.no_grad():
            made.weight.copy_(torch.tensor(layer["weight"]["values"], dtype=torch.float64))
            made.bias.copy_(torch.tensor(layer["bias"]["values"], dtype=torch.float64))
        modules += [made, nn.ReLU()] if layer["activation"] == "relu" else [made]
    return nn.Sequential(*modules)


def reference(text: str, x: list[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the function by mpmath, from Python's own reading of the expression."""
    import mpmath

    names = {name: getattr(mpmath, name) for name in ("sin", "cos", "tan", "exp", "log", "sqrt",
                                                      "tanh", "erf", "atan", "pi")}  # fmt: skip
    names |= {"abs": abs}
    code = compile(text.replace("1/3", "mpf(1)/3"), "test", "eval")
    with mpmath.workdps(40):
        return np.array(
            [float(eval(code, {**names, "mpf": mpmath.mpf, "x": mpmath.mpf(v)})) for v in x]
        )


@pytest.mark.parametrize(
    ("function", "on", "error"),
    [*FUNCTIONS[:4], *(pytest.param(*line, marks=pytest.mark.slow) for line in FUNCTIONS[4:])],
    ids=lambda v: v,
)
def test_the_certificate_holds_in_torch(run: Run, function: str, on: str, error: str) -> None:
    """On a grid of our own, torch's outputs are no farther from mpmath's than certified."""
    result = run("approximate", function, "--on", on, "--error", error, "--json", "--full")
    assert result.status == 0, result.err
    data = result.data
    parts = data["error"]
    assert parts["requested"] == float(Fraction(error))
    assert parts["certified"] <= float(Fraction(error))
    total = sum(map(Fraction, (parts["interpolation"], parts["parameters"], parts["arithmetic"])))
    assert float(total) == pytest.approx(parts["certified"], rel=1e-15)
    assert data["width"] == len(data["knots"]["values"]) - 1
    assert data["network"]["layers"][0]["out_features"] == data["width"]
    low, high = data["interval"]["first"], data["interval"]["last"]
    dtype = np.dtype(data["dtype"])
    x = np.linspace(low, high, 1777).astype(dtype).clip(low, high)
    with torch.no_grad():
        y = module_of(data["network"]["layers"])(torch.from_numpy(x[:, None])).numpy()[:, 0]
    off = np.abs(y.astype(np.float64) - reference(function, x.tolist()))
    assert off.max() <= parts["certified"]
    assert off.max() >= parts["interpolation"] / 2 or parts["interpolation"] == 0


def test_both_grids_are_told(run: Run) -> None:
    """numpy always runs the network, torch with --check; both within bound."""
    assert "f and the network" not in run("approximate", *SINE).out  # drawn by --plot alone
    alone = run("approximate", *SINE, "--json").data["checks"]
    assert [check["computed_by"].split()[0] for check in alone] == ["numpy"]
    both = run("approximate", *SINE, "--check", "--json").data["checks"]
    assert [check["computed_by"].split()[0] for check in both] == ["numpy", "torch"]
    for check in both:
        assert check["points"] >= 2000
        assert check["verdict"] == "within bound"
        assert 0.09 < check["largest_error"] <= check["certified"] <= 0.1


def test_a_moved_weight_fails_the_check(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check can fail: a network with one other weight exits with 1, and says where."""
    honest = networks.run_in_torch

    def moved(network: Network, x: FloatArray) -> FloatArray:
        y = honest(network, x).copy()
        y[7] += 0.2
        return y

    monkeypatch.setattr(networks, "run_in_torch", moved)
    page = tmp_path / "page.txt"
    result = run("approximate", *SINE, "--check", "--json", "--save", page)
    assert result.status == 1
    assert result.document["ok"] is False
    assert [c["verdict"] for c in result.data["checks"]] == ["within bound", "outside bound"]
    assert "outside bound" in page.read_text(encoding="utf-8")


def test_a_smaller_error_takes_float64(run: Run, tmp_path: Path) -> None:
    """Below float32's floor the network is made in float64, and that is said."""
    arguments = ("approximate", "x**2", "--on", "1000,1001", "--error", "0.011")
    page = tmp_path / "page.txt"
    result = run(*arguments, "--json", "--save", page)
    assert result.status == 0
    told = page.read_text(encoding="utf-8")
    assert "float64 instead of float32: float32's floor is about" in told
    data = result.data
    assert data["dtype"] == "float64"
    floors = data["floors"]
    assert [floor["dtype"] for floor in floors] == ["float32", "float64"]
    assert floors[1]["error"] < 0.011 < floors[0]["error"]
    assert floors[0]["taken"] is None


def test_more_units_than_needed_take_float64(run: Run, tmp_path: Path) -> None:
    """Where rounding takes more than two units of a hundred, and float32 is not asked for."""
    arguments = ("approximate", "exp(x)", "--on", "5,6", "--error", "2e-2")
    page = tmp_path / "page.txt"
    data = run(*arguments, "--json", "--save", page).data
    assert data["dtype"] == "float64"
    assert data["width"] == data["ideal_width"]
    taken = data["floors"][0]["taken"]
    assert taken > 1.02 * data["width"]
    assert f"float32 needs {taken} units, because its rounding uses part of E" in (
        page.read_text(encoding="utf-8")
    )
    asked = run(*arguments, "--dtype", "float32", "--json").data
    assert (asked["dtype"], asked["width"]) == ("float32", taken)


@pytest.mark.parametrize(
    ("error", "options"), [("1e-5", ("--dtype", "float32")), ("1e-20", ())], ids=["32", "64"]
)
def test_an_error_below_the_floor_is_refused(
    run: Run, error: str, options: tuple[str, ...]
) -> None:
    """The floor is named, and about the floor can be had."""
    arguments = ("approximate", "sin(2*pi*x)", "--on", "0,1", *options)
    refused = run(*arguments, "--error", error)
    assert refused.status == 3
    assert refused.out == ""
    assert "floor is about" in refused.err


def test_the_floor_is_where_it_is_said_to_be(run: Run) -> None:
    """Somewhat above it float32 is certified, somewhat below it is not."""
    arguments = ("approximate", "exp(x)", "--on", "5,6", "--dtype", "float32", "--json")
    (floor,) = run(*arguments, "--error", "2e-2").data["floors"]
    assert run(*arguments, "--error", f"{1.1 * floor['error']:.3g}").status == 0
    assert run(*arguments, "--error", f"{0.9 * floor['error']:.3g}").status == 3


@pytest.mark.parametrize("ending", ["safetensors", "npz", "pt", "json"])
def test_the_saved_network_is_read_by_the_others(run: Run, tmp_path: Path, ending: str) -> None:
    """explain, show, scan and step read what is written, and torch gives the same numbers."""
    path = tmp_path / f"net.{ending}"
    made = run("approximate", *SINE, "--json", "--full", "--save", path)
    assert made.status == 0
    data = made.data
    layers = data["network"]["layers"]
    listing = run("show", path, "--json").data
    assert [layer["name"] for layer in listing["layers"]] == ["0", "2"]
    shown = run("show", path, "2", "--json", "--full").data["layer"]
    assert shown["weight"]["values"] == layers[1]["weight"]["values"]
    activations = ",".join(["0.5"] * data["width"])
    assert run("explain", path, "2", "--x", activations).status == 0
    assert run("scan", path).status == 0
    assert run("draw", path).status == 0
    if ending in ("safetensors", "json"):
        traced = run("trace", path, "--input", "4,1", "--json").data
        assert [step["kind"] for step in traced["layers"]] == ["Linear", "ReLU", "Linear"]
        assert sum(step["parameters"] for step in traced["layers"]) == 3 * data["width"] + 1
    stepped = run("step", path, "--x", "0.25", "--target", "1", "--json")
    assert stepped.status == 0
    with torch.no_grad():
        expected = module_of(layers)(torch.tensor([0.25])).item()
    assert stepped.data["output_before"]["values"] == [expected]
    assert abs(expected - 1) <= 0.1


@pytest.mark.parametrize("ending", ["safetensors", "pt"])
def test_torch_loads_the_saved_network(run: Run, tmp_path: Path, ending: str) -> None:
    """load_state_dict of nn.Sequential finds 0.weight, 0.bias, 2.weight and 2.bias."""
    path = tmp_path / f"net.{ending}"
    run("approximate", *SINE, "--save", path)
    state = load_file(path) if ending == "safetensors" else torch.load(path, weights_only=True)
    width = len(state["0.bias"])
    module = nn.Sequential(nn.Linear(1, width), nn.ReLU(), nn.Linear(width, 1))
    module.load_state_dict(state)
    x = torch.linspace(0, 1, 501)[:, None]
    with torch.no_grad():
        off = (module(x).double() - torch.sin(2 * math.pi * x.double())).abs().max().item()
    assert off <= 0.1


def test_the_json_file_is_the_network_of_the_document(run: Run, tmp_path: Path) -> None:
    """It names the activations, so that step needs no options."""
    path = tmp_path / "net.json"
    run("approximate", *SINE, "--save", path)
    layers = json.loads(path.read_text(encoding="utf-8"))["data"]["network"]["layers"]
    assert [layer["activation"] for layer in layers] == ["relu", "identity"]


@pytest.mark.parametrize(
    "arguments", [SINE, ("x**2", "--on", "0,1", "--depth", "3")], ids=["shallow", "deep"]
)
def test_the_script_builds_the_same_network(run: Run, arguments: tuple[str, ...]) -> None:
    """Without fcinspect, it prints what the document's network gives."""
    script = run("approximate", *arguments, "--show-code").out
    assert "fcinspect" not in "".join(re.findall("(?m)^ *(?:import|from) .*", script))
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(script, {"__name__": "__main__"})
    printed = np.array(json.loads(out.getvalue()))
    module = module_of(run("approximate", *arguments, "--json").data["network"]["layers"])
    with torch.no_grad():
        y = module(torch.linspace(0, 1, 9)[:, None])
    np.testing.assert_array_equal(printed[:, 1], y[:, 0].double().numpy())


def test_depth_takes_far_fewer_units(run: Run) -> None:
    """Ten layers of sawteeth against a thousand units of one hidden layer."""
    data = run("approximate", "x*x", "--on", "0,1", "--depth", "10", "--check", "--json").data
    assert data["depth"] == 10
    assert data["width"] == 39
    assert data["shallow"]["width"] == 1024
    assert data["shallow"]["lower_bound"]["pieces"] == 725
    assert data["error"]["interpolation"] == 2.0**-22
    assert data["error"]["requested"] is None
    assert all(check["verdict"] == "within bound" for check in data["checks"])


def test_the_saved_deep_network_is_stepped(run: Run, tmp_path: Path) -> None:
    """Its layers have the names that nn.Sequential gives them."""
    path = tmp_path / "deep.json"
    run("approximate", "x**2", "--on", "0,1", "--depth", "3", "--save", path)
    data = run("step", path, "--x", "0.5", "--target", "0.25", "--json").data
    assert data["output_before"]["values"] == [0.25]
    assert [layer["name"] for layer in data["layers"]] == ["0", "2", "4", "6"]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("sin(x)", "--on", "1,0", "--error", "1e-3"), 2, "A = 1 is greater than B = 0"),
        (("sin(x)", "--on", "1,1", "--error", "1e-3"), 2, "A = 1 equals B = 1"),
        (("sin(x)", "--on", "0", "--error", "1e-3"), 2, "invalid interval '0'"),
        (("sin(x)", "--on", "0,inf", "--error", "1e-3"), 2, "inf"),
        (("sin(x)", "--on", "0,1", "--error", "0"), 2, "'0' is not an error E"),
        (("sin(x)", "--on", "0,1", "--error", "-1e-3"), 2, "'-1e-3' is not an error E"),
        (("sin(x)", "--on", "0,1", "--error", "nan"), 2, "nan"),
        (("sin(x)", "--on", "0,1"), 2, "--error is missing"),
        (("sin(x)", "--error", "1e-3"), 2, "--on"),
        (("1/x", "--on", "-1,1", "--error", "1e-3"), 3, "0"),
        (("floor(x)", "--on", "0,2", "--error", "1e-3"), 2, "floor"),
        (("2x", "--on", "0,1", "--error", "1e-3"), 2, "as in 2*x"),
        (("log(x)", "--on", "-1,1", "--error", "1e-3"), 3, "log"),
        (("x.__class__", "--on", "0,1", "--error", "1e-3"), 2, "__class__"),
        (("__import__('os').system('id')", "--on", "0,1", "--error", "1"), 2, "__import__"),
        (("9**9**9", "--on", "0,1", "--error", "1"), 2, ""),
        (("sin(x", "--on", "0,1", "--error", "1"), 2, ""),
        (("y+1", "--on", "0,1", "--error", "1"), 2, "y"),
        (("x**3", "--on", "0,1", "--depth", "4"), 2, "builds only x**2 on 0,1"),
        (("x**2", "--on", "0,2", "--depth", "4"), 2, "builds only x**2 on 0,1"),
        (("x**2", "--on", "0,1", "--depth", "0"), 2, "not a whole number >= 1"),
        (("x**2", "--on", "0,1", "--depth", "40"), 3, "expected at most 22"),
        (("x**2", "--on", "0,1", "--depth", "2", "--error", "1e-3"), 3, "more than --error"),
        (("sin(x)", "--on", "0,1", "--error", "1", "--dtype", "float16"), 2, "float16"),
        ((*SINE, "--show-code", "--json"), 2, "--show-code"),
    ],
)
def test_refusals_say_why(run: Run, arguments: tuple[str, ...], status: int, words: str) -> None:
    """In one line on stderr; nothing on stdout."""
    result = run("approximate", *arguments)
    assert result.status == status
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert words in result.err


def test_units_are_folded_and_counted(run: Run, tmp_path: Path) -> None:
    """Of many units the first and last are shown, and all stand in the CSV."""
    arguments = ("approximate", "sin(2*pi*x)", "--on", "0,1", "--error", "3e-2")
    sheet = tmp_path / "net.csv"
    width = run(*arguments, "--json").data["width"]
    assert f"showing 8 of {width} units" in run(*arguments, "--save", sheet).out
    rows = sheet.read_text(encoding="utf-8").splitlines()
    assert rows[0] == "unit,knot,W1,b1,W2,b2"
    assert len(rows) == width + 2


def test_nothing_is_written_where_the_network_is_refused(run: Run, tmp_path: Path) -> None:
    """A refusal leaves no file behind."""
    path = tmp_path / "net.safetensors"
    assert run("approximate", "1/x", "--on", "-1,1", "--error", "1", "--save", path).status == 3
    assert not path.exists()


@pytest.mark.parametrize(
    ("arguments", "ending", "start"),
    [
        (SINE, "png", b"\x89PNG"),
        (SINE, "svg", b"<?xml"),
        (("x**2", "--on", "0,1", "--depth", "3"), "pdf", b"%PDF"),
    ],
    ids=["shallow-png", "shallow-svg", "deep-pdf"],
)
def test_the_figure_is_saved(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], ending: str, start: bytes
) -> None:
    """By the ending of the file."""
    path = tmp_path / f"figure.{ending}"
    assert run("approximate", *arguments, "--save", path).status == 0
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize("columns", ["50", "80", ""])
@pytest.mark.sampled(2)
def test_charts_are_drawn_on_demand(
    run: Run, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """f with the network, and the error between −E and E, in the width that there is."""
    monkeypatch.setenv("COLUMNS", columns)
    drawn = run("approximate", *SINE, "--plot").out
    assert "f and the network" in drawn
    assert "The error: y − f(x) between −E and E = 0.1" in drawn
    if columns:
        assert max(map(len, drawn.splitlines())) <= int(columns)
