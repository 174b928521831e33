"""Published models in plain floating-point numbers; see architecture.py."""

from __future__ import annotations

from tests.checkpoints.pairing.architecture import (
    CONV1D,
    CONV1D_BIAS,
    CONV2D,
    CONV2D_BIAS,
    NORM,
    NORM_BIAS,
    TABLE,
    Architecture,
    vectors,
    with_bias,
)


def _bert() -> Architecture:
    layer = "encoder.layer.0."
    names = {
        f"{layer}attention.self.query": (8, 8),
        f"{layer}attention.self.key": (8, 8),
        f"{layer}attention.self.value": (8, 8),
        f"{layer}attention.output.dense": (8, 8),
        f"{layer}intermediate.dense": (32, 8),
        f"{layer}output.dense": (8, 32),
        "pooler.dense": (8, 8),
    }
    norms = (
        "embeddings.LayerNorm",
        f"{layer}attention.output.LayerNorm",
        f"{layer}output.LayerNorm",
    )
    weights, biases = with_bias(**names)
    return Architecture(
        weights,
        biases,
        {
            TABLE: {
                "embeddings.word_embeddings.weight": (99, 8),
                "embeddings.position_embeddings.weight": (16, 8),
                "embeddings.token_type_embeddings.weight": (2, 8),
            },
            "position indices": {"embeddings.position_ids": (1, 16)},
            NORM: vectors(8, *(f"{norm}.weight" for norm in norms)),
            NORM_BIAS: vectors(8, *(f"{norm}.bias" for norm in norms)),
        },
        {"position_ids": "I64"},
    )


def _gpt2() -> Architecture:
    weights = {
        "h.0.attn.c_attn": (8, 24),
        "h.0.attn.c_proj": (8, 8),
        "h.0.mlp.c_fc": (8, 32),
        "h.0.mlp.c_proj": (32, 8),
    }
    as_bias = "stored as (in, out), as the length of its bias shows"
    return Architecture(
        {f"{name}.weight": shape for name, shape in weights.items()},
        {f"{name}.bias": shape[1:] for name, shape in weights.items()},
        {
            TABLE: {"wte.weight": (99, 8), "wpe.weight": (16, 8)},
            "an attention mask": {"h.0.attn.bias": (1, 1, 16, 16)},
            "a mask": {"h.0.attn.masked_bias": ()},
            NORM: vectors(8, "h.0.ln_1.weight", "h.0.ln_2.weight", "ln_f.weight"),
            NORM_BIAS: vectors(8, "h.0.ln_1.bias", "h.0.ln_2.bias", "ln_f.bias"),
        },
        named={
            "h.0.attn.c_attn": as_bias,
            "h.0.attn.c_proj": "stored as (in, out), as layers of the same name show",
            "h.0.mlp.c_fc": as_bias,
            "h.0.mlp.c_proj": as_bias,
        },
    )


def _llama() -> Architecture:
    layer = "model.layers.0."
    return Architecture(
        {
            f"{layer}self_attn.q_proj.weight": (8, 8),
            f"{layer}self_attn.k_proj.weight": (4, 8),
            f"{layer}self_attn.v_proj.weight": (4, 8),
            f"{layer}self_attn.o_proj.weight": (8, 8),
            f"{layer}mlp.gate_proj.weight": (24, 8),
            f"{layer}mlp.up_proj.weight": (24, 8),
            f"{layer}mlp.down_proj.weight": (8, 24),
            "lm_head.weight": (99, 8),
        },
        skipped={
            TABLE: {"model.embed_tokens.weight": (99, 8)},
            NORM: vectors(
                8,
                f"{layer}input_layernorm.weight",
                f"{layer}post_attention_layernorm.weight",
                "model.norm.weight",
            ),
            "rotary": {f"{layer}self_attn.rotary_emb.inv_freq": (4,)},
        },
        dtypes={"": "bfloat16"},
    )


def _t5() -> Architecture:
    attention = "encoder.block.0.layer.0.SelfAttention."
    return Architecture(
        {
            **{f"{attention}{v}.weight": (8, 8) for v in "qkvo"},
            "encoder.block.0.layer.1.DenseReluDense.wi_0.weight": (16, 8),
            "encoder.block.0.layer.1.DenseReluDense.wi_1.weight": (16, 8),
            "encoder.block.0.layer.1.DenseReluDense.wo.weight": (8, 16),
            "lm_head.weight": (99, 8),
        },
        skipped={
            TABLE: {
                "shared.weight": (99, 8),
                f"{attention}relative_attention_bias.weight": (32, 2),
            },
            NORM: vectors(
                8, "encoder.block.0.layer.0.layer_norm.weight", "encoder.final_layer_norm.weight"
            ),
        },
    )


def _vit() -> Architecture:
    weights, biases = with_bias(
        blocks__0__attn__qkv=(24, 8),
        blocks__0__attn__proj=(8, 8),
        blocks__0__mlp__fc1=(32, 8),
        blocks__0__mlp__fc2=(8, 32),
        head=(10, 8),
    )
    return Architecture(
        weights,
        biases,
        {
            "a token": {"cls_token": (1, 1, 8)},
            "a position table": {"pos_embed": (1, 17, 8)},
            CONV2D: {"patch_embed.proj.weight": (8, 3, 4, 4)},
            CONV2D_BIAS: {"patch_embed.proj.bias": (8,)},
            NORM: vectors(8, "blocks.0.norm1.weight", "blocks.0.norm2.weight", "norm.weight"),
            NORM_BIAS: vectors(8, "blocks.0.norm1.bias", "blocks.0.norm2.bias", "norm.bias"),
        },
    )


