"""fcinspect draw: networks of widths, of files and of modules, and what is refused."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.conftest import Run

pytestmark = pytest.mark.usefixtures("prepared")

LAYERS = {
    "network.json": {
        "layers": [
            {"name": "fc1", "weight": [[1, -2, 0.5], [0, 3, 4]], "bias": [0.25, -1],
             "activation": "tanh"},
            {"name": "fc2", "weight": [[1, 1]], "activation": "identity"},
        ]
    },
    "apart.json": {"a.weight": [[1, 2]], "b.weight": [[3, 4, 5]]},
    "none.json": {"norm.weight": [1, 2], "norm.bias": [1, 2]},
    "hostile.json": {"layers": [{"name": '"];x--><script>\n', "weight": [[1, -1]]}]},
}  # fmt: skip


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the files into an empty folder, and go there."""
    for name, content in LAYERS.items():
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drawn_weights(data: dict[str, list[dict[str, list[dict[str, float]]]]]) -> list[float]:
    """Return the weights of the edges, layer by layer and row by row."""
    return [edge["weight"] for layer in data["layers"] for edge in layer["edges"]]


def test_seeded_weights_are_those_of_torch(run: Run) -> None:
    """As nn.Linear makes them in order after torch.manual_seed, and as step begins with."""
    torch.manual_seed(7)
    modules = [nn.Linear(3, 5), nn.Linear(5, 2)]
    data = run("draw", "3-5-2", "--seed", "7", "--json").data
    expected = [float(w) for m in modules for w in m.weight.detach().reshape(-1)]
    assert drawn_weights(data) == expected
    biases = [u["bias"] for column in data["columns"][1:] for u in column["units"]]
    assert biases == [float(b) for m in modules for b in m.bias.detach()]
    stepped = run("step", "3-5-2", "--seed", "7", "--json").data["layers"]
    before = [w for layer in stepped for row in layer["weight"]["before"]["values"] for w in row]
    assert before == expected


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_values_are_those_of_torch(run: Run, activation: str) -> None:
    """Up to float32's rounding, at every unit."""
    torch.manual_seed(0)
    a = torch.tensor([1.0, -2.0, 3.0])
    layers = [nn.Linear(3, 5), nn.Linear(5, 4), nn.Linear(4, 2)]
    expected = [a]
    with torch.no_grad():
        for number, layer in enumerate(layers):
            z = layer(expected[-1])
            function = getattr(nn.functional, activation)
            expected.append(z if number == 2 else function(z))
    data = run(
        "draw", "3-5-4-2", "--seed", "0", "--x", "1,-2,3", "--activation", activation, "--json"
    ).data
    for column, wanted in zip(data["columns"], expected, strict=True):
        values = [unit["value"] for unit in column["units"]]
        np.testing.assert_allclose(values, wanted.numpy(), rtol=1e-5, atol=1e-6)


def test_a_file_is_drawn_with_its_numbers(run: Run, files: Path) -> None:
    """Weights, biases and activations are the file's; the values are its outputs."""
    data = run("draw", "network.json", "--x", "1,2,3", "--json").data
    assert drawn_weights(data) == [1, -2, 0.5, 0, 3, 4, 1, 1]
    assert [layer["activation"] for layer in data["layers"]] == ["tanh", "identity"]
    assert [layer["bias"] for layer in data["layers"]] == [True, False]
    hidden = np.tanh(np.array([1 - 4 + 1.5 + 0.25, 6 + 12 - 1]))
    values = [unit["value"] for unit in data["columns"][1]["units"]]
    np.testing.assert_allclose(values, hidden, rtol=1e-6)
    assert data["columns"][2]["units"][0]["value"] == pytest.approx(hidden.sum(), rel=1e-6)
    assert run("draw", "network.json").status == 0


