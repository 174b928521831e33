"""Two whole checkpoints: formats, layouts, names, tolerance, what is in one only."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from fcinspect.checkpoints.diff.diffing import DiffRequest, diff
from fcinspect.checkpoints.diff.records import Sameness
from fcinspect.cli.sources import open_checkpoint
from fcinspect.errors import InputError
from tests.checkpoints.diff.planting import Tensors, difference, weights, written


@pytest.fixture
def model() -> Tensors:
    """Two layers with bias, an embedding and a normalisation."""
    return {
        "encoder.fc1.weight": weights(24, 17),
        "encoder.fc1.bias": weights(24, 1)[:, 0],
        "encoder.fc2.weight": weights(9, 24, seed=1),
        "head.weight": weights(5, 9, seed=2),
        "embeddings.word_embeddings.weight": weights(30, 17, seed=3),
        "norm.weight": torch.ones(9),
    }


def saved(folder: Path, tensors: Tensors) -> list[str]:
    """Write the same tensors in every format."""
    arrays: dict[str, Any] = {name: tensor.numpy() for name, tensor in tensors.items()}
    np.savez(folder / "m.npz", **arrays)
    np.savez_compressed(folder / "packed.npz", **arrays)
    plain = {name: array.tolist() for name, array in arrays.items()}
    (folder / "m.json").write_text(json.dumps(plain), encoding="utf-8")
    torch.save(tensors, folder / "m.pt")
    names = ("m.npz", "packed.npz", "m.json", "m.pt")
    return [written(folder, "m.safetensors", tensors), *(str(folder / name) for name in names)]


def test_formats_do_not_matter(tmp_path: Path, model: Tensors) -> None:
    """Each against each."""
    paths = saved(tmp_path, model)
    for a in paths:
        for b in paths:
            found = diff(open_checkpoint(a), open_checkpoint(b), DiffRequest(everything=True))
            assert found.ok, (a, b)
            assert len(found.compared) == 5
            assert found.counted(linear=True) == {"equal": 3}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("shape", [(24, 17), (700, 130), (1, 5), (0, 3)])
def test_the_layout_does_not_matter(
    tmp_path: Path, shape: tuple[int, int], dtype: torch.dtype
) -> None:
    """(in, out) against (out, in), both ways and both alike; places are told as (output, input)."""
    weight = weights(*shape, dtype=dtype)
    bias = weights(shape[0], 1, dtype=dtype)[:, 0]
    a, b = {"fc.weight": weight, "fc.bias": bias}, {"fc.weight": weight.T, "fc.bias": bias}
    assert difference(tmp_path, a, b, layouts=("out,in", "in,out")).ok
    assert difference(tmp_path, b, a, layouts=("in,out", "out,in")).ok
    assert difference(tmp_path, b, b, layouts=("in,out", "in,out")).ok
    if weight.numel() < 9:
        return
    changed = weight.clone()
    changed[3, 2] = 5
    for first, second, layouts in (
        (a, {"fc.weight": changed.T, "fc.bias": bias}, ("out,in", "in,out")),
        (b, {"fc.weight": changed, "fc.bias": bias}, ("in,out", "out,in")),
        (b, {"fc.weight": changed.T, "fc.bias": bias}, ("in,out", "in,out")),
    ):
        (found,) = difference(tmp_path, first, second, layouts=layouts).compared
        assert found.how == "1 number changed"
        assert found.finding.magnitude is not None
        assert found.finding.magnitude.first is not None
        assert found.finding.magnitude.first.index == (3, 2)


def test_rows_longer_than_a_block_are_compared_in_parts(tmp_path: Path) -> None:
    """Rows of 5 MB, in either layout, equal and with one number changed."""
    weight = weights(3, 1_250_000)
    changed = weight.clone()
    changed[1, 1_200_000] = 7
    a, b, turned = ({"fc.weight": w} for w in (weight, changed, changed.T))
    assert difference(tmp_path, a, a).ok
    assert difference(tmp_path, b, turned, layouts=("out,in", "in,out")).ok
    for second, layouts in ((b, ("out,in", "out,in")), (turned, ("out,in", "in,out"))):
        (found,) = difference(tmp_path, a, second, layouts=layouts).compared
        assert found.how == "1 number changed"
        assert found.finding.magnitude is not None
        assert found.finding.magnitude.first is not None
        assert found.finding.magnitude.first.index == (1, 1_200_000)
    (found,) = difference(tmp_path, a, {"fc.weight": weight.T}).compared
    assert found.how == "transposed"


def test_structure_is_named_by_outputs_and_inputs_in_any_layout(tmp_path: Path) -> None:
    """A permutation of outputs is one of the columns of an (in, out) kernel."""
    weight = weights()
    order = torch.arange(23, -1, -1)
    a, b = {"fc.weight": weight}, {"fc.weight": weight[order]}
    turned_a, turned_b = {"fc.weight": weight.T}, {"fc.weight": weight[order].T}
    for first, second, layouts in (
        (a, turned_b, ("out,in", "in,out")),
        (turned_a, b, ("in,out", "out,in")),
        (turned_a, turned_b, ("in,out", "in,out")),
    ):
        (found,) = difference(tmp_path, first, second, layouts=layouts).compared
        assert found.how == "outputs permuted"
        assert found.finding.order == tuple(order.tolist())
    grown = {"fc.weight": torch.cat([weight, weight[:1]]).T}
    (found,) = difference(tmp_path, turned_a, grown, layouts=("in,out", "in,out")).compared
    assert found.how == "resized: out 24 → 25"


def test_a_tolerance_takes_rounding_for_the_same(tmp_path: Path, model: Tensors) -> None:
    """Rounded to bfloat16 is the same up to bfloat16, and not up to float16."""
    rounded = {name: tensor.to(torch.bfloat16) for name, tensor in model.items()}
    assert not difference(tmp_path, model, rounded).ok
    found = difference(tmp_path, model, rounded, DiffRequest(tolerance="bfloat16"))
    assert found.ok
    assert {each.verdict for each in found.compared} == {Sameness.ROUNDED}
    assert found.compared[0].how == "rounded to bfloat16"
    assert not difference(tmp_path, model, rounded, DiffRequest(tolerance="float16")).ok


def test_a_tolerance_is_half_an_ulp_of_the_larger_number(tmp_path: Path) -> None:
    """Of bfloat16 at 1.0 that is 2⁻⁸; a little more is a difference."""
    one = torch.ones(3, 5, dtype=torch.float64)
    for gap, same in ((2.0**-8, True), (2.0**-8 * (1 + 2.0**-40), False)):
        near = one.clone()
        near[1, 1] += gap
        request = DiffRequest(tolerance="bfloat16")
        found = difference(tmp_path, {"fc.weight": one}, {"fc.weight": near}, request)
        assert found.ok is same
    infinite = one.clone()
    infinite[0, 0] = float("inf")
    found = difference(tmp_path, {"fc.weight": one}, {"fc.weight": infinite}, request)
    assert not found.ok
    assert difference(tmp_path, {"fc.weight": infinite}, {"fc.weight": infinite}, request).ok


def test_what_is_in_one_only_is_a_difference(tmp_path: Path, model: Tensors) -> None:
    """Layers that one side lacks are listed with their shape."""
    fewer = {name: tensor for name, tensor in model.items() if not name.startswith("head")}
    found = difference(tmp_path, model, fewer)
    assert not found.ok
    assert [(side.name, side.shape) for side in found.only_in_a] == [("head", (5, 9))]
    assert found.only_in_b == ()
    found = difference(tmp_path, fewer, model)
    assert [side.name for side in found.only_in_b] == ["head"]


def test_what_is_no_linear_layer_is_compared_on_demand(tmp_path: Path, model: Tensors) -> None:
    """Embeddings and norms are counted, and compared with --all."""
    changed = {**model, "norm.weight": torch.ones(9) * 2}
    found = difference(tmp_path, model, changed)
    assert found.ok
    assert (found.not_compared_a, found.not_compared_b) == (2, 2)
    found = difference(tmp_path, model, changed, DiffRequest(everything=True))
    assert not found.ok
    assert found.not_compared_a == 0
    assert found.counted(linear=False) == {"equal": 1, "scaled": 1}


def test_other_arrays_are_told_by_their_own_index(tmp_path: Path) -> None:
    """A convolution's place has four numbers."""
    weight = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    changed = weight.clone()
    changed[1, 2, 0, 1] = 9
    everything = DiffRequest(everything=True)
    a, b = {"conv.weight": weight}, {"conv.weight": changed}
    (found,) = difference(tmp_path, a, b, everything).compared
    assert found.finding.magnitude is not None
    assert found.finding.magnitude.first is not None
    assert found.finding.magnitude.first.index == (1, 2, 0, 1)
    (found,) = difference(tmp_path, a, {"conv.weight": weight[..., :1]}, everything).compared
    assert found.how == "shape (4, 3, 2, 2) → (4, 3, 2, 1)"
    assert found.verdict is Sameness.DIFFERENT