def _clip() -> Architecture:
    layer = "text_model.encoder.layers.0."
    weights, biases = with_bias(
        **{f"{layer}self_attn.{v}_proj": (8, 8) for v in ("q", "k", "v", "out")},
        **{f"{layer}mlp.fc1": (32, 8), f"{layer}mlp.fc2": (8, 32)},
    )
    return Architecture(
        {**weights, "text_projection.weight": (6, 8), "visual_projection.weight": (6, 8)},
        biases,
        {
            TABLE: {
                "text_model.embeddings.token_embedding.weight": (99, 8),
                "text_model.embeddings.position_embedding.weight": (77, 8),
                "vision_model.embeddings.position_embedding.weight": (50, 8),
            },
            "a token": {"vision_model.embeddings.class_embedding": (8,)},
            CONV2D: {"vision_model.embeddings.patch_embedding.weight": (8, 3, 4, 4)},
            NORM: vectors(8, f"{layer}layer_norm1.weight", "vision_model.pre_layrnorm.weight"),
            NORM_BIAS: vectors(8, f"{layer}layer_norm1.bias", "vision_model.pre_layrnorm.bias"),
            "one number": {"logit_scale": ()},
        },
    )


def _whisper() -> Architecture:
    layer = "model.decoder.layers.0."
    weights, biases = with_bias(
        **{
            f"{layer}self_attn.q_proj": (8, 8),
            f"{layer}self_attn.v_proj": (8, 8),
            f"{layer}self_attn.out_proj": (8, 8),
            f"{layer}fc1": (32, 8),
            f"{layer}fc2": (8, 32),
        }
    )
    return Architecture(
        {**weights, f"{layer}self_attn.k_proj.weight": (8, 8), "proj_out.weight": (99, 8)},
        biases,
        {
            TABLE: {
                "model.decoder.embed_tokens.weight": (99, 8),
                "model.decoder.embed_positions.weight": (44, 8),
                "model.encoder.embed_positions.weight": (150, 8),
            },
            CONV1D: {
                "model.encoder.conv1.weight": (8, 8, 3),
                "model.encoder.conv2.weight": (8, 8, 3),
            },
            CONV1D_BIAS: {"model.encoder.conv1.bias": (8,), "model.encoder.conv2.bias": (8,)},
            NORM: {f"{layer}final_layer_norm.weight": (8,)},
            NORM_BIAS: {f"{layer}final_layer_norm.bias": (8,)},
        },
    )


def _convnext() -> Architecture:
    weights, biases = with_bias(
        **{
            "stages.0.blocks.0.mlp.fc1": (32, 8),
            "stages.0.blocks.0.mlp.fc2": (8, 32),
            "head.fc": (10, 8),
        }
    )
    return Architecture(
        weights,
        biases,
        {
            CONV2D: {
                "stem.0.weight": (8, 3, 4, 4),
                "stages.0.blocks.0.conv_dw.weight": (8, 1, 7, 7),
            },
            CONV2D_BIAS: {"stem.0.bias": (8,), "stages.0.blocks.0.conv_dw.bias": (8,)},
            NORM: {"stages.0.blocks.0.norm.weight": (8,)},
            NORM_BIAS: {"stages.0.blocks.0.norm.bias": (8,)},
            "one-dimensional, and not named weight": {"stages.0.blocks.0.gamma": (8,)},
        },
    )


def _dit() -> Architecture:
    weights, biases = with_bias(
        **{
            "t_embedder.mlp.0": (8, 16),
            "t_embedder.mlp.2": (8, 8),
            "blocks.0.attn.qkv": (24, 8),
            "blocks.0.adaLN_modulation.1": (48, 8),
            "final_layer.linear": (12, 8),
        }
    )
    return Architecture(
        weights,
        biases,
        {
            "a position table": {"pos_embed": (1, 16, 8)},
            CONV2D: {"x_embedder.proj.weight": (8, 4, 2, 2)},
            CONV2D_BIAS: {"x_embedder.proj.bias": (8,)},
            TABLE: {"y_embedder.embedding_table.weight": (11, 8)},
        },
    )


def _raft() -> Architecture:
    return Architecture(
        {},
        skipped={
            CONV2D: {
                "module.fnet.conv1.weight": (8, 3, 7, 7),
                "module.update_block.gru.convz1.weight": (8, 16, 1, 5),
            },
            CONV2D_BIAS: {"module.fnet.conv1.bias": (8,)},
            "1×1 convolution": {"module.update_block.mask.2.weight": (16, 8, 1, 1)},
        },
    )


PLAIN = {
    "BERT": _bert(),
    "GPT-2": _gpt2(),
    "Llama": _llama(),
    "T5": _t5(),
    "ViT": _vit(),
    "CLIP": _clip(),
    "Whisper": _whisper(),
    "ConvNeXt": _convnext(),
    "DiT": _dit(),
    "RAFT": _raft(),
}