def test_a_network_saved_by_approximate_is_drawn(run: Run, files: Path) -> None:
    """Both commands speak of the same network."""
    saved = run("approximate", "x**2", "--on", "0,1", "--error", "1e-2", "--save", "net.npz")
    assert saved.status == 0
    data = run("draw", "net.npz", "--x", "0.5", "--json").data
    assert data["widths"][0] == data["widths"][-1] == 1
    assert data["columns"][-1]["units"][0]["value"] == pytest.approx(0.25, abs=1e-2)


def test_standard_input_is_drawn(run: Run) -> None:
    """create and draw can be joined."""
    made = run("create", "--in", "3", "--out", "2", "--seed", "0", "--json").out
    data = run("draw", "-", "--json", stdin=made).data
    assert data["widths"] == [3, 2]
    assert drawn_weights(data) == drawn_weights(run("draw", "3-2", "--seed", "0", "--json").data)


@pytest.fixture
def states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save the state dict of a network with Tanh, whose activation it does not hold."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    torch.save(network.state_dict(), tmp_path / "tanh.pt")
    monkeypatch.chdir(tmp_path)


ASSUMED = "the file does not name an activation: relu is assumed after '0', identity after '2'"


@pytest.mark.parametrize("command", ["draw", "step"])
def test_an_activation_that_is_assumed_is_said(run: Run, states: None, command: str) -> None:
    """A state dict holds none; the one asked for needs no remark."""
    warnings = json.loads(run(command, "tanh.pt", "--json").out)["warnings"]
    assert f"{ASSUMED}; use --activation to change it" in warnings
    assert ASSUMED in " ".join(run(command, "tanh.pt").out.split())
    asked = json.loads(run(command, "tanh.pt", "--activation", "tanh", "--json").out)
    assert asked["warnings"] == []


def test_trace_says_which_activation_is_assumed(run: Run, states: None) -> None:
    """It runs the same network."""
    assert f"tanh.pt: {ASSUMED}" in json.loads(run("trace", "tanh.pt", "--json").out)["warnings"]


def test_the_output_that_bce_needs_is_said_of_a_file(run: Run, states: None) -> None:
    """Sigmoid is not in the file either."""
    arguments = ("step", "tanh.pt", "--loss", "bce", "--activation", "tanh", "--json")
    assert json.loads(run(*arguments).out)["warnings"] == [
        "the file does not name an activation: sigmoid is assumed after '2';"
        " use --output-activation to change it"
    ]


def test_a_file_with_its_activations_needs_no_remark(run: Run, files: Path) -> None:
    """Nor does a layer by itself."""
    assert json.loads(run("draw", "network.json", "--json").out)["warnings"] == []
    (files / "one.json").write_text(json.dumps({"weight": [[1, 2]]}), encoding="utf-8")
    assert json.loads(run("draw", "one.json", "--json").out)["warnings"] == []


@pytest.mark.parametrize("command", ["draw", "step"])
def test_a_worksheet_or_a_report_is_called_what_it_is(run: Run, files: Path, command: str) -> None:
    """Its layers look like those of a network file."""
    run("worksheet", "2-2", "--seed", "1", "--save", "sheet.json", "-q")
    refused = run(command, "sheet.json")
    assert refused.status == 3
    assert "'sheet.json' is a worksheet, from which no layers are read" in refused.err
    run("shapes", "2-2", "--save", "shapes.json", "-q")
    refused = run(command, "shapes.json")
    assert refused.status == 3
    assert "'shapes.json' is a report of fcinspect shapes, which holds no layer" in refused.err


MODULES = """
import torch
from torch import nn

torch.manual_seed(3)
ready = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Tanh(), nn.Dropout(0.5), nn.Linear(3, 2))

class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(3, 3), nn.Linear(3, 3)
    def forward(self, x):
        return x + self.fc2(torch.relu(self.fc1(x)))

class Beside(Residual):
    def forward(self, x):
        self.fc1(x)
        return self.fc2(x)

class Heads(Residual):
    def forward(self, x):
        return self.fc1(x), self.fc2(x)

class Scaled(Residual):
    def forward(self, x):
        return self.fc2(nn.functional.leaky_relu(self.fc1(x), 0.3))

class Broken(Residual):
    def forward(self, x):
        return self.fc2(torch.cat([x, x], 1))

def softmax():
    return nn.Sequential(nn.Linear(3, 2), nn.Softmax(dim=-1))

def late():
    raise ValueError("not today")
"""


