"""Every JSON document of every command, held against the published schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fcinspect.cli.guide import COMMANDS
from fcinspect.reports.schema import DOCUMENTS, schema_of
from tests.conftest import Run

RUNS: dict[str, list[tuple[str, ...]]] = {
    "shapes": [
        ("3-5-4-2",),
        ("3-5-2", "--batch", "2,3", "--activation", "relu", "--no-bias"),
        ("1000000000000-1000000000000",),
    ],
    "create": [
        ("--in", "4", "--out", "2"),
        ("--in", "0", "--out", "2"),
        ("--in", "60", "--out", "20", "--no-bias", "--dtype", "bfloat16"),
        ("--in", "60", "--out", "20", "--full", "--init", "orthogonal"),
    ],
    "explain": [
        ("--in", "4", "--out", "2"),
        ("--in", "40", "--out", "30", "--batch", "2,3", "--top", "2"),
        ("--in", "3", "--out", "2", "--x", "nan,inf,-inf", "--no-bias"),
        ("--in", "0", "--out", "2", "--batch", "0"),
    ],
    "trace": [
        ("fcinspect.examples:CNN", "--input", "4,3,32,32"),
        ("fcinspect.examples:RNN", "--input", "4,28,28", "--arg", "hidden=8", "--train"),
        ("fcinspect.examples:CNN", "--input", "4,3,28,28"),
        ("fcinspect.examples:MLP", "--batch", "2"),
    ],
    "diagnose": [
        ("mat1 and mat2 shapes cannot be multiplied (64x1568 and 2048x128)",),
        ("fcinspect.examples:CNN", "--input", "4,3,28,28"),
        ("fcinspect.examples:classifier", "--batch", "3"),
    ],
    "approximate": [
        ("sin(2*pi*x)", "--on", "0,1", "--error", "1e-2", "--check"),
        ("sqrt(x)", "--on", "0,1", "--error", "1e-4", "--dtype", "float64", "--full"),
        ("exp(x)", "--on", "0,pi", "--error", "1/10"),
        ("x**2", "--on", "0,1", "--depth", "5", "--error", "1e-3"),
        ("x**2", "--on", "0,1", "--depth", "2"),
    ],
    "draw": [
        ("3-5-4-2",),
        ("784-512-10", "--no-bias", "--activation", "tanh"),
        ("3-2", "--seed", "0", "--x", "nan,inf,1"),
        ("-".join(["20"] * 30), "--seed", "1", "--units", "5"),
    ],
    "worksheet": [
        ("3-2-2",),
        ("2-2-2-2-2", "--sheet", "step", "--answers", "--no-bias"),
        ("2-1", "--sheet", "all", "--answers"),
        ("2-1", "--class", "3"),
        ("2-1", "--class", "2", "--answers"),
    ],
    "step": [
        ("3-5-4-2",),
        ("3-5-2", "--loss", "cross_entropy", "--optimizer", "adam", "--batch", "4", "--steps", "3"),
        ("3-2", "--lr", "1e30", "--steps", "5"),
        ("3-5-2", "--parameter", "fc2.weight[1,3]", "--no-bias", "--batch", "2"),
    ],
    "verify": [
        ("layer", "--in", "4", "--out", "2"),
        ("layer", "--in", "4", "--out", "2", "--checks", "list"),
        ("layer", "--in", "3", "--out", "2", "--x", "nan,inf,1", "--checks", "data"),
        ("optimizer", "torch", "--like", "sgd", "--checks", "dyadic,caller"),
        ("example", "mazur"),
        ("example", "--list"),
    ],
}  # fmt: skip


def strict(schema: Any) -> Any:
    """Return the schema with unknown keys forbidden, so that no key goes undeclared."""
    if isinstance(schema, dict):
        made = {key: strict(value) for key, value in schema.items()}
        if "properties" in made and made.get("type") == "object":
            made.setdefault("additionalProperties", False)
        return made
    return [strict(part) for part in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize(
    ("command", "arguments"),
    [(command, arguments) for command, runs in RUNS.items() for arguments in runs],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
@pytest.mark.usefixtures("prepared")
def test_every_document_is_as_published(run: Run, command: str, arguments: tuple[str, ...]) -> None:
    """Each key is declared with its type, and no number is NaN or Infinity."""
    out = run(command, *arguments, "--json").out
    assert out.endswith("\n")
    assert out.count("\n") == 1

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    document = json.loads(out, parse_constant=refuse)
    jsonschema.validate(document, strict(schema_of(command)))


LAYERS = {
    "one.json": {"weight": [[1, 2.5], [3, 4]], "bias": [0.1, 1]},
    "several.json": {
        "a.weight": [[1, 2]],
        "b.weight": [[3], [4]],
        "b.bias": [0, 1],
        "n.weight": [1],
    },
    "network.json": {"layers": [{"weight": [[1, 2]], "activation": "relu"}, {"weight": [[3]]}]},
    "claim.json": {"x": [1, 2], "W": [[1, 2.5], [3, 4]], "b": [0, 1], "y": [6, 12]},
    "taken.json": {
        "w.before": [1, 2],
        "w.grad": [1, -1],
        "w.after": [0.5, 2.5],
        "optimizer": {"name": "sgd", "lr": 0.5},
    },
}


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("show", ("one.json",)),
        ("show", ("several.json",)),
        ("show", ("several.json", "b")),
        ("show", ("network.json", "fc1")),
        ("explain", ("several.json", "b.weight", "--element", "1")),
        ("step", ("network.json", "--target", "1", "--x", "1,2")),
        ("scan", ("several.json",)),
        ("scan", ("several.json", "network.json", "--spectral", "--spectrum", "--sort", "norm")),
        ("draw", ("network.json", "--x", "1,2")),
        ("verify", ("output", "claim.json")),
        ("verify", ("step", "taken.json")),
        ("diff", ("several.json", "several.json", "--all")),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_documents_of_files_are_as_published(
    run: Run,
    command: str,
    arguments: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Layers from files, listings and networks."""
    for name, content in LAYERS.items():
        (tmp_path / name).write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    result = run(command, *arguments, "--json")
    assert (result.status, result.err) == (0, "")
    jsonschema.validate(result.document, strict(schema_of(command)))


