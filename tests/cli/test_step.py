from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.conftest import Run

NETWORK = {
    "layers": [
        {"weight": [[0.5, -0.25], [0.75, 1.0]], "bias": [0.5, 0.0], "activation": "tanh"},
        {"weight": [[1.0, -2.0]], "bias": [0.25], "activation": "identity"},
    ]
}


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Return a file with a network 2-2-1."""
    path = tmp_path / "net.json"
    path.write_text(json.dumps(NETWORK))
    return path


def test_the_default_step_is_shown_whole_and_within_bound(run: Run) -> None:
    """Exit 0."""
    result = run("step", "3-5-4-2", "--seed", 0, "--lr", 0.01)
    assert result.status == 0
    assert "One step of SGD(lr=0.01) on 3-5-4-2" in result.out
    assert "loss 1.5180 → 1.4700 (-0.0480)" in result.out
    assert "Within bound" in result.out


SCRIPTS: list[list[str]] = [
    ["3-5-4-2"],
    ["3-5-2", "--batch", "2,3", "--dtype", "float64", "--seed", "7", "--no-bias"],
    ["3-4-3", "--loss", "cross_entropy"],
    ["3-4-3", "--loss", "cross_entropy", "--batch", "4", "--target", "0,2,1,2"],
    ["3-4-3", "--loss", "cross_entropy", "--batch", "2,2"],
    ["3-4-3", "--loss", "cross_entropy", "--x", "1,2,3;4,5,6", "--target", "1,0"],
    ["3-4-2", "--loss", "bce", "--steps", "3", "--optimizer", "adam", "--amsgrad"],
    ["3-4-2", "--loss", "bce_with_logits", "--optimizer", "rmsprop", "--centered"],
    ["3-4-2", "--loss", "l1", "--activation", "leaky_relu", "--optimizer", "adagrad"],
    ["3-4-2", "--loss", "half_sum_squares", "--activation", "gelu", "--optimizer", "adamw"],
    ["3-4-2", "--loss", "half_mean_squares", "--activation", "tanh", "--output-activation", "relu"],
    ["3-4-2", "--momentum", "0.9", "--nesterov", "--weight-decay", "0.1", "--steps", "4"],
    ["3-4-2", "--optimizer", "adam", "--betas", "0.5,0.75", "--eps", "0.001", "--maximize"],
    ["3-2", "--x", "0.1,nan,3", "--target", "inf,1"],
]


@pytest.mark.parametrize("arguments", SCRIPTS, ids=" ".join)
def test_the_printed_script_gives_the_same_bits(run: Run, arguments: list[str]) -> None:
    """With the real torch.optim; only the script is printed."""
    script = run("step", *arguments, "--show-code")
    assert script.status == 0
    names = executed(script.out)
    data = run("step", *arguments, "--json").data
    compare(names, data)


def test_the_script_of_a_file_gives_the_same_bits(run: Run, network: Path) -> None:
    """x and target drawn after the seed, for the layers need no random numbers."""
    arguments = (network, "--batch", 3, "--seed", 5)
    names = executed(run("step", *arguments, "--show-code").out)
    compare(names, run("step", *arguments, "--json").data)


def executed(script: str) -> dict[str, Any]:
    """Run a script; return its names."""
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(script, names)
    return names


def compare(names: dict[str, Any], data: Any) -> None:
    """Compare a script's tensors with the report's arrays, bit for bit."""
    same(names["x"], data["input"])
    same(names["t"], data["target"])
    same(names["y"], data["output_after"])
    layers: list[nn.Linear] = names["layers"]
    for layer, shown in zip(layers, data["layers"], strict=True):
        for name, parameter in layer.named_parameters():
            assert parameter.grad is not None
            same(parameter, shown[name]["after"])
            same(parameter.grad, shown[name]["grad"])


def same(tensor: torch.Tensor, document: Any) -> None:
    """Compare a tensor with an array of a document; NaN and inf by their kind."""
    values = torch.tensor(without_null(document["values"]), dtype=torch.float64)
    for lost in document.get("nonfinite", []):
        values[tuple(lost["index"])] = float(lost["value"])
    expected = tensor.detach().double()
    assert torch.equal(values.isnan(), expected.isnan())
    assert torch.equal(values.nan_to_num(nan=0.0), expected.nan_to_num(nan=0.0))


def without_null(values: Any) -> Any:
    """Replace null by 0 in nested lists."""
    if isinstance(values, list):
        return [without_null(value) for value in values]
    return 0.0 if values is None else values


def test_a_network_from_a_file_brings_its_activations(run: Run, network: Path) -> None:
    """And its numbers; x and the target are given."""
    data = run("step", network, "--x", "1,2", "--target", "0.5", "--json").data
    assert [layer["activation"] for layer in data["layers"]] == ["tanh", "identity"]
    assert data["layers"][0]["weight"]["before"]["values"] == [[0.5, -0.25], [0.75, 1.0]]
    assert data["layers"][0]["pre_activation"]["values"] == [0.5, 2.75]
    assert data["target"]["values"] == [0.5]


def test_a_network_is_read_from_standard_input(run: Run) -> None:
    """By the name -."""
    result = run("step", "-", "--x", "1,2", stdin=json.dumps(NETWORK))
    assert result.status == 0
    assert "layers from standard input" in result.out


def test_layers_that_do_not_fit_together_are_refused_by_name(run: Run, tmp_path: Path) -> None:
    """With both widths."""
    path = tmp_path / "bad.json"
    layers = [{"weight": [[1.0, 2.0]]}, {"weight": [[1.0, 2.0, 3.0]]}]
    path.write_text(json.dumps({"layers": layers}))
    result = run("step", path)
    assert result.status == 3
    assert "do not fit together" in result.err
    assert "out_features 1" in result.err
    assert "in_features 3" in result.err


def test_an_unknown_activation_in_a_file_is_refused(run: Run, tmp_path: Path) -> None:
    """With a suggestion."""
    path = tmp_path / "net.json"
    path.write_text(json.dumps({"layers": [{"weight": [[1.0]], "activation": "sigmoidal"}]}))
    result = run("step", path)
    assert result.status == 3
    assert "did you mean 'sigmoid'" in result.err


def test_bce_puts_sigmoid_behind_the_last_layer_and_says_so(run: Run) -> None:
    """Unless told otherwise."""
    result = run("step", "3-2", "--loss", "bce")
    assert result.status == 0
    assert "sigmoid follows the last layer" in result.out


REFUSED: list[tuple[list[str], int, str]] = [
    (["3-0-2"], 2, "width 0 at position 2"),
    (["3--5"], 2, "a width is missing"),
    ([""], 2, "empty"),
    (["missing.json"], 3, "missing.json"),
    (["3-2", "--loss", "msse"], 2, "did you mean 'mse'"),
    (["3-2", "--optimizer", "sdg"], 2, "did you mean 'sgd'"),
    (["3-2", "--activation", "rellu"], 2, "did you mean 'relu'"),
    (["3-2", "--dtype", "bfloat16"], 2, "expected one of float32, float64"),
    (["3-2", "--betas", "0.9,0.99"], 2, "optimizer sgd has no option betas"),
    (["3-2", "--optimizer", "adam", "--momentum", "0.9"], 2, "adam has no option momentum"),
    (["3-2", "--optimizer", "adagrad", "--centered"], 2, "adagrad has no option centered"),
    (["3-2", "--optimizer", "adam", "--betas", "0.9"], 2, "not two numbers"),
    (["3-2", "--optimizer", "adam", "--betas", "0.9,1"], 2, "< 1"),
    (["3-2", "--nesterov"], 2, "nesterov requires a momentum"),
    (["3-2", "--lr", "-1"], 2, "'-1' is not a finite number >= 0"),
    (["3-2", "--lr", "inf"], 2, "'inf' is not a finite number"),
    (["3-2", "--lr", "1e300"], 2, "exceeds the largest float32"),
    (["3-2", "--steps", "0"], 2, "0 is not a whole number >= 1"),
    (["3-2", "--x", "1,2"], 2, "x has 2 features, but the layer's in_features is 3"),
    (["3-2", "--target", "1,2,3"], 2,
     "the target has 3 features, but the network's out_features is 2"),
    (["3-2", "--loss", "cross_entropy", "--target", "7"], 2,
     "class 7 at position 0: the network has 2 outputs"),
    (["3-2", "--loss", "cross_entropy", "--target", "0.5"], 2, "class '0.5' at position 0"),
    (["3-2", "--loss", "cross_entropy", "--target", "1,0"], 2, "2 classes, x has 1 row"),
    (["3-2", "--loss", "bce", "--output-activation", "identity"], 2, "needs outputs from 0 to 1"),
    (["3-2", "--parameter", "fc1.weight"], 2, "expected a name and an index"),
    (["3-2", "--parameter", "fc2.weight[0,0]"], 2, "no parameter 'fc2.weight'"),
    (["3-2", "--parameter", "fc1.weight[2,0]"], 2, "fc1.weight[2,0] does not exist"),
    (["3-2", "--parameter", "fc1.bias[0,0]"], 2, "fc1.bias[0,0] does not exist"),
    (["3-2", "--no-bias", "--parameter", "fc1.bias[0]"], 2, "no parameter 'fc1.bias'"),
    (["1000000000-1000000000"], 2, "of memory"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "status", "words"), REFUSED, ids=lambda v: str(v)[:60])
def test_bad_input_is_refused_in_one_line(
    run: Run, arguments: list[str], status: int, words: str
) -> None:
    """With the right status, and nothing on stdout."""
    result = run("step", *arguments)
    assert (result.status, result.out) == (status, "")
    assert words in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [["--lr", "1e38"], ["--x", "nan,1,2"], ["--x", "inf,0,1"], ["--batch", "0"]],
    ids=" ".join,
)
def test_what_cannot_be_checked_is_undecided(run: Run, arguments: list[str]) -> None:
    """Exit 1, and the JSON stays valid."""
    result = run("step", "3-4-2", *arguments, "--json")
    assert result.status == 1
    assert result.document["ok"] is False
    assert result.data["verdict"] == "undecided"


def test_a_learning_rate_of_zero_moves_nothing(run: Run) -> None:
    """And is within bound."""
    result = run("step", "3-4-2", "--lr", 0, "--json")
    assert result.status == 0
    update = result.data["layers"][0]["weight"]["update"]["values"]
    assert all(value == 0 for row in update for value in row)


def test_a_followed_parameter_has_a_page_of_its_own(run: Run) -> None:
    """With all digits; every optimizer option that changes its formula works."""
    for options in (
        [],
        ["--optimizer", "adam", "--amsgrad"],
        ["--optimizer", "adamw", "--amsgrad"],
        ["--optimizer", "rmsprop", "--centered", "--momentum", "0.5"],
        ["--optimizer", "adagrad", "--lr-decay", "0.1", "--weight-decay", "0.1"],
        ["--momentum", "0.9", "--dampening", "0.1", "--maximize"],
    ):
        result = run(
            "step", "3-5-4-2", "--batch", 3, "--steps", 2, "--parameter", "fc2.weight[1,3]",
            *options,
        )  # fmt: skip
        assert result.status == 0, result.err
        assert "fc2.weight[1,3]: from input 3 to output 1 of fc2" in result.out
        assert "new = old + update" in result.out


def test_the_seed_decides_the_numbers(run: Run) -> None:
    """The same seed the same report."""
    assert run("step", "3-2", "--seed", 4).out == run("step", "3-2", "--seed", 4).out
    assert run("step", "3-2", "--seed", 4).out != run("step", "3-2", "--seed", 5).out


@pytest.mark.parametrize("ending", [".json", ".md", ".csv", ".svg", ".html", ".txt"])
def test_the_report_is_saved_by_its_ending(run: Run, tmp_path: Path, ending: str) -> None:
    """Whole."""
    path = tmp_path / f"report{ending}"
    assert run("step", "3-4-2", "--save", path, "-q").status == 0
    assert path.stat().st_size > 500


def test_the_document_fits_its_schema(run: Run) -> None:
    """Of one vector, of a batch with classes, with a followed parameter, undecided."""
    import jsonschema

    schema = json.loads(run("schema", "step").out)
    for arguments in (
        [],
        ["--loss", "cross_entropy", "--batch", "3", "--optimizer", "adamw"],
        ["--parameter", "fc1.weight[0,0]", "--steps", "3"],
        ["--x", "nan,0,1", "--no-bias"],
    ):
        jsonschema.validate(run("step", "3-4-2", *arguments, "--json").document, schema)


def test_bce_needs_targets_from_0_to_1(run: Run) -> None:
    """What torch would refuse is refused with its place."""
    result = run("step", "3-5-2", "--target", "1,3", "--loss", "bce")
    assert result.status == 2
    assert "the target is 3.0 at [1]" in result.err


def test_a_long_specification_is_no_file_name(run: Run) -> None:
    """300 widths are a network."""
    assert run("step", "-".join(["2"] * 300), "-q").status == 0


def test_a_plain_network_is_read_in_the_dtype_asked_for(run: Run, tmp_path: Path) -> None:
    """0.15 in JSON is the float64 0.15 under --dtype float64, not a float32 made longer."""
    path = tmp_path / "net.json"
    path.write_text(json.dumps({"layers": [{"weight": [[0.15, 0.2]], "bias": [0.35]}]}))
    arguments = ("step", path, "--x", "0.05,0.1", "--target", "0.01", "--json")
    data = run(*arguments, "--dtype", "float64").data
    assert data["layers"][0]["weight"]["before"]["values"] == [[0.15, 0.2]]
    single = run(*arguments).data["layers"][0]["weight"]["before"]
    assert single["dtype"] == "float32"
    assert single["values"] != [[0.15, 0.2]]


def test_the_loss_curve_is_drawn_below_the_losses(run: Run) -> None:
    """--plot adds the curve to the page and changes nothing else, JSON and CSV least of all."""
    arguments = ("step", "3-5-4-2", "--steps", 20, "--lr", 0.1)
    plain, plotted = run(*arguments).out, run(*arguments, "--plot").out
    assert "Loss curve" in plotted
    assert "┤" in plotted
    before, after = plotted.split("Loss curve\n")
    assert before + after[after.index("Forward\n") :] == plain
    for form in ("json", "csv"):
        assert run(*arguments, "--plot", "-f", form).out == run(*arguments, "-f", form).out


@pytest.mark.parametrize("width", [50, 80])
def test_the_loss_curve_fits_and_does_without_unicode(
    run: Run, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """At 50 and 80 columns."""
    monkeypatch.setenv("COLUMNS", str(width))
    out = run("step", "3-2", "--steps", 9, "--lr", 1e30, "--plot").out
    chart = out.split("Loss curve\n")[1].split("\n\n")[0]
    assert max(map(len, chart.splitlines())) <= width
    assert "are not finite" in " ".join(chart.split())


def test_the_loss_curve_is_saved_as_a_figure(run: Run, tmp_path: Path) -> None:
    """By .png and .pdf, and by .svg with --plot; .svg alone is the printed report as ever."""
    arguments = ("step", "3-2", "--steps", 5, "-q", "--save")
    for name, more, begins in (
        ("a.png", (), b"\x89PNG"),
        ("a.pdf", (), b"%PDF"),
        ("a.svg", ("--plot",), b"<?xml"),
    ):
        assert run(*arguments, tmp_path / name, *more).status == 0
        assert (tmp_path / name).read_bytes().startswith(begins)
    assert b'id="series-0"' in (tmp_path / "a.svg").read_bytes()
    assert run(*arguments, tmp_path / "b.svg").status == 0
    assert b"rich-terminal" in (tmp_path / "b.svg").read_bytes()


def test_a_script_is_not_plotted(run: Run) -> None:
    """--show-code prints nothing else."""
    result = run("step", "3-2", "--show-code", "--plot")
    assert result.status == 2
    assert "--show-code prints a script: it cannot be combined with --plot" in result.err


def test_latex_says_that_it_holds_no_chart(run: Run) -> None:
    """It is asked for all the same."""
    problem = ("step", "2-2", "--plot", "--format")
    assert "LaTeX output has no chart" in run(*problem, "latex").out
    assert "LaTeX output has no chart" not in run(*problem, "text").out


def test_an_outer_product_is_no_x_in_ascii() -> None:
    """The input of a layer is called x."""
    from fcinspect.page.text import ascii_only

    assert ascii_only("G ⊗ x") == "G outer x"


def test_the_layers_of_a_state_dict_are_no_numbers(run: Run, tmp_path: Path) -> None:
    """A layer 0 stands in a chain as one."""
    path = tmp_path / "net.json"
    path.write_text('{"0.weight": [[1, 2]], "2.weight": [[3]]}')
    assert "x → layer 0 → relu → layer 2 → y" in run("step", path).out


@pytest.mark.parametrize("form", ["text", "md", "latex"])
@pytest.mark.parametrize("batch", [(), ("--batch", "3")])
def test_what_enters_an_inner_layer_is_called_a(
    run: Run, form: str, batch: tuple[str, ...]
) -> None:
    """And x only at the first, forward and backward, as in the pages to be explored."""
    out = run("step", "3-2-2-1", "--seed", "0", "-f", form, *batch).out
    if form == "latex":
        product = r"$Z = {} \cdot W^{{" if batch else r"$z = W \cdot {} + b$"
        gradient = r"\partial L}}{{\partial {}}}"
    else:
        product = "Z = {}·Wᵀ + b" if batch else "z = W·{} + b"
        gradient = "∂L/∂{} = G·W"
    signs = "XA" if batch else "xa"
    assert [out.count(product.format(sign)) for sign in signs] == [1, 2]
    assert out.count(gradient.format("x")) == 1
    assert out.count(gradient.format("a")) >= 2
    if form != "latex":
        of = "Gᵀ·{}, the sum" if batch else "∂L/∂W = G ⊗ {},"
        assert [out.count(of.format(sign)) for sign in signs] == [1, 2]
