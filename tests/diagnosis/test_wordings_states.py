"""State dicts that do not fit: the first cause, and what its code does when torch runs it."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
from torch import nn

from fcinspect.diagnosis.recognising import diagnose
from fcinspect.diagnosis.records import Cause, Diagnosis


def loading(model: nn.Module, saved: nn.Module) -> Cause:
    """Return the first cause of what torch says where the state of `saved` is loaded."""
    with pytest.raises(RuntimeError) as caught:
        model.load_state_dict(saved.state_dict())
    found = diagnose(f"RuntimeError: {caught.value}")
    assert isinstance(found, Diagnosis)
    return found.likely[0]


def run(code: str | None, model: nn.Module, saved: nn.Module) -> None:
    """Run the code of a cause; the message of load_state_dict is an error if keys are left."""
    assert code is not None
    exec(code, {"torch": torch, "model": model, "state": saved.state_dict()})


def convolutional(channels: int, entering: int = 3) -> nn.Sequential:
    """Return a convolution and its normalisation."""
    return nn.Sequential(nn.Conv2d(entering, channels, 3), nn.BatchNorm2d(channels))


def test_several_layers_of_another_width_are_no_new_head() -> None:
    """A convolution and its normalisation are made with other channels."""
    first = loading(convolutional(8), convolutional(16))
    assert first.name == "other-widths"


def test_two_heads_are_dropped_together() -> None:
    """All the keys that differ are taken out, not only those of the first."""

    def made(classes: int) -> nn.Module:
        return nn.ModuleDict({"fc": nn.Linear(4, classes), "aux": nn.Linear(6, classes)})

    first = loading(made(3), made(5))
    assert first.name == "head-replaced"
    assert "layers fc and aux" in first.cause
    run(first.code, made(3), made(5))


def test_a_convolution_takes_channels() -> None:
    """The fix names the argument that a convolution has."""
    first = loading(convolutional(8), convolutional(8, 1))
    assert first.name == "input-width-changed"
    assert "in_channels=1" in first.fix
    assert "in_features=2" in loading(nn.Linear(3, 4), nn.Linear(2, 4)).fix


def test_an_embedding_has_a_vocabulary() -> None:
    """The class alone tells it where the key is only "weight"."""
    model, saved = nn.Embedding(100, 8), nn.Embedding(120, 8)
    first = loading(model, saved)
    assert first.name == "vocabulary-size"
    run(first.code, model, saved)
    assert torch.equal(model.weight, saved.weight[:100])


def test_one_key_differs() -> None:
    """The sentence is grammatical, and says what is dropped."""
    first = loading(nn.Linear(4, 3, bias=False), nn.Linear(4, 5, bias=False))
    assert first.name == "head-replaced"
    assert first.cause.startswith("The layer has 3 out_features")
    assert "only weight differs" in first.evidence
    assert "Drop this key" in first.fix


@pytest.mark.parametrize(
    ("old", "new"),
    [(("backbone", "features"), ("backbone",)), (("net",), ("encoder", "body"))],
)
def test_every_key_of_a_renamed_prefix_is_mapped(
    old: tuple[str, ...], new: tuple[str, ...]
) -> None:
    """With the counters of batch normalisation, of which the message names only one side."""

    def within(names: tuple[str, ...]) -> nn.Module:
        made: nn.Module = nn.Sequential(*convolutional(4), *convolutional(6, 4))
        for name in reversed(names):
            made = nn.Sequential(OrderedDict([(name, made)]))
        return made

    model, saved = within(new), within(old)
    first = loading(model, saved)
    assert first.name == "layers-renamed"
    run(first.code, model, saved)
    for a, b in zip(model.parameters(), saved.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(("hidden", "inner"), [(16, 64), (1024, 64), (64, 1024)])
def test_a_hidden_layer_of_half_the_width_is_no_shard(hidden: int, inner: int) -> None:
    """One width alone is halved: shards halve several, and keep that of the model."""

    def made(width: int) -> nn.Module:
        return nn.Sequential(nn.Linear(inner, width), nn.ReLU(), nn.Linear(width, inner))

    assert loading(made(hidden), made(hidden // 2)).name == "other-widths"


def blocks(width: int, split: int) -> nn.Sequential:
    """Return two blocks of a transformer, of which one of `split` devices has a part."""
    return nn.Sequential(
        *(
            nn.ModuleDict(
                {
                    "qkv": nn.Linear(width, 3 * width // split),
                    "out": nn.Linear(width // split, width, bias=False),
                    "up": nn.Linear(width, 4 * width // split),
                    "down": nn.Linear(4 * width // split, width, bias=False),
                }
            )
            for _ in range(2)
        )
    )


def test_a_part_for_one_device_is_a_shard() -> None:
    """Or the model is the part, and the file whole."""
    assert loading(blocks(256, 1), blocks(256, 2)).name == "tensor-parallel-shard"
    assert "4 tensor-parallel shards" in loading(blocks(256, 1), blocks(256, 4)).cause
    assert loading(blocks(256, 2), blocks(256, 1)).name == "tensor-parallel-model"
    assert loading(blocks(256, 1), blocks(128, 1)).name == "other-widths"


def test_grouped_keys_and_values() -> None:
    """Also where queries, keys and values are one layer."""

    def made(rows: int, name: str) -> nn.Module:
        return nn.ModuleDict({name: nn.Linear(512, rows, bias=False)})

    first = loading(made(512, "k_proj"), made(128, "k_proj"))
    assert first.name == "grouped-query"
    assert "128 of 512" in first.evidence
    assert loading(made(128, "v_proj"), made(512, "v_proj")).name == "grouped-query"
    assert loading(made(3 * 512, "qkv"), made(512 + 2 * 128, "qkv")).name == "grouped-query"


def test_weights_of_the_same_numbers_take_the_shape_of_the_model() -> None:
    """A linear layer becomes a convolution of 1×1."""
    model, saved = nn.Conv2d(3, 4, 1, bias=False), nn.Linear(3, 4, bias=False)
    first = loading(model, saved)
    assert first.name == "shape-written-otherwise"
    run(first.code, model, saved)
    assert torch.equal(model.weight.flatten(), saved.weight.flatten())


def test_both_ends_are_dropped() -> None:
    """Grey images and fewer classes."""

    def made(entering: int, classes: int) -> nn.Module:
        return nn.ModuleDict({"conv": nn.Conv2d(entering, 4, 3), "fc": nn.Linear(4, classes)})

    model, saved = made(1, 5), made(3, 10)
    first = loading(model, saved)
    assert first.name == "ends-changed"
    run(first.code, model, saved)


def test_a_prefix_beside_other_keys_leaves_them_out() -> None:
    """The code loads what fits, and needs not all of the model."""
    backbone = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 4))
    saved = nn.ModuleDict({"backbone": backbone, "projector": nn.Linear(4, 2)})
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 5))
    first = loading(model, saved)
    assert first.name == "checkpoint-prefix"
    run(first.code, model, saved)
    assert torch.equal(model.get_parameter("0.weight"), backbone.get_parameter("0.weight"))


def test_a_part_that_the_model_lacks_is_not_left_out() -> None:
    """Leaving the keys out would load nothing."""
    saved = nn.ModuleDict({"net": convolutional(4).append(nn.Linear(2, 3))})
    first = loading(nn.Module(), saved)
    assert first.name == "inner-module-missing"
    assert "if k in" not in str(first.code)