def test_only_chooses_layers_by_their_names_on_either_side(tmp_path: Path, model: Tensors) -> None:
    """A pattern that fits nothing is refused with what may be meant."""
    wrapped = {f"module.{name}": tensor for name, tensor in model.items()}
    found = difference(tmp_path, wrapped, model, DiffRequest(only=("encoder.*",)))
    assert [each.name for each in found.compared] == ["module.encoder.fc1", "module.encoder.fc2"]
    assert (found.left_out_a, found.left_out_b) == (1, 1)
    assert found.ok
    with pytest.raises(InputError, match="no layer matches 'haed'") as refused:
        difference(tmp_path, model, model, DiffRequest(only=("haed",)))
    assert refused.value.hint == "did you mean 'head'?"


def test_renamed_layers_are_found_by_their_content(tmp_path: Path, model: Tensors) -> None:
    """Equal, rounded, transposed, scaled, tuned ones; unrelated ones of the same shape are not."""
    a = {f"old{k}.weight": weights(40, 30, seed=k) for k in range(6)}
    noise = 0.01 * weights(40, 30, seed=99)
    b = {
        "new5.weight": weights(40, 30, seed=77),
        "new4.weight": a["old4.weight"] + noise,
        "new3.weight": a["old3.weight"] * -2,
        "new2.weight": a["old2.weight"].T,
        "new1.weight": a["old1.weight"].to(torch.float16),
        "new0.weight": a["old0.weight"],
    }
    found = difference(tmp_path, a, b, DiffRequest(by_content=True))
    assert {each.name: (each.b.name, each.how) for each in found.compared} == {
        "old0": ("new0", "equal"),
        "old1": ("new1", "rounded to float16"),
        "old2": ("new2", "transposed"),
        "old3": ("new3", "scaled by -2"),
        "old4": ("new4", "changed"),
    }
    assert all(each.renamed for each in found.compared)
    assert [side.name for side in found.only_in_a] == ["old5"]
    assert [side.name for side in found.only_in_b] == ["new5"]
    by_name = difference(tmp_path, a, b)
    assert by_name.compared == ()
    assert "5 layers only in A look like one only in B" in by_name.notes[0]


