"""fcinspect scan on the command line."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from fcinspect.errors import InputError
from fcinspect.reports.schema import schema_of
from tests.conftest import Run

PEAK = """
import runpy, sys
try:
    runpy.run_module("fcinspect", run_name="__main__")
finally:
    sys.stderr.write(open("/proc/self/status").read())
"""
"""Runs the command line and tells its peak memory: that of getrusage starts from the parent's."""


def drawn(*shape: int) -> torch.Tensor:
    """Return the same numbers on every run."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def state_dict() -> dict[str, torch.Tensor]:
    """Return two sound layers, and what is none."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(40, 30), torch.nn.ReLU(), torch.nn.Linear(30, 20))
    found = {name: p.detach().clone() for name, p in model.named_parameters()}
    return {**found, "norm.weight": torch.ones(20), "wte.weight": torch.randn(50, 8)}


def planted(**changes: Any) -> dict[str, torch.Tensor]:
    """Return the state dict with one thing changed."""
    found = state_dict()
    weight, bias = found["0.weight"], found["0.bias"]
    match changes:
        case {"nan": place}:
            weight[place] = math.nan
        case {"inf": place}:
            weight[place] = -math.inf
        case {"bias": value}:
            bias[3] = value
        case {"dead_output": row}:
            weight[row] = 0
        case {"dead_input": column}:
            weight[:, column] = -0.0
        case {"duplicate": (row, of)}:
            weight[row] = weight[of]
        case {"zero": True}:
            weight[:] = 0
    return found


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A sound model."""
    path = tmp_path / "model.safetensors"
    save_file(state_dict(), path)
    return path


def test_every_layer_is_told_with_its_statistics(model: Path, run: Run) -> None:
    """The numbers are torch's; what is no linear layer is told with the reason."""
    result = run("scan", model, "--json")
    assert (result.status, result.err) == (0, "")
    jsonschema.validate(result.document, schema_of("scan"))
    first, second = result.data["layers"]
    weight = state_dict()["0.weight"].double()
    assert (first["name"], first["in_features"], first["out_features"]) == ("0", 40, 30)
    assert (first["dtype"], first["bias"], first["parameters"]) == ("float32", True, 1230)
    assert (first["min"], first["max"]) == (weight.min().item(), weight.max().item())
    assert first["mean"] == pytest.approx(weight.mean().item(), rel=1e-6)
    assert first["std"] == pytest.approx(weight.std().item(), rel=1e-6)
    assert first["norm"] == pytest.approx(weight.norm().item(), rel=1e-6)
    assert first["bias_statistics"]["max"] == state_dict()["0.bias"].max().item()
    assert first["spectral_norm_low"] <= torch.linalg.svdvals(weight)[0]
    assert first["spectral_norm_high"] >= torch.linalg.svdvals(weight)[0]
    assert first["fingerprint"]["law"] == "U(−1/√40, 1/√40)"
    assert second["findings"] == []
    skipped = {skip["name"]: skip["reason"] for skip in result.data["skipped"]}
    assert set(skipped) == {"norm.weight", "wte.weight"}
    assert "embedding" in skipped["wte.weight"]


FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"nan": (2, 3)}, "nan", "1 number of the weight is NaN"),
    ({"nan": 2}, "nan", "40 numbers of the weight are NaN"),
    ({"inf": (0, 0)}, "inf", "1 number of the weight is infinite"),
    ({"bias": math.nan}, "nan", "1 number of the bias is NaN"),
    ({"bias": math.inf}, "inf", "1 number of the bias is infinite"),
    ({"dead_output": 5}, "dead outputs", "output 5 has weights that are all zero"),
    ({"dead_output": slice(1, 29, 2)}, "dead outputs", "14 outputs (1, 3, 5, 7, 9, 11, 13, 15, …)"),
    ({"dead_input": 39}, "dead inputs", "input 39 has weights that are all zero"),
    ({"duplicate": (7, 2)}, "duplicate outputs", "output 7 has the same weights as an earlier one"),
    ({"zero": True}, "all zero", "the weight is all zero"),
]


@pytest.mark.parametrize(("fault", "kind", "words"), FAULTS, ids=lambda value: str(value))
def test_a_check_fails_on_each_planted_fault(
    fault: dict[str, Any], kind: str, words: str, tmp_path: Path, run: Run
) -> None:
    """With --check the exit status is 1 and the fault is named; without it it is named too."""
    path = tmp_path / "model.safetensors"
    save_file(planted(**fault), path)
    checked = run("scan", path, "--check")
    assert (checked.status, checked.err) == (1, "")
    assert words in checked.out
    assert "Check failed: 1 of 2 layers" in checked.out
    told = run("scan", path, "--json")
    assert (told.status, told.document["ok"]) == (0, True)
    (finding,) = told.data["layers"][0]["findings"]
    assert finding["kind"] == kind
    assert words in finding["detail"]
    streamed = run("scan", path, "--check", "--format", "ndjson")
    assert streamed.status == 1


