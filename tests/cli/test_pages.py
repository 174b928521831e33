"""Whole pages of every command at 80 and 120 columns and in a pipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.conftest import Run
from tests.pages import Pages

pytestmark = pytest.mark.usefixtures("prepared")

FILES = {
    "layer.json": {"weight": [[1, -2, 0.5], [0, 3, 4]], "bias": [0.25, -1]},
    "network.json": {
        "layers": [
            {"name": "[red]x[/red]", "weight": [[1, 2], [3, 4]], "bias": [0, 1]},
            {"name": "全连接", "weight": [[0.5, -1]], "activation": "relu"},
            {"name": "\u001b[31mfc\u202e", "weight": [[2]], "bias": [0]},
        ]
    },
    "before.json": {
        "module.encoder.layer.0.attention.self.query.weight": [[1, -2], [0.5, 3], [0.25, 4]],
        "module.encoder.layer.0.attention.self.query.bias": [0, 1, 2],
        "module.encoder.layer.0.attention.self.key.weight": [[1, -2.5], [0.1, 3]],
        "module.encoder.layer.0.intermediate.dense.weight": [[*range(1, 10)]],
        "module.encoder.layer.0.LayerNorm.weight": [1, 1],
        "module.head.weight": [[1, 2]],
        "module.[red]x.weight": [[1, 2, 3, 4]],
    },
    "after.json": {
        "encoder.layer.0.attention.self.query.weight": [[0.25, 4], [1, -2], [0.5, 3]],
        "encoder.layer.0.attention.self.query.bias": [2, 0, 1],
        "encoder.layer.0.attention.self.key.weight": {
            "shape": [2, 2], "dtype": "float32", "values": [[1, -2.5], [0.1, None]],
            "nonfinite": [{"index": [1, 1], "value": "nan"}],
        },
        "encoder.layer.0.intermediate.dense.weight": [[-0.5 * k for k in range(1, 10)]],
        "encoder.layer.0.LayerNorm.weight": [1, 2],
        "classifier.weight": [[1, 2]],
        "[red]x.weight": [[1, 2, 3, 4]],
    },
    "model.json": {
        "encoder.layer.0.attention.self.query.weight": [[1, 0.5], [-0.25, 2]],
        "encoder.layer.0.attention.self.query.bias": [0.125, -1],
        "encoder.layer.0.intermediate.dense.weight": [[0, 0], [0.001, 3], [0.001, 3], [1, 0]],
        "encoder.layer.0.output.dense.weight": [[0.5, 0, 1e-5], [0.5, 0, -2e9]],
        "encoder.layer.0.output.LayerNorm.weight": [1, 1],
        "embeddings.word_embeddings.weight": [[1, 2], [3, 4]],
        "pooler.dense.weight": [[0, 0], [0, 0]],
        "pooler.dense.bias": [0, 0],
    },
    "anna.json": {
        "kind": "gradient", "widths": [2, 2, 1], "seed": 7,
        "layers": [
            {"name": "fc1", "weight": [[-2, -1], [-2, 1]], "bias": [-3, -1], "activation": "relu"},
            {"name": "fc2", "weight": [[2, 1]], "bias": [3], "activation": "identity"},
        ],
        "x": [-1, 2], "target": [4], "loss": "mse", "learning_rate": 0.1,
        "answers": {
            "loss": "4.0", "fc2.grad_output[0]": 2, "fc2.weight.grad[0,0]": 0,
            "fc2.weight.grad[0,1]": 6, "fc2.bias.grad[0]": " −2 ",
            "fc1.grad_activation[0]": 4, "fc1.grad_activation[1]": "2",
            "fc1.grad_output[0]": 4, "fc1.grad_output[1]": 2, "fc1.weight.grad[0,0]": -4,
            "fc1.weight.grad[0,1]": 8, "fc1.weight.grad[1,0]": "[red]two[/red]\u001b",
            "fc1.weight.grad[1,1]": None, "fc1.bias.grad[0]": 17, "fc1.z[9]": 1,
        },
    },
}  # fmt: skip

PAGES = [
    ("create", "--in", "4", "--out", "2"),
    ("create", "--in", "784", "--out", "10", "--init", "kaiming_normal", "--dtype", "bfloat16"),
    ("create", "--in", "3", "--out", "3", "--init", "eye", "--no-bias"),
    ("create", "--in", "0", "--out", "2"),
    ("show", "layer.json"),
    ("show", "network.json"),
    ("show", "network.json", "[red]x[/red]"),
    ("scan", "layer.json"),
    ("scan", "network.json", "--spectral"),
    ("scan", "model.json", "--check", "--all"),
    ("scan", "model.json", "layer.json", "--spectrum", "--sort", "norm"),
    ("explain", "--in", "4", "--out", "2", "--seed", "0"),
    ("explain", "--in", "4", "--out", "2", "--batch", "3", "--no-bias"),
    ("explain", "--in", "3", "--out", "2", "--x", "1,nan,3"),
    ("explain", "--in", "0", "--out", "2"),
    ("explain", "--in", "3", "--out", "2", "--x", "basis:1", "--dtype", "float64"),
    ("explain", "--in", "40", "--out", "20", "--batch", "2,3", "--element", "1,2,5", "--top", "4"),
    ("shapes", "3,5,4,2", "--batch", "3"),
    ("shapes", "3-5-4-2", "--activation", "relu", "--output-activation", "sigmoid"),
    ("shapes", "3 -> 5 -> 4 -> 2", "--batch", "2,3", "--dtype", "bfloat16", "--no-bias"),
    ("shapes", "4-2"),
    ("shapes", "1000000000000-3"),
    ("step", "3-5-4-2", "--seed", "0", "--lr", "0.01"),
    ("step", "3-4-2", "--loss", "cross_entropy", "--batch", "3", "--activation", "tanh",
     "--momentum", "0.9", "--steps", "3"),
    ("step", "300-20-2", "--loss", "bce_with_logits", "--optimizer", "adamw"),
    ("step", "3-2", "--x", "1,nan,2"),
    ("trace", "fcinspect.examples:CNN", "--input", "4,3,32,32"),
    ("trace", "fcinspect.examples:RNN", "--batch", "2", "--input", "7,28"),
    ("trace", "fcinspect.examples:CNN", "--input", "4,3,28,28"),
    ("diagnose", "mat1 and mat2 shapes cannot be multiplied (64x1568 and 2048x128)"),
    ("diagnose", "mat1 and mat2 must have the same dtype, but got Double and Float"),
    ("diagnose", "fcinspect.examples:classifier", "--batch", "3"),
    ("diff", "network.json", "network.json"),
    ("diff", "before.json", "after.json"),
    ("diff", "before.json", "after.json", "--all", "--match", "content"),
    ("approximate", "sin(2*pi*x)", "--on", "0,1", "--error", "1e-2"),
    ("approximate", "abs(x-1/3)", "--on", "-1,1", "--error", "1e-6"),
    ("approximate", "x**2", "--on", "0,1", "--depth", "5"),
    ("draw", "3-5-4-2"),
    ("draw", "3-5-4-2", "--seed", "0", "--x", "1,2,3"),
    ("draw", "784-512-10", "--activation", "tanh", "--no-bias"),
    ("draw", "-".join(["4"] * 8), "--seed", "0"),
    ("draw", "-".join(["2"] * 40), "--units", "2"),
    ("draw", "network.json", "--x", "1,-2"),
    ("worksheet", "3-2-2", "--seed", "7"),
    ("worksheet", "8-4", "--seed", "7", "--sheet", "gradient"),
    ("worksheet", "2-2-1", "--seed", "7", "--sheet", "all"),
    ("worksheet", "2-2-2-2-2", "--seed", "7", "--sheet", "step", "--answers"),
    ("worksheet", "--grade", "anna.json"),
    ("worksheet", "--grade", "anna.json", "--grade", "layer.json", "--no-solution"),
]  # fmt: skip


@pytest.mark.parametrize("arguments", PAGES, ids=" ".join)
@pytest.mark.parametrize("columns", ["80", "120", ""])
def test_the_page(
    run: Run,
    snapshot: SnapshotAssertion,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    columns: str,
) -> None:
    """Nothing is cut, nothing is wider than the terminal, nothing acts on it."""
    for name, content in FILES.items():
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", columns)
    result = run(*arguments)
    assert result.err == ""
    assert result.out == snapshot.use_extension(Pages)
    assert "\x1b" not in result.out
    assert not any(line.endswith(" ") for line in result.out.splitlines())
    if columns:
        assert max(map(len, result.out.splitlines())) <= int(columns)