def test_documents_of_differences_are_as_published(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Layers that changed, that one side lacks, and what is not finite."""
    spoilt = {
        "shape": [1, 2], "dtype": "float32", "values": [[1, None]],
        "nonfinite": [{"index": [0, 1], "value": "nan"}],
    }  # fmt: skip
    other = {"a.weight": spoilt, "b.weight": [[3], [4]], "c.weight": [[0.5]], "n.weight": [2]}
    (tmp_path / "a.json").write_text(json.dumps(LAYERS["several.json"]), encoding="utf-8")
    (tmp_path / "b.json").write_text(json.dumps(other), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for options in ((), ("--all",), ("--tolerance", "bf16"), ("--match", "content")):
        result = run("diff", "a.json", "b.json", *options, "--json")
        assert (result.status, result.err) == (1, "")
        jsonschema.validate(result.document, strict(schema_of("diff")))
        assert result.document["ok"] is False


def test_a_document_that_lies_is_refused() -> None:
    """The validation can fail: a missing key, an undeclared key and a wrong type are seen."""
    schema = strict(schema_of("shapes"))
    good: dict[str, Any] = {
        "schema": "fcinspect.shapes/1", "ok": True, "version": "1", "input": {}, "warnings": [],
        "data": {"widths": [1], "batch": [], "dtype": "float32", "layers": [], "parameters": 0,
                 "macs": 0, "flops": 0, "parameter_bytes": 0, "output_bytes": 0},
    }  # fmt: skip
    jsonschema.validate(good, schema)
    for spoilt in (
        {**good, "data": {**good["data"], "macs": "0"}},
        {**good, "data": {**good["data"], "extra": 0}},
        {**good, "schema": "fcinspect.shapes/2"},
        {key: value for key, value in good.items() if key != "ok"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(spoilt, schema)


def test_every_command_with_json_has_a_schema(run: Run) -> None:
    """`fcinspect schema` prints all of them, `schema COMMAND` one."""
    everything = json.loads(run("schema").out)
    assert set(everything) == set(DOCUMENTS) == set(COMMANDS)
    for command in COMMANDS:
        one = json.loads(run("schema", command).out)
        assert one == everything[command]
        jsonschema.Draft202012Validator.check_schema(one)
    refused = run("schema", "explian")
    assert refused.status == 2
    assert "did you mean 'explain'" in refused.err