@pytest.fixture
def modules(files: Path) -> Path:
    """Write a file of modules."""
    (files / "nets.py").write_text(MODULES, encoding="utf-8")
    return files


def test_a_ready_module_is_drawn_with_its_weights(run: Run, modules: Path) -> None:
    """Those that it has, in the order in which its layers run."""
    torch.manual_seed(3)
    layers = [nn.Linear(4, 3), nn.Linear(3, 2)]
    data = run("draw", "nets.py:ready", "--x", "1,2,3,4", "--json").data
    assert drawn_weights(data) == [float(w) for m in layers for w in m.weight.detach().reshape(-1)]
    assert [(la["name"], la["activation"]) for la in data["layers"]] == [
        ("1", "tanh"),
        ("4", "identity"),
    ]
    with torch.no_grad():
        y = layers[1](torch.tanh(layers[0](torch.tensor([1.0, 2, 3, 4]))))
    values = [unit["value"] for unit in data["columns"][-1]["units"]]
    np.testing.assert_allclose(values, y.numpy(), rtol=1e-5, atol=1e-6)


def test_of_a_class_the_structure_is_drawn_unless_it_is_seeded(run: Run) -> None:
    """Weights that are new each time would tell nothing."""
    data = run("draw", "fcinspect.examples:MLP", "--json").data
    assert data["widths"] == [3, 5, 4, 2]
    assert data["dtype"] is None
    seeded = run("draw", "fcinspect.examples:MLP", "--seed", "5", "--json").data
    assert drawn_weights(seeded) == drawn_weights(
        run("draw", "3-5-4-2", "--seed", "5", "--json").data
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Residual", "it runs add"),
        ("Beside", "it computes something other than its layers"),
        pytest.param("Heads", "it returns 2 tensors", marks=pytest.mark.slow),
        pytest.param(
            "Scaled", "it computes something other than its layers", marks=pytest.mark.slow
        ),
        pytest.param("Broken", "does not run: RuntimeError", marks=pytest.mark.slow),
        pytest.param("late", "cannot be created: ValueError: not today", marks=pytest.mark.slow),
    ],
)
def test_what_is_no_chain_is_refused(run: Run, modules: Path, name: str, why: str) -> None:
    """Nothing is drawn that the module does not compute."""
    result = run("draw", f"nets.py:{name}", "--input", "1,3")
    assert result.status == 3
    assert result.out == ""
    assert why in result.err
    assert result.err.count("\n") == 1


