"""How a weight lies in its file, as far as the file shows it."""

from __future__ import annotations

import pytest

from fcinspect.checkpoints.records import Layout, StoredLinear
from tests.checkpoints.pairing.tensors import paired, tensor

Shapes = dict[str, tuple[int, ...]]

CONV1D: Shapes = {"h.0.attn.c_attn.weight": (4, 12), "h.0.attn.c_attn.bias": (12,)}
"""A layer of GPT-2 that shows how it lies."""
LINEAR: Shapes = {"h.0.attn.c_attn.weight": (12, 4), "h.0.attn.c_attn.bias": (12,)}
SQUARE: Shapes = {"h.0.attn.c_proj.weight": (4, 4), "h.0.attn.c_proj.bias": (4,)}
SHOWN: list[tuple[Shapes, Layout]] = [
    ({"fc.weight": (3, 2), "fc.bias": (3,)}, "out,in"),
    ({"fc.weight": (3, 2), "fc.bias": (2,)}, "in,out"),
    ({"dense/kernel": (3, 2)}, "in,out"),
    ({"dense/kernel": (3, 3), "dense/bias": (3,)}, "in,out"),
    ({"dense/kernel": (3, 2), "dense/bias": (3,)}, "out,in"),
    ({"fc.weight": (3, 2)}, "out,in"),
    ({"fc.weight": (3, 3), "fc.bias": (3,)}, "out,in"),
    ({**SQUARE, **CONV1D}, "in,out"),
    ({**SQUARE, **LINEAR}, "out,in"),
    ({"h.1.attn.c_proj.weight": (4, 4), **CONV1D}, "in,out"),
    ({"h.0.attn.c_proj.base_layer.weight": (4, 4), **CONV1D}, "in,out"),
    ({"h.0.attn.c_proj.lora_A.weight": (4, 4), **CONV1D}, "out,in"),
    ({"score.weight": (2, 4), **CONV1D}, "out,in"),
    ({"lm_head.weight": (9, 4), **CONV1D}, "out,in"),
    ({"c_attn.weight": (4, 12)}, "in,out"),
    ({"c_fc.weight": (16, 4)}, "out,in"),
    ({"fc2.weight": (4, 4), "fc1.weight": (4, 6), "fc1.bias": (6,)}, "in,out"),
    ({"b.1.mix.weight": (4, 4), "b.0.mix.weight": (4, 6), "b.0.mix.bias": (6,)}, "in,out"),
]
"""A layer and others -> how the layer lies that comes first."""
NOT_SHOWN: list[tuple[Shapes, str]] = [
    (SQUARE, "GPT-2 stores c_proj as (in, out), and its square shape"),
    ({"c_proj.weight": (16, 4)}, "GPT-2 stores c_proj as (in, out), and its shape without a bias"),
    (
        {"h.0.attn.dense.weight": (4, 4), **CONV1D},
        "neighboring layers are stored as (in, out), and its square shape",
    ),
    (
        {
            "b.mix.weight": (4, 4),
            "c.mix.weight": (4, 6), "c.mix.bias": (6,),
            "d.mix.weight": (6, 4), "d.mix.bias": (6,),
        },
        "layers of the same name are stored in both layouts",
    ),
    ({"experts.w1": (2, 3, 4)}, "nothing in the file shows the layout of its matrices"),
]  # fmt: skip


def first_of(shapes: Shapes) -> StoredLinear:
    """Return the layer that comes first."""
    found = paired(*(tensor(name, *shape) for name, shape in shapes.items()))
    assert not any(skip.hides_layer for skip in found.skipped)
    return found.layers[0]


@pytest.mark.parametrize(("shapes", "layout"), SHOWN)
def test_bias_and_names_show_the_layout(shapes: Shapes, layout: Layout) -> None:
    """A layer that lies as (in, out) says so, and why."""
    layer = first_of(shapes)
    assert (layer.layout, layer.doubt) == (layout, None)
    said = [words for words in layer.warnings if words.startswith("stored as (in, out), as ")]
    assert len(said) == (layout == "in,out")


@pytest.mark.parametrize(("shapes", "words"), NOT_SHOWN)
def test_what_is_not_shown_is_in_doubt(shapes: Shapes, words: str) -> None:
    """It is read as (out, in), and that is said."""
    layer = first_of(shapes)
    assert layer.layout == "out,in"
    assert layer.doubt is not None
    assert layer.doubt.startswith(words)
    assert any("read as (out, in)" in warning for warning in layer.warnings)


@pytest.mark.parametrize("layout", ["out,in", "in,out"])
def test_a_caller_leaves_no_doubt(layout: Layout) -> None:
    """What --layout says holds."""
    (layer,) = paired(tensor("c_proj.weight", 4, 4), layout=layout).layers
    assert (layer.layout, layer.doubt) == (layout, None)


@pytest.mark.parametrize(
    "shapes",
    [
        {"fc.weight": (3, 2), "fc.bias": (7,)},
        {"fc.qweight": (8, 64), "fc.scales": (1, 64), "fc.qzeros": (1, 8)},
        {"fc.weight_packed": (64, 8), "fc.weight_scale": (64, 1)},
        {"experts.down_blocks": (2, 4, 1, 16), "experts.down_scales": (2, 4, 1)},
        {"fc._packed_params._packed_params.0": (3, 2)},
    ],
)
def test_a_weight_that_is_not_read_is_marked(shapes: Shapes) -> None:
    """It is a layer's all the same, and no check has looked at it."""
    found = paired(*(tensor(name, *shape) for name, shape in shapes.items()))
    assert [skip.name for skip in found.skipped if skip.hides_layer] == [next(iter(shapes))]
