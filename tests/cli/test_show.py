from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from fcinspect.reports.schema import schema_of
from tests.checkpoints.formats.test_safetensors import BAD as UNSOUND
from tests.conftest import Run

RNG = np.random.default_rng(0)
HOSTILE = (
    "[red]x[/red]",
    "\x1b[31mred",
    "$(touch x)",
    "线性层",
    "a\u202eb",
    "[/]",
    "a\nb",
    "\x9b1m",
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Three layers and an embedding."""
    path = tmp_path / "model.safetensors"
    tensors: dict[str, Any] = {
        "encoder.fc1.weight": RNG.normal(size=(6, 4)).astype(np.float32),
        "encoder.fc1.bias": np.zeros(6, np.float32),
        "encoder.fc2.weight": RNG.normal(size=(2, 6)).astype(np.float16),
        "head.weight": np.ones((300, 100), np.float32),
        "wte.weight": np.ones((9, 4), np.float32),
    }
    save_file(tensors, path)
    return path


def test_several_layers_are_listed(model: Path, run: Run) -> None:
    """Without a name the file's layers are listed, with what was skipped and why."""
    result = run("show", model)
    assert (result.status, result.err) == (0, "")
    for words in ("encoder.fc1", "head", "30,000", "wte.weight", "embedding, not a linear layer"):
        assert words in result.out
    listed = run("show", model, "--json")
    jsonschema.validate(listed.document, schema_of("show"))
    assert listed.data["layers"][1] == {
        "name": "encoder.fc2",
        "in_features": 6,
        "out_features": 2,
        "dtype": "float16",
        "bias": False,
        "parameters": 12,
        "warnings": [],
    }
    assert listed.data["skipped"] == [
        {"name": "wte.weight", "reason": "by its name an embedding, not a linear layer"}
    ]
    assert run("show", model, "-f", "csv").out.count("\n") == 5


@pytest.mark.parametrize("name", ["encoder.fc1", "encoder.fc1.weight"])
def test_a_layer_is_shown_by_name(name: str, model: Path, run: Run) -> None:
    """The module path and the weight's key name the same layer."""
    result = run("show", model, name, "--json")
    jsonschema.validate(result.document, schema_of("show"))
    assert result.data["layer"]["name"] == "encoder.fc1"
    assert result.data["initialisation"]["known"] is False
    assert "encoder.fc1 of" in run("show", model, name).out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["encoder.fc"], "did you mean 'encoder.fc"),
        (["nothing"], "it holds 'encoder.fc1'"),
        (["wte"], "embedding, not a linear layer"),
    ],
)
def test_an_unknown_layer_gets_a_hint(
    arguments: list[str], words: str, model: Path, run: Run
) -> None:
    """Near names, other names or the reason for skipping are told."""
    result = run("show", model, *arguments)
    assert (result.status, result.out, result.err.count("\n")) == (3, "", 1)
    assert words in result.err


