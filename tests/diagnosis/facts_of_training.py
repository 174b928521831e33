"""Messages without and with facts: of what enters a network, of its parts, and of training."""

PRODUCT = "RuntimeError: mat1 and mat2 shapes cannot be multiplied"
DDP = (
    "RuntimeError: Expected to have finished reduction in the prior iteration before starting a"
    " new one. This error indicates that your module has parameters that were not used in"
    " producing loss."
)
MIXED = "RuntimeError: aten.mm.default: got mixed torch.Tensor and DTensor, need to convert all"
NORM = "RuntimeError: expected scalar type Half but found Float"
SUPER = "AttributeError: cannot assign module before Module.__init__() call"
NOISY = "AttributeError: 'NoisyLayer' object has no attribute 'spread'"
QUANTISED = (
    "AttributeError: 'QuantLinear' object has no attribute 'weight'. Did you mean: 'qweight'?"
)
LOSS = "RuntimeError: Expected object of backend CUDA but got backend CPU for argument #2 'mat2'"
LABELS = (
    "RuntimeError: cuda runtime error (59) : device-side assert triggered\n"
    "ClassNLLCriterion.cu:105: block: [0,0,0], thread: [10,0,0] Assertion"
    " `t >= 0 && t < n_classes` failed."
)
GRADIENT = "RuntimeError: invalid gradient at index 0 - expected shape [] but got [1]"
LEAF = "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn"
VIEW = "RuntimeError: shape '[-1, 400]' is invalid for input of size 384"
BATCH = "ValueError: Expected input batch_size (60) to match target batch_size (10)."
OLD = "RuntimeError: size mismatch at /pytorch/torch/lib/THC/generic/THCTensorMathBlas.cu:243"

CASES = (
    (
        "size-of-images-told",
        f"{PRODUCT} (1x131072 and 25088x512)",
        f"python swap.py --image_size 512\n{PRODUCT} (1x131072 and 25088x512)\nwith 224 it works",
        "image-size-of-the-network",
    ),
    (
        "maps-viewed",
        VIEW,
        f"self.conv2 = nn.Conv2d(6, 16, 5)\nx = x.view(-1, 16 * 5 * 5)\n{VIEW}",
        "image-size-of-the-network",
    ),
    (
        "small-images",
        OLD,
        f"net = models.vgg16()\n# loader for CIFAR10\n{OLD}",
        "images-too-small-for-the-network",
    ),
    (
        "observations-of-an-environment",
        f"{PRODUCT} (1x112 and 7x256)",
        f"Observations (1000, 7); I evaluate on my env\n{PRODUCT} (1x112 and 7x256)",
        "observation-of-another-shape",
    ),
    (
        "joined-without-dimension",
        f"{PRODUCT} (296x384 and 1152x1000)",
        f"h = torch.cat([a.squeeze(0), b.squeeze(0), c.mean(0)])\n{PRODUCT}"
        " (296x384 and 1152x1000)",
        "joined-as-rows",
    ),
    ("inputs-counted", BATCH, f"{BATCH}\n\nMy model has six inputs.", "joined-as-rows"),
    (
        "parts-frozen",
        LEAF,
        f"for p in self.body.parameters():\n    p.requires_grad = False\n{LEAF}",
        "no-requires-grad",
    ),
    (
        "weight-of-a-loss",
        LOSS,
        'Traceback (most recent call last):\n  File "/w/losses/arcface.py", line 23, in __call__\n'
        "    cosine = F.linear(F.normalize(x), F.normalize(self.weight))\n"
        '  File "/e/site-packages/torch/nn/functional.py", line 1408, in linear\n'
        f"    output = input.matmul(weight.t())\n{LOSS}",
        "loss-not-moved",
    ),
    ("classifier-removed", LABELS, f"net.fc = nn.Identity()\n{LABELS}", "classifier-removed"),
    (
        "gradient-of-one-number",
        GRADIENT,
        f"mone = torch.Tensor([-1.0])\nloss_real.backward(mone)\n{GRADIENT}",
        "gradient-of-one-number",
    ),
    (
        "norm-meets-another-dtype",
        NORM,
        'Traceback (most recent call last):\n  File "/e/site-packages/accelerate/hooks.py",'
        " line 165, in new_forward\n    output = old_forward(*args, **kwargs)\n"
        '  File "/e/site-packages/torch/nn/modules/normalization.py", line 190, in forward\n'
        f"    return F.layer_norm(\n{NORM}",
        "norm-in-another-dtype",
    ),
    (
        "plan-of-parallel-layers",
        MIXED,
        "parallelize_module(net, mesh, {'block.attention': PrepareModuleInput("
        f"use_local_output=False)}})\n{MIXED}",
        "plan-without-layers",
    ),
    (
        "dequantized-already",
        f"{PRODUCT} (332x4096 and 1x8388608)",
        f"y = F.linear(x, dequantize_4bit(w, state).t())\n{PRODUCT} (332x4096 and 1x8388608)",
        "packed-weight",
        "quant_state",
    ),
    (
        "quantised-layer",
        QUANTISED,
        'Traceback (most recent call last):\n  File "/e/site-packages/peft/tuners/lora/layer.py",'
        " line 724, in forward\n    x = self._cast_input_dtype(x, lora_A.weight.dtype)\n"
        '  File "/e/site-packages/torch/nn/modules/module.py", line 1928, in __getattr__\n'
        f"    raise AttributeError(\n{QUANTISED}",
        "adapter-quantised",
    ),
    (
        "called-by-the-class-above",
        NOISY,
        'Traceback (most recent call last):\n  File "/e/site-packages/torch/nn/modules/linear.py",'
        " line 42, in __init__\n    self.reset_parameters()\n"
        '  File "/w/noisy.py", line 23, in reset_parameters\n    init.constant(self.spread, 0.1)\n'
        '  File "/e/site-packages/torch/nn/modules/module.py", line 238, in __getattr__\n'
        f"    type(self).__name__, name))\n{NOISY}",
        "used-before-set",
    ),
    (
        "order-of-init",
        SUPER,
        "--> 269      self.critic = critic\n    270      super(Pair, self).__init__(encoder)\n"
        f"{SUPER}",
        "no-super-init",
        "Swap them",
    ),
    (
        "unused-with-checkpointing",
        DDP,
        f"torchrun train.py --gradient_checkpointing\n{DDP}",
        "parameter-unused",
        "DETAIL",
    ),
    (
        "classifier-of-a-library",
        "KeyError: 'fc.weight'",
        'File "/e/site-packages/timm/models/helpers.py", line 94, in load_pretrained\n'
        "    del state_dict[classifier_name + '.weight']\nKeyError: 'fc.weight'",
        "library-names-another-classifier",
    ),
)
"""The fact, the message, the text with the fact, the first cause, and what its fix says."""
