"""State dicts whose shapes are not the model's, as people posted them."""

from __future__ import annotations

from tests.diagnosis.reported import Report

REPORTS = (
    Report(
        "reversed-shape-retyped",
        "Copying a param with shape torch.Size([50257, 768]) from checkpoint; the shape "
        "in the current model is torch.Size([768, 50257]).",
        "weight-transposed",
        says=("state[key].T", "(50257, 768)", "reshape would scramble"),
    ),
    Report(
        "adapter-saved-empty",
        '  File "/opt/env/lib/python3.10/site-packages/peft/peft_model.py", line 698, in '
        "load_adapter\n"
        "    load_result = set_peft_model_state_dict(self, adapters_weights, "
        "adapter_name=adapter_name)\n"
        "RuntimeError: Error(s) in loading state_dict for PeftModelForCausalLM:\n"
        "\tsize mismatch for base_model.model.layers.0.mlp.gate.lora_A.default.weight: "
        "copying a param with shape torch.Size([0]) from checkpoint, the shape in current "
        "model is torch.Size([16, 4096]).\n"
        "\tsize mismatch for base_model.model.layers.0.mlp.gate.lora_B.default.weight: "
        "copying a param with shape torch.Size([0]) from checkpoint, the shape in current "
        "model is torch.Size([14336, 16]).\n"
        "\tsize mismatch for base_model.model.layers.0.mlp.up.lora_A.default.weight: "
        "copying a param with shape torch.Size([0]) from checkpoint, the shape in current "
        "model is torch.Size([16, 4096]).",
        "saved-empty",
        says=("ZeRO-3", "stage3_gather_16bit_weights_on_model_save", "zero_to_fp32.py", "no width"),
        never=("different widths",),
    ),
    Report(
        "lora-of-another-rank",
        "RuntimeError: Error(s) in loading state_dict for PeftModelForCausalLM:\n"
        "        size mismatch for base_model.model.layers"
        ".0.attention.qkv.lora_A.default.weight: copying a param with shape "
        "torch.Size([256, 4096]) from checkpoint, the shape in current model is "
        "torch.Size([512, 4096]).\n"
        "        size mismatch for base_model.model.layers"
        ".0.attention.qkv.lora_B.default.weight: copying a param with shape "
        "torch.Size([4608, 256]) from checkpoint, the shape in current model is "
        "torch.Size([4608, 512]).",
        "lora-rank",
        says=("rank 256", "rank 512", "r=256", "from_pretrained", "base model is right"),
        never=("different widths",),
    ),
    Report(
        "one-shard-of-two",
        "RuntimeError: Error(s) in loading state_dict for TextModel:\n"
        "\tsize mismatch for layers.23.mlp.down.weight: copying a param with shape "
        "torch.Size([2560, 5120]) from checkpoint, the shape in current model is "
        "torch.Size([2560, 10240]).\n"
        "\tsize mismatch for layers.24.attention.qkv.weight: copying a param with shape "
        "torch.Size([3840, 2560]) from checkpoint, the shape in current model is "
        "torch.Size([7680, 2560]).\n"
        "\tsize mismatch for layers.24.attention.qkv.bias: copying a param with shape "
        "torch.Size([3840]) from checkpoint, the shape in current model is torch.Size([7680]).\n"
        "\tsize mismatch for layers.24.attention.out.weight: copying a param with shape "
        "torch.Size([2560, 1280]) from checkpoint, the shape in current model is "
        "torch.Size([2560, 2560]).\n"
        "\tsize mismatch for layers.24.mlp.up.weight: copying a param with shape "
        "torch.Size([5120, 2560]) from checkpoint, the shape in current model is "
        "torch.Size([10240, 2560]).",
        "tensor-parallel-shard",
        says=("one of 2", "2560 stays whole", "Merge the shards", "widths are right"),
        never=("different widths",),
    ),
    Report(
        "causal-lm-empty",
        "RuntimeError: Error(s) in loading state_dict for CausalLM:\n"
        "\tsize mismatch for decoder.h.13.mlp.out.weight: copying a param with shape "
        "torch.Size([0]) from checkpoint, the shape in current model is torch.Size([1024, "
        "4096]).\n"
        "\tsize mismatch for decoder.h.14.attn.qkv.weight: copying a param with shape "
        "torch.Size([0]) from checkpoint, the shape in current model is torch.Size([3072, "
        "1024]).\n"
        "\tsize mismatch for decoder.h.14.attn.out.weight: copying a param with shape "
        "torch.Size([0]) from checkpoint, the shape in current model is torch.Size([1024, "
        "1024]).\n"
        "\tYou may consider adding `ignore_mismatched_sizes=True` in the model "
        "`from_pretrained` method.",
        "saved-empty",
        says=("3 of 3 keys", "gathered", "no width of the model is wrong"),
        never=("ignore_mismatched_sizes=True)",),
        address="https://github.com/salesforce/jaxformer/issues/20",
    ),
    Report(
        "lora-down-up",
        "RuntimeError: Error(s) in loading state_dict for BlockLoraProcessor:\n"
        "\tsize mismatch for qkv_lora1.down.weight: copying a param with shape "
        "torch.Size([16, 3072]) from checkpoint, the shape in current model is "
        "torch.Size([4, 3072]).\n"
        "\tsize mismatch for qkv_lora1.up.weight: copying a param with shape "
        "torch.Size([9216, 16]) from checkpoint, the shape in current model is "
        "torch.Size([9216, 4]).\n"
        "\tsize mismatch for proj_lora1.down.weight: copying a param with shape "
        "torch.Size([16, 3072]) from checkpoint, the shape in current model is "
        "torch.Size([4, 3072]).\n"
        "\tsize mismatch for proj_lora1.up.weight: copying a param with shape "
        "torch.Size([3072, 16]) from checkpoint, the shape in current model is "
        "torch.Size([3072, 4]).",
        "lora-rank",
        says=("rank 16", "rank 4"),
        never=("different widths", "LoraConfig"),
        address="https://github.com/XLabs-AI/x-flux/issues/13",
    ),
    Report(
        "lora-b-of-three-dimensions",
        "RuntimeError: Error(s) in loading state_dict for PeftModelForSequenceClassification:\n"
        "\tsize mismatch for base_model.model.transformer.h"
        ".0.attn.qkv.lora_A.default.weight: copying a param with shape torch.Size([16, "
        "4096]) from checkpoint, the shape in current model is torch.Size([8, 4096]).\n"
        "\tsize mismatch for base_model.model.transformer.h"
        ".0.attn.qkv.lora_B.default.weight: copying a param with shape torch.Size([8192, "
        "8, 1]) from checkpoint, the shape in current model is torch.Size([12288, 8]).",
        "adapter-of-another-version",
        says=("(8192, 8, 1)", "version of the library"),
        never=("r=16",),
        address="https://github.com/huggingface/peft/issues/554",
    ),
    Report(
        "gqa-kv",
        "RuntimeError: Error(s) in loading state_dict for LlamaForCausalLM:\n"
        "\tsize mismatch for model.layers.0.self_attn.k_proj.weight: copying a param with "
        "shape torch.Size([1024, 8192]) from checkpoint, the shape in current model is "
        "torch.Size([8192, 8192]).\n"
        "\tsize mismatch for model.layers.0.self_attn.v_proj.weight: copying a param with "
        "shape torch.Size([1024, 8192]) from checkpoint, the shape in current model is "
        "torch.Size([8192, 8192]).",
        "grouped-query",
        says=("8 heads of 128", "num_key_value_heads"),
        never=("head-replaced", "startswith("),
        address="https://github.com/hiyouga/LlamaFactory/issues/459",
    ),
    Report(
        "llama3-into-llama2",
        "RuntimeError: Error(s) in loading state_dict for LlamaForCausalLM:\n"
        "\tsize mismatch for model.embed_tokens.weight: copying a param with shape "
        "torch.Size([128256, 4096]) from checkpoint, the shape in current model is "
        "torch.Size([32000, 4096]).\n"
        "\tsize mismatch for model.layers.0.self_attn.k_proj.weight: copying a param with "
        "shape torch.Size([1024, 4096]) from checkpoint, the shape in current model is "
        "torch.Size([4096, 4096]).\n"
        "\tsize mismatch for model.layers.0.mlp.gate_proj.weight: copying a param with "
        "shape torch.Size([14336, 4096]) from checkpoint, the shape in current model is "
        "torch.Size([11008, 4096]).\n"
        "\tsize mismatch for model.layers.0.mlp.down_proj.weight: copying a param with "
        "shape torch.Size([4096, 14336]) from checkpoint, the shape in current model is "
        "torch.Size([4096, 11008]).",
        "other-widths",
        says=("(128256, 4096)",),
        never=("resize_token_embeddings",),
        address="https://github.com/HiDream-ai/HiDream-I1/issues/4",
    ),
    Report(
        "base-into-large",
        "RuntimeError: Error(s) in loading state_dict for Encoder:\n"
        "\tsize mismatch for encoder.layer.11.intermediate.dense.weight: copying a param "
        "with shape torch.Size([3072, 768]) from checkpoint, the shape in current model "
        "is torch.Size([4096, 1024]).\n"
        "\tsize mismatch for encoder.layer.11.intermediate.dense.bias: copying a param "
        "with shape torch.Size([3072]) from checkpoint, the shape in current model is "
        "torch.Size([4096]).\n"
        "\tsize mismatch for encoder.layer.11.output.dense.weight: copying a param with "
        "shape torch.Size([768, 3072]) from checkpoint, the shape in current model is "
        "torch.Size([1024, 4096]).\n"
        "\tsize mismatch for pooler.dense.weight: copying a param with shape "
        "torch.Size([768, 768]) from checkpoint, the shape in current model is "
        "torch.Size([1024, 1024]).\n"
        "\tsize mismatch for pooler.dense.bias: copying a param with shape "
        "torch.Size([768]) from checkpoint, the shape in current model is torch.Size([1024]).",
        "other-widths",
        says=("768 stands where the model has 1024",),
        never=("startswith(",),
        address="https://github.com/guotong1988/NL2SQL-RULE/issues/10",
    ),
    Report(
        "clip-ignore-mismatched",
        "RuntimeError: Error(s) in loading state_dict for CLIPTextModel:\n"
        "size mismatch for text_model.encoder.layers.11.layer_norm2.weight: copying a "
        "param with shape torch.Size([768]) from checkpoint, the shape in current model "
        "is torch.Size([512]).\n"
        "size mismatch for text_model.encoder.layers.11.layer_norm2.bias: copying a param "
        "with shape torch.Size([768]) from checkpoint, the shape in current model is "
        "torch.Size([512]).\n"
        "size mismatch for text_model.final_layer_norm.weight: copying a param with shape "
        "torch.Size([768]) from checkpoint, the shape in current model is torch.Size([512]).\n"
        "You may consider adding `ignore_mismatched_sizes=True` in the model "
        "`from_pretrained` method.",
        "other-widths",
        says=("config.json", "would leave these weights random"),
        never=("from_pretrained(path, ignore",),
        address="https://github.com/kijai/ComfyUI-HunyuanVideoWrapper/issues/460",
    ),
    Report(
        "positions-of-small-images",
        "RuntimeError: Error(s) in loading state_dict for VisionTransformer:\n"
        "\tsize mismatch for pos_embed: copying a param with shape torch.Size([1, 5, 384]) "
        "from checkpoint, the shape in current model is torch.Size([1, 197, 384]).",
        "position-count",
        says=("5 = 2² + 1 and 197 = 14² + 1",),
        address="https://github.com/vturrisi/solo-learn/issues/218",
    ),
    Report(
        "head-1024",
        "RuntimeError: Error(s) in loading state_dict for VisionTransformer:\n"
        "\tsize mismatch for head.weight: copying a param with shape torch.Size([1000, "
        "1280]) from checkpoint, the shape in current model is torch.Size([1024, 1280]).\n"
        "\tsize mismatch for head.bias: copying a param with shape torch.Size([1000]) from "
        "checkpoint, the shape in current model is torch.Size([1024]).",
        "head-replaced",
        says=("1000", "1024", "out_features"),
        address="https://github.com/Zhengxinyang/LAS-Diffusion/issues/18",
    ),
    Report(
        "one-more-token",
        "size mismatch for pos_embed: copying a param with shape torch.Size([1, 198, "
        "768]) from checkpoint, the shape in current model is torch.Size([1, 197, 768]).",
        "position-tokens",
        says=("196 patches", "special tokens"),
        never=("image size",),
        address="https://github.com/openmedlab/PathoDuet/issues/11",
    ),
    Report(
        "retyped-positions",
        "`size mismatch for pos_embed: copying a param with shape torch.Size([1, 64, 64, "
        "1280]) from the checkpoint, the shape in the current model is a torch.Size([1, "
        "4, 4, 1280]).`",
        "position-count",
        says=("(1, 64, 64, 1280)", "image size"),
        address="https://github.com/facebookresearch/segment-anything/issues/411",
    ),
    Report(
        "other-patches",
        "RuntimeError: Error(s) in loading state_dict for VisionTransformer:\n"
        "\tsize mismatch for pos_embed: copying a param with shape torch.Size([1, 145, "
        "512]) from checkpoint, the shape in current model is torch.Size([1, 197, 512]).\n"
        "\tsize mismatch for patch_embed.proj.weight: copying a param with shape "
        "torch.Size([512, 3, 9, 9]) from checkpoint, the shape in current model is "
        "torch.Size([512, 3, 8, 8]).\n"
        "\tsize mismatch for feature.0.weight: copying a param with shape torch.Size([512, "
        "74240]) from checkpoint, the shape in current model is torch.Size([512, 100352]).",
        "other-widths",
        says=("kernels (patches) of (9, 9)",),
        address="https://github.com/atzoriandrea/ViT-FIQA-Assessing-Face-Image-Quality-using-Vision-Transformers/issues/3",
    ),
    Report(
        "added-tokens",
        "RuntimeError: Error(s) in loading state_dict for PeftModelForCausalLM:\n"
        "\tsize mismatch for base_model.model.model.embed_tokens.weight: copying a param "
        "with shape torch.Size([32002, 4096]) from checkpoint, the shape in current model "
        "is torch.Size([32000, 4096]).\n"
        "\tsize mismatch for base_model.model.lm_head.weight: copying a param with shape "
        "torch.Size([32002, 4096]) from checkpoint, the shape in current model is "
        "torch.Size([32000, 4096]).",
        "vocabulary-size",
        says=("resize_token_embeddings(32002)",),
        address="https://github.com/unslothai/unsloth/issues/237",
    ),
    Report(
        "grouped-and-split",
        "RuntimeError: Error(s) in loading state_dict for ParallelTransformer:\n"
        "\tsize mismatch for layers.0.self_attention.query_key_value.weight: copying a "
        "param with shape torch.Size([1280, 8192]) from checkpoint, the shape in current "
        "model is torch.Size([3072, 8192]).\n"
        "\tsize mismatch for layers.1.self_attention.query_key_value.weight: copying a "
        "param with shape torch.Size([1280, 8192]) from checkpoint, the shape in current "
        "model is torch.Size([3072, 8192]).",
        "grouped-query",
        says=("1024 of 8192", "num_key_value_heads"),
        never=("startswith(",),
        address="https://github.com/alibaba/Megatron-LLaMA/issues/21",
    ),
    Report(
        "quarter-model",
        "RuntimeError: Error(s) in loading state_dict for LlamaForCausalLM:\n"
        "\tsize mismatch for model.layers.1.self_attn.o_proj.weight: copying a param with "
        "shape torch.Size([1024, 1024]) from checkpoint, the shape in current model is "
        "torch.Size([4096, 4096]).\n"
        "\tsize mismatch for model.layers.1.mlp.gate_proj.weight: copying a param with "
        "shape torch.Size([2816, 1024]) from checkpoint, the shape in current model is "
        "torch.Size([11008, 4096]).\n"
        "\tsize mismatch for model.layers.1.mlp.down_proj.weight: copying a param with "
        "shape torch.Size([1024, 2816]) from checkpoint, the shape in current model is "
        "torch.Size([4096, 11008]).\n"
        "\tsize mismatch for model.layers.1.input_layernorm.weight: copying a param with "
        "shape torch.Size([1024]) from checkpoint, the shape in current model is "
        "torch.Size([4096]).",
        "other-widths",
        says=("1024 stands where the model has 4096",),
        never=("tensor-parallel",),
        address="https://github.com/deepspeedai/DeepSpeed/issues/5570",
    ),
    Report(
        "small-into-medium",
        "RuntimeError: Error(s) in loading state_dict for GPT2LMHeadModel:\n"
        "\tsize mismatch for transformer.h.2.ln_1.weight: copying a param with shape "
        "torch.Size([768]) from checkpoint, the shape in current model is torch.Size([1024]).\n"
        "\tsize mismatch for transformer.h.2.attn.c_attn.weight: copying a param with "
        "shape torch.Size([768, 2304]) from checkpoint, the shape in current model is "
        "torch.Size([1024, 3072]).\n"
        "\tsize mismatch for transformer.h.2.attn.c_proj.weight: copying a param with "
        "shape torch.Size([768, 768]) from checkpoint, the shape in current model is "
        "torch.Size([1024, 1024]).",
        "other-widths",
        says=("768 stands where the model has 1024",),
        never=("state[key].T",),
        address="https://github.com/andreamad8/DialoGPT2-Interact/issues/1",
    ),
    Report(
        "anchors-and-classes",
        "RuntimeError: Error(s) in loading state_dict for FasterRCNN:\n"
        "\tsize mismatch for rpn.head.bbox_pred.bias: copying a param with shape "
        "torch.Size([60]) from checkpoint, the shape in current model is torch.Size([12]).\n"
        "\tsize mismatch for roi_heads.box_predictor.cls_score.weight: copying a param "
        "with shape torch.Size([91, 1024]) from checkpoint, the shape in current model is "
        "torch.Size([3, 1024]).\n"
        "\tsize mismatch for roi_heads.box_predictor.cls_score.bias: copying a param with "
        "shape torch.Size([91]) from checkpoint, the shape in current model is "
        "torch.Size([3]).\n"
        "\tsize mismatch for roi_heads.box_predictor.bbox_pred.weight: copying a param "
        "with shape torch.Size([364, 1024]) from checkpoint, the shape in current model "
        "is torch.Size([12, 1024]).",
        "other-widths",
        says=("rpn.head.bbox_pred.bias",),
        never=("startswith(",),
        address="https://github.com/alankbi/detecto/issues/50",
    ),
    Report(
        "detection-classes",
        "RuntimeError: Error(s) in loading state_dict for DETR:\n"
        "\tsize mismatch for class_embed.weight: copying a param with shape torch.Size([6, "
        "256]) from checkpoint, the shape in current model is torch.Size([92, 256]).\n"
        "\tsize mismatch for class_embed.bias: copying a param with shape torch.Size([6]) "
        "from checkpoint, the shape in current model is torch.Size([92]).",
        "head-replaced",
        says=("class_embed", "92", "6"),
        never=("vocabulary",),
        address="https://github.com/bubbliiiing/detr-pytorch/issues/4",
    ),
    Report(
        "characters-everywhere",
        "RuntimeError: Error(s) in loading state_dict for DistributedDataParallel:\n"
        "\tsize mismatch for module.decoder.embedding.weight: copying a param with shape "
        "torch.Size([38, 38]) from checkpoint, the shape in current model is "
        "torch.Size([83, 83]).\n"
        "\tsize mismatch for module.decoder.word_linear.weight: copying a param with shape "
        "torch.Size([256, 38]) from checkpoint, the shape in current model is "
        "torch.Size([256, 83]).\n"
        "\tsize mismatch for module.decoder.out.weight: copying a param with shape "
        "torch.Size([38, 256]) from checkpoint, the shape in current model is "
        "torch.Size([83, 256]).\n"
        "\tsize mismatch for module.decoder.out.bias: copying a param with shape "
        "torch.Size([38]) from checkpoint, the shape in current model is torch.Size([83]).",
        "other-widths",
        says=("38 stands where the model has 83",),
        address="https://github.com/MhLiao/MaskTextSpotterV3/issues/53",
    ),
    Report(
        "three-heads",
        "RuntimeError: Error(s) in loading state_dict for YOLOX:\n"
        "\tsize mismatch for head.cls_preds.0.weight: copying a param with shape "
        "torch.Size([3, 128, 1, 1]) from checkpoint, the shape in current model is "
        "torch.Size([80, 128, 1, 1]).\n"
        "\tsize mismatch for head.cls_preds.0.bias: copying a param with shape "
        "torch.Size([3]) from checkpoint, the shape in current model is torch.Size([80]).\n"
        "\tsize mismatch for head.cls_preds.1.weight: copying a param with shape "
        "torch.Size([3, 128, 1, 1]) from checkpoint, the shape in current model is "
        "torch.Size([80, 128, 1, 1]).\n"
        "\tsize mismatch for head.cls_preds.1.bias: copying a param with shape "
        "torch.Size([3]) from checkpoint, the shape in current model is torch.Size([80]).\n"
        "\tsize mismatch for head.cls_preds.2.weight: copying a param with shape "
        "torch.Size([3, 128, 1, 1]) from checkpoint, the shape in current model is "
        "torch.Size([80, 128, 1, 1]).\n"
        "\tsize mismatch for head.cls_preds.2.bias: copying a param with shape "
        "torch.Size([3]) from checkpoint, the shape in current model is torch.Size([80]).",
        "head-replaced",
        says=("head.cls_preds.2", "80"),
        address="https://github.com/Megvii-BaseDetection/YOLOX/issues/1150",
    ),
    Report(
        "rank-32",
        "RuntimeError: Error(s) in loading state_dict for PeftModelForCausalLM:\n"
        "\tsize mismatch for base_model.model.model.layers."
        "14.self_attn.v_proj.lora_A.default.weight: copying a param with shape "
        "torch.Size([32, 5120]) from checkpoint, the shape in current model is "
        "torch.Size([128, 5120]).\n"
        "\tsize mismatch for base_model.model.model.layers."
        "14.self_attn.v_proj.lora_B.default.weight: copying a param with shape "
        "torch.Size([5120, 32]) from checkpoint, the shape in current model is "
        "torch.Size([5120, 128]).",
        "lora-rank",
        says=("rank 32", "rank 128"),
        address="https://github.com/oobabooga/textgen/issues/3944",
    ),
    Report(
        "adapter-of-another-model",
        "RuntimeError: Error(s) in loading state_dict for PeftModelForCausalLM:\n"
        "\tsize mismatch for base_model.model.model.layers."
        "19.self_attn.k_proj.lora_A.default.weight: copying a param with shape "
        "torch.Size([16, 3584]) from checkpoint, the shape in current model is "
        "torch.Size([16, 4096]).\n"
        "\tsize mismatch for base_model.model.model.layers."
        "19.self_attn.k_proj.lora_B.default.weight: copying a param with shape "
        "torch.Size([512, 16]) from checkpoint, the shape in current model is "
        "torch.Size([1024, 16]).",
        "adapter-of-another-base",
        says=("3584", "base_model_name_or_path"),
        never=("r=16",),
        address="https://github.com/huggingface/autotrain-advanced/issues/487",
    ),
    Report(
        "model-empty",
        "RuntimeError: Error(s) in loading state_dict for TextModel:\n"
        "\tsize mismatch for model.embeddings.word_embeddings.weight: copying a param with "
        "shape torch.Size([30522, 768]) from checkpoint, the shape in current model is "
        "torch.Size([0]).\n"
        "\tsize mismatch for model.embeddings.position_embeddings.weight: copying a param "
        "with shape torch.Size([512, 768]) from checkpoint, the shape in current model is "
        "torch.Size([0]).\n"
        "\tsize mismatch for model.encoder.layer.0.attention.self.query.weight: copying a "
        "param with shape torch.Size([768, 768]) from checkpoint, the shape in current "
        "model is torch.Size([0]).",
        "model-partitioned",
        says=("GatheredParameters", "the file is right"),
        address="https://github.com/Lightning-AI/pytorch-lightning/issues/18648",
    ),
    Report(
        "one-empty",
        "RuntimeError: Error(s) in loading state_dict for MistralForCausalLM:\n"
        "\tsize mismatch for model.embed_tokens.weight: copying a param with shape "
        "torch.Size([0]) from checkpoint, the shape in current model is "
        "torch.Size([32002, 4096]).\n"
        "\tYou may consider adding `ignore_mismatched_sizes=True` in the model "
        "`from_pretrained` method.",
        "saved-empty",
        says=("1 of 1 key", "zero_to_fp32.py"),
        never=("resize_token_embeddings",),
        address="https://github.com/axolotl-ai-cloud/axolotl/issues/933",
    ),
)