def test_an_activation_that_is_not_computed_here_is_drawn_without_values(
    run: Run, modules: Path
) -> None:
    """Its name stands there; values are refused."""
    data = run("draw", "nets.py:softmax", "--seed", "0", "--json").data
    assert data["layers"][0]["activation"] == "softmax"
    refused = run("draw", "nets.py:softmax", "--seed", "0", "--x", "1,2,3")
    assert refused.status == 2
    assert "'softmax'" in refused.err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("3",), 2, "'3' has one width"),
        (("3-0-2",), 2, "width 0 at position 2 of '3-0-2'"),
        (("",), 2, "invalid network '': expected widths such as 3-5-4-2, a file of layers, or"),
        (("model",), 2, "invalid network 'model'"),
        (("3-a",), 2, "width 'a' at position 2 of '3-a'"),
        (("3-2", "--save", "net.bmp"), 2, "unknown file ending '.bmp': expected .png"),
        (("none.json",), 3, "holds no linear layer"),
        (("apart.json",), 3, "layers 'a' and 'b' do not fit together"),
        (("missing.pt",), 3, "no such file: 'missing.pt'"),
        (("3-2", "--seed", "0", "--x", "1,2"), 2, "x has 2 features"),
        (("3-2", "--seed", "0", "--x", "1,2,3;4,5,6"), 2, "a diagram shows one input"),
        (("network.json", "--x", "a"), 2, "'a' in 'a' is not a number"),
        (("3-2", "--x", "1,2,3"), 2, "--x needs weights"),
        (("fcinspect.examples:MLP", "--x", "1,2,3"), 2, "--x needs weights"),
        (("network.json", "--seed", "0"), 2, "--seed is for new layers"),
        (("network.json", "--no-bias"), 2, "--no-bias is for new layers"),
        (("nets.py:ready", "--seed", "0"), 2, "--seed is for classes and functions"),
        (("nets.py:ready", "--activation", "tanh"), 2, "--activation is for widths"),
        (("3-2", "--arg", "a=1"), 2, "--arg is for MODULE:OBJECT"),
        (("network.json", "--input", "1,3"), 2, "--input is for MODULE:OBJECT"),
        (("--weight", "1,2", "--input", "3"), 2, "MODULE:OBJECT, which --weight is not"),
        (("-", "--x", "-"), 2, "standard input can be read only once"),
        (("3-2", "--units", "1"), 2, "1 is not a whole number >= 2"),
        (("3-2", "--units", "33"), 2, "33 is too large"),
        (("1000000000-1000000", "--seed", "0"), 2, "of memory"),
        (("fcinspect.examples:CNN",), 2, "the shape of the input is unknown"),
        (("fcinspect.examples:CNN", "--input", "1,3,32,32"), 3, "it runs conv1 (Conv2d)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_refused_in_one_line(
    run: Run, modules: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    """It names the value, the place or what is expected; nothing is written."""
    result = run("draw", *arguments)
    assert (result.status, result.out) == (status, "")
    assert words in result.err
    assert result.err.count("\n") == 1
    assert not list(modules.glob("net.*"))


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_a_figure_is_saved_by_its_ending(run: Run, files: Path, ending: str) -> None:
    """The file begins as such files do; the SVG holds every unit and edge."""
    arguments = ("draw", "network.json", "--x", "1,2,3", "--save", f"net.{ending}", "-q")
    assert run(*arguments).status == 0
    content = (files / f"net.{ending}").read_bytes()
    begins = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
    assert content.startswith(begins[ending])
    if ending == "svg":
        ids = re.findall(r'id="((?:unit|edge)[^"]*)"', content.decode())
        assert len([one for one in ids if one.startswith("unit")]) == 6
        assert len([one for one in ids if one.startswith("edge")]) == 8
    again = run(*arguments)
    assert again.status == 74
    assert "--force" in again.err


OPTION = re.compile(r"(?<!\w)--?[a-z]")


@pytest.mark.parametrize(
    "arguments",
    [
        ("draw", "3-2"),
        ("draw", "fcinspect.examples:MLP"),
        ("draw", "784-10", "--seed", "0"),
        ("scan", "many.json", "--plot"),
        ("scan", "many.json", "--plot", "--spectrum"),
        ("show", "many.json", "a", "--plot"),
        ("step", "3-2", "--steps", "3"),
        ("approximate", "x**2", "--on", "0,1", "--error", "1e-1", "--plot"),
    ],
    ids=" ".join,
)
def test_a_figure_gives_no_advice_on_the_command_line(
    run: Run, files: Path, arguments: tuple[str, ...]
) -> None:
    """It is printed where no command line is; what could be asked for is said in the terminal."""
    many = {f"{chr(97 + k)}.weight": [[1, 2], [3, k]] for k in range(15)}
    (files / "many.json").write_text(json.dumps(many), encoding="utf-8")
    result = run(*arguments, "--save", "figure.svg")
    assert result.status == 0
    svg = (files / "figure.svg").read_text(encoding="utf-8")
    words = re.findall(r"<text[^>]*>([^<]*)<", svg)
    assert words
    assert [word for word in words if OPTION.search(word)] == []
    if arguments == ("draw", "3-2"):
        assert "structure only" in " ".join(words)
        assert result.out.endswith("use --seed S for random weights\n")


def test_the_title_is_what_was_asked_for(run: Run, files: Path) -> None:
    """In the figure, the text and the graphs; the widths are said below it."""
    title = 'Ours, "<b>$x$"'
    asked = ("draw", "3-2", "--title", title)
    out = run(*asked, "--save", "figure.svg").out
    assert out.splitlines()[0] == title
    assert "3-2; 8 parameters" in out
    svg = html.unescape((files / "figure.svg").read_text(encoding="utf-8"))
    assert f">{title}<" in svg
    assert f"{json.dumps(title)[1:-1]}\\l" in run(*asked, "-f", "dot").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("3-2", "--title", " "), "invalid title ' ': expected a line of printable text"),
        (("3-2", "--title", "a\nb"), "invalid title 'a\\nb': expected a line of printable text"),
        (("3-2", "--title", "a" * 201), "has 201 characters: expected at most 200"),
        (("3-2", "--weights"), "--weights writes weights on the edges, but only the structure"),
        (("9-9", "--seed", "0", "--weights"), "81 edges of fc1 are drawn, but at most 30"),
    ],
)
def test_a_title_or_weights_that_cannot_be_drawn_are_refused(
    run: Run, arguments: tuple[str, ...], words: str
) -> None:
    """Before anything is written."""
    result = run("draw", *arguments)
    assert (result.status, result.out) == (2, "")
    assert words in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("3-4-2", "--seed", "0"), 20),
        (("3-4-2", "--seed", "0", "--no-weights"), 0),
        (("3-5", "--seed", "0"), 0),
        (("3-5", "--seed", "0", "--weights"), 15),
        (("3-4-2",), 0),
    ],
)
def test_weights_stand_on_edges_that_are_few(
    run: Run, files: Path, arguments: tuple[str, ...], count: int
) -> None:
    """Up to twelve of a layer, or where they are asked for."""
    assert run("draw", *arguments, "--save", "figure.svg", "-q").status == 0
    svg = (files / "figure.svg").read_text(encoding="utf-8")
    assert len(re.findall(r'id="weight-', svg)) == count


