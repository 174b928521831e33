"""Texts of which the words, the code or other messages beside the error decide."""

from __future__ import annotations

from tests.diagnosis.reported import Report
from tests.diagnosis.reported.evidence import LINEAR, old, product

IN_FEATURES = ("in_features must be",)
TUPLE = (
    "TypeError: empty() received an invalid combination of arguments - got (tuple, dtype=NoneType,"
    " device=NoneType), but expected one of:\n * (tuple of ints size, *, tuple of names names)"
)
LAYER = '  File "/e/site-packages/torch/nn/modules/linear.py", line 41, in __init__\n    w = t()\n'


def mismatch(key: str, saved: str, made: str) -> str:
    """Return the line of one key whose shape differs, e.g. "37, 64" and "10, 64"."""
    return (
        f"size mismatch for {key}: copying a param with shape torch.Size([{saved}]) from"
        f" checkpoint, the shape in current model is torch.Size([{made}])."
    )


PRODUCTS = (
    Report(
        "channels-become-the-batch",
        "The image is torch.Size([1, 28, 28]), hidden = 12.\n"
        f"nn.Flatten(), nn.Linear(hidden*7*7, n)\n{product('12x49 and 588x5')}\n"
        f"With in_features=hidden I get\n{product('12x49 and 12x5')}",
        "unbatched",
        ("12·49 = 588", "unsqueeze(0)"),
        ("x.T", "nn.Linear(49"),
        "https://github.com/mrdbourke/pytorch-deep-learning/issues/763",
    ),
    Report(
        "flattened-under-another-name",
        "for digits, labels in loader:\n    digitss = digits.view(1,-1)\n\n"
        f"    out = net(digits)\n{old('896 x 28', '784 x 128')}",
        "flattened-name-unused",
        ("digitss", "digits = digits.view(digits.size(0), -1)", "one row"),
        ("Linear(28",),
        "https://github.com/udacity/deep-learning-v2-pytorch/issues/86",
    ),
    Report(
        "two-models-without-flatten",
        f"- for regression: {product('1400x28 and 784x10')}\n"
        f"- for the CNN: {product('3840x12 and 9216x64')}\nany idea?",
        "flatten-missing",
        ("784 = 1·28·28", "9,216 = 64·12·12"),
        IN_FEATURES,
        "https://github.com/facebookresearch/CrypTen/issues/487",
    ),
    Report(
        "batch-flattened-and-joined",
        "backbone.classifier[1] = nn.Flatten(0)\nz = torch.cat([f(v) for v in views], 0)\n"
        + product("1x46080 and 5760x64"),
        "batch-flattened",
        ("nn.Flatten(0)", "nn.Flatten(1)", "dim=1"),
        IN_FEATURES,
        "https://github.com/pytorch/pytorch/issues/139037",
    ),
    Report(
        "trained-network-for-other-images",
        'I downloaded the trained model:\nFile "/w/lane.py", line 12, in forward\n'
        f"    y = self.fc_1(y)\n{old('1 x 5120', '3840 x 512')}\n"
        'With "self.fc_1 = nn.Linear(256 * 4 * 5, 512)" instead of nn.Linear(256 * 3 * 5, 512) it'
        " runs.",
        "image-size-of-trained-layer",
        ("256·3·5", "256·4·5", "resize"),
        ("nn.Linear(5120",),
        "https://github.com/fabvio/ld-lsi/issues/10",
    ),
    Report(
        "squeeze-without-effect",
        f"h = self.fc(h.squeeze(-1).squeeze(-1))\n{old('4096 x 9', '256 x 1')}\n"
        "h: torch.Size([16, 256, 9, 1])",
        "squeeze-of-nothing",
        ("[16, 256, 9, 1]",),
        ("in_features must be", "nn.Linear(9"),
        "https://github.com/deepsound-project/pggan-pytorch/issues/4",
    ),
    Report(
        "recurrent-cell-of-another-data-set",
        f"With the new data set: {product('129x40 and 36x32')}\nself.cell = DCRNN(features, 32, 1)"
        "\nmodel = Net(node_features = 4)",
        "features-of-another-data-set",
        ("36 = 4 + 32", "40 = 8 + 32", "Net(node_features=8)"),
        ("nn.Linear(40",),
        "https://github.com/benedekrozemberczki/pytorch_geometric_temporal/issues/61",
    ),
    Report(
        "cross-attention-of-another-unet",
        '  File "/e/site-packages/diffusers/models/attention_processor.py", line 9, in __call__\n'
        "    key = attn.to_k(encoder_hidden_states, scale=scale)\n"
        '  File "/e/site-packages/diffusers/models/lora.py", line 24, in forward\n'
        f"    out = super().forward(hidden_states)\n{LINEAR}{product('4x1024 and 768x320')}",
        "wrong-encoder",
        ("to_k(encoder_hidden_states", "768", "Stable Diffusion 1"),
        IN_FEATURES,
        "https://github.com/guoqincode/Open-AnimateAnyone/issues/36",
    ),
    Report(
        "features-of-four-layers",
        'I took over the core code:\n`  File "/w/builder.py", line 12, in forward\n'
        "key = self.ln_1(self.k_proj_1(x_multi)).permute(1, 0, 2)`\n"
        f"`{product('576x1024 and 4096x1024')}`",
        "parts-to-concatenate",
        ("4 inputs", "4,096 = 4·1,024"),
        ("nn.Linear(1024, 4096)",),
        "https://github.com/CircleRadon/TokenPacker/issues/20",
    ),
    Report(
        "text-tower-of-another-width",
        f"{mismatch('backbone.text_model.encoder.layers.3.mlp.fc2.bias', '512', '768')}\n"
        f"...\n{product('5x768 and 512x320')}",
        "part-of-another-width",
        ("backbone.text_model", "768 wide"),
        IN_FEATURES,
        "https://github.com/AILab-CVC/YOLO-World/issues/281",
    ),
    Report(
        "nodes-as-in-channels",
        "`self.c1 = GCNConv(50*batch_size, 64, node_dim=1)`\nx = x.view(batch_size, 50, -1)\n"
        "size mismatch, m1: [200 x 1], m2: [200 x 64]",
        "in-channels-are-nodes",
        ("self.c1 = GCNConv(1, 64, node_dim=1)",),
        ("x.T",),
        "https://github.com/pyg-team/pytorch_geometric/issues/1198",
    ),
    Report(
        "one-line-of-a-product",
        "RuntimeError:mat1 and mat2 shapes cannot be multiplied (512x2304 and 256x4)\uff0curgent",
        "in-features",
        ("256·3·3", "print the input's shape"),
        (),
        "https://github.com/stoneMan349/Reinforcement-learning-for-multi-AGV-pathfinding/issues/2",
    ),
)
OTHERS = (
    Report(
        "target-of-another-dtype-in-backward",
        "loss = torch.nn.MSELoss()(net(X), Y)\nloss.backward()\n"
        "RuntimeError: expected dtype Double but got dtype Float",
        "target-dtype-in-backward",
        ("Y = Y.to(pred.dtype)",),
        ("model.double()",),
        "https://github.com/pytorch/pytorch/issues/36553",
    ),
    Report(
        "sequences-of-ids",
        "[<ipython-input-2-5a4b>](https://localhost:8080/#) in <cell line: 26>()\n     25 # loss\n"
        "---> 26 loss = judge(good_seq, bad_seq)\n\nRuntimeError: mat1 and mat2 must have the same"
        " dtype, but got Long and Float",
        "token-ids",
        ("nn.Embedding",),
        (),
        "https://github.com/kyegomez/zeta/issues/115",
    ),
    Report(
        "float8-weight",
        "RuntimeError: mat1 and mat2 must have the same dtype, but got Half and Float8_e4m3fn",
        "packed-weight",
        ("Load the model in torch.float16",),
        ("* scale",),
        "https://github.com/kijai/ComfyUI-ControlNeXt-SVD/issues/7",
    ),
    Report(
        "half-on-the-cpu-of-a-gpu-machine",
        "Running on colab GPU:\nRuntimeError: \"addmm_impl_cpu_\" not implemented for 'Half'",
        "not-moved-to-gpu",
        ('to("cuda")',),
        (),
        "https://github.com/lm-sys/FastChat/issues/3153",
    ),
    Report(
        "adapter-on-the-cpu",
        f"    keys = self.to_k_ip(ip_states)\n           ^^^\n{LINEAR}RuntimeError: Expected all"
        " tensors to be on the same device, but found at least two devices, cuda:0 and cpu! (when"
        " checking argument for argument mat2 in method wrapper_CUDA_mm)",
        "adapter-not-moved",
        ("self.to_k_ip.to(ip_states.device",),
        (),
        "https://github.com/Shakker-Labs/ComfyUI-IPAdapter-Flux/issues/47",
    ),
    Report(
        "vocabulary-of-llama-3",
        "Error(s) in loading state_dict for Transformer:\n\t"
        + mismatch("tok_embeddings.weight", "128256, 8192", "32000, 8192"),
        "vocabulary-size",
        ("Llama 3", "vocab_size=128256"),
        ("resize_token_embeddings",),
        "https://github.com/meta-pytorch/gpt-fast/issues/215",
    ),
    Report(
        "token-added-to-t5",
        f"{mismatch('shared.weight', '32101, 768', '32128, 768')}\n"
        + mismatch("lm_head.weight", "32101, 768", "32128, 768"),
        "vocabulary-size",
        ("resize_token_embeddings(32101)",),
        (),
        "https://github.com/Jiuzhouh/PiVe/issues/4",
    ),
    Report(
        "classes-of-the-checkpoint-in-a-test",
        "I get this when I run test script\nError(s) in loading state_dict for ft_net:\n"
        + mismatch("classifier.0.weight", "156, 512", "700, 512"),
        "head-of-checkpoint",
        ("156 classes before loading",),
        ("startswith",),
        "https://github.com/layumi/Person_reID_baseline_pytorch/issues/103",
    ),
    Report(
        "old-words-of-a-mismatch",
        'error: while copying the parameter named "module.fc.bias",whose dimensions in the model'
        " are torch.size([400]) and whose dimensions in the checkpoint are torch.size([101])",
        "head-replaced",
        ("Create the model with 101 classes",),
        (),
        "https://github.com/kenshohara/3D-ResNets-PyTorch/issues/105",
    ),
    Report(
        "prefix-cut-that-was-not-there",
        "Error(s) in loading state_dict for fcn:\n"
        '\tMissing key(s) in state_dict: "conv_block1.0.bias", "conv_block1.0.weight",'
        ' "classifier.0.bias".\n'
        '\tUnexpected key(s) in state_dict: "ock1.0.weight", "ock1.0.bias", "ier.0.bias".',
        "keys-cut",
        ("conv_bl|ock1", 'removeprefix("module.")'),
        (),
        "https://github.com/meetps/pytorch-semseg/issues/141",
    ),
    Report(
        "round-in-python-2",
        'File "/w/se.py", line 37, in __init__\n    self.fc1 = nn.Linear(planes * 4, round(planes'
        f" // 4))\n{LAYER}TypeError: new() received an invalid combination of arguments - got"
        " (float, int), but expected one of: * (torch.device device)",
        "float-width",
        ("round()", "nn.Linear(planes * 4, planes // 4)"),
        (),
        "https://github.com/miraclewkf/ResNeXt-PyTorch/issues/4",
    ),
    Report(
        "size-from-a-function",
        'File "/w/net.py", line 46, in __init__\n    self.fc = nn.Linear(in_features='
        f"self._get_layer_size(), out_features=CLASSES)\n{LAYER}{TUPLE}",
        "size-of-a-function",
        ("print(type(self._get_layer_size())",),
        ("height // 2",),
        "https://github.com/YuxiangZhang-BIT/IEEE_TGRS_LDGnet/issues/12",
    ),
    Report(
        "minus-one-as-in-features",
        'File "/w/model.py", line 12, in __init__\n    self.i2o = nn.Linear(-1, output_size)\n'
        f"{LAYER}RuntimeError: dimension out of range (expected to be in range of [-1, 0], but got"
        " 1)",
        "negative-width",
        ("input_size + hidden_size",),
        ("unsqueeze",),
        "https://github.com/pytorch/tutorials/issues/260",
    ),
    Report(
        "float-in-an-old-constructor",
        'File "/w/caps.py", line 53, in __init__\n    self.r0 = nn.Linear(units, (size * 2) / 3)\n'
        f"{LAYER}TypeError: torch.FloatTensor constructor received an invalid combination of"
        " arguments - got (float, int), but expected one of:\n * no arguments",
        "float-width",
        ("self.r0 = nn.Linear(units, (size * 2) // 3)",),
        (),
        "https://github.com/timomernick/pytorch-capsule/issues/5",
    ),
    Report(
        "size-asked-of-the-class",
        "indim = nn.Linear.in_features\nAttributeError: type object 'Linear' has no attribute"
        " 'in_features'",
        "class-not-instance",
        ("indim = model.fc.in_features",),
        ("Linear(in_features, out_features)",),
        "https://github.com/adiyoss/WatermarkNN/issues/2",
    ),
    Report(
        "cell-run-twice",
        "net.fc = nn.Sequential(nn.Linear(net.fc.in_features, 500),\n    nn.ReLU())\n\n"
        "AttributeError: 'Sequential' object has no attribute 'in_features'",
        "line-run-twice",
        ("ran before",),
        ("self.in_features",),
        "https://github.com/falloutdurham/beginners-pytorch-deep-learning/issues/35",
    ),
    Report(
        "sequential-has-no-sizes",
        "n = model.classifier.in_features\n"
        "AttributeError: 'Sequential' object has no attribute 'in_features'",
        "layer-in-container",
        ("model.classifier[-1].in_features",),
        ("self.in_features",),
    ),
)
REPORTS: tuple[Report, ...] = (*PRODUCTS, *OTHERS)