def test_outputs_that_few_bits_make_equal_by_chance_pass_the_check(
    tmp_path: Path, run: Run
) -> None:
    """A bfloat16 layer of one input has few weights to choose from; one of equal outputs fails."""
    torch.manual_seed(0)
    weight = torch.nn.Linear(1, 512).weight.detach().to(torch.bfloat16)
    save_file({"fc.weight": weight}, tmp_path / "m.safetensors")
    sound = run("scan", tmp_path / "m.safetensors", "--check")
    assert sound.status == 0
    assert "beyond those that occur by chance with few bits" in sound.out
    (told,) = run("scan", tmp_path / "m.safetensors", "--json").data["layers"]
    assert told["duplicate_outputs"]["count"] == 512 - len(np.unique(weight.float().numpy()))
    save_file({"fc.weight": torch.full_like(weight, 0.5)}, tmp_path / "m.safetensors")
    assert run("scan", tmp_path / "m.safetensors", "--check").status == 1


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_norm_of_no_finite_number_is_not_zero(value: float, tmp_path: Path, run: Run) -> None:
    """It is unknown, as the mean is: null."""
    weight, bias = torch.full((3, 4), value), torch.full((3,), value)
    save_file({"fc.weight": weight, "fc.bias": bias}, tmp_path / "m.safetensors")
    (told,) = run("scan", tmp_path / "m.safetensors", "--json", "--sort", "norm").data["layers"]
    assert told["norm"] is None
    assert told["bias_statistics"]["norm"] is None


def test_a_sound_model_passes_the_check(model: Path, run: Run) -> None:
    """Nothing speaks against it, and what was looked for is said."""
    result = run("scan", model, "--check")
    assert result.status == 0
    assert "Check passed: 2 layers without NaN" in result.out
    assert run("scan", model, "--check", "--quiet").out == ""


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("ending", ["safetensors", "npz"])
def test_a_check_goes_through_what_is_no_layer_too(
    value: float, ending: str, tmp_path: Path, run: Run
) -> None:
    """A number of a norm, an embedding or a convolution that is not finite fails the check."""
    tensors = {**state_dict(), "conv.weight": drawn(4, 3, 2, 2), "scale": torch.tensor(1.0)}
    path = tmp_path / f"model.{ending}"

    def save() -> None:
        if ending == "npz":
            arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in tensors.items()}
            np.savez(path, **arrays)
        else:
            save_file(tensors, path)

    save()
    passed = run("scan", path, "--check")
    assert passed.status == 0
    assert "4 other arrays without NaN or infinities" in passed.out
    word = "NaN" if math.isnan(value) else "infinite"
    for name in ("norm.weight", "wte.weight", "conv.weight", "scale"):
        sound = tensors[name]
        tensors[name] = sound.clone()
        tensors[name].view(-1)[-1] = value
        save()
        failed = run("scan", path, "--check")
        assert failed.status == 1
        assert f"{name}: 1 number is {word}" in failed.out
        assert "Check failed: 1 other array" in failed.out
        assert run("scan", path).status == 0
        streamed = run("scan", path, "--check", "--format", "ndjson")
        assert streamed.status == 1
        assert f"{name}: 1 number is {word}" in streamed.err
        told = run("scan", path, "--check", "--json")
        jsonschema.validate(told.document, schema_of("scan"))
        assert [o["name"] for o in told.data["others"] if o["nan"] or o["inf"]] == [name]
        assert run("scan", path, "--check", "--only", "0").status == 0
        tensors[name] = sound


def test_whole_numbers_are_told_as_not_gone_through(tmp_path: Path, run: Run) -> None:
    """What a check has not looked at is said."""
    save_file({**state_dict(), "steps": torch.arange(3)}, tmp_path / "model.safetensors")
    told = run("scan", tmp_path / "model.safetensors", "--check").out
    assert "1 array of integers not checked" in " ".join(told.split())


