"""fcinspect diff from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from tests.conftest import Run


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a checkpoint, the same rounded, the same with one number changed, and half of it."""
    torch.manual_seed(0)
    a = {
        "encoder.fc1.weight": torch.randn(6, 4),
        "encoder.fc1.bias": torch.randn(6),
        "head.weight": torch.randn(3, 6),
    }
    changed = {name: tensor.clone() for name, tensor in a.items()}
    changed["head.weight"][1, 2] = 9
    save_file(a, tmp_path / "a.safetensors")
    save_file({n: t.to(torch.bfloat16) for n, t in a.items()}, tmp_path / "rounded.safetensors")
    save_file(changed, tmp_path / "changed.safetensors")
    save_file({"head.weight": a["head.weight"]}, tmp_path / "half.safetensors")
    torch.save({f"module.{name}": tensor for name, tensor in a.items()}, tmp_path / "wrapped.pt")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("a.safetensors", "a.safetensors"), 0),
        (("a.safetensors", "wrapped.pt"), 0),
        (("a.safetensors", "rounded.safetensors"), 1),
        (("a.safetensors", "rounded.safetensors", "--tolerance", "bf16"), 0),
        (("a.safetensors", "rounded.safetensors", "--tolerance", "bfloat16"), 0),
        (("a.safetensors", "rounded.safetensors", "--tolerance", "f16"), 1),
        (("a.safetensors", "changed.safetensors"), 1),
        (("a.safetensors", "changed.safetensors", "--only", "encoder.*"), 0),
        (("a.safetensors", "half.safetensors"), 1),
        (("half.safetensors", "a.safetensors"), 1),
        (("a.safetensors", "a.safetensors", "--layout-b", "in,out"), 1),
        (("a.safetensors", "a.safetensors", "--only", "nothing"), 3),
        (("a.safetensors", "a.safetensors", "--tolerance", "int8"), 2),
        (("a.safetensors", "a.safetensors", "--match", "shape"), 2),
        (("a.safetensors",), 2),
        (("-", "-"), 2),
        (("a.safetensors", "absent.safetensors"), 3),
    ],
    ids=lambda value: value if isinstance(value, int) else " ".join(value),
)
def test_the_exit_status_tells(
    files: Path, run: Run, arguments: tuple[str, ...], status: int
) -> None:
    """0 the same, 1 different, 2 usage, 3 unreadable; a refusal is one line and no report."""
    result = run("diff", *arguments)
    assert result.status == status
    if status > 1:
        assert result.out == ""
        assert result.err.count("\n") == 1
    else:
        assert result.err == ""
        assert run("diff", *arguments, "--quiet").out == ""


def test_the_summary_counts_every_kind(files: Path, run: Run) -> None:
    """One line that says it all."""
    page = run("diff", "a.safetensors", "changed.safetensors").out
    line = "2 layers: 1 equal, 1 with few numbers changed; 0 only in A, 0 only in B"
    assert line in page.splitlines()
    assert "at W[1,2]:" in page
    assert "1 only in A, 0 only in B" in run("diff", "a.safetensors", "half.safetensors").out


def test_json_holds_every_layer(files: Path, run: Run) -> None:
    """Equal ones too, with exact numbers."""
    result = run("diff", "a.safetensors", "changed.safetensors", "--json")
    assert result.document["ok"] is False
    equal, changed = result.data["layers"]
    assert (equal["name"], equal["verdict"], equal["how"]) == ("encoder.fc1", "equal", "equal")
    assert (equal["max_abs"], equal["relative"], equal["changed"]) == (0.0, 0.0, 0)
    assert equal["bias"]["verdict"] == "equal"
    assert (changed["verdict"], changed["how"]) == ("different", "1 number changed")
    assert (changed["in_features"], changed["out_features"]) == (6, 3)
    assert (changed["dtype_a"], changed["dtype_b"]) == ("float32", "float32")
    assert changed["max_abs_at"] == [1, 2]
    assert changed["first"]["b"] == 9.0
    torch.manual_seed(0)
    torch.randn(6, 4), torch.randn(6)
    old = torch.randn(3, 6).double()
    assert changed["max_abs"] == 9.0 - old[1, 2].item()
    assert changed["relative"] == pytest.approx(abs(9 - old[1, 2].item()) / old.norm().item())
    assert result.data["summary"]["equal"] == 1
    assert result.data["not_compared"]["arrays_a"] == 0


def test_what_one_side_lacks_is_listed(files: Path, run: Run) -> None:
    """With its shape, (out, in), in JSON, CSV and on the page."""
    result = run("diff", "a.safetensors", "half.safetensors", "--json")
    only = {"name": "encoder.fc1", "shape": [6, 4], "dtype": "float32"}
    assert (result.data["only_in_a"], result.data["only_in_b"]) == ([only], [])
    rows = run("diff", "a.safetensors", "half.safetensors", "-f", "csv").out.splitlines()
    assert rows[0].startswith("name,name_b,verdict,how")
    assert [row.split(",")[:3] for row in rows[1:]] == [
        ["head", "head", "equal"], ["encoder.fc1", "", "only in A"],
    ]  # fmt: skip
    assert len({row.count(",") for row in rows}) == 1