def test_what_the_numbers_say_of_their_making_is_no_failure(tmp_path: Path, run: Run) -> None:
    """A trained layer is a fact, not a fault."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, 3)
    for factor, words in (
        (1, "consistent with the default"),
        (9, "trained, scaled or initialized differently"),
    ):
        path = tmp_path / f"m{factor}.npz"
        np.savez(path, weight=layer.weight.detach().numpy() * factor)
        result = run("show", path)
        assert result.status == 0
        assert words in result.out


def test_values_that_are_not_finite_are_shown_and_valid_json(tmp_path: Path, run: Run) -> None:
    """NaN and infinity pass through JSON and back."""
    path = tmp_path / "m.npz"
    np.savez(path, weight=np.array([[np.nan, 1.0], [np.inf, -np.inf]], np.float32))
    result = run("show", path)
    assert result.status == 0
    assert "undecided: 3 numbers are not finite" in result.out
    shown = run("show", path, "--json")
    assert shown.data["layer"]["weight"]["values"] == [[None, 1.0], [None, None]]
    assert shown.data["statistics"]["weight"]["inf"] == 2
    np.testing.assert_array_equal(
        run("show", "-", "--json", stdin=shown.out).data["layer"]["weight"]["nonfinite"],
        shown.data["layer"]["weight"]["nonfinite"],
    )


def test_create_flows_into_show(run: Run) -> None:
    """The JSON of one command is the input of another; a summary is refused."""
    made = run("create", "--in", 4, "--out", 2, "--dtype", "bfloat16", "--json")
    shown = run("show", "-", "--json", stdin=made.out)
    assert shown.data["layer"]["weight"] == made.data["layer"]["weight"]
    assert shown.data["layer"]["source"] == "nn.Linear(4, 2), seed 0 (from standard input)"
    summary = run("create", "--in", 100, "--out", 20, "--json")
    refused = run("show", "-", stdin=summary.out)
    assert (refused.status, refused.out) == (3, "")
    assert "--full" in refused.err


def test_what_the_page_says_of_a_file_is_true(run: Run) -> None:
    """The file's own words and fcinspect's agree: its initialiser is not read from it."""
    made = run("create", "--in", 4, "--out", 2, "--json")
    out = run("show", "-", stdin=made.out).out
    assert "Initialization: not recorded in the file; compared with nn.Linear's default" in out
    assert "not known" not in out


def test_the_only_layer_comes_with_what_was_skipped(tmp_path: Path, run: Run) -> None:
    """Nothing in a file is passed over in silence; of many arrays the first are named."""
    weight = np.ones((3, 2), np.float32)
    path = tmp_path / "m.npz"
    other = {"wte.weight": weight, "x\x1b.weight": weight[None]}
    arrays: dict[str, Any] = {"fc.weight": weight, **other}
    np.savez(path, **arrays)
    out = run("show", path).out
    assert (
        "note: the file also holds 'wte.weight': by its name an embedding, not a linear layer"
        in out
    )
    assert "'x\\x1b.weight': three-dimensional" in out
    assert "\x1b" not in out
    assert len(run("show", path, "--json").document["warnings"]) == 2
    assert "also holds" not in run("show", path, "fc").out
    many = {f"conv{i}.weight": weight[None] for i in range(20)}
    odd = {f"odd{i}.weight": weight.reshape((1,) * (6 + i) + (3, 2)) for i in range(13)}
    arrays = {"fc.weight": weight, **many, **odd}
    np.savez(path, **arrays)
    out = " ".join(run("show", path).out.split())
    assert "the file also holds 'conv0.weight' and 19 more: three-dimensional" in out
    assert "the file also holds 2 more arrays outside linear layers" in out
    assert out.count("also holds") == 13


def test_many_skipped_arrays_are_listed_by_their_reason(tmp_path: Path, run: Run) -> None:
    """Each reason stands once, with how many arrays it is of; remarks likewise."""
    path = tmp_path / "m.safetensors"
    weight = np.ones((3, 2), np.float32)
    arrays = {f"fc{i}.weight": weight for i in range(3)}
    arrays |= {f"conv{i}.weight": weight[None] for i in range(20)}
    arrays |= {f"norm{i}.weight": weight[0] for i in range(1200)}
    arrays |= {f"x{i}_embedding.weight": weight for i in range(3)}
    save_file(arrays, path)
    out = " ".join(run("show", path).out.split())
    assert "the file also holds 1,220 arrays" in out
    assert "1,200 one-dimensional, e.g. of a normalization layer norm0.weight" in out
    assert "20 three-dimensional, e.g. of a Conv1d or of stacked experts conv0.weight" in out
    assert "note: 'x0_embedding' and 2 more: 2-D without a bias: maybe an embedding" in out
    listed = run("show", path, "--json")
    assert len(listed.data["skipped"]) == 1220
    assert [len(layer["warnings"]) for layer in listed.data["layers"]] == [0, 0, 0, 1, 1, 1]


def test_many_remarks_are_cut_with_a_word(tmp_path: Path, run: Run) -> None:
    """Of remarks that all differ the first are shown, and how many more there are."""
    path = tmp_path / "m.safetensors"
    arrays = {f"q{i}.lora_A.weight": np.ones((2, 3), np.float32) for i in range(20)}
    save_file(arrays, path)
    out = " ".join(run("show", path).out.split())
    assert out.count("note:") == 13
    assert "note: 8 more remarks: --json has them all" in out


def test_a_layer_without_a_name_is_listed_by_its_weight(tmp_path: Path, run: Run) -> None:
    """No row is blank, and what stands there names the layer in a shell."""
    path = tmp_path / "m.npz"
    weight = np.ones((3, 2), np.float32)
    arrays: dict[str, Any] = {"weight": weight, "fc.weight": weight}
    np.savez(path, **arrays)
    assert "\nweight  " in run("show", path).out
    assert run("show", path, "weight").status == 0
    assert run("show", path, "").status == 0


def test_layout_in_out(tmp_path: Path, run: Run) -> None:
    """The bias shows the layout; the wrong one is refused with a hint, the right one transposes."""
    path = tmp_path / "m.npz"
    arrays: dict[str, Any] = {"fc.weight": np.arange(6.0).reshape(2, 3), "fc.bias": np.zeros(3)}
    np.savez(path, **arrays)
    refused = run("show", path, "--layout", "out,in")
    assert refused.status == 3
    assert "--layout in,out" in refused.err
    for layout in ((), ("--layout", "auto"), ("--layout", "in,out")):
        shown = run("show", path, *layout, "--json")
        assert shown.data["layer"]["weight"]["values"] == [[0, 3], [1, 4], [2, 5]]
    assert "note: stored as (in, out), as the length of its bias shows" in run("show", path).out


def test_the_formats_of_fcinspect_hold_out_in(run: Run) -> None:
    """A network file has one layout: a weight that does not fit its bias is a mistake."""
    refused = run("show", "-", stdin='{"layers": [{"weight": [[1, 2]], "bias": [1, 2]}]}')
    assert refused.status == 3
    assert "--layout in,out fits" in refused.err


def test_warnings_are_carried(run: Run) -> None:
    """A note on the page says what was rounded."""
    result = run("show", "-", stdin='{"weight": [[0.1, 1]]}')
    assert (
        "note: weight is read as float32, because no dtype is given: 1 number is rounded"
        in result.out
    )


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("form", ["text", "md", "csv", "json"])
def test_hostile_names_are_shown_escaped(name: str, form: str, tmp_path: Path, run: Run) -> None:
    """No name acts on a terminal or vanishes as markup, and JSON keeps it exactly."""
    path = tmp_path / "m.safetensors"
    weight = np.ones((2, 2), np.float32)
    save_file({f"{name}.weight": weight, "b.weight": weight, f"{name}.x": weight}, path)
    for arguments in ([path], [path, name]):
        result = run("show", *arguments, "-f", form)
        assert (result.status, result.err) == (0, "")
        if form == "json":
            shown = result.data.get("layer") or result.data["layers"][-1]
            names = {shown["name"], *(v["name"] for v in result.data.get("layers", []))}
            assert name in names
            continue
        assert not set("\x1b\u202e\x9b") & set(result.out)
        if form == "text" and name.isprintable():
            assert name in result.out
    assert "no layer" in run("show", path, name + "?").err


def content_of(kind: str) -> bytes:
    """Return a file that is no file of layers."""
    file = io.BytesIO()
    match kind:
        case "truncated.npz":
            np.savez(file, weight=np.ones((30, 30)))
            return file.getvalue()[:-20]
        case "empty.zip":
            zipfile.ZipFile(file, "w").close()
            return file.getvalue()
        case "foreign.npz":
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("a.txt", "hello")
            return file.getvalue()
        case "cut.pt":
            torch.save({"weight": torch.ones(20, 20)}, file)
            return file.getvalue()[:400]
    return {
        "empty.json": b"",
        "blank.json": b"  \n",
        "cut.json": b'{"weight": [[1, 2',
        "binary.json": bytes(range(256)),
        "text.json": b"hello",
        "ragged.json": b'{"weight": [[1, 2], [3]]}',
        "deep.json": b"[" * 100_000,
        "text.npz": b"hello",
        "text.pt": b"hello world, this is no file of torch",
        "text.safetensors": b"hello",
        "text.docx": b"hello",
        "page.html": b"<html></html>",
        "keras.h5": b"\x89HDF\r\n\x1a\n" + b"\0" * 100,
        "lfs.safetensors": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
        "packed.json.gz": b"\x1f\x8b\x08\x00",
        "system.bin": b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00lsq\x00\x85R.",
    }[kind]


KINDS = [
    "empty.json",
    "blank.json",
    "cut.json",
    "binary.json",
    "text.json",
    "ragged.json",
    "deep.json",
    "text.npz",
    "text.pt",
    "text.safetensors",
    "text.docx",
    "page.html",
    "keras.h5",
    "lfs.safetensors",
    "packed.json.gz",
    "system.bin",
    "truncated.npz",
    "empty.zip",
    "foreign.npz",
    "cut.pt",
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_files_of_no_layers_give_status_3_and_one_line(kind: str, tmp_path: Path, run: Run) -> None:
    """Whatever a file holds, it is refused in one short line."""
    path = tmp_path / kind
    path.write_bytes(content_of(kind))
    result = run("show", path)
    assert (result.status, result.out, result.err.count("\n")) == (3, "", 1), result.err
    assert "internal" not in result.err
    assert len(result.err) < 500
    as_json = run("show", path, "--json")
    assert json.loads(as_json.err)["error"]["exit_code"] == 3
    assert as_json.out == ""


@pytest.mark.parametrize("name", UNSOUND)
def test_every_unsound_safetensors_gives_status_3(name: str, tmp_path: Path, run: Run) -> None:
    """Each breach of the format reaches the user as a refusal."""
    path = tmp_path / "m.safetensors"
    path.write_bytes(UNSOUND[name][0])
    result = run("show", path)
    assert (result.status, result.out, result.err.count("\n")) == (3, "", 1), result.err


def test_paths_that_are_no_files(tmp_path: Path, run: Run) -> None:
    """Missing files, folders and devices are told apart."""
    (tmp_path / "model.npz").write_bytes(b"x")
    missing = run("show", tmp_path / "modle.npz")
    assert missing.status == 3
    assert "did you mean 'model.npz'" in missing.err
    (tmp_path / "empty").mkdir()
    assert "folder" in run("show", tmp_path / "empty").err
    assert run("show", "a\0b").status == 3
    assert run("show", "/dev/null").status == 3
    assert "expected FILE" in run("show").err
    assert run("show").status == 2
    assert run("show", "-", stdin="").status == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="needs a user who is not root")
def test_a_file_without_permission(tmp_path: Path, run: Run) -> None:
    """The system's reason is passed on."""
    path = tmp_path / "m.json"
    path.write_text("[[1]]")
    path.chmod(0)
    assert "Permission denied" in run("show", path).err


