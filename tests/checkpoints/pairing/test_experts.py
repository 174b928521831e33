from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from fcinspect.checkpoints.formats.safetensors import tensors_of
from fcinspect.checkpoints.pairing import experts
from fcinspect.checkpoints.pairing.pair import pair
from fcinspect.checkpoints.records import Checkpoint, Layout, StoredTensor, in_memory, unreadable
from tests.conftest import Run

RNG = np.random.default_rng(0)


def floats(*shape: int) -> np.ndarray:
    """Return numbers that all differ."""
    return RNG.permutation(int(np.prod(shape))).reshape(shape).astype(np.float32)


def paired(layout: Layout = "out,in", **shapes: tuple[int, ...]) -> Checkpoint:
    """Pair tensors in memory; "__" in a name stands for a dot."""
    stored = [in_memory(k.replace("__", "."), floats(*v), "float32") for k, v in shapes.items()]
    return pair(stored, "x", layout)


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("rows", [None, [2], [3, 0, 1]])
@pytest.mark.parametrize("layout", ["out,in", "in,out"])
def test_each_expert_is_a_layer(
    on_disk: bool, rows: list[int] | None, layout: Layout, tmp_path: Path
) -> None:
    """Its numbers are those of its part of the stack, its bias those of its row."""
    arrays = {"moe.experts.w1": floats(3, 4, 4), "moe.experts.w1_bias": floats(3, 4)}
    path = tmp_path / "m.safetensors"
    save_file(arrays, path)
    stored: list[StoredTensor] = [in_memory(k, v, "float32") for k, v in arrays.items()]
    found = pair(tensors_of(str(path)) if on_disk else stored, "x", layout)
    assert [layer.name for layer in found.layers] == [f"moe.experts.w1[{e}]" for e in range(3)]
    assert found.skipped == ()
    for expert, layer in enumerate(found.layers):
        read = layer.read(rows)
        whole = arrays["moe.experts.w1"][expert]
        whole = whole if layout == "out,in" else whole.T
        chosen = list(range(4)) if rows is None else rows
        np.testing.assert_array_equal(read.weight.values, whole[chosen])
        assert read.bias is not None
        np.testing.assert_array_equal(
            read.bias.values, arrays["moe.experts.w1_bias"][expert][chosen]
        )
        assert layer.warnings == (
            "by its name one of 3 experts in a stack of shape (3, 4, 4), read as"
            f" ({layout.replace(',', ', ')}), which --layout can change",
        )


def test_the_place_of_an_expert_is_its_part_of_the_file(tmp_path: Path) -> None:
    """The bytes at the place, read by hand, are the expert's numbers."""
    stack = floats(5, 2, 3).astype(np.float16)
    path = tmp_path / "m.safetensors"
    save_file({"a.weight": floats(2, 2), "experts.weight": stack}, path)
    layers = {layer.name: layer for layer in pair(tensors_of(str(path)), "x").layers}
    for expert in range(5):
        place = layers[f"experts[{expert}]"].weight.place
        assert place is not None
        raw = path.read_bytes()[place.begin : place.begin + 12]
        np.testing.assert_array_equal(np.frombuffer(raw, "<f2").reshape(place.shape), stack[expert])


@pytest.mark.parametrize("layout", ["out,in", "in,out"])
def test_a_bias_tells_the_layout(layout: Layout) -> None:
    """Whatever --layout says, a bias of as many numbers as columns makes them the outputs."""
    shapes = {"mlp__experts__gate_up_proj": (2, 3, 8), "mlp__experts__gate_up_proj_bias": (2, 8)}
    for layer in paired(layout, **shapes).layers:
        assert (layer.in_features, layer.out_features) == (3, 8)
        assert "read as (in, out), as the length of its bias shows (8)" in layer.warnings[0]
    other = paired(layout, experts__w1=(2, 8, 3), experts__w1_bias=(2, 8)).layers[0]
    assert (other.in_features, other.out_features) == (3, 8)


@pytest.mark.parametrize("layout", ["out,in", "in,out"])
@pytest.mark.parametrize(
    ("up", "down"),
    [((2, 16, 6), (2, 6, 8)), ((2, 6, 16), (2, 8, 6))],  # transformers 5 and Llama 4
)
def test_the_stack_beside_it_tells_the_layout(
    layout: Layout, up: tuple[int, ...], down: tuple[int, ...]
) -> None:
    """gate_up_proj widens to twice what down_proj narrows."""
    found = paired(layout, experts__gate_up_proj=up, experts__down_proj=down).layers
    assert [(v.in_features, v.out_features) for v in found] == [(6, 16), (6, 16), (8, 6), (8, 6)]
    assert all("as the shape of" in layer.warnings[0] for layer in found)


