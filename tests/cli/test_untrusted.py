"""What names from files may do in a report: be read. Every command, in every medium."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from tests.conftest import Run

EVIL = (
    "\x1b]0;title\x07\x1b[31m\x9b2J\x7f\u202egnp\u2066\u200b\u00ad\u061c\u2028\u0085"
    "\U000e0041\ufeff\x00<script>alert(1)</script>\r\n# head\t|$x_$`a`\\evil&lt;"
)
"""Acts on terminals, turns text round, ends lines, and would be HTML, Markdown or TeX."""
FORMULAS = ("=cmd|'/c calc'!A1", "+SUM(A1)", "-A1", "@SUM(A1)", "\t=A1", "\uff1dA1", " =A1")
NAMES = (EVIL, *FORMULAS)
LONE = "\ud800"
"""Half a character, which UTF-8 has no bytes for."""
COLOUR = re.compile("\x1b\\[[0-9;]*m")
FORMS = ("text", "json", "csv", "md", "latex", "ndjson", "mermaid", "dot")


# the signs that a font lacks are drawn as boxes, and a warning of matplotlib's says so
pytestmark = [
    pytest.mark.usefixtures("prepared"),
    pytest.mark.filterwarnings("ignore:Glyph"),
]


def acting(text: str) -> set[str]:
    """Return what acts in a text, as categories of Unicode see it."""
    return {
        sign
        for sign in text
        if sign not in "\n\t" and unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    }


def formulas(text: str) -> list[str]:
    """Return the cells of a CSV file that a spreadsheet would compute."""
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    live = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20].")
    return [cell for cell in cells if live.match(cell) and not _is_number(cell)]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def refused(form: str, text: str) -> list[str]:
    """Return what is wrong with a report of that form."""
    found = [f"acts: {sign!r}" for sign in sorted(acting(text))]
    if form == "csv":
        found += [f"formula: {cell!r}" for cell in formulas(text)]
    if form in ("html", "svg", "md"):
        outside = re.sub("(?s)^(```+).*?^\\1", "", text, flags=re.MULTILINE)
        found += ["script"] * ("<script>alert" in outside)
    if form == "md":
        found += ["heading"] * bool(re.search("^# head", text, re.MULTILINE))
    if form == "svg" and text:
        ElementTree.fromstring(text)
    for document in [text] if form == "json" and text else text.splitlines():
        if form in ("json", "ndjson"):
            json.loads(document)
    return found


def test_the_check_sees_what_it_is_for() -> None:
    """Each kind of attack, unescaped."""
    assert acting(EVIL + LONE) >= set("\x1b\x07\x9b\u202e\u2066\u200b\u00ad\u061c\u2028\x00\ud800")
    for formula in FORMULAS:
        assert formulas(f'"{formula}",1\n') == [formula]
    assert formulas("-1,+2.5,-inf,a=b,'=A1,-\n") == []
    assert refused("md", "text <script>alert(1)</script>\n# head") == ["script", "heading"]
    assert refused("md", "```\n<script>alert(1)</script>\n```\n") == []


MODULES = f"""
import torch
from torch import nn

NAMES = {NAMES!r}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        for name in NAMES:
            self.add_module(name.replace(".", ""), nn.Linear(2, 2))

    def forward(self, x):
        for layer in self.children():
            x = layer(x)
        return x


class Broken(Net):
    def forward(self, x):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x2) " + NAMES[0])
