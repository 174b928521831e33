from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fcinspect.checkpoints import storage
from fcinspect.errors import InputError
from tests.checkpoints.sharded import SAFETENSORS, TORCH, Kind, files_of, model, opened, put
from tests.conftest import Run

KINDS = pytest.mark.parametrize("kind", [SAFETENSORS, TORCH], ids=["safetensors", "torch"])


@KINDS
@pytest.mark.parametrize("by_folder", [True, False], ids=["folder", "index"])
def test_layers_are_paired_across_shards(kind: Kind, by_folder: bool, tmp_path: Path) -> None:
    """A weight and its bias may lie in different files; nothing is said of a sound checkpoint."""
    shards = model()
    put(tmp_path, files_of(kind, shards))
    found = opened(tmp_path if by_folder else tmp_path / kind.index)
    layers = {layer.name: layer for layer in found.layers}
    assert set(layers) == {"fc1", "fc2", "fc10"}
    first = layers["fc1"].read()
    np.testing.assert_array_equal(first.weight.values, shards[0]["fc1.weight"])
    assert first.bias is not None
    np.testing.assert_array_equal(first.bias.values, shards[1]["fc1.bias"])
    assert (found.problems, found.notes) == ((), ())
    assert [Path(file).name for file in found.files] == [kind.shard(n) for n in (1, 2, 3)]
    assert [skip.name for skip in found.skipped] == ["norm.weight"]


def test_layers_of_all_shards_stand_in_natural_order(tmp_path: Path) -> None:
    """fc2 of the last shard stands before fc10 of the first."""
    found = opened(put(tmp_path, files_of(SAFETENSORS, model())))
    assert [layer.name for layer in found.layers] == ["fc1", "fc2", "fc10"]


Break = Callable[[Kind, dict[str, bytes], dict[str, Any]], None]


def lost_shard(kind: Kind, files: dict[str, bytes], index: dict[str, Any]) -> None:
    """Shard 2 is deleted."""
    del files[kind.shard(2)]


def lost_tensor(kind: Kind, files: dict[str, bytes], index: dict[str, Any]) -> None:
    """Shard 1 no longer holds a tensor."""
    first = model()[0]
    del first["fc10.bias"]
    files[kind.shard(1)] = kind.write(first)


def moved(kind: Kind, files: dict[str, bytes], index: dict[str, Any]) -> None:
    """The index names another shard."""
    index["weight_map"]["fc1.bias"] = kind.shard(3)


def extra(kind: Kind, files: dict[str, bytes], index: dict[str, Any]) -> None:
    """The index omits a tensor."""
    del index["weight_map"]["fc2.bias"]


def twice(kind: Kind, files: dict[str, bytes], index: dict[str, Any]) -> None:
    """Shard 1 also holds what the index places in shard 3."""
    shards = model()
    files[kind.shard(1)] = kind.write({**shards[0], "fc2.bias": shards[2]["fc2.bias"] + 1})


BROKEN: dict[Break, tuple[str, ...]] = {
    lost_shard: ("'{2}' is missing: the index places 2 tensors in it, 'fc1.bias', 'norm.weight'",),
    lost_tensor: ("'fc10.bias' is not in '{1}', where the index places it",),
    moved: ("'fc1.bias' is not in '{3}', where the index places it, but in '{2}'",),
    extra: ("'fc2.bias' of '{3}' is not in the index",),
    twice: ("'fc2.bias' is in both '{1}' and '{3}': read from '{3}'",),
}


def broken(kind: Kind, folder: Path, *faults: Break) -> Path:
    """Write a checkpoint with these faults."""
    files = files_of(kind, model())
    index = json.loads(files[kind.index])
    del index["metadata"]
    for fault in faults:
        fault(kind, files, index)
    files[kind.index] = json.dumps(index).encode()
    return put(folder, files)


@KINDS
@pytest.mark.parametrize("fault", list(BROKEN), ids=lambda fault: fault.__name__)
def test_each_fault_is_one_sentence(fault: Break, kind: Kind, tmp_path: Path) -> None:
    """Each planted fault is told, and no other."""
    found = opened(broken(kind, tmp_path, fault))
    names = ["", *(kind.shard(n) for n in (1, 2, 3))]
    assert found.problems == tuple(words.format(*names) for words in BROKEN[fault])


def test_every_fault_is_listed(tmp_path: Path) -> None:
    """Several faults are several sentences."""
    found = opened(broken(SAFETENSORS, tmp_path, lost_shard, lost_tensor, extra))
    assert len(found.problems) == 3


def test_no_layer_is_shown_without_a_bias_that_is_missing(tmp_path: Path) -> None:
    """The index tells that there is one: the layer is skipped, and says where its bias would be."""
    found = opened(broken(SAFETENSORS, tmp_path, lost_shard))
    assert [layer.name for layer in found.layers] == ["fc2", "fc10"]
    reasons = {skip.name: skip.reason for skip in found.skipped}
    assert reasons["fc1.weight"] == f"its bias is in {SAFETENSORS.shard(2)!r}, which is missing"
    assert reasons["norm.weight"] == f"it is in {SAFETENSORS.shard(2)!r}, which is missing"