def test_a_pickled_layer_becomes_safetensors(tmp_path: Path, run: Run) -> None:
    """show --save converts a layer."""
    torch.manual_seed(0)
    torch.save(torch.nn.Linear(3, 2, dtype=torch.bfloat16).state_dict(), tmp_path / "m.pt")
    target = tmp_path / "m.safetensors"
    made = run("show", tmp_path / "m.pt", "--save", target, "--json")
    assert run("show", target, "--json").data["layer"]["weight"] == made.data["layer"]["weight"]


LIGHT = """
import sys
from fcinspect.cli import run
status = run(["show", *sys.argv[1:], "-q"])
print(int(status), "torch" in sys.modules)
"""


@pytest.mark.parametrize("ending", ["npz", "npy", "json", "safetensors", "pt", "legacy.pt"])
def test_no_file_imports_torch(ending: str, tmp_path: Path) -> None:
    """Nor do the older ones of torch."""
    path = tmp_path / f"m.{ending}"
    weight = np.ones((2, 2), np.float32)
    match ending:
        case "npz":
            np.savez(path, weight=weight)
        case "npy":
            np.save(path, weight)
        case "json":
            path.write_text(json.dumps({"weight": weight.tolist()}))
        case "safetensors":
            save_file({"weight": weight}, path)
        case "pt" | "legacy.pt":
            zipped = ending == "pt"
            weights = {"weight": torch.ones(2, 2)}
            torch.save(weights, path, _use_new_zipfile_serialization=zipped)
    done = subprocess.run(
        [sys.executable, "-c", LIGHT, str(path)], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.split() == ["0", "False"]


def test_long_names_are_folded_and_never_cut(tmp_path: Path, run: Run) -> None:
    """Every character of a layer's or array's name is on the page."""
    path = tmp_path / "m.safetensors"
    layer, norm = ("abcdefghij" * 12, "klmnopqrst" * 12)
    weight = np.ones((3, 2), np.float32)
    save_file({f"{layer}.weight": weight, "fc.weight": weight, f"{norm}.weight": weight[0]}, path)
    out = run("show", path).out
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= 100
    lines = [line.split() for line in out.splitlines()]
    assert layer in "".join(line[0] for line in lines if line)
    assert f"{norm}.weight" in "".join(line[-1] for line in lines if line)


def test_a_packed_layer_is_refused_with_its_widths(tmp_path: Path, run: Run) -> None:
    """Asked for by its name, it is told what it is, not what its first part is."""
    path = tmp_path / "m.safetensors"
    parts: dict[str, Any] = {
        "up.g_idx": np.zeros(64, np.int32),
        "up.qweight": np.zeros((8, 16), np.int32),
        "up.scales": np.zeros((1, 16), np.float16),
        "head.weight": np.ones((2, 3), np.float32),
    }
    save_file(parts, path)
    refused = run("show", path, "up")
    assert (refused.status, refused.out, refused.err.count("\n")) == (3, "", 1)
    assert "'up.qweight'" in refused.err
    assert "packed integers (GPTQ), a linear layer 64 → 16 in 4 bits" in refused.err
    assert "used with its qweight" in run("show", path, "up.scales").err


def test_plot_draws_the_weight_below_the_report(model: Path, run: Run) -> None:
    """The heat map and the histogram; JSON and CSV are unchanged."""
    arguments = ("show", model, "encoder.fc1")
    plain, plotted = run(*arguments).out, run(*arguments, "--plot").out
    assert plotted.startswith(plain)
    assert "Heat map of W (6×4)" in plotted
    assert "24 finite numbers" in plotted
    for form in ("json", "csv"):
        assert run(*arguments, "--plot", "-f", form).out == run(*arguments, "-f", form).out
    assert "Heat map of W" in run(*arguments, "--plot", "-f", "md").out


@pytest.mark.parametrize("layer", ["encoder.fc1", "encoder.fc2", "head"])
@pytest.mark.parametrize("width", [50, 80])
def test_plots_fit_the_width(
    model: Path, run: Run, monkeypatch: pytest.MonkeyPatch, layer: str, width: int
) -> None:
    """At 50 and 80 columns."""
    monkeypatch.setenv("COLUMNS", str(width))
    out = run("show", model, layer, "--plot").out
    assert max(map(len, out[out.index("Heat map") :].splitlines())) <= width


def test_a_figure_is_saved_by_its_ending(model: Path, run: Run, tmp_path: Path) -> None:
    """.png and .pdf always, .svg with --plot; the layer and the report as ever."""
    arguments = ("show", model, "encoder.fc1", "-q", "--save")
    for name, more, begins in (
        ("a.png", (), b"\x89PNG"),
        ("a.pdf", (), b"%PDF"),
        ("a.svg", ("--plot",), b"<?xml"),
        ("b.svg", (), b"<svg"),
    ):
        result = run(*arguments, tmp_path / name, *more)
        assert (result.status, result.err) == (0, "")
        assert (tmp_path / name).read_bytes().startswith(begins)
    assert run(*arguments, tmp_path / "a.txt", "--plot").status == 0
    assert "▀" not in (tmp_path / "a.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("more", [["--plot"], ["--save", "x.png"]], ids=" ".join)
def test_several_layers_are_not_plotted(model: Path, run: Run, more: list[str]) -> None:
    """The refusal names a layer, and the command that draws them all."""
    result = run("show", model, *more)
    assert result.status == 2
    assert "holds 3 layers, but a plot shows one: name it, for example 'encoder.fc1'" in result.err
    assert "scan FILE --plot" in result.err


def test_a_layer_called_by_a_number_is_called_a_layer(run: Run, tmp_path: Path) -> None:
    """Its name alone would read as a count."""
    path = tmp_path / "net.json"
    path.write_text('{"0.weight": [[1, 2]], "2.weight": [[3]]}')
    for command in (("show",), ("explain", "--x", "1,2")):
        out = run(command[0], path, "0", *command[1:]).out
        assert "layer 0 of" in " ".join(out.split())
