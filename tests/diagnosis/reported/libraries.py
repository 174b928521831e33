"""Messages of PEFT, bitsandbytes, float8 and distributed training, as people posted them."""

from __future__ import annotations

from tests.diagnosis.reported import Report

REPORTS = (
    Report(
        "embedding-weight-not-2d",
        '  File "/srv/app/train_policy.py", line 207, in <module>\n'
        "    logits = reference_model(**batch).logits\n"
        '  File "/opt/env/lib/python3.10/site-packages/torch/nn/modules/sparse.py", line '
        "162, in forward\n"
        "    return F.embedding(\n"
        '  File "/opt/env/lib/python3.10/site-packages/torch/nn/functional.py", line '
        "2210, in embedding\n"
        "    return torch.embedding(weight, input, padding_idx, scale_grad_by_freq, sparse)\n"
        "RuntimeError: 'weight' must be 2-D",
        "weight-partitioned",
        says=("ZeRO-3", "sparse.py", "GatheredParameters"),
        never=("num_embeddings",),
    ),
    Report(
        "weight-on-meta-without-value",
        "ValueError: weight is on the meta device, we need a `value` to put in on 0.",
        "weight-without-value",
        says=("tie_weights()", "offload_folder", "lm_head"),
    ),
    Report(
        "fsdp-two-dtypes-to-flatten",
        "ValueError: Must flatten tensors with uniform dtype but got torch.bfloat16 and "
        "torch.float32",
        "fsdp-dtypes-mixed",
        says=("torch.bfloat16 and torch.float32", "model.to(torch.bfloat16)", "LoRA"),
    ),
    Report(
        "dtensor-beside-a-plain-tensor",
        '[rank1]:   File "/opt/env/lib/python3.10/site-pac'
        'kages/torch/distributed/tensor/_dispatch.py", line 452, in '
        "_try_replicate_spec_for_scalar_tensor\n"
        "[rank1]:     raise RuntimeError(\n"
        "[rank1]: RuntimeError: aten.mm.default: got mixed torch.Tensor and DTensor, need "
        "to convert all torch.Tensor to DTensor before calling distributed operators!",
        "dtensor-beside-tensor",
        says=("aten.mm.default", "full_tensor()", "distribute_tensor"),
    ),
    Report(
        "lora-targets-not-in-the-model",
        "ValueError: Target modules ['q_proj', 'v_proj'] not found in the base model. "
        "Please check the target modules and try again.",
        "targets-not-in-model",
        says=("named_modules()", "all-linear", "['q_proj', 'v_proj']"),
    ),
    Report(
        "fp4-layer-not-moved-yet",
        "FP4 quantization state not initialized. Please call .cuda() or .to(device) on "
        "the LinearFP4 layer first.\n"
        "Traceback (most recent call last):\n"
        '  File "/opt/env/lib/python3.10/site-packages/bit'
        'sandbytes/autograd/_functions.py", line 566, in matmul_4bit\n'
        "    assert quant_state is not None\n"
        "AssertionError",
        "quant-state-missing",
        says=("quant_state", 'device_map="auto"'),
    ),
    Report(
        "fp8-first-factor-not-of-16",
        "[rank0]: RuntimeError: Expected trailing dimension of mat1 to be divisible by 16 "
        "but got mat1 shape: (4096x11).",
        "float8-batch",
        says=("11", "pad_to_multiple_of=16", "module_filter_fn", "4096 is a width"),
    ),
    Report(
        "lora-target-is-a-norm",
        "ValueError: Target module RMSNorm() is not supported. Currently, only the "
        "following modules are supported: `torch.nn.Linear`, `torch.nn.Embedding`, "
        "`torch.nn.Conv2d`, `transformers.pytorch_utils.Conv1D`.",
        "target-not-linear",
        says=("RMSNorm", "all-linear", "full ends"),
    ),
    Report(
        "trainer-unused-parameters",
        "RuntimeError: It looks like your LightningModule has parameters that were not "
        "used in producing the loss returned by training_step. If this is intentional, "
        "you must enable the detection of unused parameters in DDP, either by setting the "
        "string value `strategy='ddp_find_unused_parameters_true'` or by setting the flag "
        "in the strategy with `strategy=DDPStrategy(find_unused_parameters=True)`.",
        "parameter-unused",
        says=("ddp_find_unused_parameters_true", "p.grad is None"),
    ),
    Report(
        "peft-specify",
        '  File "/env/lib/python3.10/site-packages/peft/mapping.py", line 120, in '
        "get_peft_model\n"
        "    return PeftModel(model, peft_config)\n"
        "ValueError: Please specify `target_modules` in `peft_config`",
        "targets-not-given",
        says=("target_modules", "all-linear"),
        address="https://github.com/mosaicml/llm-foundry/issues/161",
    ),
    Report(
        "peft-empty-list",
        "ValueError: Target modules [] not found in the base model. Please check the "
        "target modules and try again.",
        "targets-empty",
        says=("looked for another class", "all-linear"),
        address="https://github.com/wp931120/baichuan_sft_lora/issues/1",
    ),
    Report(
        "peft-bare-names",
        "ValueError: Target modules [gate_proj, down_proj, up_proj] not found in the base "
        "model. Please check the target modules and try again.",
        "targets-one-string",
        says=("one string", '["gate_proj", "down_proj", "up_proj"]'),
        address="https://github.com/HestiaSky/E4SRec/issues/5",
    ),
    Report(
        "fsdp-requires-grad",
        "ValueError: Must flatten tensors with uniform `requires_grad` when "
        "`use_orig_params=False`",
        "fsdp-frozen-mixed",
        says=("use_orig_params=True",),
        address="https://github.com/huggingface/peft/issues/1702",
    ),
    Report(
        "flatparameter-requires-grad",
        "ValueError: `FlatParameter` requires uniform `requires_grad`",
        "fsdp-frozen-mixed",
        says=("use_orig_params=True", "LoRA"),
        address="https://github.com/pytorch/pytorch/issues/104690",
    ),
    Report(
        "ready-twice",
        "RuntimeError: Expected to mark a variable ready only once. This error is caused "
        "by one of the following reasons: 1) Use of a module parameter outside the "
        "`forward` function. Please make sure model parameters are not shared across "
        "multiple concurrent forward-backward passes. or try to use _set_static_graph() "
        "as a workaround if this module graph does not change during training loop.2) "
        "Reused parameters in multiple reentrant backward passes. For example, if you use "
        "multiple `checkpoint` functions to wrap the same part of your model, it would "
        "result in the same set of parameters been used by different reentrant backward "
        "passes multiple times.\n"
        "Parameter at index 55 has been marked as ready twice. This means that multiple "
        "autograd engine  hooks have fired for this particular parameter during this iteration.",
        "checkpoint-reentrant",
        says=('"use_reentrant": False', "reentrant"),
        never=("find_unused_parameters=True)",),
        address="https://github.com/huggingface/peft/issues/313",
    ),
    Report(
        "bnb-to",
        '  File "/env/lib/python3.10/site-packages/accelerate/big_modeling.py", line 501, '
        "in dispatch_model\n"
        "    model.to(device)\n"
        '  File "/env/lib/python3.10/site-packages/transformers/modeling_utils.py", line '
        "2861, in to\n"
        "    raise ValueError(\n"
        "ValueError: `.to` is not supported for `4-bit` or `8-bit` bitsandbytes models. "
        "Please use the model as it is, since the model has already been set to the "
        "correct devices and casted to the correct `dtype`.",
        "quantised-model-dispatched",
        says=("dispatch_model", "Update accelerate"),
        address="https://github.com/huggingface/transformers/issues/38717",
    ),
    Report(
        "purely-quantized",
        "ValueError: You cannot perform fine-tuning on purely quantized models. Please "
        "attach trainable adapters on top of the quantized model to correctly perform "
        "fine-tuning. Please see: https://huggingface.co/docs/transformers/peft for more details",
        "quantised-model-trained",
        says=("get_peft_model", "packed"),
        address="https://github.com/AGI-Edgerunners/LLM-Adapters/issues/55",
    ),
    Report(
        "blockwise-uint8",
        "ValueError: Blockwise quantization only supports 16/32-bit floats, but got torch.uint8",
        "quantised-twice",
        says=("packed already", "Update bitsandbytes"),
        never=("torch_dtype=",),
        address="https://github.com/bitsandbytes-foundation/bitsandbytes/issues/1525",
    ),
    Report(
        "fp8-two-classes",
        "RuntimeError: Expected both dimensions of mat2 to be divisible by 16 but got "
        "torch.Size([768, 2])",
        "float8-layer",
        says=("2 features", "768×2", "module_filter_fn"),
        address="https://github.com/hpcaitech/ColossalAI/issues/6390",
    ),
    Report(
        "unused-by-name",
        "RuntimeError: Expected to have finished reduction in the prior iteration before "
        "starting a new one. This error indicates that your module has parameters that "
        "were not used in producing loss. You can enable unused parameter detection by "
        "passing the keyword argument `find_unused_parameters=True` to "
        "`torch.nn.parallel.DistributedDataParallel`, and by \n"
        "making sure all `forward` function outputs participate in calculating loss. \n"
        "If you already have done the above, then the distributed data parallel module "
        "wasn't able to locate the output tensors in the return value of your module's "
        "`forward` function.\n"
        "Parameters which did not receive grad for rank 0: "
        "model.encoder.layers.22.final_layer_norm.bias, mo"
        "del.encoder.layers.22.final_layer_norm.weight\n"
        "Parameter indices which did not receive grad for rank 0: 300 301",
        "parameter-unused",
        says=("unused", "find_unused_parameters=True"),
        address="https://github.com/speechbrain/speechbrain/issues/2340",
    ),
    Report(
        "unused-already-searched",
        "RuntimeError: Expected to have finished reduction in the prior iteration before "
        "starting a new one. This error indicates that your module has parameters that "
        "were not used in producing loss. Since `find_unused_parameters=True` is enabled, "
        "this likely  means that not all `forward` outputs participate in computing loss. "
        "You can fix this by making sure all `forward` function outputs participate in "
        "calculating loss. \n"
        "Parameter indices which did not receive grad for rank 1: 12 17 22 27 32\n"
        " In addition, you can set the environment variable TORCH_DISTRIBUTED_DEBUG to "
        "either INFO or DETAIL",
        "output-outside-loss",
        says=("12, 17, 22, 27", "p.grad is None"),
        never=("find_unused_parameters=True)",),
        address="https://github.com/pytorch/pytorch/issues/22436",
    ),
    Report(
        "target-dropout",
        "ValueError: Target module Dropout(p=0.05, inplace=False) is not supported. "
        "Currently, only the following modules are supported: `torch.nn.Linear`, "
        "`torch.nn.Embedding`, `torch.nn.Conv2d`, `transformers.pytorch_utils.Conv1D`.",
        "target-not-linear",
        says=("Dropout",),
        address="https://github.com/huggingface/peft/issues/2286",
    ),
    Report(
        "target-output-block",
        "ValueError: Target module SelfOutput(\n"
        "  (dense): Linear(in_features=1024, out_features=1024, bias=True)\n"
        "  (norm): LayerNorm((1024,), eps=1e-12, elementwise_affine=True)\n"
        "  (dropout): Dropout(p=0.1, inplace=False)\n"
        ") is not supported. Currently, only the following modules are supported: "
        "`torch.nn.Linear`, `torch.nn.Embedding`, `torch.nn.Conv2d`, "
        "`transformers.pytorch_utils.Conv1D`.",
        "target-holds-linears",
        says=('target_modules=["dense"]',),
        address="https://github.com/huggingface/peft/issues/3089",
    ),
    Report(
        "target-4bit-block",
        "ValueError: Target module EncoderLayer(\n"
        "  (self_attn): Attention(\n"
        "    (k_proj): Linear4bit(in_features=1024, out_features=1024, bias=True)\n"
        "    (v_proj): Linear4bit(in_features=1024, out_features=1024, bias=True)\n"
        "  )\n"
        "  (mlp): MLP(\n"
        "    (fc1): Linear4bit(in_features=1024, out_features=4096, bias=True)\n"
        "  )\n"
        ") is not supported. Currently, only the following modules are supported: "
        "`torch.nn.Linear`, `torch.nn.Embedding`, `torch.nn.Conv2d`, "
        "`transformers.pytorch_utils.Conv1D`.",
        "target-holds-linears",
        says=('"k_proj", "v_proj", "fc1"',),
        address="https://github.com/microsoft/LoRA/issues/192",
    ),
    Report(
        "target-cut-off",
        "RMSNorm() (post_attention_layernorm): RMSNorm() ) is not supported. Currently, "
        "only `torch.nn.Linear` and `Conv1D` are supported.",
        "target-not-linear",
        says=("RMSNorm",),
        address="https://github.com/haotian-liu/LLaVA/issues/908",
    ),
    Report(
        "foreach-mul",
        "RuntimeError: aten._foreach_mul_.Tensor: got mixed torch.Tensor and DTensor,\n"
        "need to convert all torch.Tensor to DTensor before calling distributed operators!",
        "dtensor-parameters-mixed",
        says=("not sharded", "named_parameters()"),
        address="https://github.com/kvcache-ai/ktransformers/issues/2145",
    ),
    Report(
        "embedding-dtensor",
        "[rank1]: RuntimeError: aten.embedding.default: got mixed torch.Tensor and "
        "DTensor, need to convert all torch.Tensor to DTensor before calling distributed "
        "operators!",
        "dtensor-beside-tensor",
        says=("aten.embedding.default", "fully_shard"),
        address="https://github.com/pytorch/pytorch/issues/156535",
    ),
)