def test_missing_and_extra_tensors_of_shards_fail_the_check(tmp_path: Path, run: Run) -> None:
    """What the index names and no shard has, and the other way round, is told each."""
    tensors = state_dict()
    save_file({"0.weight": tensors["0.weight"], "extra": torch.ones(2)}, tmp_path / "a.safetensors")
    index = {"weight_map": {"0.weight": "a.safetensors", "0.bias": "a.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    result = run("scan", tmp_path, "--check")
    assert result.status == 1
    assert "'0.bias'" in result.out
    assert "'extra'" in result.out
    assert "Check failed: 2 problems with its shards" in result.out
    unchecked = run("scan", tmp_path)
    assert unchecked.status == 0
    assert "the shards would fail --check" in unchecked.out
    assert len(run("scan", tmp_path, "--json").data["problems"]) == 2
    streamed = run("scan", tmp_path, "--format", "ndjson", "--check")
    assert streamed.status == 1
    assert "'0.bias'" in streamed.err


def test_what_is_missing_is_not_called_no_linear_layer(tmp_path: Path, run: Run) -> None:
    """A tensor that no shard holds is counted apart from those that are looked at."""
    save_file({"a.weight": torch.ones(2, 3), "norm.weight": torch.ones(3)}, tmp_path / "a.st")
    places = {"a.weight": "a.st", "norm.weight": "a.st", "b.weight": "b.st", "b.bias": "b.st"}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}), encoding="utf-8")
    summary = run("scan", tmp_path).out.splitlines()[-1]
    assert summary == (
        "1 array is not a linear layer: one-dimensional (1); 2 arrays are missing; --all lists them"
    )
    assert re.search(r"^array +why$", run("scan", tmp_path, "--all").out, re.MULTILINE)
    assert "the index also names 'b.weight' and 1 more: it is in" in run("show", tmp_path).out
    save_file({"a.weight": torch.ones(2, 3), "c.weight": torch.ones(2, 3)}, tmp_path / "a.st")
    assert "the index also names 3 arrays, 3 of them missing" in run("show", tmp_path).out


def test_a_reason_is_shortened_at_its_end(tmp_path: Path, run: Run) -> None:
    """The line that counts them leaves out what stands in brackets, not half of it."""
    torch.manual_seed(0)
    model = torch.nn.ModuleDict({"rnn": torch.nn.LSTM(3, 4), "fc": torch.nn.Linear(4, 5)})
    torch.save(model.state_dict(), tmp_path / "m.pt")
    assert run("scan", tmp_path / "m.pt").out.splitlines()[-1] == (
        "4 arrays are not linear layers: part of a recurrent layer (4); --all lists them"
    )
    save_file({"a.weight": torch.ones(2, 3), "a.bias": torch.ones(3, 7)}, tmp_path / "m.st")
    (reason,) = {
        skip["reason"]
        for skip in run("scan", tmp_path / "m.st", "--json").data["skipped"]
        if "(3, 7)" in skip["reason"]
    }
    told = " ".join(run("scan", tmp_path / "m.st").out.split())
    assert reason[: reason.index("(3, 7)") + 6] in told


def test_shards_that_are_given_one_by_one_are_not_called_unread(tmp_path: Path, run: Run) -> None:
    """Each is read on its own, whether or not the others are read too."""
    names = [f"model-0000{k}-of-00002.safetensors" for k in (1, 2)]
    for name in names:
        save_file({f"{name[8]}.weight": drawn(2, 3)}, tmp_path / name)
    told = run("scan", *(tmp_path / name for name in names))
    assert " ".join(told.out.split()).count("is read alone") == 4
    assert "not read" not in told.out


def test_only_chooses_layers_by_pattern(tmp_path: Path, run: Run) -> None:
    """Patterns of a shell, several of them; one that fits nothing is refused."""
    weight = torch.ones(2, 2)
    names = ("encoder.0.fc", "encoder.1.fc", "decoder.fc", "experts[3]")
    path = tmp_path / "model.safetensors"
    save_file({f"{name}.weight": weight.clone() for name in names}, path)

    def chosen(*patterns: str) -> list[str]:
        only = [part for pattern in patterns for part in ("--only", pattern)]
        return [layer["name"] for layer in run("scan", path, *only, "--json").data["layers"]]

    assert chosen("encoder.*") == ["encoder.0.fc", "encoder.1.fc"]
    assert set(chosen("*.1.*", "dec*")) == {"encoder.1.fc", "decoder.fc"}
    assert chosen("experts[3]") == ["experts[3]"]
    assert len(chosen()) == 4
    refused = run("scan", path, "--only", "encodr.*")
    assert refused.status == 3
    assert "no linear layer matches 'encodr.*'" in refused.err
    assert run("scan", path, "--only", "dec*").out.count("1 linear layer of 4") == 1


