"""fcinspect trace, as a person calls it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.conftest import Run

pytestmark = pytest.mark.usefixtures("prepared")

CODE = """import os
import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self, hidden, classes=3):
        super().__init__()
        self.fc = nn.Linear(4, hidden)
        self.out = nn.Linear(hidden, classes)

    def forward(self, x, mask=None):
        x = F.relu(self.fc(x))
        return {"scores": self.out(x), "features": x}


class Loops(nn.Module):
    def forward(self, x):
        while True:
            pass


class Ends(nn.Module):
    def forward(self, x):
        os._exit(7)


class Reads(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum().item() == 0 else x


class Talks(nn.Module):
    def forward(self, x):
        print("a line of its own")
        return x + 1


class Own(nn.Module):
    def forward(self, x):
        raise ValueError("[/red] \\x1b[31m of its own")


class NoModule:
    pass


def three():
    return 3


number = 5
ready = nn.Linear(3, 2, dtype=torch.float64)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the code, the current one."""
    (tmp_path / "code_of_tests.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "raises.py").write_text("raise KeyError('boom')\n", encoding="utf-8")
    (tmp_path / "notpython.py").write_text("this is not python (\n", encoding="utf-8")
    (tmp_path / "divided.py").write_text(
        "from torch import nn\n\nnet = nn.Linear(784 / 4, 10)\n", encoding="utf-8"
    )
    (tmp_path / "package_of_tests").mkdir()
    (tmp_path / "package_of_tests" / "net.py").write_text("from .layers import Net\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "shape", "parameters", "macs"),
    [
        ("MLP", "4,3", 54, 4 * (15 + 20 + 8)),
        ("CNN", "4,3,32,32", 448 + 4640 + 262272 + 1290, None),
        ("RNN", "4,28,28", 64 * (28 + 64 + 2) + 650, None),
        ("Regression", "7,10", 10 * 64 + 64 + 65, 7 * (640 + 64)),
        ("classifier", "2,20", 20 * 64 + 64 + 64 * 3 + 3, 2 * (1280 + 192)),
    ],
)
def test_the_examples_are_traced_by_one_command(
    run: Run, name: str, shape: str, parameters: int, macs: int | None
) -> None:
    """Each of the usual networks runs on the meta device, with its counts."""
    result = run("trace", f"fcinspect.examples:{name}", "--input", shape, "--json")
    assert (result.status, result.err) == (0, "")
    assert result.data["device"] == "meta"
    assert result.data["parameters"] == parameters
    if macs is not None:
        assert result.data["macs"] == macs
    assert result.data["unused"] == []
    assert result.data["layers"][-1]["linear"]


def test_the_page_shows_the_steps_the_layers_and_the_arithmetic(run: Run) -> None:
    """One page: the table, linear layers as sentences, sizes with their numbers, totals."""
    page = run("trace", "fcinspect.examples:CNN", "--input", "4,3,32,32").out
    assert "fc1   (4, 2048) · (128, 2048)ᵀ + (128) → (4, 128)" in page
    assert "⌊(32 + 2·1 − 1·(3 − 1) − 1)/1⌋ + 1 = 32" in page
    assert "32·8·8 = 2048" in page
    assert "268,650 parameters" in page
    assert "on the meta device" in page


PRODUCTS = """import torch
from torch import nn
from torch.nn.utils import parametrizations


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = parametrizations.weight_norm(nn.Linear(6, 5))
        self.b = parametrizations.orthogonal(nn.Linear(5, 4, bias=False))
        self.pair = nn.Bilinear(4, 4, 3)
        self.vector = nn.Parameter(torch.ones(3))

    def forward(self, x):
        x = self.b(self.a(x))
        return self.pair(x, x) @ self.vector
"""


def test_what_is_multiplied_by_is_shown_truly(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A weight that is computed, a vector; a bilinear layer is no Y = X·Wᵀ + b."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "products.py").write_text(PRODUCTS, encoding="utf-8")
    page = run("trace", "products.py:Net", "--input", "7,6").out
    sentences = page.split("Linear layers: Y = X·Wᵀ + b\n")[1].split("\n\n")[0]
    assert [" ".join(line.split()) for line in sentences.splitlines()] == [
        "a linear (7, 6) · (5, 6)ᵀ + (5) → (7, 5)",
        "b linear (7, 5) · (4, 5)ᵀ → (7, 4)",
        "matmul (7, 3) · (3) → (7)",
    ]
    assert "()" not in sentences
    row = next(line for line in page.splitlines() if line.startswith("a linear()"))
    assert "5×6" in row.split("7×5")[1]


def test_on_a_narrow_terminal_sentences_hang_below_their_name(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes on in a second line is indented further than the names."""
    monkeypatch.setenv("COLUMNS", "40")
    page = run("trace", "fcinspect.examples:CNN", "--input", "4,3,32,32").out
    assert "  fc1   (4, 2048) · (128, 2048)ᵀ +\n      (128) → (4, 128)\n" in page
    below = page.split("Sizes\n")[1].split("\n\n")[0].splitlines()
    assert [line for line in below if line.startswith("   ")]
    assert all(line.startswith(("  c", "  p", "  f", "      ")) for line in below)


def test_a_recurrent_layer_tells_its_order_and_what_is_taken_of_it(run: Run) -> None:
    """batch_first is shown, and the index that picks the last step."""
    page = run("trace", "fcinspect.examples:RNN", "--input", "4,28,28").out
    assert "batch_first=True" in page
    assert "[:, -1] last step of rnn" in page


def test_arguments_dtypes_names_and_batch(run: Run, folder: Path) -> None:
    """--arg makes the module, --input names and types its inputs, --batch stands before each."""
    asked = ("trace", "code_of_tests.py:Net", "--arg", "hidden=8", "--batch", "5", "--input", "x=4",
             "--input", "mask=4:bool", "--json")  # fmt: skip
    data = run(*asked).data
    assert [(t["name"], t["shape"], t["dtype"]) for t in data["inputs"]] == [
        ("x", [5, 4], "float32"),
        ("mask", [5, 4], "bool"),
    ]
    assert [(t["name"], t["shape"]) for t in data["outputs"]] == [
        ("scores", [5, 3]),
        ("features", [5, 8]),
    ]
    relu = data["layers"][1]
    assert (relu["kind"], relu["called"]["line"]) == ("relu", 14)


def test_an_input_that_is_not_given_is_taken_from_the_first_layer_and_said(
    run: Run, folder: Path
) -> None:
    """Without --input the width is in_features, the dtype the module's, and the page says so."""
    page = run("trace", "code_of_tests.py:ready", "--batch", "6").out
    assert "input (6, 3) float64, as wide as in_features" in page


def test_numbers_that_are_read_take_the_module_to_the_cpu(run: Run, folder: Path) -> None:
    """Where the meta device cannot run it, zeros on the CPU do, and the page says why."""
    page = run("trace", "code_of_tests.py:Reads", "--input", "2,3").out
    assert "with zeros on the CPU, because it fails on the meta device" in page


def test_a_step_that_fails_is_diagnosed_with_the_edited_line(run: Run) -> None:
    """The table up to the step, what torch says, the line to write, and that it was tried."""
    result = run("trace", "fcinspect.examples:CNN", "--input", "4,3,28,28")
    assert result.status == 1
    assert "4×32×7×7 → 4×1568" in result.out
    assert "+ self.fc1 = nn.Linear(1568, 128)" in result.out
    assert "the module runs: (4, 3, 28, 28) → (4, 10)" in result.out
    document = run("trace", "fcinspect.examples:CNN", "--input", "4,3,28,28", "--json").document
    assert document["ok"] is False
    failure = document["data"]["failure"]
    assert failure["step"]["name"] == "fc1"
    assert failure["diagnosis"]["likely"][0]["name"] == "in-features"


def test_code_that_fails_by_a_known_mistake_before_the_run(run: Run, folder: Path) -> None:
    """A width that is a float stops the import: that is diagnosed, too."""
    result = run("trace", "divided.py:net", "--input", "2,196")
    assert result.status == 1
    assert "+ net = nn.Linear(784 // 4, 10)" in result.out
    assert "(2, 196) → (2, 10)" in result.out


def test_foreign_text_acts_on_nothing(run: Run, folder: Path) -> None:
    """What the code raises is shown as text: no markup, no escape codes."""
    result = run("trace", "code_of_tests.py:Own", "--input", "2,3")
    assert result.status == 1
    assert "ValueError: [/red] \\x1b[31m of its own" in result.out
    assert "\x1b" not in result.out


def test_what_the_code_prints_does_not_reach_stdout(shell: Run, folder: Path) -> None:
    """stdout holds the document alone."""
    result = shell("trace", "code_of_tests.py:Talks", "--input", "2,3", "--json")
    assert result.status == 0
    assert json.loads(result.out)["ok"] is True
    assert "a line of its own" in result.err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("code_of_tests.py:Net",), 2, "needs hidden; give --arg hidden=…"),
        (("code_of_tests.py:Net", "--arg", "hiden=3"), 2, "did you mean 'hidden'?"),
        (("code_of_tests.py:Net", "--arg", "hidden"), 2, "is not NAME=VALUE"),
        (("code_of_tests.py:Nett",), 3, "did you mean code_of_tests.py:Net?"),
        (("code_of_tests.py:number",), 3, "is an int: expected an nn.Module"),
        (("code_of_tests.py:three",), 3, "returned an int: expected an nn.Module"),
        (("code_of_tests.py:NoModule",), 3, "a class, but not a module class"),
        (("code_of_tests.py:ready", "--arg", "a=1"), 2, "is a ready module"),
        (("code_of_tests.py:ready", "--input", "2,x"), 2, "expected sizes such as"),
        (("code_of_tests.py:ready", "--input", "2,-3"), 2, "expected sizes such as"),
        (("code_of_tests.py:ready", "--input", ""), 2, "expected sizes such as"),
        (("code_of_tests.py:ready", "--input", "2,3:flaot32"), 2, "did you mean 'float32'"),
        (("code_of_tests.py:ready", "--input", "inptu=2,3"), 2, "did you mean 'input'?"),
        (
            ("code_of_tests.py:ready", "--input", "2,3", "--input", "4"),
            2,
            "cannot take these inputs",
        ),
        (("code_of_tests.py:ready", "--input", "9" * 30), 2, "is too large"),
        (
            ("code_of_tests.py:Loops", "--input", "2", "--timeout", "1"),
            3,
            "did not return within 1 s",
        ),
        (("code_of_tests.py:Ends", "--input", "2"), 3, "ended with exit status 7"),
        (("code_of_tests.py:Reads",), 2, "the shape of the input is unknown"),
        (("code_of_tests.py",), 3, "expected package.module:Object or file.py:Object"),
        (("code_of_test.py:Net",), 3, "did you mean code_of_tests.py:Net?"),
        (("no.such:Net",), 3, "no such module: 'no.such'"),
        (("package_of_tests/net.py:Net",), 3, "part of a package: use package_of_tests.net:Net"),
        (("raises.py:Net",), 3, "KeyError: 'boom'"),
        (("notpython.py:Net",), 3, "SyntaxError"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else None,
)
@pytest.mark.sampled(3)
def test_what_cannot_be_served_is_refused_in_one_line(
    run: Run, folder: Path, arguments: tuple[str, ...], status: int, words: str
) -> None:
    """One line names the value, the place and the expected form."""
    result = run("trace", *arguments)
    assert result.status == status
    assert result.out == ""
    assert result.err.count("\n") == 1
    assert words in result.err


