"""Messages that are known, retyped, broken or cut on their way."""

from __future__ import annotations

from tests.diagnosis.reported import Report

REPORTS: tuple[Report, ...] = (
    Report(
        "shapes-without-parentheses",
        "mat1 and mat2 shapes cannot be multiplied 64x115 and 5x29 in training",
        "in-features",
        ("115",),
    ),
    Report(
        "reversed-shape-retyped",
        "Copying a param with shape torch.Size([50257, 768]) from checkpoint; the shape in the"
        " current model is torch.Size([768, 50257]).",
        "weight-transposed",
        (".T",),
        ("reshape(", "view("),
    ),
    Report(
        "dtype-sign-without-space",
        "expected mat1 and mat2 to have the same dtype, but got: float!= c10::Half",
        "one-side-half",
        ("float16", "input"),
    ),
    Report(
        "frame-and-message-on-one-line",
        "return F.linear(input, self.weight, self.bias) RuntimeError: mat1 and mat2 must have the"
        " same dtype ?\nwhat to cast ?",
        "float64-input",
        ("print(x.dtype", "dtype)"),
    ),
    Report(
        "box-and-message-broken-at-the-edge",
        f"│ {'/env/lib/python3.8/site-packages/torch/optim/optimizer.py:146 in load_':96} │\n"
        f"│ {'state_dict':96} │\n"
        f"│ {'❱ 146 │   │   │   raise ValueError(message)':96} │\n"
        f"╰{'─' * 98}╯\n"
        "ValueError: loaded state dict contains a parameter group that doesn't match the size of"
        " optimizer's \ngroup\n",
        "parameters-added",
    ),
    Report(
        "message-broken-into-columns",
        " ERROR    Exception: Expected all tensors to be on the same device, but found at least"
        " two devices, cpu\n                         and cuda:0! (when checking argument for"
        " argument mat1 in method wrapper_CUDA_addmm)\n"
        "15:15:53-713794 ERROR    Arguments: args=('task', 20, 4, None)\n",
        "model-on-cpu",
        ("cpu", "cuda:0"),
    ),
)