def test_layers_are_sorted_by_what_is_asked_for(tmp_path: Path, run: Run) -> None:
    """The largest first, and what has no such number last."""
    path = tmp_path / "model.safetensors"
    save_file(
        {
            "b.weight": torch.full((2, 2), 2.0),
            "a.weight": torch.full((2, 2), -3.0),
            "c.weight": torch.full((2, 2), math.nan),
        },
        path,
    )

    def order(key: str) -> str:
        data = run("scan", path, "--sort", key, "--json").data
        return "".join(layer["name"] for layer in data["layers"])

    assert order("norm") == "abc"
    assert order("max") == "bac"
    assert order("name") == "abc"
    streamed = run("scan", path, "--sort", "max", "--format", "ndjson").out.splitlines()
    assert [json.loads(line)["name"] for line in streamed] == ["b", "a", "c"]
    assert run("scan", path, "--sort", "size").status == 2


def test_names_are_sorted_as_people_do(tmp_path: Path, run: Run) -> None:
    """layers.2 comes before layers.10."""
    path = tmp_path / "model.npz"
    arrays: dict[str, Any] = {f"layers.{k}.weight": np.ones((2, 2)) for k in (10, 2, 1)}
    np.savez(path, **arrays)
    data = run("scan", path, "--sort", "name", "--json").data
    assert [layer["name"] for layer in data["layers"]] == ["layers.1", "layers.2", "layers.10"]


def test_ndjson_is_one_flat_object_a_layer_and_csv_has_the_same_columns(
    model: Path, run: Run
) -> None:
    """Every line is JSON by itself, without lists and objects inside."""
    lines = run("scan", model, "--format", "ndjson").out.splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["name"] for record in records] == ["0", "2"]
    assert not any(isinstance(v, list | dict) for record in records for v in record.values())
    rows = list(csv.DictReader(io.StringIO(run("scan", model, "--format", "csv").out)))
    assert list(rows[0]) == list(records[0])
    assert [float(row["norm"]) for row in rows] == [record["norm"] for record in records]
    more = run("scan", model, "--format", "ndjson", "--spectral", "--spectrum").out.splitlines()
    assert {"spectral_norm", "rank", "condition_number"} <= set(json.loads(more[0]))


def test_singular_values_are_those_of_torch(model: Path, run: Run) -> None:
    """σ₁ with its residual by --spectral, all of them by --spectrum."""
    true = torch.linalg.svdvals(state_dict()["0.weight"].double())
    layer = run("scan", model, "--spectral", "--spectrum", "--json").data["layers"][0]
    found = layer["spectral_norm"]
    assert true[0] * (1 - 1e-4) <= found["value"] <= true[0] * (1 + 1e-6)
    assert found["converged"]
    assert layer["spectrum"]["values"]["values"] == pytest.approx(true.tolist(), rel=1e-9)
    assert layer["spectrum"]["condition_number"] == pytest.approx((true[0] / true[-1]).item())
    assert layer["spectrum"]["rank"] == 30
    assert sum(layer["spectrum"]["histogram"]["counts"]) == 30
    page = run("scan", model, "--spectral", "--spectrum").out
    assert "rank 30 of 30" in page


def test_several_checkpoints_are_told_together(model: Path, tmp_path: Path, run: Run) -> None:
    """Layers of the same name are told apart by their file, whatever its kind."""
    torch.save(state_dict(), tmp_path / "model.pt")
    arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in state_dict().items()}
    np.savez(tmp_path / "model.npz", **arrays)
    result = run("scan", model, tmp_path / "model.pt", tmp_path / "model.npz", "--json")
    layers = result.data["layers"]
    assert len({layer["source"] for layer in layers}) == 3
    for name in ("0", "2"):
        same = [layer for layer in layers if layer["name"] == name]
        assert len({json.dumps({**layer, "source": ""}) for layer in same}) == 1
    assert "file" in run("scan", model, tmp_path / "model.pt").out