def test_a_long_run_is_cut_on_the_page_and_whole_in_json(run: Run, folder: Path) -> None:
    """The page says how many steps it shows; --all shows all."""
    (folder / "long.py").write_text(
        "from torch import nn\n\nnet = nn.Sequential(*[nn.ReLU() for _ in range(305)])\n",
        encoding="utf-8",
    )
    asked = ("trace", "long.py:net", "--input", "2,3")
    assert "showing 200 of 305 steps; --all shows all" in run(*asked).out
    assert run(*asked, "--all").out.count("ReLU") == 305
    assert len(run(*asked, "--json").data["layers"]) == 305
    assert run(*asked, "-f", "csv").out.count("\n") == 306


AFFINE = """import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(7, 5))
        self.b = nn.Parameter(torch.zeros(7))
        self.more = nn.Linear(3, 2)
        self.rnn = nn.LSTM(7, 6, proj_size=2, batch_first=True)

    def forward(self, x):
        y = F.linear(x, self.w, self.b) + x @ self.w.t() + torch.addmm(self.b, x, self.w.t())
        y = y + torch.einsum("ni,oi->no", x, self.w)
        y = F.max_pool2d(y[None], 2, ceil_mode=True)[0]
        return F.linear(x, self.w, self.b), self.rnn(x @ self.w.t())[0]
"""


