"""Facts of products, losses and layers: fact, message, the text around it, and the cause."""

from __future__ import annotations

PRODUCT = "RuntimeError: mat1 and mat2 shapes cannot be multiplied"
BATCH = "ValueError: Expected input batch_size"
FLOATS = (
    "TypeError: new() received an invalid combination of arguments - got (float, int), but expected"
    " one of: * (torch.device device)"
)
MULTI = "RuntimeError: 0D or 1D target tensor expected, multi-target not supported"
VIEW = "RuntimeError: shape '[-1, 96]' is invalid for input of size 60"
RANGE = "RuntimeError: dimension out of range (expected to be in range of [-1, 0], but got 1)"
HEAD = (
    "RuntimeError: Error(s) in loading state_dict for Net:\n"
    "\tsize mismatch for fc.weight: copying a param with shape torch.Size([37, 64]) from"
    " checkpoint, the shape in current model is torch.Size([10, 64])."
)
DEVICE = (
    "RuntimeError: Expected all tensors to be on the same device, but found at least two devices,"
    " cuda:0 and cpu! (when checking argument for argument mat2 in method wrapper_CUDA_mm)"
)
SEQUENTIAL = "AttributeError: 'Sequential' object has no attribute 'in_features'"
MADE = 'File "/w/net.py", line 9, in __init__\n    self.fc = nn.Linear({})\n' + FLOATS

SHOWN: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "channels-as-rows",
        f"{PRODUCT} (12x36 and 12x5)",
        f"{PRODUCT} (12x36 and 432x5)\nand with the other number\n{PRODUCT} (12x36 and 12x5)",
        "unbatched",
        "",
    ),
    (
        "flattened-name-unused",
        f"{PRODUCT} (896x28 and 784x64)",
        f"for a, b in loader:\n    flat = a.view(a.shape[0], -1)\n    y = net(a)\n{PRODUCT} (896x28"
        " and 784x64)",
        "flattened-name-unused",
        "",
    ),
    (
        "several-unflattened",
        f"{PRODUCT} (896x28 and 784x64)",
        f"{PRODUCT} (896x28 and 784x64)\n{PRODUCT} (4800x10 and 1600x64)",
        "flatten-missing",
        "each model",
    ),
    (
        "batch-flattened-or-joined",
        f"{PRODUCT} (1x5120 and 640x64)",
        f"z = torch.cat((a, b), dim=0)\n{PRODUCT} (1x5120 and 640x64)",
        "batch-flattened",
        "side by side",
    ),
    (
        "size-of-a-trained-layer",
        f"{PRODUCT} (1x6144 and 4096x64)",
        f"trained weights, self.fc = nn.Linear(256 * 4 * 4, 64)\n{PRODUCT} (1x6144 and 4096x64)",
        "image-size-of-trained-layer",
        "",
    ),
    (
        "squeeze-of-nothing",
        f"{PRODUCT} (2048x9 and 256x1)",
        f"y = fc(h.squeeze(-1))  # h: torch.Size([8, 256, 9])\n{PRODUCT} (2048x9 and 256x1)",
        "squeeze-of-nothing",
        "",
    ),
    (
        "recurrent-cell",
        f"{PRODUCT} (20x71 and 67x64)",
        f"self.cell = GConvGRU(3, 64, 2)\n{PRODUCT} (20x71 and 67x64)",
        "features-of-another-data-set",
        "",
    ),
    (
        "layer-for-graphs",
        f"{PRODUCT} (54x7 and 54x16)",
        f"self.conv = GATConv(54, 16)\n{PRODUCT} (54x7 and 54x16)",
        "in-channels-are-nodes",
        "",
    ),
    (
        "widths-differ-in-the-state-dict",
        f"{PRODUCT} (5x768 and 640x320)",
        "size mismatch for text.encoder.norm.weight: copying a param with shape torch.Size([640])"
        " from checkpoint, the shape in current model is torch.Size([768]).\n"
        f"{PRODUCT} (5x768 and 640x320)",
        "part-of-another-width",
        "",
    ),
    (
        "batch-sizes-of-tokens",
        f"{BATCH} (130) to match target batch_size (47).",
        f"{BATCH} (90) to match target batch_size (47).\n"
        f"{BATCH} (130) to match target batch_size (47).",
        "tokens-differ",
        "",
    ),
    (
        "one-hot-rows-flattened",
        f"{BATCH} (4) to match target batch_size (12).",
        f"{BATCH} (4) to match target batch_size (12).\ny = tensor([[0, 0, 1],\n [1, 0, 0]])",
        "one-hot-flattened",
        "",
    ),
    (
        "channels-of-images-as-rows",
        f"{BATCH} (96) to match target batch_size (32).",
        f"x = x.view(-1, 32*32)\n{BATCH} (96) to match target batch_size (32).",
        "channels-as-rows",
        "",
    ),
    (
        "columns-of-labels-told",
        MULTI,
        f"{MULTI}\noutputs are [32, 4], targets are [32, 7]",
        "several-labels",
        "",
    ),
    (
        "target-of-a-cosine-loss",
        "RuntimeError: 0D or 1D target tensor expected, multi-target not supported",
        "    return torch.cosine_embedding_loss(input1, input2, target, margin, reduction)\n"
        "RuntimeError: 0D or 1D target tensor expected, multi-target not supported",
        "cosine-target-of-two-dimensions",
        "",
    ),
    ("batch-among-the-factors", VIEW, f"x = x.view(-1, 8*3*2*2)\n{VIEW}", "batch-written-down", ""),
    ("size-in-the-line", FLOATS, MADE.format("_size(), 3"), "size-of-a-function", ""),
    (
        "minus-one-in-features",
        RANGE,
        f"    self.out = nn.Linear(-1, classes)\n{RANGE}",
        "negative-width",
        "",
    ),
    (
        "class-asked-for-size",
        "AttributeError: type object 'Linear' has no attribute 'in_features'",
        "n = nn.Linear.in_features\nAttributeError: type object 'Linear' has no attribute"
        " 'in_features'",
        "class-not-instance",
        "print(model)",
    ),
    (
        "line-run-twice",
        SEQUENTIAL,
        f"m.fc = nn.Sequential(nn.Linear(m.fc.in_features, 9), nn.ReLU())\n{SEQUENTIAL}",
        "line-run-twice",
        "",
    ),
    (
        "sequential-asked-for-size",
        SEQUENTIAL,
        f"n = model.classifier.in_features\n{SEQUENTIAL}",
        "layer-in-container",
        "",
    ),
    ("head-in-a-test", HEAD, f"running the test script\n{HEAD}", "head-of-checkpoint", ""),
    (
        "adapter-left-behind",
        DEVICE,
        f"    k = self.to_k_ip(tokens)\n{DEVICE}",
        "adapter-not-moved",
        "",
    ),
)
"""The cause comes first with the text, and not of the message alone."""
