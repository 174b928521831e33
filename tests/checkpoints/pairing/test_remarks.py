from __future__ import annotations

import pytest

from fcinspect.checkpoints.records import (
    Layout,
)
from tests.checkpoints.pairing.tensors import at, paired, tensor


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("embed_tokens", "table"), ("tok_embeddings", "table"), ("gpt_neox.embed_in", "table"),
        ("query_embed", "table"), ("speaker_embedding", "table"), ("encoder.wte", "table"),
        ("TokenEmbedding", "table"), ("vq.codebook", "table"),
        ("rel.relative_attention_bias", "table"),
        ("bond_embedding", "maybe"), ("vocab", "maybe"), ("time_emb", "maybe"), ("tokens", "maybe"),
        ("lookup2", "maybe"), ("pos", "maybe"),
        ("embed_out", "layer"), ("vocab_proj", "layer"), ("linear_pos", "layer"),
        ("lm_head", "layer"),
        ("embed_tokens.0", "table"),
        ("rvq.codebooks.3", "table"),
        ("embedding.0", "maybe"),
        ("emb_layers.1", "maybe"),
        ("input_embedding", "maybe"),
        ("0", "layer"),
        ("layers.0", "layer"),
        ("lnear", "layer"),
        ("embedding_hidden_mapping_in", "layer"), ("compose", "layer"), ("member", "layer"),
        ("position.fc1", "layer"), ("shared", "layer"), ("opposite", "layer"),
    ],
)  # fmt: skip
def test_only_names_that_tell_make_an_embedding(path: str, kind: str) -> None:
    """A vague name is a layer with a warning; with a bias, or many rows alone, none is given."""
    found = paired(tensor(f"{path}.weight", 50, 2))
    assert [layer.name for layer in found.layers] == ([] if kind == "table" else [path])
    warnings = [words for layer in found.layers for words in layer.warnings]
    assert warnings == (["2-D without a bias: maybe an embedding"] if kind == "maybe" else [])
    (layer,) = paired(tensor(f"{path}.weight", 50, 2), tensor(f"{path}.bias", 50)).layers
    assert layer.warnings == ()


@pytest.mark.parametrize(
    "sibling", ["encoder.embed_tokens.weight", "block.relative_attention_bias.weight"]
)
def test_a_shared_table_is_known_by_its_siblings(sibling: str) -> None:
    """T5's and BART's "shared" is a table; alone it is a layer."""
    names = [layer.name for layer in paired(tensor("shared.weight", 5, 2)).layers]
    assert names == ["shared"]
    assert paired(tensor("shared.weight", 5, 2), tensor(sibling, 5, 2)).layers == ()


def test_tied_weights_say_so() -> None:
    """Both names tell of each other, also where one of them is an embedding."""
    tied = paired(at("a.weight", 8, 2, 2), at("b.weight", 8, 2, 2), at("c.weight", 24, 2, 2))
    assert [layer.warnings for layer in tied.layers] == [
        ("shares its numbers with 'b.weight'",), ("shares its numbers with 'a.weight'",), (),
    ]  # fmt: skip
    (head,) = paired(at("wte.weight", 0, 3, 2), at("lm_head.weight", 0, 3, 2)).layers
    assert head.warnings == ("shares its numbers with 'wte.weight'",)


def test_other_places_are_not_tied() -> None:
    """Another file, another shape, nothing at all: nothing is shared."""
    others = (
        at("a.weight", 8, 2, 3), at("b.weight", 8, 2, 3, uri="g"), at("c.weight", 8, 3, 2),
        at("d.weight", 8, 0, 2), at("e.weight", 8, 0, 2),
    )  # fmt: skip
    assert [layer.warnings for layer in paired(*others).layers] == [()] * 5


@pytest.mark.parametrize(
    ("sibling", "layout", "words"),
    [
        (("c_attn.weight", 4, 12), "out,in", "as layers of the same name show; --layout out,in"),
        (("c_attn.weight", 12, 4), "out,in", None),
        (("mlp.c_fc.weight", 4, 16), "out,in", "as layers of the same name show; --layout out,in"),
        (("fc.weight", 4, 12), "out,in", "GPT-2 stores c_proj as (in, out), and its square shape"),
        (("c_attn.weight", 4, 12), "in,out", None),
    ],
)
def test_square_layers_of_gpt2_are_suspected(
    sibling: tuple[str, int, int], layout: Layout, words: str | None
) -> None:
    """Its Conv1D holds (in, out); a layer that is not square tells of the others."""
    name, *shape = sibling
    found = paired(tensor("c_proj.weight", 4, 4), tensor(name, *shape), layout=layout)
    (layer,) = [layer for layer in found.layers if layer.name == "c_proj"]
    assert (layer.warnings == ()) == (words is None)
    assert words is None or words in layer.warnings[0]


@pytest.mark.parametrize(
    ("first", "second", "widths"),
    [
        ("q.lora_A.weight", "q.lora_B.weight", "'q', 6 → 4"),
        ("q.lora_A.default.weight", "q.lora_B.default.weight", "'q', 6 → 4"),
        ("unet_q.lora_down.weight", "unet_q.lora_up.weight", "'unet_q', 6 → 4"),
        ("to_q_lora.down.weight", "to_q_lora.up.weight", "'to_q', 6 → 4"),
        ("q.lora_A.weight", "r.lora_B.weight", "'q', rank 2"),
    ],
)
def test_low_rank_factors_say_of_which_layer(first: str, second: str, widths: str) -> None:
    """The rank is their common width, the widths are those of the layer that they change."""
    found = paired(tensor(first, 2, 6), tensor(second, 4, 2)).layers
    assert [("factor A" in v.warnings[0], "factor B" in v.warnings[0]) for v in found] == [
        (True, False), (False, True),
    ]  # fmt: skip
    assert f"of {widths}" in found[0].warnings[0]
    assert all("rank 2: not a layer on its own" in layer.warnings[0] for layer in found)


def test_what_counts_an_average_is_no_average() -> None:
    """Copies are told as such, a counter beside them is not."""
    found = paired(
        tensor("ema.n_averaged"), tensor("ema.table", 3, 2), tensor("ema.fc.weight", 3, 2)
    )
    reasons = {skip.name: skip.reason for skip in found.skipped}
    assert reasons["ema.n_averaged"] == "one number, and not named weight"
    assert "a moving average" in reasons["ema.table"]
    assert "a moving average" in found.layers[0].warnings[0]
