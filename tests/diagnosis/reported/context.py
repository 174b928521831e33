"""Texts whose prose, code and frames decide what their message alone leaves open."""

from __future__ import annotations

from tests.diagnosis.facts_of_training import CASES
from tests.diagnosis.reported import Report

TEXTS = {case[0]: case[2] for case in CASES}
NEVER = {
    "size-of-images-told": ("nn.Linear(131072", "in_features must be"),
    "maps-viewed": ("view(-1, 384)", "view(-1, 96)"),
    "small-images": ("print both shapes",),
    "observations-of-an-environment": ("torch.flatten(x, 1)", "nn.Linear(112"),
    "joined-without-dimension": ("nn.Linear(384",),
    "inputs-counted": ("flatten(start_dim=1)", "h[:, -1]"),
    "parts-frozen": ("no_grad()", "loss.requires_grad_(True)"),
    "weight-of-a-loss": ("model.to(",),
    "gradient-of-one-number": ("loss.backward()",),
    "plan-of-parallel-layers": ("full_tensor", "distribute_tensor"),
    "dequantized-already": ("not F.linear",),
    "quantised-layer": ("Use qweight", "self.weight = "),
    "called-by-the-class-above": ("self.spread = nn.Linear",),
    "order-of-init": ("first line of __init__",),
}
SAYS = {
    "size-of-images-told": ("131,072 = 512·16·16", "512·7·7", "resize the images"),
    "maps-viewed": ("6·16·2·2", "16·2·2 = 64", "32×32"),
    "small-images": ("512·7·7", "Resize((224, 224))", "CIFAR10"),
    "observations-of-an-environment": ("112 = 16·7", "env.observation_space.shape"),
    "joined-without-dimension": ("3·384", "h = torch.cat([a, b, c.mean(1)], dim=1)"),
    "inputs-counted": ("60 = 6·10", "dim=1"),
    "parts-frozen": ("self.body", "p.requires_grad]"),
    "weight-of-a-loss": ("arcface.py", "criterion.to", "nn.Module", "optimizer"),
    "gradient-of-one-number": ("loss_real.backward(mone.squeeze())", "sign"),
    "plan-of-parallel-layers": ("ColwiseParallel()", "use_local_output=True"),
    "dequantized-already": ("quant_state", "update bitsandbytes"),
    "quantised-layer": ("lora_A", "modules_to_not_convert"),
    "called-by-the-class-above": ("reset_parameters()", "hasattr", "linear.py"),
    "order-of-init": ("Pair", "super(Pair, self).__init__(encoder)\nself.critic = critic"),
}
SHOWN = {case[0]: case[3] for case in CASES}
PLACEHOLDERS = "\n".join(
    f"\tsize mismatch for decoder.{key}: copying a param with shape torch.Size([1]) from"
    f" checkpoint, the shape in current model is torch.Size([{shape}])."
    for key, shape in (("fc1.weight", "3072, 768"), ("fc1.bias", "3072"), ("norm.weight", "768"))
)

REPORTS: tuple[Report, ...] = (
    *(
        Report(f"{name}-context", TEXTS[name], SHOWN[name], SAYS[name], NEVER[name])
        for name in SAYS
    ),
    Report(
        "maps-of-the-conv-in-the-text",
        "RuntimeError: size mismatch, m1: [800 x 4], m2: [320 x 50]\n\n"
        "self.conv2 = nn.Conv2d(10, 20, 5)\nself.fc1 = nn.Linear(320, 50)\n"
        "batch_size = 10: the pooled output of conv2 is 10 20 4 4",
        "flatten-missing",
        ("320 = 20·4·4", "flatten(x, 1)"),
        ("nn.Linear(4,",),
    ),
    Report(
        "features-of-one-image-not-pooled",
        "the caption of one image: results = net.generate(img_feats.data[0])\n"
        "RuntimeError: size mismatch, m1: [1 x 8192], m2: [2048 x 256] at TH/THTensorMath.c:2033",
        "pooling-missing",
        ("2,048·2·2", "images of the size"),
        ("gate", "The rows of the batch"),
    ),
    Report(
        "tuple-times-a-number",
        'Traceback (most recent call last):\n  File "/w/att.py", line 180, in visualize\n'
        "    p = self.fc(matrix * 100)\n"
        '  File "/e/site-packages/torch/nn/functional.py", line 1847, in linear\n'
        "    return torch._C._nn.linear(input, weight, bias)\n"
        "TypeError: linear(): argument 'input' (position 1) must be Tensor, not tuple",
        "tuple-input",
        ("matrix = matrix[0]", "repeated"),
        ("output[:, -1]",),
    ),
    Report(
        "half-on-an-old-cpu",
        "RuntimeError: s__th_addmm is not implemented for type torch.HalfTensor",
        "half-on-cpu",
        ("float32",),
    ),
    Report(
        "half-not-on-cpu-type",
        "RuntimeError: _thnn_conv2d_forward not supported on CPUType for Half",
        "half-on-cpu",
    ),
    Report(
        "half-without-a-method",
        "TypeError: Type torch.HalfTensor doesn't implement stateless method addmm",
        "half-on-cpu",
    ),
    Report(
        "placeholders-of-zero3",
        "RuntimeError: Error(s) in loading state_dict for Net:\n" + PLACEHOLDERS,
        "saved-empty",
        ("zero_to_fp32.py", "(1,)"),
        ("Create the model with the sizes",),
    ),
    Report(
        "one-state-for-an-old-layer",
        'Traceback (most recent call last):\n  File "/w/model.py", line 94, in forward\n'
        "    x = F.relu(self.fc1(state))\n"
        '  File "/e/site-packages/torch/nn/modules/linear.py", line 54, in forward\n'
        "    return self._backend.Linear()(input, self.weight, self.bias)\n"
        "RuntimeError: matrices expected, got 1D, 2D tensors at TH/generic/THTensorMath.c:1232",
        "unbatched",
        ("state = state.unsqueeze(0)",),
    ),
    Report(
        "options-in-wrong-places",
        "TypeError: new() received an invalid combination of arguments - got (str, bool), but"
        " expected one of:\n * (torch.device device)\n * (tuple of ints size)",
        "arguments-in-wrong-places",
        ("str and bool", "by name"),
        ("int(in_features)",),
    ),
    Report(
        "gemm-of-three-dimensions",
        "A = 1*20*360, B = 360*360, C = 360. GEMM takes only matrices, so onnxruntime says"
        ' "First Inputs does not have rank 2".',
        "gemm-of-three-dimensions",
        ("MatMul", "Add of the bias"),
        ("model(x[None])",),
    ),
    Report(
        "weight-of-a-quantised-layer",
        "AttributeError: 'QuantLinear' object has no attribute 'weight'. Did you mean: 'qweight'?",
        "quantised-layer-without-weight",
        ("packed integers",),
        ("Use qweight",),
    ),
)