def test_equal_corners_are_not_equal_layers(tmp_path: Path) -> None:
    """Layers that begin alike are told apart by all of their numbers."""
    first, second = weights(100, 100), weights(100, 100)
    second[99, 99] = 3
    a = {"a.weight": first, "b.weight": second}
    b = {"x.weight": second, "y.weight": first}
    found = difference(tmp_path, a, b, DiffRequest(by_content=True))
    assert found.ok
    assert {(each.name, each.b.name) for each in found.compared} == {("a", "y"), ("b", "x")}


def test_what_cannot_be_read_is_undecided(tmp_path: Path) -> None:
    """Whole numbers that float32 does not hold, read as float32, are no success."""
    large: dict[str, Any] = {"fc.weight": np.eye(3), "large.weight": [[2**25 + 1, 3]]}
    np.savez(tmp_path / "a.npz", **large)
    opened = open_checkpoint(str(tmp_path / "a.npz"))
    found = diff(opened, opened)
    assert not found.ok
    assert [each.verdict for each in found.compared] == [Sameness.EQUAL, Sameness.UNDECIDED]


def test_what_is_no_floating_point_is_compared_by_its_bytes(tmp_path: Path) -> None:
    """Counters of a batch normalization, packed weights; formats and shapes count."""
    everything = DiffRequest(everything=True)
    a = {"fc.weight": weights(), "counts": torch.arange(4)}
    assert difference(tmp_path, a, a, everything).ok
    for other, how in (
        (torch.tensor([0, 1, 2, 4]), "changed"),
        (torch.arange(5), "shape (4) → (5)"),
    ):
        found = difference(tmp_path, a, {**a, "counts": other}, everything).compared[1]
        assert (found.verdict, found.how) == (Sameness.DIFFERENT, how)
    short = difference(tmp_path, a, {**a, "counts": torch.arange(4).short()}, everything)
    assert short.compared[1].verdict is Sameness.UNDECIDED
    assert not short.ok


def test_whole_numbers_are_compared_across_formats(tmp_path: Path) -> None:
    """torch's int64 is I64 of safetensors; a view that skips numbers is undecided."""
    a: Tensors = {"fc.weight": weights(), "counts": torch.arange(4), "flag": torch.tensor(True)}
    plain = written(tmp_path, "a.safetensors", a)
    torch.save(a, tmp_path / "a.pt")
    everything = DiffRequest(everything=True)
    opened = open_checkpoint(plain), open_checkpoint(str(tmp_path / "a.pt"))
    assert diff(*opened, everything).ok
    torch.save({**a, "counts": torch.arange(8)[::2]}, tmp_path / "a.pt")
    found = diff(opened[0], open_checkpoint(str(tmp_path / "a.pt")), everything)
    assert [each.verdict.value for each in found.compared] == ["equal", "undecided", "equal"]