def test_of_two_tensors_the_one_that_the_index_names_is_read(tmp_path: Path) -> None:
    """The layer that is concerned says so itself."""
    layer = next(
        la for la in opened(broken(SAFETENSORS, tmp_path, twice)).layers if la.name == "fc2"
    )
    (warning,) = layer.warnings
    assert warning.startswith("'fc2.bias' is in both")
    held = next(la for la in opened(tmp_path / SAFETENSORS.shard(3)).layers if la.name == "fc2")
    np.testing.assert_array_equal(layer.read().bias.values, held.read().bias.values)  # type: ignore[union-attr]  # it has one


def test_a_total_size_that_does_not_fit_is_a_note(tmp_path: Path) -> None:
    """Bytes of numbers are counted, headers are not."""
    files = files_of(SAFETENSORS, model())
    index = json.loads(files[SAFETENSORS.index])
    total = index["metadata"]["total_size"]
    index["metadata"]["total_size"] = 7
    files[SAFETENSORS.index] = json.dumps(index).encode()
    found = opened(put(tmp_path, files))
    assert found.problems == ()
    assert found.notes == (
        f"the index gives a total_size of 7 bytes, but the tensors take {total}",
    )


@pytest.mark.parametrize(
    "shard",
    ["../model.safetensors", "/etc/passwd", "a/b.safetensors", "a\\b", "a\0b", "", ".", "..",
     "C:x", 3, None, ["x"]],
)  # fmt: skip
def test_shard_names_stay_in_the_folder(shard: object, tmp_path: Path, run: Run) -> None:
    """A name that could lie elsewhere is refused, before any file is opened."""
    files = files_of(SAFETENSORS, model())
    files[SAFETENSORS.index] = json.dumps({"weight_map": {"fc1.weight": shard}}).encode()
    result = run("show", put(tmp_path, files))
    assert (result.status, result.out, result.err.count("\n")) == (3, "", 1)
    assert "expected the name of a file" in result.err


def test_shards_that_are_links_are_followed(tmp_path: Path, run: Run) -> None:
    """A download keeps its files elsewhere and links them: the link is the owner's, not the file's.

    An index can name a link, but it cannot make one.
    """
    files = files_of(SAFETENSORS, model())
    plain, linked = tmp_path / "plain", tmp_path / "snapshots" / "main"
    put(plain, files)
    put(tmp_path / "blobs", files)
    linked.mkdir(parents=True)
    for name in files:
        (linked / name).symlink_to(Path("../../blobs") / name)
    expected = run("show", plain / SAFETENSORS.index, "--json").data["layers"]
    assert run("show", linked / SAFETENSORS.index, "--json").data["layers"] == expected
    assert run("show", linked, "--json").data["layers"] == expected


