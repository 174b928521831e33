"""State dicts whose keys are not the model's, as people posted them."""

from __future__ import annotations

from tests.diagnosis.reported import Report

REPORTS = (
    Report(
        "the-whole-checkpoint-of-a-trainer",
        "RuntimeError: Error(s) in loading state_dict for Net:\n"
        '\tUnexpected key(s) in state_dict: "epoch", "global_step", '
        '"pytorch-lightning_version", "state_dict", "loops", "callbacks", '
        '"optimizer_states", "lr_schedulers", "hparams_name", "hyper_parameters".',
        "whole-checkpoint",
        says=('checkpoint["state_dict"]', "load_from_checkpoint", "epoch"),
        never=("if k in model.state_dict()",),
    ),
    Report(
        "inner-model-not-made-again",
        "RuntimeError: Error(s) in loading state_dict for LitClassifier:\n"
        '\tUnexpected key(s) in state_dict: "model.backbone.embeddings.position_ids", '
        '"model.backbone.embeddings.words.weight", "model.'
        'backbone.layer.0.attention.query.weight", "model.'
        'backbone.layer.0.attention.query.bias", "mo\n'
        'del.backbone.layer.0.mlp.up.bias", "model.backbone.layer.0.mlp.down.weight", '
        '"model.ba',
        "inner-module-missing",
        says=(
            "LitClassifier",
            '"model."',
            "load_from_checkpoint(path, model=model)",
            'k.removeprefix("model.")',
            "would leave nothing",
        ),
        never=("if k in model.state_dict()",),
    ),
    Report(
        "module-unexpected-only",
        "RuntimeError: Error(s) in loading state_dict for EncoderRNN:\n"
        '\tUnexpected key(s) in state_dict: "module.embedding.weight", '
        '"module.lstm.weight_ih_l0", "module.lstm.weight_hh_l0", '
        '"module.lstm.bias_ih_l0", "module.lstm.bias_hh_l0", "module.to_decoder.weight", '
        '"module.to_decoder.bias".',
        "module-prefix",
        says=('k.removeprefix("module.")', "all 7 unexpected keys"),
        never=("if k in model.state_dict()",),
        address="https://github.com/HomeroRR/rmm/issues/6",
    ),
    Report(
        "old-keyerror-module",
        "KeyError: 'unexpected key \"module.enc1.0.weight\" in state_dict'",
        "module-prefix",
        says=('k.removeprefix("module.")',),
        never=("if k in model.state_dict()",),
        address="https://github.com/zijundeng/pytorch-semantic-segmentation/issues/2",
    ),
    Report(
        "weight-v-unexpected",
        "RuntimeError: Error(s) in loading state_dict for Generator:\n"
        '\tMissing key(s) in state_dict: "encoder.1.weight", "encoder.4.weight", '
        '"middle.0.block.1.weight".\n'
        '\tUnexpected key(s) in state_dict: "encoder.1.weight_v", "encoder.4.weight_v", '
        '"middle.0.block.1.weight_v".',
        "spectral-norm-version",
        says=("weight_v", "strict=False"),
        never=("remove_parametrizations",),
        address="https://github.com/knazeri/edge-connect/issues/121",
    ),
    Report(
        "nf4-keys",
        "RuntimeError: Error(s) in loading state_dict for PeftModelForCausalLM:\n"
        '\tUnexpected key(s) in state_dict: "base_model.mod'
        'el.layers.25.attn.k_proj.base_layer.weight.absmax", '
        '"base_model.model.layers.25.attn.k_proj.base_layer.weight.quant_map", '
        '"base_model.model.layers.25.attn.k_proj.base_laye'
        'r.weight.quant_state.bitsandbytes__nf4", "base_mo'
        'del.model.layers.25.attn.o_proj.weight.absmax".',
        "quantised-checkpoint",
        says=("bitsandbytes in 4 bits", "quantization_config"),
        never=("if k in model.state_dict()", "merge_and_unload"),
        address="https://github.com/AnswerDotAI/fsdp_qlora/issues/70",
    ),
    Report(
        "gptq-zeros",
        "RuntimeError: Error(s) in loading state_dict for LlamaForCausalLM:\n"
        '\tMissing key(s) in state_dict: "layers.0.attn.q_proj.zeros", '
        '"layers.0.attn.k_proj.zeros", "layers.0.mlp.up_proj.zeros".\n'
        '\tUnexpected key(s) in state_dict: "layers.0.attn.q_proj.qzeros", '
        '"layers.0.attn.q_proj.g_idx", "layers.0.attn.k_proj.qzeros", '
        '"layers.0.attn.k_proj.g_idx", "layers.0.mlp.up_proj.qzeros".',
        "quantised-format",
        says=("q_proj.zeros", "qzeros", "different formats"),
        address="https://github.com/amrrs/llama-4bit-colab/issues/5",
    ),
    Report(
        "finetuner-saved",
        "RuntimeError: Error(s) in loading state_dict for VAE:\n"
        '\tUnexpected key(s) in state_dict: "online_finetuner.weight", '
        '"online_finetuner.bias"',
        "layers-unexpected",
        says=("online_finetuner", "if k in model.state_dict()"),
        address="https://github.com/Lightning-Universe/paper-AAVAE/issues/2",
    ),
    Report(
        "loss-weight-saved",
        "RuntimeError: Error(s) in loading state_dict for Classifier:\n"
        '\tUnexpected key(s) in state_dict: "criterion.pos_weight". ',
        "loss-weight-saved",
        says=("criterion.pos_weight", "__init__"),
        address="https://github.com/Lightning-AI/pytorch-lightning/issues/2617",
    ),
    Report(
        "head-not-in-parameters",
        '  File "/env/lib/python3.11/site-packages/vllm/model_executor/models/llama.py", '
        "line 481, in load_weights\n"
        "    param = params_dict[name]\n"
        "            ~~~~~~~~~~~^^^^^^\n"
        "KeyError: 'lm_head.weight'",
        "tied-weights",
        says=("tie_word_embeddings", "lm_head.weight"),
        address="https://github.com/vllm-project/vllm/pull/6758",
    ),
)