def test_what_is_wrong_is_told_with_its_file_where_there_are_several(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints of one model have the same names: each finding says which file it is of."""
    monkeypatch.chdir(tmp_path)
    save_file(state_dict(), "a.safetensors")
    tensors = planted(nan=(3, 4))
    tensors["norm.weight"][2] = math.inf
    save_file(tensors, "b.safetensors")
    both = ("scan", "a.safetensors", "b.safetensors")
    told = run(*both, "--check", "--spectral").out
    assert "\n0 of 'b.safetensors': 1 number of the weight is NaN" in told
    assert "\nnorm.weight of 'b.safetensors': 1 number is infinite" in told
    assert len(re.findall(r"^2 of 'a\.safetensors'  +\d", told, re.MULTILINE)) == 1  # its σ₁
    assert "\n0 of 'a.safetensors'      40 → 30" in run(*both, "--only", "0").out
    streamed = run(*both, "--check", "--format", "ndjson")
    assert "norm.weight of 'b.safetensors': 1 number is infinite" in streamed.err
    others = run(*both, "--check", "--json").data["others"]
    assert [other["source"] for other in others if other["inf"]] == ["'b.safetensors'"]
    alone = run("scan", "b.safetensors", "--check").out
    assert "\n0: 1 number of the weight is NaN" in alone


def test_a_layout_turns_outputs_to_columns(tmp_path: Path, run: Run) -> None:
    """A kernel of (in, out) has its dead and equal outputs in its columns."""
    kernel = drawn(6, 4)
    kernel[:, 1] = 0
    kernel[:, 3] = kernel[:, 2]
    save_file({"h.kernel": kernel}, tmp_path / "k.safetensors")
    told = run("scan", tmp_path / "k.safetensors", "--layout", "in,out", "--json")
    (layer,) = told.data["layers"]
    assert (layer["in_features"], layer["out_features"]) == (6, 4)
    assert layer["dead_outputs"] == {"count": 1, "first": [1]}
    assert layer["duplicate_outputs"] == {"count": 1, "first": [3]}
    assert layer["dead_inputs"]["count"] == 0


@pytest.fixture
def mixed(tmp_path: Path) -> list[Path]:
    """Two sound checkpoints and a damaged one between them."""
    paths = [tmp_path / "m" / name for name in ("a.safetensors", "bad.safetensors", "c.pt")]
    paths[0].parent.mkdir()
    save_file(state_dict(), paths[0])
    paths[1].write_bytes(paths[0].read_bytes()[:-50])
    torch.save(state_dict(), paths[2])
    return paths


@pytest.mark.parametrize("check", [(), ("--check",)])
def test_one_bad_file_does_not_keep_the_others_from_the_report(
    check: tuple[str, ...], mixed: list[Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can be read is reported, the bad file is named in every form, the status is 3."""
    monkeypatch.chdir(mixed[0].parent)
    mixed = [Path(path.name) for path in mixed]
    told = run("scan", *mixed, "nope.npz", *check)
    assert told.status == 3
    assert "4 linear layers" in told.out
    assert "not read: 'bad.safetensors' is not a valid safetensors file" in told.out
    assert "not read: no such file: 'nope.npz'" in told.out
    assert told.err.startswith(f"fcinspect: 2 files not read: '{mixed[1]}' is not a valid")
    assert told.err.count("\n") == 1
    assert ("Check undecided: 2 files not read" in told.out) == bool(check)
    assert "Check passed" not in told.out
    document = run("scan", *mixed, *check, "--json")
    assert document.status == 3
    assert json.loads(document.err)["error"]["exit_code"] == 3
    written = json.loads(document.out)
    jsonschema.validate(written, schema_of("scan"))
    assert not written["ok"]
    assert [file["name"] for file in written["data"]["failed"]] == [f"'{mixed[1]}'"]
    assert len(written["data"]["layers"]) == 4
    lines = run("scan", *mixed, *check, "--format", "ndjson")
    assert (lines.status, lines.out.count("\n")) == (3, 4)
    assert "1 file not read" in lines.err


def test_a_folder_of_several_checkpoints_is_scanned_as_all_of_them(
    mixed: list[Path], run: Run
) -> None:
    """One that is damaged is named beside them; where none can be read that is the answer."""
    folder = mixed[0].parent
    save_file(state_dict(), folder / "b.safetensors")
    told = run("scan", folder)
    assert told.status == 3
    assert "4 linear layers" in told.out
    assert "1 file not read" in told.err
    mixed[1].unlink()
    assert run("scan", folder, "--check").status == 0
    for path in folder.iterdir():
        path.write_bytes(b"nothing")
    told = run("scan", folder)
    assert (told.status, told.out) == (3, "")
    assert "2 files not read" in told.err


def test_a_damaged_shard_is_named_beside_the_others(tmp_path: Path, run: Run) -> None:
    """With an index and without one; what it held is missing, and other commands refuse."""
    tensors = state_dict()
    names = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    save_file({"0.weight": tensors["0.weight"]}, tmp_path / names[0])
    save_file({"2.weight": tensors["2.weight"]}, tmp_path / names[1])
    whole = (tmp_path / names[1]).read_bytes()
    (tmp_path / names[1]).write_bytes(whole[:-50])
    index = {"0.weight": names[0], "2.weight": names[1]}
    for _ in range(2):
        told = run("scan", tmp_path, "--check", "--json")
        assert told.status == 3
        assert [layer["name"] for layer in json.loads(told.out)["data"]["layers"]] == ["0"]
        assert names[1] in told.err
        assert run("show", tmp_path).status == 3
        text = json.dumps({"weight_map": index})
        (tmp_path / "model.safetensors.index.json").write_text(text, encoding="utf-8")


def test_a_file_that_changes_while_it_is_scanned_is_named(
    mixed: list[Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was found of the others stays in the report."""
    from fcinspect.checkpoints.scan import scanning

    scan = scanning.scan

    def failing(layers: Any, *others: Any) -> Any:
        if "c.pt" in layers[0].source:
            raise InputError("'c.pt' changed while it was read")
        return scan(layers, *others)

    monkeypatch.setattr(scanning, "scan", failing)
    told = run("scan", mixed[0], mixed[2])
    assert told.status == 3
    assert "2 linear layers" in told.out
    assert "not read: 'c.pt' changed while it was read" in told.out


def test_one_finding_of_many_layers_is_told_once(tmp_path: Path, run: Run) -> None:
    """With the names of the first layers; the JSON has it for each."""
    names = [f"fc{number}" for number in range(9)]
    weights = {f"{name}.weight": torch.zeros(3, 2) for name in names}
    save_file(weights, tmp_path / "m.safetensors")
    told = run("scan", tmp_path / "m.safetensors", "--check").out
    assert told.count("the weight is all zero") == 1
    assert "fc5 and 3 more: the weight is all zero" in told
    data = run("scan", tmp_path / "m.safetensors", "--check", "--json").data
    assert all(len(layer["findings"]) == 1 for layer in data["layers"])


def gpt2(width: int = 8) -> dict[str, torch.Tensor]:
    """Return two blocks as GPT-2 stores them, (in, out), and a head of nn.Linear."""
    torch.manual_seed(0)
    found = {"score.weight": torch.randn(2, width)}
    for block in range(2):
        for name, inputs, outputs in (
            ("attn.c_attn", width, 3 * width),
            ("attn.c_proj", width, width),
            ("mlp.c_fc", width, 4 * width),
            ("mlp.c_proj", 4 * width, width),
        ):
            found[f"h.{block}.{name}.weight"] = torch.randn(inputs, outputs)
            found[f"h.{block}.{name}.bias"] = torch.randn(outputs)
    return found


@pytest.mark.parametrize("name", ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"])
def test_a_check_sees_what_is_wrong_in_gpt2(name: str, tmp_path: Path, run: Run) -> None:
    """Every layer is read in the layout that it lies in, and its columns are its outputs."""
    path = tmp_path / "model.safetensors"
    save_file(gpt2(), path)
    sound = run("scan", path, "--check", "--json")
    assert sound.status == 0
    assert len(sound.data["layers"]) == 9
    by_name = {layer["name"]: layer for layer in sound.data["layers"]}
    assert (by_name["score"]["in_features"], by_name["score"]["out_features"]) == (8, 2)
    for k, kind in ((0, "dead outputs"), (1, "duplicate outputs")):
        faulty = gpt2()
        weight = faulty[f"h.1.{name}.weight"]
        weight[:, 5] = k * weight[:, 4]
        save_file(faulty, path)
        told = run("scan", path, "--check", "--json")
        assert told.status == 1
        found = {layer["name"]: layer["findings"] for layer in told.data["layers"]}
        ((finding,),) = [findings for findings in found.values() if findings]
        assert found[f"h.1.{name}"] == [finding]
        assert finding["kind"] == kind
        assert finding["detail"].startswith("output 5 has")


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        ({"c_proj.weight": drawn(4, 4)}, "c_proj: outputs and inputs were not checked"),
        (
            {"fc.weight": drawn(3, 2), "fc.bias": drawn(7)},
            "fc.weight: not checked: its bias has shape (7,)",
        ),
        (
            {
                "fc.qweight": torch.ones(8, 64, dtype=torch.int32),
                "fc.qzeros": torch.ones(1, 8, dtype=torch.int32),
                "fc.scales": torch.ones(1, 64, dtype=torch.float16),
            },
            "fc.qweight: not checked: packed integers",
        ),
    ],
)
def test_what_was_not_looked_at_passes_no_check(
    tensors: dict[str, torch.Tensor], words: str, tmp_path: Path, run: Run
) -> None:
    """A check is undecided where a layer could not be read, or not told from its transpose."""
    path = tmp_path / "model.safetensors"
    save_file({**state_dict(), **tensors}, path)
    told = run("scan", path, "--check")
    assert told.status == 1
    assert f"\n{words}" in told.out
    assert "\nCheck undecided: 1 " in told.out
    streamed = run("scan", path, "--check", "--format", "ndjson")
    assert streamed.status == 1
    assert words.split(": ")[1] in streamed.out + streamed.err
    document = run("scan", path, "--check", "--json").document
    jsonschema.validate(document, schema_of("scan"))
    assert not document["ok"]
    unread = document["data"]["unread"]
    struck = [layer["name"] for layer in document["data"]["layers"] if layer["findings"]]
    assert [*unread, *struck] == [words.split(":")[0]]
    assert run("scan", path, "--check", "--only", "0").status == 0
    assert run("scan", path).status == 0


@pytest.mark.parametrize("dtype", ["float8_e4m3fn", "float8_e5m2", "bfloat16", "float16"])
def test_formats_that_numpy_lacks_are_scanned(dtype: str, tmp_path: Path, run: Run) -> None:
    """Their statistics are those of their numbers in float64."""
    weight = drawn(30, 40).to(getattr(torch, dtype))
    save_file({"fc.weight": weight}, tmp_path / "m.safetensors")
    (layer,) = run("scan", tmp_path / "m.safetensors", "--json").data["layers"]
    assert layer["dtype"] == dtype
    assert layer["norm"] == pytest.approx(weight.double().norm().item(), rel=1e-6)


def test_a_file_without_layers_and_an_empty_layer_are_told(tmp_path: Path, run: Run) -> None:
    """Nothing is no crash."""
    save_file({"steps": torch.arange(3)}, tmp_path / "none.safetensors")
    none = run("scan", tmp_path / "none.safetensors", "--check")
    assert none.status == 1
    assert "0 linear layers" in none.out
    assert "Check failed: nothing to check" in none.out
    save_file({"conv.weight": torch.ones(3, 2, 2, 2)}, tmp_path / "conv.safetensors")
    convolution = run("scan", tmp_path / "conv.safetensors", "--check")
    assert convolution.status == 0
    assert "1 other array without NaN or infinities" in convolution.out
    assert run("scan", tmp_path / "none.safetensors").status == 0
    save_file({"fc.weight": torch.ones(0, 3)}, tmp_path / "empty.safetensors")
    empty = run("scan", tmp_path / "empty.safetensors", "--spectral", "--spectrum", "--check")
    assert (empty.status, empty.err) == (0, "")
    assert run("scan", tmp_path / "none.safetensors", "--format", "csv").status == 0


def test_options_that_exclude_each_other_are_refused(model: Path, run: Run) -> None:
    """Threads of this machine do not go with a scheduler."""
    refused = run("scan", model, "--workers", 2, "--scheduler", "tcp://127.0.0.1:1")
    assert refused.status == 2
    assert run("scan", model, "--workers", 0).status == 2
    assert run("scan").status == 2
    assert run("scan", model.with_name("nothing.safetensors")).status == 3


def test_names_from_files_cannot_act_on_a_terminal(tmp_path: Path, run: Run) -> None:
    """Escape codes, markup and directions are written, not carried out."""
    names = ("[red]x[/red]", "\x1b[31mred", "a\u202eb", "a\nb")
    save_file({f"{name}.weight": torch.zeros(4, 4) for name in names}, tmp_path / "m.safetensors")
    for form in ("text", "csv", "ndjson", "json", "md"):
        out = run("scan", tmp_path / "m.safetensors", "--format", form, "--check").out
        assert "\x1b" not in out
        assert "\u202e" not in out
    assert "[red]x[/red]" in run("scan", tmp_path / "m.safetensors").out


def test_a_report_is_saved_whole_or_not_at_all(model: Path, tmp_path: Path, run: Run) -> None:
    """A full disk is exit status 74, and what was there before is kept."""
    target = tmp_path / "report.csv"
    assert run("scan", model, "--save", target, "--quiet").status == 0
    assert target.read_text(encoding="utf-8").startswith("name,source,")
    assert run("scan", model, "--save", target).status == 74
    full = Path("/dev/full")
    if full.exists():
        refused = run("scan", model, "--save", full, "--quiet")
        assert (refused.status, refused.err.count("\n")) == (74, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: sparse files and limits")
@pytest.mark.parametrize("gigabytes", [6, pytest.param(30, marks=pytest.mark.slow)])
def test_many_gigabytes_are_scanned_in_bounded_memory(gigabytes: int, tmp_path: Path) -> None:
    """A file of any size takes no more than 120 MB, and address space far below its size."""
    width = 8192
    size = 4 * width * width
    count = (gigabytes << 30) // size
    header = {
        f"fc{k}.weight": {
            "dtype": "F32", "shape": [width, width], "data_offsets": [k * size, (k + 1) * size],
        }
        for k in range(count)
    }  # fmt: skip
    text = json.dumps(header).encode()
    path = tmp_path / "sparse.safetensors"
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + count * size)
    done = subprocess.run(
        [
            "bash",
            "-c",
            f"ulimit -v 1500000; {sys.executable} -c '{PEAK}' scan {path} --check --json",
        ],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "OPENBLAS_NUM_THREADS": "2"},
        check=False,
    )
    assert done.returncode == 1, done.stderr
    layers = json.loads(done.stdout)["data"]["layers"]
    assert len(layers) == count
    assert all(layer["findings"][0]["kind"] == "all zero" for layer in layers)
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", done.stderr)
    assert int(peak) * 1024 <= 120e6


def test_the_orders_that_are_offered_are_those_that_are_known() -> None:
    """The command line names them without loading what sorts."""
    from fcinspect.checkpoints.scan import scanning
    from fcinspect.cli import scan

    assert scan.ORDERS == scanning.ORDERS


def test_plot_draws_the_numbers_of_the_layers(model: Path, run: Run) -> None:
    """Their distributions, each between its first edge and its last; JSON stays as it is."""
    out = run("scan", model, "--plot").out
    rows = out.split("Values of the weights\n")[1].split("\n\n")[0].splitlines()
    assert rows.pop() == "use --spectrum to draw their singular values"
    assert [row.split()[0] for row in rows[2:]] == ["0", "2"]
    assert [row.split()[-1] for row in rows[2:]] == ["1,200", "600"]
    for form in ("json", "csv", "ndjson"):
        plain, plotted = (run("scan", model, "-f", form, *more).out for more in ([], ["--plot"]))
        assert plain == plotted
    assert "Values of W\n" in run("scan", model, "--plot", "--only", "0").out


@pytest.mark.parametrize("width", [50, 80])
def test_plot_draws_the_spectra_that_are_computed(
    model: Path, run: Run, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """With --spectrum: a curve a layer, told apart by its stroke."""
    monkeypatch.setenv("COLUMNS", str(width))
    out = run("scan", model, "--spectrum", "--plot").out
    chart = out.split("Singular values\n")[1].split("\n\n")[0].splitlines()
    assert chart[0].startswith("σ")
    assert chart[-1].split() == ["⠤⠤⠤⠤", "0", "⠤⠤", "⠠", "2"]
    assert max(map(len, chart)) <= width


def test_layers_left_out_of_the_charts_are_told(tmp_path: Path, run: Run) -> None:
    """Four spectra, and the numbers of twelve layers."""
    path = tmp_path / "many.safetensors"
    save_file({f"l{k}.weight": torch.eye(2) * (k + 1) for k in range(15)}, path)
    assert "showing 12 of 15 layers; --only and --sort" in run("scan", path, "--plot").out
    assert "showing 4 of 15 layers" in run("scan", path, "--plot", "--spectrum").out


def test_sorted_layers_keep_their_own_numbers(tmp_path: Path, run: Run) -> None:
    """The chart's rows are those of the table."""
    path = tmp_path / "two.safetensors"
    save_file({"a.weight": torch.ones(2, 3), "b.weight": torch.full((5, 7), 2.0)}, path)
    out = run("scan", path, "--plot", "--sort", "max").out
    rows = out.split("Values of the weights\n")[1].split("\n\n")[0].splitlines()[2:-1]
    assert [row.split() for row in rows] == [["b", "2", "█", "2", "35"], ["a", "1", "█", "1", "6"]]


def test_the_figure_of_a_scan_is_saved(model: Path, run: Run, tmp_path: Path) -> None:
    """By .png and .pdf, by .svg with --plot, while NDJSON streams too."""
    arguments = ("scan", model, "--save")
    for name, more, begins in (
        ("a.png", (), b"\x89PNG"),
        ("a.pdf", ("--spectrum",), b"%PDF"),
        ("a.svg", ("--plot",), b"<?xml"),
        ("b.svg", (), b"<svg"),
        ("c.png", ("-f", "ndjson"), b"\x89PNG"),
    ):
        result = run(*arguments, tmp_path / name, *more)
        assert result.status == 0
        assert (tmp_path / name).read_bytes().startswith(begins)


def test_a_file_without_layers_has_nothing_to_draw(tmp_path: Path, run: Run) -> None:
    """It is said."""
    save_file({"norm.weight": torch.ones(3)}, tmp_path / "x.safetensors")
    assert (
        "no linear layers: nothing to draw" in run("scan", tmp_path / "x.safetensors", "--plot").out
    )