def test_every_product_has_its_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of execution, several with the same weight too; what is not used has a row."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(AFFINE, encoding="utf-8")
    page = run("trace", "own.py:Net", "--input", "4,5").out
    section = page.split("Linear layers")[1].split("\n\n")[0].splitlines()[1:]
    assert [" ".join(line.split()) for line in section] == [
        "linear (4, 5) · (7, 5)ᵀ + (7) → (4, 7)",
        "matmul (4, 5) · (5, 7) → (4, 7)",
        "addmm (4, 5) · (5, 7) + (7) → (4, 7)",
        "einsum(ni,oi->no) (4, 5), (7, 5) → (4, 7)",
    ]
    assert re.search(r"not used in this run +8\n", page)
    assert "ceil_mode=True" in page
    assert "dilation" not in page
    assert "proj_size=2" in page
    assert "returns [0] (4, 7) float32, [1] (4, 2) float32" in page


def test_a_run_that_is_a_little_longer_is_shown_whole(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than leaving out a line or two; a longer one ends with its total all the same."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.py").write_text(
        "from torch import nn\n\n\ndef make(n):\n"
        "    return nn.Sequential(*(nn.Linear(3, 3) for _ in range(n)))\n",
        encoding="utf-8",
    )
    whole = run("trace", "own.py:make", "--arg", "n=205", "--input", "2,3").out
    assert "204 Linear" in whole
    assert "showing 200" not in whole
    part = run("trace", "own.py:make", "--arg", "n=300", "--input", "2,3").out
    assert "showing 200 of 300 steps" in part
    assert re.search(r"^total +3,600 +5,400", part, re.MULTILINE)
    assert "showing 40 of 300; --json has all" in part