def test_stacks_that_do_not_tell_are_left_to_layout() -> None:
    """Where neither way fits, nothing is guessed."""
    for down in ((1, 4, 4), (1, 5, 5), (2, 2)):
        found = paired(experts__gate_up_proj=(1, 4, 4), experts__down_proj=down)
        assert "which --layout can change" in found.layers[0].warnings[0]


@pytest.mark.parametrize(
    ("name", "shape", "reason"),
    [
        ("experts.3.w1", (2, 3, 4), "three-dimensional"),
        ("experts.conv.weight", (2, 3, 4), "three-dimensional"),
        ("conv.weight", (2, 3, 4), "three-dimensional"),
        ("experts.w1_scale", (2, 3, 4), "three-dimensional"),
        ("experts.w1", (0, 3, 4), "three-dimensional"),
        ("experts.w1", (1 << 60, 0, 4), "three-dimensional"),
        ("experts.w1", (1 << 17, 1, 1), "at most 65536"),
    ],
)
def test_other_tensors_are_no_stacks(name: str, shape: tuple[int, ...], reason: str) -> None:
    """Convolutions, scales, numbered experts and absurd claims are no experts' layers."""
    found = pair([_claimed(name, shape)], "x")
    assert found.layers == ()
    assert reason in found.skipped[0].reason


def _claimed(name: str, shape: tuple[int, ...]) -> StoredTensor:
    """Return a tensor of any claimed shape, without numbers."""
    return replace(unreadable(name, "float32", shape, "none"), problem=None)


def test_many_stacks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file cannot make more layers than are listed, with however many stacks."""
    monkeypatch.setattr(experts, "MOST_EXPERTS", 5)
    found = paired(a__experts__w1=(3, 2, 2), b__experts__w1=(3, 2, 2), c__experts__w1=(2, 2, 2))
    assert [v.name for v in found.layers if v.name.endswith("[0]")] == [
        "a.experts.w1[0]", "c.experts.w1[0]",
    ]  # fmt: skip
    assert "beyond the 5" in found.skipped[0].reason


def test_a_bias_that_fits_no_layout_is_told() -> None:
    """A stack with a wrong bias is no layers, and neither is the bias."""
    found = paired(experts__w1=(2, 3, 4), experts__w1_bias=(2, 5))
    assert found.layers == ()
    assert "fits no layout of (2, 3, 4)" in found.skipped[0].reason


def test_packed_experts_are_no_layers() -> None:
    """Integers are never weights, also in stacks."""
    found = pair([unreadable("experts.w1", "U8", (2, 3, 4), "holds U8")], "x")
    assert found.layers == ()


def test_an_expert_is_named_on_the_command_line(tmp_path: Path, run: Run) -> None:
    """By its number in brackets or after a dot; the stack itself names its experts."""
    path = tmp_path / "m.safetensors"
    save_file({"l.experts.w1": floats(12, 2, 3), "l.gate.weight": floats(2, 3)}, path)
    for name in ("l.experts.w1[11]", "l.experts.w1.11"):
        shown = run("show", path, name, "--json")
        assert shown.data["layer"]["name"] == "l.experts.w1[11]"
        assert "one of 12 experts" in shown.document["warnings"][0]
    for name in ("l.experts.w1", "l.experts.w1[12]", "l.experts.w1.12"):
        refused = run("show", path, name)
        assert (refused.status, refused.err.count("\n")) == (3, 1)
        words = "'l.experts.w1' is a stack of 12 experts: name one of 'l.experts.w1[0]' to"
        assert f"{words} 'l.experts.w1[11]'" in refused.err
    assert "did you mean 'l.experts.w1[0]'" in run("show", path, "l.expert.w1[0]").err
    explained = run("explain", path, "l.experts.w1[3]", "--x", "1,2,3")
    assert explained.status == 0


def test_what_is_to_be_known_of_a_stack_is_told_of_its_experts() -> None:
    """Scales of float8 stacks, and that they are copies."""
    scaled = replace(_claimed("ema.experts.w1", (2, 3, 4)), dtype="float8_e4m3fn")
    scale = in_memory("ema.experts.w1_scale", floats(2, 3), "float32")
    for layer in pair([scaled, scale], "x").layers:
        assert "multiplied by its w1_scale, of shape (2, 3)" in layer.warnings[1]
        assert "(EMA)" in layer.warnings[2]