"""


EXAMPLE = {
    "source": EVIL,
    "layers": [{"weight": [["1", "2"], ["3", "4"]], "bias": ["0", "1"], "activation": "relu"}],
    "input": [["1", "1"]],
    "printed": {"output": [["3", "8"]]},
}


def _network(names: tuple[str, ...]) -> dict[str, Any]:
    weight, bias = [[0.5, -0.25], [1.0, 2.0]], [0.0, -1.0]
    layers = [{"name": n, "weight": weight, "bias": bias, "activation": "relu"} for n in names]
    return {"layers": layers}


def _step(names: tuple[str, ...]) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for name in (" ".join(name.split()) for name in names):  # such a name is one line
        arrays |= {f"{name}.before": [1.0, 2.0], f"{name}.grad": [1.0, -1.0]}
        arrays |= {f"{name}.after": [0.5, 2.5]}
    return arrays


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files in which every name is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    arrays = {
        f"{name}.{kind}": np.ones(shape, np.float32)
        for name in NAMES
        for kind, shape in (("weight", (2, 2)), ("bias", (2,)))
    }
    plain = {name: values.tolist() for name, values in arrays.items()}
    changed = {name: (values * 1.5).tolist() for name, values in arrays.items()}
    texts = {
        "network.json": _network(NAMES),
        "lone.json": _network((LONE,)),
        "state.json": {**plain, f"{EVIL}.other": [[1.0]]},
        "changed.json": changed,
        "step.json": {**_step(NAMES), "optimizer": {"name": "sgd", "lr": 0.5}},
        "wrong.json": {**_step(NAMES), "optimizer": {"name": "sgd", "lr": 0.25}},
        "example.json": EXAMPLE,
        "unknown.json": {"layers": [{"weight": [[1.0]], "activation": EVIL}]},
        "spoilt.json": {EVIL: EVIL},
        f"=A1{EVIL[:12]}\u202e.json": _network(("fc",)),
    }
    for name, content in texts.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    clean = {name.replace("\x00", ""): values for name, values in arrays.items()}
    save_file(clean, folder / "model.safetensors")
    named = {name.replace("/", ""): values for name, values in clean.items()}
    np.savez(folder / "model.npz", **named)  # type: ignore[arg-type]  # numpy types allow_pickle
    torch.save({k: torch.from_numpy(v) for k, v in clean.items()}, folder / "model.pt")
    (folder / "net.py").write_text(MODULES, encoding="utf-8")
    return folder


FILE = f"=A1{EVIL[:12]}\u202e.json"
SHAPES = "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x3 and 2x2) "
RULE = ("--optimizer", "sgd", "--lr", "0.5")
COMMANDS: dict[str, tuple[str, ...]] = {
    "show": ("show", "network.json"),
    "show a layer": ("show", "network.json", "=cmd|'/c calc'!A1"),
    "show a file": ("show", FILE),
    "show safetensors": ("show", "model.safetensors"),
    "show npz": ("show", "model.npz"),
    "show pt": ("show", "model.pt"),
    "show half a character": ("show", "lone.json"),
    "explain": ("explain", "network.json", EVIL, "--x", "1,2"),
    "explain a file": ("explain", FILE, "--x", "1,2"),
    "step": ("step", "network.json", "--x", "1,2", "--target", "1,2"),
    "step half a character": ("step", "lone.json", "--x", "1,2", "--target", "1,2"),
    "verify step": ("verify", "step", "step.json", "--dtype", "float64"),
    "verify a wrong step": ("verify", "step", "wrong.json", "--dtype", "float64"),
    "verify example": ("verify", "example", "example.json"),
    "scan": ("scan", "model.safetensors", "network.json", FILE, "--all", "--spectrum"),
    "scan with charts": ("scan", "network.json", "--plot"),
    "scan a folder": ("scan", "."),
    "diff": ("diff", "state.json", "changed.json", "--all"),
    "diff files": ("diff", "model.safetensors", "network.json"),
    "draw": ("draw", "network.json", "--x", "1,2"),
    "draw a file": ("draw", FILE),
    "trace": ("trace", "net.py:Net", "--input", "2,2"),
    "trace a failure": ("trace", "net.py:Broken", "--input", "2,2"),
    "diagnose a module": ("diagnose", "net.py:Broken", "--input", "2,2"),
    "diagnose": ("diagnose", SHAPES + EVIL[:20]),
    "verify layer": ("verify", "layer", "network.json", EVIL),
    "worksheet": ("worksheet", "--grade", "grade.json"),
    "refused": ("show", "network.json", f"{EVIL}?"),
    "refused activation": ("step", "unknown.json"),
    "refused file": ("show", "spoilt.json"),
    "refused option": ("scan", "network.json", f"--{EVIL[:20]}"),
    "refused step": ("verify", "step", "spoilt.json", *RULE),
    "missing": ("show", f"{EVIL[:40]}.json"),
}  # fmt: skip
OWN_PROCESS = ("trace", "trace a failure", "diagnose a module")
"""Commands that run code elsewhere, which takes long: fewer forms."""


@pytest.fixture
def graded(run: Run, files: Path) -> None:
    """A filled sheet whose pupil and answers are hostile."""
    sheet = ("worksheet", "3-2-2", "--seed", "7", "--answers", "--json")
    document = run(*sheet).document
    answers = document["data"]["answers"]
    for blank, text in zip(answers, NAMES, strict=False):
        answers[blank] = text
    document["data"] |= {"pupil": EVIL, "date": "=A1"}
    (files / "grade.json").write_text(json.dumps(document), encoding="utf-8")


def _runs(title: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield a form on stdout, the ending of a file, and the options of one run for both."""
    if title in OWN_PROCESS:
        yield from (("csv", "csv", ("-f", "csv")), ("md", "html", ("-f", "md")))
        yield "text", "txt", ("--color", "always", "-v")
        return
    # a form that is refused leaves no file: each ending goes with a form as widely served
    pairs = {"text": "svg", "json": "csv", "csv": "html", "md": "json", "latex": "tex",
             "ndjson": "", "mermaid": "mmd", "dot": "dot"}  # fmt: skip
    yield from ((form, pairs[form], ("-f", form)) for form in FORMS)
    yield "text", "md", ("--color", "always", "-v")
    yield "", "txt", ("-q",)