@pytest.mark.parametrize(
    ("ending", "begins"),
    [("mmd", "%%{init"), ("dot", "graph network {"), ("gv", "graph network {"),
     ("md", "**3-2-1**"), ("csv", "kind,column"), ("html", "<!DOCTYPE html>"), ("txt", "3-2-1")],
)  # fmt: skip
def test_a_text_is_saved_by_its_ending(run: Run, files: Path, ending: str, begins: str) -> None:
    """The same as --format prints, where there is such a format."""
    assert run("draw", "network.json", "--save", f"net.{ending}", "-q").status == 0
    saved = (files / f"net.{ending}").read_text(encoding="utf-8")
    assert saved.startswith(begins)
    form = {"mmd": "mermaid", "dot": "dot", "gv": "dot", "md": "md", "csv": "csv"}.get(ending)
    if form:
        assert run("draw", "network.json", "-f", form).out == saved


def test_markdown_holds_a_flowchart(run: Run) -> None:
    """Readers of Markdown that know Mermaid draw it."""
    out = run("draw", "3-2", "-f", "md").out
    assert "```mermaid\n%%{init" in out
    assert "%% 3-2\nflowchart LR\n" in out
    assert "| fc1 | 2×3 | 2 |" in out


def test_the_csv_has_a_row_for_each_part(run: Run) -> None:
    """Units, edges with exact weights, and what is folded."""
    text = run("draw", "20-3-2", "--seed", "0", "--units", "4", "-f", "csv").out
    rows = list(csv.DictReader(io.StringIO(text)))
    kinds = [row["kind"] for row in rows]
    assert [kinds.count(kind) for kind in ("unit", "edge")] == [4 + 3 + 2, 12 + 6]
    (folded,) = [row for row in rows if row["kind"] == "folded units"]
    assert (folded["column"], folded["count"]) == ("0", "16")
    (left,) = [row for row in rows if row["kind"] == "folded edges"]
    assert (left["column"], left["count"]) == ("1", "48")
    data = run("draw", "20-3-2", "--seed", "0", "--units", "4", "--json").data
    weights = [float(row["weight"]) for row in rows if row["kind"] == "edge"]
    assert weights == drawn_weights(data)


