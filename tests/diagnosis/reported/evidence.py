"""Products and dtypes where what stands around the message, or its numbers, decide."""

from __future__ import annotations

from tests.diagnosis.reported import Report

LINEAR = """  File "/e/site-packages/torch/nn/modules/module.py", line 1501, in _call_impl
    return forward_call(*args, **kwargs)
  File "/e/site-packages/torch/nn/modules/linear.py", line 114, in forward
    return F.linear(input, self.weight, self.bias)
"""


def product(numbers: str) -> str:
    """Return the message of two shapes, e.g. "77x768 and 4096x5120"."""
    return f"RuntimeError: mat1 and mat2 shapes cannot be multiplied ({numbers})"


def old(first: str, second: str) -> str:
    """Return the message of torch before 1.6 of two shapes, e.g. "96 x 6"."""
    return f"RuntimeError: size mismatch, m1: [{first}], m2: [{second}] at TH/THTensorMath.cpp:41"


def through(file: str, line: str, numbers: str) -> str:
    """Return a traceback that ends in a linear layer which this line of a file calls."""
    head = f'Traceback (most recent call last):\n  File "{file}", line 9, in forward\n'
    return f"{head}    {line}\n{LINEAR}{product(numbers)}"


REPORTS: tuple[Report, ...] = (
    Report(
        "two-text-encoders-wanted",
        "mat1 and mat2 shapes cannot be multiplied (1x768 and 2816x1280)",
        "wrong-text-encoder",
        ("2,816 = 1,280 + 6·256", "two", "DualCLIPLoader"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/Comfy-Org/ComfyUI/issues/7527",
    ),
    Report(
        "packed-4bit-weight-sliced",
        "File /e/dist-packages/transformers/models/llama/modeling_llama.py:295, in"
        " <listcomp>(.0)\n    292 key_slices = self.k_proj.weight.split(key_value_slicing, dim=0)\n"
        "--> 295 query_states = [F.linear(hidden_states, query_slices[i]) for i in"
        " range(self.pretraining_tp)]\n\n" + product("6x5120 and 1x2560"),
        "slices-of-packed-weight",
        ("pretraining_tp = 1",),
        ("in_features must be",),
        "https://github.com/bitsandbytes-foundation/bitsandbytes/issues/610",
    ),
    Report(
        "view-result-thrown-away",
        "<ipython-input-9-0a1b> in <module>()\n----> 1 y = net(torch.randn(1, 1, 32, 32))\n\n"
        "<ipython-input-6-0a1b> in forward(self, x)\n"
        "      8         x = F.max_pool2d(F.relu(self.c2(x)), 2)\n"
        "      9         x.view(-1, self.n_flat(x))\n"
        "---> 10         x = F.relu(self.fc1(x))\n\n"
        "/e/dist-packages/torch/nn/functional.py in linear(input, weight, bias)\n"
        "   1611     else:\n-> 1612         output = input.matmul(weight.t())\n\n"
        + old("96 x 6", "576 x 120"),
        "view-result-thrown-away",
        ("x = x.view(-1, self.n_flat(x))", "576"),
        ("in_features must be", "unsqueeze"),
    ),
    Report(
        "adapter-of-another-width-compiled",
        "Dynamo failed to run FX node with fake tensors: call_function <built-in function linear>"
        "(*(FakeTensor(..., device='cuda:0', size=(1, 16, 5120), dtype=torch.float16), Parameter("
        "FakeTensor(..., device='cuda:0', size=(5120, 2048), dtype=torch.float16)), None), **{}):"
        " got RuntimeError('a and b must have same reduction dim, but got [16, 5120] X"
        " [2048, 5120].')\n\nfrom user code:\n"
        '   File "C:\\work\\video\\model.py", line 656, in torch_dynamo_resume_in_forward_at_646\n'
        "    h = self.adapter(self, q, image_tokens)\n"
        '  File "C:\\work\\video\\adapter.py", line 44, in forward\n'
        "    k = self.to_k_adapter(image_tokens)\n\nSet TORCHDYNAMO_VERBOSE=1",
        "input-of-another-model",
        ("to_k_adapter", "5,120", "2,048", "(5120, 2048)"),
        ("in_features must be", "transposed, or", ".T"),
    ),
    Report(
        "lora-of-another-base-model",
        "ERROR lora diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_v.weight shape"
        " '[1280, 2048]' is invalid for input of size 983040\n"
        "ERROR lora diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight shape"
        " '[1280, 2048]' is invalid for input of size 983040\n"
        "ERROR lora diffusion_model.output_blocks.5.1.transformer_blocks.0.ff.net.2.weight shape"
        " '[640, 2560]' is invalid for input of size 6553600",
        "lora-of-another-base-model",
        ("983,040 = 1,280·768", "Stable Diffusion 1.x", "SDXL"),
        ("x.view", "flatten"),
    ),
    Report(
        "bf16-states-into-a-float32-head",
        'Traceback (most recent call last):\n  File "/srv/app/train_reward.py", line 609, in main\n'
        "    result = trainer.train()\n"
        '  File "/e/site-packages/transformers/models/qwen2/modeling_qwen2.py"'
        ", line 1101, in forward\n    logits = self.score(hidden_states)\n"
        "             ^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
        "RuntimeError: expected mat1 and mat2 to have the same dtype, but got: c10::BFloat16 !="
        " float",
        "head-in-another-dtype",
        ("model.score.to(torch.bfloat16)", "bfloat16", "float32"),
        ("x = x.float()", "trainer.train(", 'device_type="cpu"'),
    ),
    Report(
        "class-scores-into-a-hidden-layer",
        "Exception has occurred: RuntimeError\n"
        "mat1 and mat2 shapes cannot be multiplied (2708x7 and 256x256)\n"
        '  File "/srv/app/models/masked.py", line 229, in forward\n'
        "    r = self.to_decoder(encoded)\n"
        '  File "/srv/app/main.py", line 32, in pretrain\n    loss = model(graph, x)\n',
        "input-of-another-width",
        ("self.to_decoder", "encoded", "256"),
        ("nn.Linear(7", "(256, 7)"),
    ),
    Report(
        "channel-gate-four-times-too-narrow",
        '    out = self.gate(out)\n  File "/srv/app/models/gate.py", line 30, in forward\n'
        "    s = self.fc(s).view(n, c, 1, 1)\n"
        '  File "/e/site-packages/torch/nn/functional.py", line 1352, in linear\n'
        "    ret = torch.addmm(torch.jit._unwrap_optional(bias), input, weight.t())\n"
        + old("1 x 256", "64 x 4"),
        "gate-of-other-channels",
        ("256 = 4·64", "planes * 4"),
        ("flatten(x", "(4, 256)"),
    ),
    Report(
        "one-feature-where-powers-are-wanted",
        '  File "fit.py", line 81, in <module>\n    loss = F.smooth_l1_loss(fc(x), y)\n'
        '  File "/e/dist-packages/torch/nn/modules/linear.py", line 53, in forward\n'
        "    return F.linear(input, self.weight, self.bias)\n" + old("32 x 1", "4 x 1"),
        "features-missing",
        ("torch.cat([x, x**2, x**3, x**4], 1)", "nn.Linear(1, 1)"),
        ("transposed", "smooth_l1_loss ="),
    ),
    Report(
        "own-product-with-an-out-in-weight",
        "scores = torch.matmul(x, w)\n# " + "RuntimeError: size mismatch, m1: [1 x 784], m2: [10 x"
        " 784]",
        "weight-transposed",
        ("scores = x @ w.T",),
        ("nn.Linear(784", "in_features must be"),
    ),
    # what diffusion models are given
    Report(
        "clip-for-an-umt5-video-model",
        "mat1 and mat2 shapes cannot be multiplied (77x768 and 4096x5120)",
        "wrong-text-encoder",
        ("T5-XXL", "4,096", "CLIP ViT-L"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/Comfy-Org/ComfyUI/issues/7114",
    ),
    Report(
        "qwen-for-an-umt5-video-model",
        "!!! Exception during processing !!! mat1 and mat2 shapes cannot be multiplied (10x3584 and"
        " 4096x5120)\n"
        + through(
            "D:\\ComfyUI\\comfy\\ldm\\wan\\model.py",
            "context = self.text_embedding(context)",
            "10x3584 and 4096x5120",
        ),
        "wrong-text-encoder",
        ("Qwen2.5-VL", "T5-XXL"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/Comfy-Org/ComfyUI/issues/11262",
    ),
    Report(
        "t5-for-stable-diffusion-1",
        "mat1 and mat2 shapes cannot be multiplied (256x4096 and 768x320)",
        "wrong-text-encoder",
        ("T5-XXL", "768"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/Comfy-Org/ComfyUI/issues/5836",
    ),
    Report(
        "controlnet-of-1.5-on-sdxl",
        through(
            "F:\\sd.webui\\webui\\repositories\\generative-models\\sgm\\modules\\attention.py",
            "k_in = self.to_k(context_k)",
            "154x2048 and 768x320",
        ),
        "wrong-text-encoder",
        ("SDXL", "ControlNet", "Stable Diffusion 1.x"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/Mikubill/sd-webui-controlnet/issues/2105",
    ),
    Report(
        "controlnet-of-2.1-on-sdxl",
        "[Bug]: RuntimeError: mat1 and mat2 shapes cannot be multiplied (77x2048 and 1024x320)",
        "wrong-text-encoder",
        ("SDXL", "Stable Diffusion 2.x"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/Mikubill/sd-webui-controlnet/issues/2240",
    ),
    Report(
        "face-adapter-of-1.5-on-sdxl",
        "mat1 and mat2 shapes cannot be multiplied (32x2048 and 768x320)",
        "wrong-text-encoder",
        ("SDXL", "Stable Diffusion 1.x"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/cubiq/ComfyUI_InstantID/issues/249",
    ),
    Report(
        "sdxl-text-in-flux",
        "**Exception Message:** mat1 and mat2 shapes cannot be multiplied (77x2048 and 4096x3072)",
        "wrong-text-encoder",
        ("T5-XXL", "SDXL"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/Comfy-Org/ComfyUI/issues/5230",
    ),
    Report(
        "bigg-for-flux-pooled",
        "mat1 and mat2 shapes cannot be multiplied (1x1280 and 768x3072)",
        "wrong-text-encoder",
        ("768", "1,280", "pooled"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/TheMistoAI/MistoControlNet-Flux-dev/issues/19",
    ),
    Report(
        "one-of-two-pooled-for-sd3",
        "mat1 and mat2 shapes cannot be multiplied (2x1280 and 2048x1536)",
        "wrong-text-encoder",
        ("2,048 = 768 + 1,280", "both"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/BoyuanJiang/FitDiT/issues/24",
    ),
    Report(
        "clip-vision-for-siglip",
        "mat1 and mat2 shapes cannot be multiplied (577x1024 and 1152x12288)",
        "wrong-image-encoder",
        ("577 = 24² + 1", "SigLIP", "1,152"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/Comfy-Org/ComfyUI/issues/7122",
    ),
    Report(
        "vit-h-for-bigg",
        "[Bug]: RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x1024 and 1280x8192)"
        " when using SDXL IP-Adapter\n"
        "ControlNet - INFO - Loading model from cache: ip-adapter_xl [4209e9f7]\n"
        "ControlNet - INFO - Loading preprocessor: ip-adapter_clip_sd15",
        "wrong-image-encoder",
        ("1,280", "ViT-bigG", "ViT-H"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/Mikubill/sd-webui-controlnet/issues/2342",
    ),
    Report(
        "vit-h-for-vit-l",
        "IPAdapter mat1 and mat2 shapes cannot be multiplied (1x1024 and 768x16384)",
        "wrong-image-encoder",
        ("768", "ViT-L"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/XLabs-AI/x-flux-comfyui/issues/153",
    ),
    Report(
        "dino-small-for-large",
        "mat1 and mat2 shapes cannot be multiplied (1370x384 and 1024x2048)",
        "wrong-image-encoder",
        ("1,370 = 37² + 1", "384", "1,024"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/paulengstler/syncity/issues/11",
    ),
    Report(
        "size-conditions-missing",
        "mat1 and mat2 shapes cannot be multiplied (2x2048 and 2816x1280)",
        "size-conditions-differ",
        ("2,048 = 1,280 + 3·256", "add_time_ids"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/huggingface/diffusers/issues/7239",
    ),
    Report(
        "refiner-conditions-in-the-base",
        "[Bug]: mat1 and mat2 shapes cannot be multiplied (2x2560 and 2816x1280\uff09",
        "size-conditions-differ",
        ("2,560 = 1,280 + 5·256", "refiner"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/AUTOMATIC1111/stable-diffusion-webui/issues/14147",
    ),
    Report(
        "control-latents-missing",
        "Requested to load FluxClipModel_\n!!! Exception during processing !!! mat1 and mat2 shapes"
        " cannot be multiplied (2624x64 and 128x3072)",
        "latents-of-another-variant",
        ("128 = 2·64", "control"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/Comfy-Org/ComfyUI/issues/8813",
    ),
    Report(
        "three-layers-of-one-encoder",
        "mat1 and mat2 shapes cannot be multiplied (512x2560 and 7680x3072)",
        "hidden-states-to-stack",
        ("7,680 = 3·2,560", "Qwen3 4B"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/Comfy-Org/ComfyUI/issues/12076",
    ),
    Report(
        "all-layers-of-another-encoder",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (1024x62208 and 188160x3840)",
        "hidden-states-to-stack",
        ("188,160 = 49·3,840", "62,208 = 27·2,304", "Gemma"),
        ("nn.Linear", "in_features must be"),
        "https://github.com/Lightricks/ComfyUI-LTXVideo/issues/312",
    ),
    Report(
        "draft-head-of-another-base",
        'Traceback (most recent call last):\n  File "/e/site-packages/vllm/'
        'model_executor/models/medusa.py", line 30, in forward\n'
        "    x = x + self.act(layer(x))\n" + LINEAR + product("1x5120 and 4096x4096"),
        "input-of-another-model",
        ("5,120", "4,096"),
        ("nn.Linear(", "in_features must be", "flatten"),
    ),
    # packed and divided weights
    Report(
        "four-bits-under-data-parallel",
        "Training with load_in_4bit leads to RuntimeError: mat1 and mat2 shapes cannot be"
        " multiplied (1024x4096 and 1x8388608)",
        "packed-weight",
        ("8,388,608",),
        ("nn.Linear(", "in_features must be"),
        "https://github.com/bitsandbytes-foundation/bitsandbytes/issues/600",
    ),
    Report(
        "four-bits-under-an-old-peft",
        '  File "/w/qlora.py", line 973, in train\n'
        "    train_result = trainer.train(resume_from_checkpoint=checkpoint_dir)\n"
        '  File "/e/site-packages/peft/tuners/lora.py", line 565, in forward\n'
        "    result = F.linear(x, transpose(self.weight, self.fan_in_fan_out), bias=self.bias)\n"
        + product("1536x4096 and 1x8388608"),
        "packed-weight",
        ("update peft",),
        ("train_result =", "in_features must be", "transpose(self", "nn.Linear("),
        "https://github.com/taishan1994/qlora-chinese-LLM/issues/2",
    ),
    Report(
        "four-bits-in-the-trainer",
        "in `/bitsandbytes/autograd/_functions.py:512`\ni will get `"
        + product("80x512 and 1x393216")
        + "`",
        "packed-weight",
        ("393,216",),
        ("nn.Linear(", "in_features must be"),
        "https://github.com/bitsandbytes-foundation/bitsandbytes/issues/433",
    ),
    Report(
        "eight-bits-with-outliers",
        'Traceback (most recent call last):\n  File "/e/site-packages/bitsandbytes/'
        'autograd/_functions.py", line 374, in forward\n'
        "    output += torch.matmul(subA, state.subB)\n" + product("1x1 and 2x4096"),
        "eight-bit-outliers",
        ("llm_int8_threshold",),
        ("nn.Linear(", "in_features must be", ".T"),
    ),
    Report(
        "fsdp-weight-outside-its-unit",
        "When I use fsdp, because of the flattened parameters I get\n"
        "RuntimeError: mat2 must be a matrix, got 1-D tensor",
        "sharded-weight",
        ("FSDP",),
        ("weight.unsqueeze",),
        "https://github.com/pytorch/tutorials/issues/2610",
    ),
    Report(
        "validation-inside-fsdp",
        'Traceback (most recent call last):\n  File "train.py", line 116, in log_validation\n'
        "    image = pipeline(\n"
        '  File "/e/site-packages/accelerate/utils/operations.py", line 680, in'
        " forward\n    return model_forward(*args, **kwargs)\n"
        + LINEAR
        + "RuntimeError: mat2 must be a matrix, got 1-D tensor",
        "sharded-weight",
        ("FSDP",),
        ("weight.unsqueeze",),
        "https://github.com/huggingface/diffusers/issues/6540",
    ),
    # networks of one's own, and their data
    Report(
        "an-image-net-without-its-pool",
        'Traceback (most recent call last):\n  File "/srv/app/resnet.py", line 20, in forward\n'
        "    return self.model(x)\n"
        '  File "/e/site-packages/torchvision/models/resnet.py", line 151, in forward\n'
        "    x = self.fc(x)\n"
        '  File "/e/site-packages/torch/nn/modules/container.py", line 92, in forward\n'
        "    input = module(input)\n" + old("4 x 32768", "2048 x 196"),
        "pooling-missing",
        ("32,768 = 2,048·4·4", "adaptive_avg_pool2d"),
        (),
        "https://github.com/phongdinhv/stanford-cars-model/issues/1",
    ),
    Report(
        "the-same-from-text-alone",
        product("24x8192 and 2048x18"),
        "pooling-missing",
        ("8,192 = 2,048·2·2",),
        (),
        "https://github.com/lblaoke/TLC/issues/7",
    ),
    Report(
        "a-head-of-another-backbone",
        'Traceback (most recent call last):\n  File "train.py", line 52, in <module>\n'
        "    out = model(images)\n"
        '  File "/e/site-packages/torchvision/models/resnet.py", line 280, in'
        " _forward_impl\n    x = self.fc(x)\n" + LINEAR + product("32x2048 and 512x10"),
        "in-features",
        ("model.fc = nn.Linear(2048, 10)",),
        ("model = nn.Linear", "flatten("),
    ),
    Report(
        "sixteen-times-a-column",
        product("18x1 and 18x256"),
        "input-transposed",
        ("column",),
        ("unsqueeze",),
        "https://github.com/polixir/OfflineRL/issues/4",
    ),
    Report(
        "edges-of-a-graph",
        '  File "/e/site-packages/torch_geometric/nn/conv/message_passing.py", line 317,'
        " in propagate\n    out = self.message(**msg_kwargs)\n"
        '  File "edge.py", line 24, in message\n    return self.mlp(tmp)\n'
        '  File "/e/site-packages/torch/nn/modules/container.py", line 139, in forward\n'
        "    input = module(input)\n" + LINEAR + product("6x2 and 6x128"),
        "in-features",
        ("2 features arrive",),
        (".T", "transposed"),
    ),
    Report(
        "a-hidden-layer-of-a-graph",
        '  File "conv.py", line 40, in forward\n    aggr_out = self.lin_out(aggr_out)\n'
        + LINEAR
        + product("597x1600 and 64x64"),
        "input-of-another-width",
        ("self.lin_out", "1,600 = 25·64"),
        ("nn.Linear(1600",),
        "https://github.com/gmum/geo-gcn/issues/3",
    ),
    Report(
        "four-layers-wanted-one-given",
        '  File "/w/llava/multimodal_projector/builder.py", line 112, in forward\n'
        "    key = self.ln_k_1(self.k_proj_1(x_multi)).permute(1, 0, 2)\n"
        + LINEAR
        + product("576x1024 and 4096x1024"),
        "parts-to-concatenate",
        ("4,096 = 4·1,024",),
        ("transposed, or", "self.ln_k_1 ="),
        "https://github.com/CircleRadon/TokenPacker/issues/20",
    ),
    Report(
        "gate-and-up-not-combined",
        product("29056x22016 and 11008x4096"),
        "gated-activation-missing",
        ("22,016 = 2·11,008",),
        (),
        "https://github.com/epfLLM/Megatron-LLM/issues/73",
    ),
    Report(
        "properties-of-users",
        product("447334x5 and 9x128"),
        "in-features",
        ("or the input must have 9",),
        (),
        "https://github.com/lyh6560new/BotMoE/issues/7",
    ),
    Report(
        "observation-of-another-environment",
        product("1x41 and 23x256"),
        "in-features",
        ("or the input must have 23", "print("),
        (),
        "https://github.com/clvrai/spirl/issues/4",
    ),
    Report(
        "nothing-arrives",
        product("0x1 and 64x128"),
        "empty-input",
        ("0 rows",),
        (),
        "https://github.com/cvlab-kaist/GaussianTalker/issues/56",
    ),
    Report(
        "a-task-coded-by-hand",
        '  File "/w/model/mapfns.py", line 36, in forward\n'
        "    gamma = torch.mm(A_taskpair, self.gamma.t())\n" + product("1x2 and 6x64"),
        "inner-sizes-differ",
        ("A_taskpair", "self.gamma.t()"),
        ("nn.Linear(", "in_features must be"),
        "https://github.com/VICO-UoE/MTPSL/issues/3",
    ),
    Report(
        "mel-basis-by-a-summed-spectrum",
        '  File "/w/mel_processing.py", line 114, in mel_spectrogram_torch\n'
        "    spec = torch.matmul(mel_basis[fmax_dtype_device], spec)\n"
        + product("80x641 and 1x641"),
        "spectrum-over-time-lost",
        ("return_complex", "641 = 1280/2 + 1"),
        ("nn.Linear(", "in_features must be"),
        "https://github.com/quickvc/QuickVC-VoiceConversion/issues/20",
    ),
    Report(
        "mel-scale-of-another-transform",
        '  File "/e/site-packages/torchaudio/transforms.py", line 386, in forward\n'
        "    mel_specgram = torch.matmul(specgram.transpose(-1, -2), self.fb).transpose(-1, -2)\n"
        + product("282x577 and 201x192"),
        "mel-scale-bins",
        ("n_stft=577",),
        ("nn.Linear(", "in_features must be"),
        "https://github.com/marcoppasini/MelGAN-VC/issues/19",
    ),
    Report(
        "flattened-maps",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2×1568 and 1050×10)",
        "in-features",
        ("in_features must be 1,568", "nn.Linear(1568, 10)"),
        (),
        "https://androidkt.com/fix-runtimeerror-mat1-and-mat2-shapes-cannot-be-multiplied/",
    ),
    Report(
        "batch-lost-before-flatten",
        product("128x784 and 100352x128"),
        "unbatched",
        ("128×28×28",),
        (),
        "https://geekycodes.in/machine-learning/pytorch-cnn-shape-mismatch-error-fixing-"
        "mat1-and-mat2-shapes-cannot-be-multiplied/",
    ),
    Report(
        "states-of-an-observation-in-a-row",
        product("1x112 and 7x256"),
        "batch-flattened",
        ("112 = 16·7",),
        (),
        "https://github.com/takuseno/d3rlpy/issues/89",
    ),
    Report(
        "lora-rows-of-another-base",
        '  File "/e/site-packages/peft/tuners/lora/layer.py", line 557, in forward\n'
        "    result = result + lora_B(lora_A(dropout(x))) * scaling\n"
        + LINEAR
        + product("512x3584 and 4096x16"),
        "lora-of-another-base-model",
        ("3,584", "4,096"),
        ("nn.Linear(", "in_features must be"),
    ),
    Report(
        "gptq-columns",
        '  File "/e/site-packages/auto_gptq/nn_modules/qlinear.py", line 90, in forward\n'
        "    out = torch.matmul(x, self.qweight)\n" + product("12x4096 and 512x11008"),
        "packed-weight",
        ("4,096 = 8·512",),
        ("nn.Linear(", "in_features must be"),
    ),
    Report(
        "gradient-by-hand",
        'Traceback (most recent call last):\n  File "/w/linear_fn.py", line 31, in backward\n'
        "    grad_input = grad_output.mm(weight.t())\n" + product("64x10 and 784x10"),
        "gradient-formula",
        ("grad_output @ weight",),
        ("nn.Linear(", "in_features must be"),
    ),
)
"""In the order of the facts."""
