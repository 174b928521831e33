"""Models whose files hold more than layers: experts, packed numbers, adapters, training state."""

from __future__ import annotations

from tests.checkpoints.pairing.architecture import (
    BATCH,
    CONV1D,
    CONV2D,
    NORM,
    TABLE,
    Architecture,
    vectors,
    with_bias,
)


def _mixtral() -> Architecture:
    moe = "model.layers.0.block_sparse_moe."
    widths = {"w1": (16, 8), "w2": (8, 16), "w3": (16, 8)}
    return Architecture(
        {
            f"{moe}gate.weight": (2, 8),
            **{f"{moe}experts.{e}.{w}.weight": s for e in range(2) for w, s in widths.items()},
        },
        skipped={TABLE: {"model.embed_tokens.weight": (99, 8)}},
    )


def _deepseek() -> Architecture:
    layer = "model.layers.3."
    names = {
        f"{layer}self_attn.q_a_proj": (16, 128),
        f"{layer}self_attn.kv_a_proj_with_mqa": (16, 128),
        f"{layer}mlp.experts.0.gate_proj": (64, 128),
        f"{layer}mlp.shared_experts.down_proj": (128, 64),
    }
    return Architecture(
        {
            **{f"{name}.weight": shape for name, shape in names.items()},
            f"{layer}mlp.gate.weight": (4, 128),
            "lm_head.weight": (99, 128),
        },
        skipped={
            TABLE: {"model.embed_tokens.weight": (99, 128)},
            "used with its weight": {f"{name}.weight_scale_inv": (1, 1) for name in names},
            "one-dimensional, and not named weight": {
                f"{layer}mlp.gate.e_score_correction_bias": (4,)
            },
            NORM: vectors(16, f"{layer}self_attn.q_a_layernorm.weight"),
        },
        dtypes={f"{name}.weight": "float8_e4m3fn" for name in names},
        named=dict.fromkeys(names, "multiplied by its weight_scale_inv, of shape"),
    )


def _gpt_oss() -> Architecture:
    block = "model.layers.0.mlp."
    weights, biases = with_bias(
        **{
            f"{block}router": (4, 64),
            "model.layers.0.self_attn.q_proj": (64, 64),
        }
    )
    return Architecture(
        weights,
        biases,
        {
            "(MXFP4), 4 experts, each a linear layer 64 → 96 in 4 bits": {
                f"{block}experts.gate_up_proj_blocks": (4, 96, 2, 16)
            },
            "(MXFP4), 4 experts, each a linear layer 32 → 64 in 4 bits": {
                f"{block}experts.down_proj_blocks": (4, 64, 1, 16)
            },
            "used to dequantize their": {
                f"{block}experts.gate_up_proj_scales": (4, 96, 2),
                f"{block}experts.down_proj_scales": (4, 64, 1),
            },
            "biases of quantized layers": {
                f"{block}experts.gate_up_proj_bias": (4, 96),
                f"{block}experts.down_proj_bias": (4, 64),
            },
            "one-dimensional, and not named weight": {"model.layers.0.self_attn.sinks": (8,)},
        },
        {"_blocks": "U8", "_scales": "U8"},
    )


def _gptq() -> Architecture:
    layer = "model.layers.0.self_attn.q_proj."
    return Architecture(
        {"lm_head.weight": (99, 128)},
        skipped={
            "(GPTQ), a linear layer 128 → 64 in 4 bits": {f"{layer}qweight": (16, 64)},
            "used with its qweight": {
                f"{layer}qzeros": (2, 8),
                f"{layer}scales": (2, 64),
                f"{layer}g_idx": (128,),
            },
            "bias of a quantized layer": {f"{layer}bias": (64,)},
            TABLE: {"model.embed_tokens.weight": (99, 128)},
        },
        dtypes={"qweight": "I32", "qzeros": "I32", "g_idx": "I32"},
    )


def _awq() -> Architecture:
    layer = "model.layers.0.mlp.up_proj."
    return Architecture(
        {"lm_head.weight": (99, 128)},
        skipped={
            "(AWQ), a linear layer 128 → 64 in 4 bits": {f"{layer}qweight": (128, 8)},
            "used with its qweight": {f"{layer}qzeros": (1, 8), f"{layer}scales": (1, 64)},
        },
        dtypes={"qweight": "I32", "qzeros": "I32"},
    )


def _bitsandbytes() -> Architecture:
    q, k, v = (f"model.layers.0.self_attn.{name}_proj." for name in "qkv")
    return Architecture(
        {"lm_head.weight": (99, 8)},
        skipped={
            "bitsandbytes 4-bit codes, a linear layer 8 → 16 in 4 bits": {f"{q}weight": (64, 1)},
            "bitsandbytes 4-bit codes, 64 of a linear layer, whose shape is in its quant_state": {
                f"{k}weight": (32, 1)
            },
            "bitsandbytes int8 codes, a linear layer 6 → 12 in 8 bits": {f"{v}weight": (12, 6)},
            "bias of a quantized layer": {f"{q}bias": (16,)},
            "quantized": {
                f"{v}SCB": (12,),
                f"{v}weight_format": (),
                **{
                    f"{p}weight.{part}": (4,)
                    for p in (q, k)
                    for part in (
                        "absmax",
                        "quant_map",
                        "nested_absmax",
                        "nested_quant_map",
                        "quant_state.bitsandbytes__nf4",
                    )
                },
            },
        },
        dtypes={"_proj.weight": "U8", "absmax": "U8", "nf4": "U8", "weight_format": "U8"},
    )


