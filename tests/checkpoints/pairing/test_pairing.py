from __future__ import annotations

import time

import numpy as np
import pytest

from fcinspect.checkpoints.pairing.naming import module_path
from fcinspect.checkpoints.pairing.pair import pair
from fcinspect.checkpoints.records import (
    unreadable,
)
from tests.checkpoints.pairing.tensors import at, paired, tensor


def test_weights_find_their_biases() -> None:
    """Order does not matter, and a bias alone is skipped."""
    found = paired(
        tensor("a.bias", 2), tensor("a.weight", 2, 3), tensor("b.c.weight", 4, 2), tensor("bias", 5)
    )
    assert [(v.name, v.in_features, v.out_features) for v in found.layers] == [
        ("a", 3, 2),
        ("b.c", 2, 4),
    ]
    assert found.layers[0].bias is not None
    assert found.layers[1].bias is None
    assert [skip.name for skip in found.skipped] == ["bias"]


def test_a_lone_weight_is_the_unnamed_layer() -> None:
    """The keys of a bare nn.Linear give a layer with an empty name."""
    (layer,) = paired(tensor("weight", 2, 3), tensor("bias", 2)).layers
    assert (layer.name, layer.parameters) == ("", 8)


@pytest.mark.parametrize(
    ("name", "shape", "reason"),
    [
        ("wte.weight", (9, 2), "embedding"),
        ("model.embed_tokens.weight", (9, 2), "embedding"),
        ("embeddings.word_embeddings.weight", (9, 2), "embedding"),
        ("norm.weight", (2,), "normalization"),
        ("conv.weight", (2, 2, 3, 3), "convolution"),
        ("conv.weight", (2, 2, 1, 1), "1×1"),
        ("stack.weight", (2, 2, 2), "three-dimensional"),
        ("rnn.weight_ih_l0", (8, 2), "recurrent"),
        ("rnn.bias_hh_l1_reverse", (8,), "recurrent"),
        ("fc.weight_v", (8, 2), "weight norm"),
        ("attn.in_proj_weight", (6, 2), "attention"),
        ("fc.qweight", (6, 2), "quantized"),
        ("optimizer.state.0.exp_avg", (6, 2), "optimizer"),
        ("bn.running_mean", (6,), "batch normalization"),
        ("table", (6, 2), "not named weight"),
        ("fc.bias", (3,), "bias without"),
    ],
)
def test_what_is_no_linear_layer_says_why(name: str, shape: tuple[int, ...], reason: str) -> None:
    """Every other kind of parameter is skipped with the reason in words."""
    found = paired(tensor(name, *shape))
    assert found.layers == ()
    (skip,) = found.skipped
    assert skip.name == name
    assert reason in skip.reason


def test_a_bias_tells_a_linear_layer_from_an_embedding() -> None:
    """nn.Embedding never has a bias, so what has one is a layer."""
    assert paired(tensor("embed.weight", 3, 2), tensor("embed.bias", 3)).layers
    assert not paired(tensor("embed.weight", 3, 2)).layers


def test_a_layout_that_is_asked_for_is_kept() -> None:
    """The other layout is suggested only where it fits."""
    (skip,) = paired(tensor("dense/kernel", 2, 3), layout="out,in").skipped
    assert "--layout in,out" in skip.reason
    tensors = tensor("fc.weight", 3, 2), tensor("fc.bias", 2)
    found = paired(*tensors, layout="out,in")
    assert found.layers == ()
    assert "--layout in,out fits" in found.skipped[0].reason
    assert paired(*tensors, layout="in,out").layers
    other = paired(tensor("fc.weight", 2, 3), tensor("fc.bias", 2), layout="in,out")
    assert "--layout out,in fits" in other.skipped[0].reason
    neither = paired(tensor("fc.weight", 2, 3), tensor("fc.bias", 7))
    assert "--layout" not in neither.skipped[0].reason


@pytest.mark.parametrize("rows", [None, [1], [2, 0]])
def test_in_out_layout_transposes(rows: list[int] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of the layer are columns of the file, also when read in blocks."""
    monkeypatch.setattr("fcinspect.checkpoints.records.BLOCK", 4)  # several blocks of one row
    stored, bias = tensor("kernel", 5, 3), tensor("bias", 3)
    (layer,) = paired(stored, bias, layout="in,out").layers
    read = layer.read(rows)
    chosen = [0, 1, 2] if rows is None else rows
    np.testing.assert_array_equal(read.weight.values, stored.read(None).T[chosen])
    assert read.bias is not None
    np.testing.assert_array_equal(read.bias.values, bias.read(None)[chosen])
    assert (read.in_features, read.out_features) == (5, 3)
    assert read.held == (None if rows is None else tuple(rows))


def test_unreadable_formats_are_skipped_with_their_reason() -> None:
    """The reason is that of the file's reader."""
    found = paired(unreadable("fc.weight", "I8", (2, 3), "holds I8"), tensor("fc.bias", 2))
    assert found.skipped[0].reason == "holds I8"


def test_differing_formats_and_lora_are_told() -> None:
    """What is unusual about a layer is in its warnings."""
    (layer,) = paired(tensor("fc.weight", 2, 3), tensor("fc.bias", 2, dtype="float64")).layers
    assert layer.warnings == ("the bias is float64, the weight float32",)


@pytest.mark.parametrize(
    ("key", "path"), [("fc1.weight", "fc1"), ("weight", ""), ("fc1", "fc1"), ("a/kernel", "a")]
)
def test_module_path(key: str, path: str) -> None:
    """A layer is named by its path, without the parameter."""
    assert module_path(key) == path


def test_pairing_takes_time_in_proportion() -> None:
    """Four times as many tensors take about four times as long, not sixteen."""

    def seconds(count: int) -> float:
        names = ("q_proj", "shared", "c_proj", "lora_A", "norm")
        stored = [at(f"h.{i}.{names[i % 5]}.weight", 16 * i, 2, 2) for i in range(count)]
        start = time.process_time()
        assert len(pair(stored, "x").layers) == count * 4 // 5
        return time.process_time() - start

    assert any(seconds(20_000) / seconds(5_000) < 8 for _ in range(3))
