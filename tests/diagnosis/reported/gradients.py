"""Reports of backward passes, GradScaler, names that are misspelt, and inputs that are None."""

from __future__ import annotations

from tests.diagnosis.reported import Report

GITHUB = "https://github.com/"
INVALID = "returned an invalid gradient at index"
WANTED = "but expected shape compatible with"
SCALER = '  File "/env/lib/python3.7/site-packages/torch/cuda/amp/grad_scaler.py", line 270, in '

BACKWARD = (
    Report(
        "addmm-gradient-not-of-the-inputs-shape",
        f"RuntimeError: Function AddmmBackward {INVALID} 1 - got [1, 2048] {WANTED} [1, 32768]",
        "pool-before-linear",
        ("32,768", "2,048", "AdaptiveAvgPool2d(1)", "4×4"),
        ("grad_weight",),
        GITHUB + "craston/MARS/issues/49",
    ),
    Report(
        "mm-gradient-of-a-larger-image",
        f"RuntimeError: Function MmBackward {INVALID} 0 - got [1, 1024] {WANTED} [1, 4096]",
        "pool-before-linear",
        ("4,096", "1,024"),
        ("grad_weight",),
        GITHUB + "rosinality/stylegan2-pytorch/issues/260",
    ),
    Report(
        "mm-gradient-of-another-width",
        f"RuntimeError: Function MmBackward {INVALID} 0 - got [120, 1024] {WANTED} [120, 1280]",
        "in-features",
        ("1,280", "1,024"),
        ("grad_weight",),
        GITHUB + "carnotaur/crnn-tutorial/issues/2",
    ),
    Report(
        "own-backward-returns-it-flat",
        f"RuntimeError: Function FlatLinearBackward {INVALID} 0 - got [25216, 3072] {WANTED} "
        "[128, 197, 3072]",
        "gradient-flattened",
        ("grad_input.reshape(x.shape)", "128·197 = 25,216"),
        ("grad_input, grad_weight, grad_bias",),
        GITHUB + "ucbrise/actnn/issues/26",
    ),
    Report(
        "own-backward-of-another-width",
        f"RuntimeError: Function _RasterizeGaussiansBackward {INVALID} 5 - got [231550, 2] "
        f"{WANTED} [231550, 3]",
        "gradient-shape",
        ("input 5", "(231550, 3)"),
        ("grad_input, grad_weight, grad_bias", "in_features"),
        GITHUB + "hbb1/2d-gaussian-splatting/issues/43",
    ),
    Report(
        "own-backward-swaps-height-and-width",
        f"RuntimeError: Function AggregationRefpadBackward {INVALID} 0 - got [2, 8, 28, 44] "
        f"{WANTED} [2, 8, 24, 44]",
        "gradient-shape",
        ("(2, 8, 24, 44)",),
        address=GITHUB + "hszhao/SAN/issues/3",
    ),
    Report(
        "gradient-given-for-a-sum",
        "RuntimeError: invalid gradient at index 0 - expected shape [] but got [10, 2]",
        "gradient-for-scalar",
        ("loss.backward()",),
        address=GITHUB + "ngxbac/GAIN/issues/2",
    ),
    Report(
        "anomaly-mm-nan",
        "train.py:35: UserWarning: Anomaly Detection has been enabled. This mode will increase "
        "the runtime and should only be enabled for debugging.\n"
        "/env/lib/python3.11/site-packages/torch/autograd/graph.py:824: UserWarning: Error "
        "detected in MmBackward0. Traceback of forward call that caused the error:\n"
        '  File "train.py", line 36, in <module>\n'
        "    out = model(\n"
        "RuntimeError: Function 'MmBackward0' returned nan values in its 0th output.",
        "infinite-from-behind",
        ("register_hook", "mask", "finfo"),
        ("clamp(min=1e-12)",),
    ),
    Report(
        "gradient-none-scaled",
        "    p.grad *= 1.0 / float(steps * size)\n"
        "TypeError: unsupported operand type(s) for *=: 'NoneType' and 'float'",
        "parameter-unused",
        ("if p.grad is not None", "p.grad"),
    ),
    Report(
        "checkpointing-without-input-grad",
        "/env/lib/python3.7/site-packages/torch/utils/checkpoint.py:31: UserWarning: None of the "
        "inputs have requires_grad=True. Gradients will be None\n"
        '  warnings.warn("None of the inputs have requires_grad=True. Gradients will be None")\n'
        "Traceback (most recent call last):\n"
        '  File "/env/lib/python3.7/site-packages/transformers/trainer.py", line 2735, in '
        "training_step\n    loss.backward()\n"
        "RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn",
        "checkpoint-without-gradient",
        ("enable_input_require_grads", "use_reentrant"),
        (".item()",),
    ),
)

