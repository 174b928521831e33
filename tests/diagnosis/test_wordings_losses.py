"""Wordings of losses, backward passes and optimizers that the corpus cannot hold.

QUOTED holds wordings of older versions of torch and of CUDA: they are quoted, because the installed
torch does not produce them. IN_A_TRACEBACK holds mistakes whose message alone could be another
family's, so that only the traceback tells; these run torch.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional
from torch import nn

from fcinspect.diagnosis.recognising import diagnose
from fcinspect.diagnosis.records import Diagnosis

R: Any = torch.randn
F: Any = torch.nn.functional
OPTIM: Any = torch.optim

QUOTED = [
    (
        "Using a target size (torch.Size([64])) that is different to the input size "
        "(torch.Size([64, 1])) is deprecated. Please ensure they have the same size.",
        "loss",
        "target-broadcast",
    ),
    (
        "RuntimeError: multi-target not supported at /pytorch/aten/src/THNN/generic/"
        "ClassNLLCriterion.c:21",
        "loss",
        "column-labels",
    ),
    ("RuntimeError: 1D target tensor expected, multi-target not supported", "loss",
     "column-labels"),
    ("RuntimeError: expected scalar type Long but found Float", "loss", "labels-not-long"),
    (
        "RuntimeError: Expected object of scalar type Long but got scalar type Float for argument "
        "#2 'target' in call to _thnn_nll_loss_forward",
        "loss",
        "labels-not-long",
    ),
    (
        "RuntimeError: Expected object of type torch.LongTensor but found type torch.FloatTensor "
        "for argument #2 'target'",
        "loss",
        "labels-not-long",
    ),
    (
        "RuntimeError: \"nll_loss_forward_reduce_cuda_kernel_2d_index\" not implemented for 'Int'",
        "loss",
        "labels-not-long",
    ),
    ("RuntimeError: \"nll_loss_out_frame\" not implemented for 'Half'", "loss", "half-on-cpu"),
    (
        "RuntimeError: \"log_softmax_lastdim_kernel_impl\" not implemented for 'Half'",
        "loss",
        "half-on-cpu",
    ),
    (
        "ValueError: Expected target size (2, 5), got torch.Size([2, 4])",
        "loss",
        "classes-not-in-dimension-1",
    ),
    (
        "RuntimeError: size mismatch (got input: [49, 10], target: [64])",
        "loss",
        "view-changed-batch",
    ),
    (
        "RuntimeError: 1only batches of spatial targets supported (non-empty 3D tensors) but got "
        "targets of size: : [2, 4, 4, 3]",
        "loss",
        "mask-is-an-image",
    ),
    (
        "RuntimeError: only batches of spatial targets supported (non-empty 3D tensors) but got "
        "targets of size: : [2, 1, 4, 4]",
        "loss",
        "column-labels",
    ),
    (
        "RuntimeError: input and target batch or spatial sizes don't match: target [2, 8, 8], "
        "input [2, 3, 4, 4]",
        "loss",
        "spatial-sizes-differ",
    ),
    ("RuntimeError: Found dtype Double but expected Float", "loss", "target-dtype"),
    ("RuntimeError: bool value of Tensor with more than one value is ambiguous", "loss",
     "loss-not-called"),
    (
        "RuntimeError: torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to "
        "autocast.",
        "loss",
        "bce-under-autocast",
    ),
    (
        "/pytorch/aten/src/ATen/native/cuda/Loss.cu:250: nll_loss_forward_reduce_cuda_kernel_2d: "
        "block: [0,0,0], thread: [5,0,0] Assertion `t >= 0 && t < n_classes` failed.\n"
        "Traceback (most recent call last):\n"
        '  File "train.py", line 9, in <module>\n'
        "    loss.backward()\n"
        "RuntimeError: CUDA error: device-side assert triggered\n",
        "loss",
        "label-out-of-range",
    ),
    (
        "/opt/conda/conda-bld/THCUNN/ClassNLLCriterion.cu:106: void cunn_ClassNLLCriterion_"
        "updateOutput_kernel(): block: [0,0,0], thread: [6,0,0] Assertion `t >= 0 && t < n_classes`"
        " failed.",
        "loss",
        "label-out-of-range",
    ),
    (
        "../aten/src/ATen/native/cuda/Loss.cu:92: operator(): block: [0,0,0], thread: [0,0,0] "
        "Assertion `input_val >= zero && input_val <= one` failed.\n"
        "RuntimeError: CUDA error: device-side assert triggered",
        "loss",
        "logits-to-bce",
    ),
    ("RuntimeError: CUDA error: device-side assert triggered", "loss", "label-out-of-range"),
    (
        "RuntimeError: Trying to backward through the graph a second time, but the buffers have "
        "already been freed. Specify retain_graph=True when calling backward the first time.",
        "backward",
        "graph-freed",
    ),
    (
        "RuntimeError: element 0 of variables does not require grad and does not have a grad_fn",
        "backward",
        "loss-cut-from-graph",
    ),
    (
        "RuntimeError: a leaf Variable that requires grad has been used in an in-place operation.",
        "backward",
        "leaf-changed-in-place",
    ),
    (
        "RuntimeError: leaf variable has been moved into the graph interior",
        "backward",
        "leaf-changed-in-place",
    ),
    (
        "RuntimeError: one of the variables needed for gradient computation has been modified by "
        "an inplace operation",
        "backward",
        "activation-changed-in-place",
    ),
    (
        "RuntimeError: one of the variables needed for gradient computation has been modified by "
        "an inplace operation: [torch.cuda.FloatTensor [100, 1]], which is output 0 of TBackward, "
        "is at version 2; expected version 1 instead.",
        "backward",
        "step-before-backward",
    ),
    (
        "RuntimeError: Can't call numpy() on Variable that requires grad. Use "
        "var.detach().numpy() instead.",
        "backward",
        "detach-before-numpy",
    ),
    (
        "RuntimeError: One of the differentiated Tensors appears to not have been used in the "
        "graph. Set allow_unused=True if this is the desired behavior.",
        "backward",
        "not-used-in-graph",
    ),
    ("RuntimeError: assigned grad has data of a different size", "backward", "gradient-shape"),
    ("RuntimeError: assigned grad has data of a different type", "backward", "gradient-dtype"),
    (
        "RuntimeError: Function MmBackward0 returned an invalid gradient at index 0 - expected "
        "device cuda:0 but got cpu",
        "backward",
        "gradient-on-another-device",
    ),
    (
        "UserWarning: Converting a tensor with requires_grad=True to a scalar may lead to "
        "unexpected behavior.",
        "backward",
        "detach-before-scalar",
    ),
    (
        "RuntimeError: cudnn RNN backward can only be called in training mode",
        "backward",
        "backward-in-eval-mode",
    ),
    (
        "RuntimeError: Expected to have finished reduction in the prior iteration before starting "
        "a new one.",
        "backward",
        "parameter-unused",
    ),
    (
        "ValueError: parameter group didn't specify a value of required optimization parameter lr",
        "optimizer",
        "required-option-missing",
    ),
    (
        "TypeError: optimizer can only optimize Variables, but one of the params is str",
        "optimizer",
        "names-given",
    ),
    ("TypeError: __init__() got an unexpected keyword argument 'learning_rate'", "optimizer",
     "option-has-another-name"),
    ("TypeError: step() missing 1 required positional argument: 'closure'", "optimizer",
     "closure-missing"),
    ("TypeError: step() missing 1 required positional argument: 'metrics'", "optimizer",
     "plateau-without-metric"),
    (
        "AttributeError: 'ReduceLROnPlateau' object has no attribute 'get_last_lr'",
        "optimizer",
        "learning-rate-in-group",
    ),
    (
        "KeyError: \"param 'initial_lr' is not specified in param_groups[0] when resuming an "
        'optimizer"',
        "optimizer",
        "resumed-without-optimizer-state",
    ),
    (
        "RuntimeError: `fused=True` requires all the params to be floating point Tensors of "
        "supported devices: ['cuda'].",
        "optimizer",
        "fused-on-cpu",
    ),
    (
        "RuntimeError: The total norm for gradients from `parameters` is non-finite, so it cannot "
        "be clipped.",
        "optimizer",
        "gradients-not-finite",
    ),
    (
        "AssertionError: If capturable=False, state_steps should not be CUDA tensors",
        "optimizer",
        "loaded-state-on-gpu",
    ),
    (
        "ValueError: Milestones should be a list of increasing integers. Got [80, 30]",
        "optimizer",
        "milestones-not-increasing",
    ),
]  # fmt: skip


def resumed_with_another_class() -> None:
    """Load the state of SGD into Adam and step."""
    fc = nn.Linear(4, 3)
    fc.weight.grad = torch.ones(3, 4)
    adam = OPTIM.Adam(fc.parameters())
    adam.load_state_dict(OPTIM.SGD(fc.parameters(), lr=0.1).state_dict())
    adam.step()


def resumed_with_another_model() -> None:
    """Load the momentum of a layer with other out_features."""
    optimizers = []
    for out_features in (3, 5):
        fc = nn.Linear(4, out_features)
        fc.weight.grad = torch.ones(out_features, 4)
        optimizers.append(OPTIM.SGD(fc.parameters(), lr=0.1, momentum=0.9))
    optimizers[0].step()
    optimizers[1].load_state_dict(optimizers[0].state_dict())
    optimizers[1].step()


def one_gradient_missing() -> None:
    """Multiply a gradient that is None."""
    w = R(3, requires_grad=True)
    w.grad.abs()


IN_A_TRACEBACK = [
    (lambda: F.mse_loss(R(8), R(7)), "loss", "batch-differs"),
    (lambda: F.mse_loss(R(8, 3), R(8, 5)), "loss", "out-features-differ"),
    (lambda: F.cosine_embedding_loss(R(8, 3), R(7, 3), torch.ones(8)), "loss", "batch-differs"),
    (
        lambda: F.binary_cross_entropy_with_logits(R(8, 3), R(8, 3), pos_weight=torch.ones(4)),
        "loss",
        "class-weights-count",
    ),
    (lambda: F.soft_margin_loss(R(8, 1), torch.ones(8)), "loss", "target-broadcast"),
    (lambda: F.log_softmax(R(3), dim=1), "loss", "logits-without-batch"),
    (lambda: torch.softmax(R(3), dim=1), "loss", "logits-without-batch"),
    (
        lambda: F.cross_entropy(R(2, 3), torch.zeros(2).long(), weight=torch.ones(3).double()),
        "loss",
        "class-weights-dtype",
    ),
    (lambda: F.mse_loss(R(8), [1.0] * 8), "loss", "target-not-tensor"),
    (lambda: F.mse_loss((R(8), R(8)), R(8)), "loss", "output-not-tensor"),
    (one_gradient_missing, "backward", "backward-not-run"),
    (lambda: OPTIM.SGD([R(3)], lr="0.1"), "optimizer", "option-not-a-number"),
    (lambda: OPTIM.SGD(0.1, [R(3)]), "optimizer", "option-not-a-number"),
    (lambda: OPTIM.SGD(None), "optimizer", "no-parameters-given"),
    (lambda: OPTIM.SGD([R(3)], lr=0.1).step(torch.ones(1)), "optimizer", "loss-given-to-step"),
    (
        lambda: OPTIM.lr_scheduler.MultiStepLR(OPTIM.SGD([R(3)], lr=0.1), 3),
        "optimizer",
        "option-of-wrong-type",
    ),
    (resumed_with_another_class, "optimizer", "state-of-another-optimizer"),
    (resumed_with_another_model, "optimizer", "state-of-another-model"),
]

OTHERS = [
    lambda: R(8) - R(7),
    lambda: R(3).argmax(1),
    lambda: R(3) if R(3) > 0 else None,
    lambda: [0].size,  # type: ignore[attr-defined]
]


@pytest.mark.parametrize(("text", "kind", "cause"), QUOTED)
def test_wordings_of_older_versions_are_known(text: str, kind: str, cause: str) -> None:
    """What an older torch or CUDA said has the same first cause as what torch says now."""
    found = diagnose(text)
    assert isinstance(found, Diagnosis), text
    assert (found.kind, found.likely[0].name) == (kind, cause)


@pytest.mark.parametrize(("make", "kind", "cause"), IN_A_TRACEBACK)
def test_frames_tell_whose_message_it_is(make: Callable[[], object], kind: str, cause: str) -> None:
    """A message that several families have belongs to the one whose code the traceback names."""
    found = diagnose(raised(make))
    assert isinstance(found, Diagnosis)
    assert (found.kind, found.likely[0].name) == (kind, cause)


@pytest.mark.parametrize("make", OTHERS)
def test_the_same_messages_from_elsewhere_are_no_losses(make: Callable[[], object]) -> None:
    """Outside of a loss, these messages are left to other families."""
    assert getattr(diagnose(raised(make)), "kind", None) not in {"loss", "backward", "optimizer"}


def test_shapes_come_from_the_warning_before_the_error() -> None:
    """MSELoss warns with both shapes before the broadcast fails: the diagnosis names them."""
    warning = (
        "a.py:1: UserWarning: Using a target size (torch.Size([8, 5])) that is different to the "
        "input size (torch.Size([8, 3])). This will likely lead to incorrect results.\n"
        "  loss = mse_loss(pred, y)\n"
    )
    found = diagnose(warning + raised(lambda: F.mse_loss(R(8, 3), R(8, 5))))
    assert isinstance(found, Diagnosis)
    assert found.happened.startswith("The input has shape (8, 3) and the target (8, 5)")


def test_the_code_has_the_names_of_the_readers_own_line() -> None:
    """Where the line that failed calls a loss with out and labels, so does the code to write."""
    out, labels = R(8, 1), torch.ones(8)

    def make() -> object:
        return F.binary_cross_entropy_with_logits(out, labels)

    found = diagnose(raised(make))
    assert isinstance(found, Diagnosis)
    assert found.likely[0].code == "labels = labels.unsqueeze(1)"


def raised(make: Callable[[], object]) -> str:
    """Return the traceback of the error that `make` meets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            make()
        except Exception as error:
            return "".join(traceback.format_exception(error))
    raise AssertionError("torch let it pass")