def _lstm_tagger() -> Architecture:
    weights, biases = with_bias(hidden2tag=(5, 12))
    parts = {
        f"lstm.{v}_{w}_l0{r}": (24, 6) if v == "weight" else (24,)
        for v in ("weight", "bias")
        for w in ("ih", "hh")
        for r in ("", "_reverse")
    }
    return Architecture(
        weights,
        biases,
        {
            TABLE: {"word_embeddings.weight": (99, 6)},
            "recurrent": {**parts, "cell.weight_ih": (24, 6), "cell.bias_hh": (24,)},
        },
    )


def _wav2vec2() -> Architecture:
    weights, biases = with_bias(
        wav2vec2__feature_projection__projection=(8, 16),
        wav2vec2__encoder__layers__0__attention__k_proj=(8, 8),
        wav2vec2__encoder__layers__0__feed_forward__intermediate_dense=(32, 8),
        project_q=(4, 8),
    )
    conv = "wav2vec2.encoder.pos_conv_embed.conv."
    return Architecture(
        weights,
        biases,
        {
            "half of a normalized weight (weight norm)": {
                f"{conv}weight_g": (1, 1, 4),
                f"{conv}weight_v": (8, 2, 4),
            },
            "a layer with a reparametrized weight": {f"{conv}bias": (8,)},
            CONV1D: {"wav2vec2.feature_extractor.conv_layers.0.conv.weight": (8, 1, 10)},
            "one-dimensional, and not named weight": {"wav2vec2.masked_spec_embed": (8,)},
            "three-dimensional": {"quantizer.codevectors": (1, 6, 4)},
        },
    )


def _lora() -> Architecture:
    base = "base_model.model.model.layers.0.self_attn.q_proj"
    told = "(LoRA) of 'q_proj', 64 → 32, rank 4: not a layer on its own"
    return Architecture(
        {f"{base}.lora_A.weight": (4, 64), f"{base}.lora_B.weight": (32, 4)},
        named={
            f"{base}.lora_A": f"factor A of a low-rank update {told}",
            f"{base}.lora_B": f"factor B of a low-rank update {told}",
        },
    )


def _lightning() -> Architecture:
    weights, biases = with_bias(**{"net.fc": (4, 6), "ema.module.fc": (4, 6)})
    moments = {
        f"optimizer_states.0.state.{n}.{m}": s
        for n, s in ((0, (4, 6)), (1, (4,)))
        for m in ("exp_avg", "exp_avg_sq")
    }
    return Architecture(
        weights,
        biases,
        {
            "optimizer state": {
                **moments,
                "optimizer_states.0.state.0.step": (),
                "optimizer.state.fc.weight": (4, 6),
            }
        },
        named={"ema.module.fc": "a moving average of weights (EMA)"},
    )


def _ddp() -> Architecture:
    weights, biases = with_bias(module__layer1__0=(4, 6), module__fc=(10, 4))
    bn = "module.bn1."
    return Architecture(
        weights,
        biases,
        {
            BATCH: {f"{bn}{v}": (8,) for v in ("weight", "bias", "running_mean", "running_var")}
            | {f"{bn}num_batches_tracked": ()},
            CONV2D: {"module.conv1.weight": (8, 3, 7, 7)},
            "1×1 convolution": {"module.downsample.0.weight": (16, 8, 1, 1)},
        },
        {"num_batches_tracked": "I64"},
    )


def _spectral() -> Architecture:
    return Architecture(
        {},
        skipped={
            "before spectral norm of a linear layer 4 → 3": {
                "fc.weight_orig": (3, 4),
                "head.parametrizations.weight.original": (3, 4),
            },
            "singular vector": {
                "fc.weight_u": (3,),
                "fc.weight_v": (4,),
                "head.parametrizations.weight.0._u": (3,),
                "head.parametrizations.weight.0._v": (4,),
            },
            "a layer with a reparametrized weight": {"fc.bias": (3,)},
            "(weight norm) of a linear layer 4 → 3": {
                "out.parametrizations.weight.original0": (3, 1),
                "out.parametrizations.weight.original1": (3, 4),
            },
            "before its pruning mask of a linear layer 4 → 3": {"cut.weight_orig": (3, 4)},
            "part of a pruned layer": {"cut.weight_mask": (3, 4)},
        },
    )


PACKED = {
    "Mixtral": _mixtral(),
    "DeepSeek fp8": _deepseek(),
    "gpt-oss": _gpt_oss(),
    "GPTQ": _gptq(),
    "AWQ": _awq(),
    "bitsandbytes": _bitsandbytes(),
    "LSTM tagger": _lstm_tagger(),
    "wav2vec2": _wav2vec2(),
    "LoRA": _lora(),
    "Lightning": _lightning(),
    "DDP": _ddp(),
    "norms and pruning": _spectral(),
}