SCALERS = (
    Report(
        "scaler-update-without-step",
        "AssertionError: No inf checks were recorded prior to update.",
        "scaler-step-missing",
        ("small batch", "accelerate", "scaler.step(optimizer)"),
    ),
    Report(
        "unscaled-at-every-small-batch",
        f"{SCALER}unscale_\n"
        '    raise RuntimeError("unscale_() has already been called on this optimizer since the '
        'last update().")\n'
        "RuntimeError: unscale_() has already been called on this optimizer since the last "
        "update().",
        "unscaled-twice",
        ("scaler.update()", "accumulat"),
        address=GITHUB + "microsoft/Swin-Transformer/issues/311",
    ),
    Report(
        "float16-weights-through-accelerate",
        '  File "/env/lib/python3.9/site-packages/accelerate/accelerator.py", line 1888, in '
        f"unscale_gradients\n    self.scaler.unscale_(opt)\n{SCALER}_unscale_grads_\n"
        '    raise ValueError("Attempting to unscale FP16 gradients.")\n'
        "ValueError: Attempting to unscale FP16 gradients.",
        "model-in-float16",
        ("float32", "trained"),
        address=GITHUB + "MooreThreads/Moore-AnimateAnyone/issues/153",
    ),
)

NAMES = (
    Report(
        "underscore-for-a-dot",
        "AttributeError: 'Tensor' object has no attribute 'grad_zero_'",
        "dot-missing",
        ("grad.zero_()",),
    ),
    Report(
        "nothing-returned-before-linear",
        "linear(): argument 'input' (position 1) must be Tensor, not NoneType",
        "forward-returns-none",
        ("return", "pooler_output", "last_hidden_state[:, 0]"),
    ),
    Report(
        "zero-grad-in-the-plural",
        "AttributeError: 'Adam' object has no attribute 'zero_grads'",
        "attribute-misspelt",
        ("zero_grad()",),
    ),
    Report(
        "weight-misspelt",
        "AttributeError: 'Linear' object has no attribute 'weigth'",
        "attribute-misspelt",
        ("weight",),
    ),
    Report(
        "function-for-functional",
        "AttributeError: module 'torch.nn' has no attribute 'function'",
        "layer-misspelt",
        ("functional",),
    ),
)

LINES = (
    Report(
        "result-bound-to-its-own-name",
        "    w = w - lr * w.grad\n    w.grad.zero_()\n"
        "AttributeError: 'NoneType' object has no attribute 'zero_'",
        "gradient-of-non-leaf",
        ("leaf",),
    ),
    Report(
        "loop-over-parameters",
        "for p in model.parameters():\n    p.grad.data.mul_(0.5)\n"
        "AttributeError: 'NoneType' object has no attribute 'data'",
        "parameter-unused",
        ("if p.grad is not None",),
    ),
    Report(
        "text-in-place-of-ids",
        "AttributeError: 'str' object has no attribute 'size'",
        "text-input",
        ("embedding",),
    ),
)

REPORTS = (*LINES, *BACKWARD, *SCALERS, *NAMES)