@pytest.mark.usefixtures("graded")
@pytest.mark.parametrize("title", COMMANDS)
def test_nothing_acts_on_a_stream_or_in_a_file(
    run: Run, files: Path, tmp_path: Path, title: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No control character, no bidi control, no formula, no markup, in any form and ending."""
    monkeypatch.chdir(files)
    for form, ending, options in _runs(title):
        path = tmp_path / f"report.{ending}"
        saved = ("--save", path, "--force") if ending else ()
        result = run(*COMMANDS[title], *options, *saved)
        served = form in FORMS[:4] and not title.startswith(("refused", "missing"))
        assert result.status in ((0, 1) if served else (0, 1, 2, 3))
        assert bool(result.out) == (bool(form) and result.status in (0, 1))
        assert refused(form, COLOUR.sub("", result.out) if form == "text" else result.out) == []
        assert acting(result.err) == set()
        # code that is run may print what it likes; what we say is one line
        assert title.startswith(("trace", "diagnose")) or result.err.count("\n") <= 3
        assert path.exists() == (bool(ending) and result.status in (0, 1))
        if path.exists():
            assert refused(ending, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("ending", [".svg", ".pdf", ".png"])
@pytest.mark.parametrize("title", ["scan", "show a layer", "draw", "step"])
@pytest.mark.sampled(2)
def test_a_figure_shows_any_name(
    run: Run, files: Path, tmp_path: Path, title: str, ending: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Matplotlib would read $ as mathematics, and an SVG file cannot hold a control character."""
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(files)
    path = tmp_path / f"figure{ending}"
    result = run(*COMMANDS[title], "--plot", "--save", path, "-q")
    assert result.status in (0, 1, 2)
    if ending == ".svg" and path.exists():
        assert refused("svg", path.read_text(encoding="utf-8")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="names in bytes")
@pytest.mark.parametrize(
    ("form", "encoding"),
    [("text", "utf-8"), ("text", "ascii"), ("json", "ascii"), ("json", "utf-8"), ("md", "utf-8"),
     ("md", "ascii")],
)  # fmt: skip
@pytest.mark.sampled(2)
def test_names_act_no_more_in_a_real_pipe(files: Path, form: str, encoding: str) -> None:
    """Half a character reaches UTF-8 and ASCII streams as its number."""
    done = subprocess.run(
        [sys.executable, "-m", "fcinspect", "show", "lone.json", "-f", form],
        capture_output=True,
        cwd=files,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\ud800" in done.stdout