@pytest.mark.parametrize("kind", ["a file of passwords", "itself", "nothing", "a folder", "a pipe"])
@pytest.mark.parametrize("command", ["show", "scan"])
@pytest.mark.sampled(2)
def test_links_to_what_is_no_shard_are_refused(
    command: str, kind: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the content that a link leads to is told, and none is waited for for long."""
    monkeypatch.setattr(storage, "PATIENCE", 0.2)
    secret, folder = tmp_path / "secret", tmp_path / "model"
    secret.write_text("root:x:0:0:SECRET")
    folder.mkdir()
    (folder / SAFETENSORS.index).write_text('{"weight_map": {"fc.weight": "x.safetensors"}}')
    shard = folder / "x.safetensors"
    match kind:
        case "a file of passwords":
            shard.symlink_to(secret)
        case "itself":
            shard.symlink_to(shard)
        case "nothing":
            shard.symlink_to(tmp_path / "gone")
        case "a folder":
            shard.symlink_to(tmp_path)
        case "a pipe":
            os.mkfifo(shard)
    result = run(command, folder / SAFETENSORS.index)
    assert (result.status, result.out, result.err.count("\n")) == (3, "", 1)
    assert "SECRET" not in result.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[]", "no weight_map"),
        (b"{}", "no weight_map"),
        (b'{"weight_map": {}}', "no weight_map"),
        (b'{"weight_map": ["a"]}', "no weight_map"),
        (b"3", "no weight_map"),
        (b"", "is empty"),
        (b'{"weight_map": {"a": "b", "a": "c"}}', "'a' appears twice"),
        (b'{"weight_map":' + b"[" * 100_000, "nested too deep"),
        (b'{"weight_map": {"a": ', "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
    ],
)
def test_an_index_that_is_none_is_refused(text: bytes, words: str, tmp_path: Path) -> None:
    """The refusal names the index."""
    put(tmp_path, {**files_of(SAFETENSORS, model()), SAFETENSORS.index: text})
    with pytest.raises(InputError, match=words) as caught:
        opened(tmp_path / SAFETENSORS.index)
    assert SAFETENSORS.index in caught.value.message


def test_too_many_shards_are_refused(tmp_path: Path) -> None:
    """No ten thousand files are looked for."""
    weight_map = {f"{n}.weight": f"{n}.safetensors" for n in range(10_001)}
    put(tmp_path, {SAFETENSORS.index: json.dumps({"weight_map": weight_map}).encode()})
    with pytest.raises(InputError, match="more than 10000 files"):
        opened(tmp_path)


@KINDS
def test_an_index_without_any_shard_is_refused(kind: Kind, tmp_path: Path) -> None:
    """There is nothing to show."""
    put(tmp_path, {kind.index: files_of(kind, model())[kind.index]})
    with pytest.raises(InputError, match="none of the files that"):
        opened(tmp_path)


@KINDS
def test_a_damaged_shard_is_refused_by_its_name(kind: Kind, tmp_path: Path) -> None:
    """No layer of the others is shown as if all was well."""
    files = files_of(kind, model())
    files[kind.shard(2)] = files[kind.shard(2)][:-20]
    with pytest.raises(InputError, match=re.escape(kind.shard(2))):
        opened(put(tmp_path, files))


def test_an_index_is_no_shard(tmp_path: Path) -> None:
    """An index that names itself ends."""
    index = {"weight_map": {"a.weight": SAFETENSORS.index}}
    put(tmp_path, {SAFETENSORS.index: json.dumps(index).encode()})
    with pytest.raises(InputError, match="expected a shard with tensors"):
        opened(tmp_path)


@KINDS
def test_numbered_files_need_no_index(kind: Kind, tmp_path: Path) -> None:
    """They are one checkpoint by their names."""
    files = files_of(kind, model())
    del files[kind.index]
    found = opened(put(tmp_path, files))
    assert {layer.name for layer in found.layers} == {"fc1", "fc2", "fc10"}
    assert found.problems == ()
    (tmp_path / kind.shard(2)).unlink()
    assert opened(tmp_path).problems == (f"{kind.shard(2)!r} is missing: file 2 of 3",)
    (tmp_path / kind.shard(1)).unlink()
    assert len(opened(tmp_path).problems) == 2


def test_numbers_that_do_not_fit_are_told(tmp_path: Path) -> None:
    """A count beyond the total, a tensor in two files, and a total that nobody has."""
    name = SAFETENSORS.shard
    write = SAFETENSORS.write
    first = model()[0]
    put(tmp_path, {name(1, 2): write(first), name(2, 2): write(first), name(3, 2): write({})})
    problems = opened(tmp_path).problems
    assert f"the number of {name(3, 2)!r} exceeds its total of 2 files" in problems
    assert (
        f"'fc1.weight' is in both {name(1, 2)!r} and {name(2, 2)!r}: read from {name(1, 2)!r}"
        in problems
    )
    huge = put(tmp_path / "huge", {"m-1-of-999999999.safetensors": write(first)})
    assert opened(huge).problems == ("999999998 of the 999999999 files are missing",)


def test_one_shard_alone_is_served_with_a_note(tmp_path: Path, run: Run) -> None:
    """A layer without its bias says that it may lie in another file."""
    put(tmp_path, files_of(SAFETENSORS, model()))
    path = tmp_path / SAFETENSORS.shard(1)
    found = opened(path)
    (note,) = found.notes
    assert "is one of 3 files of a checkpoint" in note
    assert [layer.warnings for layer in found.layers] == [(note,), ()]
    assert "one of 3 files" in run("show", path).out


def test_show_tells_the_problems(tmp_path: Path, run: Run) -> None:
    """On the page, in the JSON's warnings, and whole in its data."""
    folder = broken(SAFETENSORS, tmp_path, lost_shard, extra)
    assert "note: 'model-00002-of-00003.safetensors' is missing" in run("show", folder).out
    document = run("show", folder, "--json").document
    assert document["data"]["problems"] == list(opened(folder).problems)
    assert document["warnings"][:2] == list(opened(folder).problems)
    refused = run("explain", folder, "fc1", "--x", "ones")
    assert refused.status == 3
    assert "its bias is in 'model-00002-of-00003.safetensors', which is missing" in refused.err
    assert run("explain", folder, "fc2", "--x", "ones").status == 0
    # once in the list, though the layer that is concerned is told of it too
    assert run("show", folder, "--json").document["warnings"] == list(opened(folder).problems)
    assert "is not in the index" in run("explain", folder, "fc2", "--x", "ones").out


def test_many_problems_are_cut_on_the_page_and_whole_in_the_data(tmp_path: Path, run: Run) -> None:
    """The page says how many it shows."""
    files = files_of(SAFETENSORS, model())
    index = json.loads(files[SAFETENSORS.index])
    index["weight_map"] |= {f"gone{n}.weight": SAFETENSORS.shard(1) for n in range(30)}
    files[SAFETENSORS.index] = json.dumps(index).encode()
    folder = put(tmp_path, files)
    assert "showing 12 of 30 problems" in run("show", folder).out
    assert len(run("show", folder, "--json").data["problems"]) == 30