def test_a_million_edges_are_drawn_in_time(run: Run, files: Path) -> None:
    """1000-1000 takes a second or two, and what is folded is said."""
    began = time.process_time()
    result = run("draw", "1000-1000", "--seed", "0", "--save", "net.png")
    assert time.process_time() - began < 10
    assert "144 of 1,000,000 edges drawn" in result.out
    assert "12 of 1,000 (input)" in result.out


@pytest.mark.parametrize("form", ["text", "json", "csv", "md", "mermaid", "dot"])
def test_odd_numbers_are_drawn(run: Run, files: Path, form: str) -> None:
    """Layers without units, and weights of 0, of one sign, and that are not finite."""
    nothing = {"shape": [0, 3], "dtype": "float32", "values": []}
    after = {"shape": [2, 0], "dtype": "float32", "values": [[], []]}
    strange = {
        "shape": [2, 2], "dtype": "float32", "values": [[1, None], [0, 2]],
        "nonfinite": [{"index": [0, 1], "value": "inf"}],
    }  # fmt: skip
    documents = (
        ("zero", {"a.weight": nothing, "b.weight": after}, "1,2,3"),
        ("odd", {"weight": strange}, "1,2"),
    )
    for name, document, x in documents:
        (files / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
        for options in ((), ("--x", x)):
            result = run("draw", f"{name}.json", *options, "-f", form)
            assert (result.status, result.err) == (0, "")
            if form == "text":  # a figure is the same whatever is printed
                saved = run("draw", f"{name}.json", *options, "--save", "n.png", "--force", "-q")
                assert (saved.status, saved.err) == (0, "")
    if form == "text":
        told = run("draw", "odd.json").out
        assert "positive weights" in told
        assert "negative weights" not in told
        assert " 0 " in told
        assert "not finite" in told


@pytest.mark.parametrize("form", ["text", "json", "csv", "md", "mermaid", "dot"])
def test_a_hostile_name_does_nothing(run: Run, files: Path, form: str) -> None:
    """In no format does it leave its place."""
    result = run("draw", "hostile.json", "-f", form)
    assert result.status == 0
    if form in ("mermaid", "md"):
        assert not re.search(r"(?<!\\)<script", result.out)
    if form == "text":
        assert "\\n" in result.out
        assert run("draw", "hostile.json", "--save", "net.svg", "-q").status == 0
        assert "<script" not in (files / "net.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("arguments", [("3-5-4-2",), ("30-20-10", "--activation", "gelu")])
@pytest.mark.parametrize("columns", ["50", "80"])
def test_without_unicode_it_is_drawn_in_ascii(
    shell: Run, arguments: tuple[str, ...], columns: str
) -> None:
    """As wide as the terminal, in signs that it has."""
    result = shell("draw", *arguments, PYTHONIOENCODING="ascii", COLUMNS=columns)
    assert (result.status, result.err) == (0, "")
    assert result.out.isascii()
    assert "\\u" not in result.out
    assert max(map(len, result.out.splitlines())) <= int(columns)


def test_what_a_figure_needs_is_said(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without matplotlib the other forms are there, and how to get it is told."""
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    refused = run("draw", "3-2", "--save", "net.svg")
    assert refused.status == 2
    assert "pip install matplotlib" in refused.err
    assert not (files / "net.svg").exists()
    page = run("draw", "3-2", "--save", "net.html")
    assert (page.status, page.out) == (2, "")
    assert "need matplotlib" in page.err
    assert not (files / "net.html").exists()
    assert run("draw", "3-2").status == 0