@pytest.mark.parametrize("ending", ["pt", "safetensors"])
def test_tied_weights_are_told(tmp_path: Path, ending: str) -> None:
    """Names of the same numbers, of a layer and an embedding too; equal numbers are not tied."""
    weight, other = weights(), weights(9, 24, seed=1)
    table = weights(30, 17, seed=2)
    a = {"fc1.weight": weight, "fc2.weight": weight, "fc3.weight": other, "fc4.weight": other + 0,
         "wte.weight": table, "lm_head.weight": table}  # fmt: skip
    path = str(tmp_path / f"a.{ending}")
    if ending == "pt":
        torch.save(a, path)
    else:
        path = written(tmp_path, f"a.{ending}", a)
    found = diff(open_checkpoint(path), open_checkpoint(path))
    assert found.ok
    ties = [note for note in found.notes if "tied" in note]
    words = [
        f"{side}: {names} are tied weights (the same numbers)"
        for side in "AB"
        for names in ("'fc1', 'fc2'", "'lm_head', 'wte.weight'")
    ]
    assert ties == (words if ending == "pt" else [])


def test_nothing_to_compare_is_refused(tmp_path: Path) -> None:
    """Two files without linear layers are no success."""
    a = {"norm.weight": torch.ones(3)}
    with pytest.raises(InputError, match="holds a linear layer"):
        difference(tmp_path, a, a)
    assert difference(tmp_path, a, a, DiffRequest(everything=True)).ok


def test_shards_are_compared_with_a_single_file(tmp_path: Path, model: Tensors) -> None:
    """By their folder or their index; what the index names and no shard holds is no success."""
    single = written(tmp_path, "single.safetensors", model)
    folder = tmp_path / "sharded"
    folder.mkdir()
    names = [f"model-0000{k}-of-00002.safetensors" for k in (1, 2)]
    parts: list[Tensors] = [{}, {}]
    for place, (name, tensor) in enumerate(model.items()):
        parts[place % 2][name] = tensor
    for name, part in zip(names, parts, strict=True):
        written(folder, name, part)
    where = {key: names[place % 2] for place, key in enumerate(model)}
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": where}), encoding="utf-8")
    everything = DiffRequest(everything=True)
    for sharded in (folder, index):
        assert diff(open_checkpoint(single), open_checkpoint(str(sharded)), everything).ok
    index.write_text(
        json.dumps({"metadata": {}, "weight_map": {**where, "x.weight": names[0]}}),
        encoding="utf-8",
    )
    both = open_checkpoint(str(index))
    found = diff(both, both)
    assert not found.ok
    assert found.counted(linear=True) == {"equal": 3}
    assert "x.weight" in found.problems[0]


def test_files_behind_uris_are_compared(tmp_path: Path, model: Tensors) -> None:
    """memory:// of fsspec against a file of this machine."""
    fsspec = pytest.importorskip("fsspec", reason="needs fsspec")
    path = written(tmp_path, "a.safetensors", model)
    with fsspec.open("memory://diff/a.safetensors", "wb") as file:
        file.write(Path(path).read_bytes())
    remote = open_checkpoint("memory://diff/a.safetensors")
    assert diff(open_checkpoint(path), remote).ok
    changed = {**model, "head.weight": model["head.weight"] * 2}
    other = open_checkpoint(written(tmp_path, "b.safetensors", changed))
    assert diff(remote, other).counted(linear=True) == {"equal": 2, "scaled": 1}


def test_many_layers_are_matched_in_little_time(tmp_path: Path) -> None:
    """A thousand experts under other names, in another order."""
    a = {f"old.{k}.weight": weights(8, 8, seed=k) for k in range(1000)}
    b = {f"new.{k}.weight": a[f"old.{999 - k}.weight"] * 3 for k in range(1000)}
    start = time.process_time()
    found = difference(tmp_path, a, b, DiffRequest(by_content=True))
    assert time.process_time() - start < 20
    assert found.counted(linear=True) == {"scaled": 1000}


def test_a_file_that_shrinks_meanwhile_is_refused(tmp_path: Path, model: Tensors) -> None:
    """No number is told of what is no longer there."""
    a, b = (written(tmp_path, name, model) for name in ("a.safetensors", "b.safetensors"))
    opened = open_checkpoint(a), open_checkpoint(b)
    whole = Path(b).read_bytes()
    Path(b).write_bytes(whole[:-100])
    with pytest.raises(InputError, match="while it was being read"):
        diff(*opened)