def test_a_prefix_is_never_left_out_silently(files: Path, run: Run) -> None:
    """The page and the JSON say so."""
    result = run("diff", "a.safetensors", "wrapped.pt", "--json")
    assert result.document["warnings"] == ["the prefix 'module.' of every name of B is ignored"]
    page = run("diff", "a.safetensors", "wrapped.pt").out
    assert "note: the prefix 'module.' of every name of B is ignored" in page


def test_standard_input_may_be_one_side(files: Path, run: Run) -> None:
    """As JSON; shown layers can be compared with those of files."""
    shown = run("show", "half.safetensors", "--json").out
    result = run("diff", "half.safetensors", "-", stdin=shown)
    assert (result.status, result.err) == (0, "")


def test_names_from_files_cannot_act_on_the_terminal(files: Path, run: Run) -> None:
    """Neither escapes nor markup nor direction marks, in any format of text."""
    hostile = ("[red]x[/red]", "\x1b[31mred", "a\u202eb", "a\nb", "全连接", "[/]")
    one = {f"{name}.weight": [[1, 2]] for name in hostile}
    two = {f"{name}.weight": [[1, 3]] for name in hostile[:-1]}
    Path("one.json").write_text(json.dumps(one), encoding="utf-8")
    Path("two.json").write_text(json.dumps(two), encoding="utf-8")
    for form in ("text", "csv", "md"):
        out = run("diff", "one.json", "two.json", "-f", form).out
        assert "\x1b" not in out
        assert "\u202e" not in out
        assert "[red]x[/red]" in out.replace("\\", "")
    document = run("diff", "one.json", "two.json", "--json").data
    assert [layer["name"] for layer in document["layers"]] == list(hostile[:-1])


def test_a_damaged_file_is_refused_with_its_name(files: Path, run: Run) -> None:
    """One line, and nothing on stdout."""
    whole = Path("a.safetensors").read_bytes()
    Path("cut.safetensors").write_bytes(whole[:-3])
    result = run("diff", "a.safetensors", "cut.safetensors")
    assert (result.status, result.out) == (3, "")
    assert "'cut.safetensors'" in result.err


def test_without_unicode_the_page_is_ascii(files: Path, shell: Run) -> None:
    """Every sign of the page has its name."""
    arguments = ("diff", "a.safetensors", "rounded.safetensors")
    result = shell(*arguments, PYTHONIOENCODING="ascii")
    assert result.status == 1
    assert result.out.isascii()
    assert "\\u" not in result.out


def test_layers_stored_in_different_layouts_differ(tmp_path: Path, run: Run) -> None:
    """They are no longer told as missing; who says how they lie has them compared by outputs."""
    torch.manual_seed(0)
    weight, bias = torch.randn(3, 5), torch.randn(3)
    save_file({"fc.weight": weight, "fc.bias": bias}, tmp_path / "a.safetensors")
    save_file({"fc.weight": weight.T.contiguous(), "fc.bias": bias}, tmp_path / "b.safetensors")
    files = (tmp_path / "a.safetensors", tmp_path / "b.safetensors")
    told = run("diff", *files, "--json")
    assert told.status == 1
    assert [layer["how"] for layer in told.data["layers"]] == ["transposed"]
    assert "--layout-a out,in --layout-b in,out" in told.document["warnings"][0]
    assert run("diff", *files, "--layout-b", "in,out").status == 0
    assert run("diff", files[1], files[1]).status == 0


@pytest.mark.parametrize(
    "command",
    [
        ("diff", "a.npz", "b.npz"),
        ("diff", "a.npz", "b.npz", "--format", "md"),
        ("diff", "several.npz", "b.npz"),
        ("show", "several.npz"),
        ("scan", "several.npz"),
        ("scan", "several.npz", "--spectrum", "--plot"),
        ("scan", "a.npz", "b.npz", "--plot"),
        ("explain", "several.npz"),
        ("explain", "several.npz", "nope"),
        ("step", "several.npz"),
        ("draw", "several.npz"),
    ],
    ids=" ".join,
)
def test_a_layer_without_a_name_is_called_something(
    command: tuple[str, ...], tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of one layer gives it no name: no empty quotes stand for it."""
    monkeypatch.chdir(tmp_path)
    made = np.random.default_rng(0)
    for name in ("a", "b", "several"):
        arrays: dict[str, Any] = {"weight": made.standard_normal((3, 2)), "bias": np.zeros(3)}
        for other in range(3 if name == "several" else 0):
            arrays[f"fc{other}.weight"] = made.standard_normal((4, 5))
        np.savez(f"{name}.npz", **arrays)
    told = run(*command)
    said = told.out + told.err
    assert "''" not in said
    if command[0] == "diff":
        assert "the layer" in said


def test_why_an_entry_is_not_compared_is_a_sentence(tmp_path: Path, run: Run) -> None:
    """An entry of JSON that is not an array has no tensor that could say it."""
    path = tmp_path / "a.json"
    path.write_text('{"fc.weight": [[1, 2]], "note": "x"}', encoding="utf-8")
    assert "A: it is not an array\n" in run("diff", path, path, "--all").out
