"""Files of weights that libraries could not load or save, as people posted them."""

from __future__ import annotations

from tests.diagnosis.reported import Report

REPORTS = (
    Report(
        "tied-weights-share-memory",
        "RuntimeError: \n"
        "            Some tensors share memory, this will lead to duplicate memory on "
        "disk and potential differences when loading them again: [{'text.lm_head.weight', "
        "'text.embed_tokens.weight'}].\n"
        "            A potential way to correctly save your model is to use `save_model`.",
        "tied-weights-saved",
        says=("save_model(model", "tied", ".clone()"),
    ),
    Report(
        "set-tensor-grouped-query",
        'ValueError: Trying to set a tensor of shape torch.Size([1024, 8192]) in "weight" '
        "(which has shape torch.Size([8192, 8192])), this look incorrect.",
        "grouped-query",
        says=("grouped-query", "8 heads of 128", "num_key_value_heads", "not to be reshaped"),
        never=("state[key]",),
    ),
    Report(
        "set-tensor-positions",
        'ValueError: Trying to set a tensor of shape torch.Size([257, 1024]) in "weight" '
        "(which has shape torch.Size([577, 1024])), this look incorrect.",
        "positions-of-another-size",
        says=("257 = 16² + 1 and 577 = 24² + 1", "image size"),
        never=("vocab",),
        address="https://github.com/Ucas-HaoranWei/Vary-toy/issues/37",
    ),
    Report(
        "set-tensor-patches",
        "ValueError: Trying to set a tensor of shape torch.Size([1152, 3, 14, 14]) in "
        '"weight" (which has shape torch.Size([1024, 3, 14, 14])), this looks incorrect.',
        "config-of-another-model",
        says=("(1152, 3, 14, 14)", "config.json"),
        never=("head",),
        address="https://github.com/LLaVA-VL/LLaVA-NeXT/issues/309",
    ),
    Report(
        "set-tensor-text-width",
        'trying to set a tensor of shape torch.Size([77, 768]) in "weight" (which has '
        "shape torch.Size([77, 512])), this looks incorrect.",
        "config-of-another-model",
        says=("config.json", "download"),
        never=("positions",),
        address="https://github.com/huanngzh/ComfyUI-MVAdapter/issues/73",
    ),
    Report(
        "set-tensor-columns",
        'ValueError: Trying to set a tensor of shape torch.Size([4096, 4096]) in "weight" '
        "(which has shape torch.Size([4096, 20480])), this looks incorrect.",
        "config-of-another-model",
        says=("20480 = 5·4096",),
        address="https://github.com/VITA-MLLM/VITA/issues/27",
    ),
    Report(
        "set-tensor-into-empty",
        "ValueError: Trying to set a tensor of shape torch.Size([43176, 8192]) in "
        '"weight" (which has shape torch.Size([0])), this look incorrect.',
        "model-partitioned",
        says=("ZeRO-3", "the file is right"),
        address="https://github.com/huggingface/peft/issues/1890",
    ),
    Report(
        "set-tensor-flat",
        'ValueError: Trying to set a tensor of shape torch.Size([32768512]) in "weight" '
        "(which has shape torch.Size([32000, 4096])), this look incorrect.",
        "saved-flat",
        says=("FSDP", "FULL_STATE_DICT", "the model is right"),
        address="https://github.com/huggingface/accelerate/issues/2374",
    ),
    Report(
        "set-tensor-linear-for-conv",
        'ValueError: Trying to set a tensor of shape torch.Size([3072, 128]) in "weight" '
        "(which has shape torch.Size([3072, 16, 2, 2])), this looks incorrect.",
        "layer-of-another-kind",
        says=("convolution", "Update the library"),
        never=("reshape(",),
        address="https://github.com/zhengchen1999/DOVE/issues/26",
    ),
    Report(
        "set-tensor-half-rows",
        'ValueError: Trying to set a tensor of shape torch.Size([1024, 1024]) in "weight" '
        "(which has shape torch.Size([2048, 1024])), this look incorrect.",
        "config-of-another-model",
        says=("config.json",),
        never=("grouped",),
        address="https://github.com/Ucas-HaoranWei/Vary-toy/issues/11",
    ),
    Report(
        "header-too-large",
        '  File "/env/lib/python3.8/site-packages/safetensors/torch.py", line 98, in '
        "load_file\n"
        '    with safe_open(filename, framework="pt", device=device) as f:\n'
        "Exception: Error while deserializing header: HeaderTooLarge",
        "safetensors-other-file",
        says=("Git LFS", "read(60)"),
        address="https://github.com/haofanwang/Lora-for-Diffusers/issues/3",
    ),
    Report(
        "incomplete-buffer",
        "safetensors_rust.SafetensorError: Error while deserializing header: "
        "MetadataIncompleteBuffer",
        "safetensors-truncated",
        says=("cut", "getsize"),
        address="https://github.com/Gourieff/ComfyUI-ReActor/issues/80",
    ),
    Report(
        "gguf-gqa",
        "llama_model_load: error loading model: create_tensor: tensor "
        "'blk.0.attn_k.weight' has wrong shape; expected  8192,  8192, got  8192,  1024,  "
        "   1,     1\n"
        "llama_load_model_from_file: failed to load model",
        "gguf-grouped-query",
        says=("1024", "Update llama.cpp"),
        address="https://github.com/xorbitsai/inference/issues/971",
    ),
    Report(
        "tied-head-missing",
        "RuntimeError: Error(s) in loading state_dict for GemmaForCausalLM:\n"
        '        Missing key(s) in state_dict: "lm_head.weight".',
        "tied-weights",
        says=("strict=False", "lm_head"),
        address="https://github.com/TinyLLaVA/TinyLLaVA_Factory/issues/88",
    ),
)
