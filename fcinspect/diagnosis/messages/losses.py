"""Messages of loss functions: shapes, labels, dtypes, arguments, and CUDA's assertions."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.messages import losses_cross_entropy, losses_dtypes, losses_sizes
from fcinspect.diagnosis.messages.losses_called import named, through_softmax
from fcinspect.diagnosis.messages.losses_others import PATTERNS as OTHERS
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

LABELS = Cause(
    "label-out-of-range",
    "A class label is negative, or not less than the last layer's out_features",
    "The assertion compares each label t with 0 and with the number of classes",
    "Look at the smallest and the largest label, and at out_features",
    "assert 0 <= y.min() and y.max() < pred.shape[1], (y.min(), y.max(), pred.shape)",
)
LOGITS = Cause(
    "logits-to-bce",
    "BCELoss was given logits in place of probabilities",
    "A linear layer's output is not limited to 0 … 1",
    "Use the loss that takes logits",
    "loss = nn.BCEWithLogitsLoss()(pred, y)",
)
NAN = Cause(
    "output-is-nan",
    "The output holds NaN, which is not between 0 and 1 either",
    "NaN fails every comparison, and most often follows from too large a learning rate",
    "Look for NaN in the output and in the input",
    "assert pred.isfinite().all() and x.isfinite().all()",
)
NOT_CALLED = Cause(
    "loss-not-called",
    "The loss was given the output and target when it was made, or was never called",
    "nn.MSELoss(pred, y) makes a loss with pred and y as its options",
    "Make the loss first, then call it",
    "loss = nn.MSELoss()(pred, y)",
)
CONDITION = Cause(
    "tensor-in-condition",
    "A tensor with several elements stands where True or False is needed",
    "if, while, and, or, not and in ask a tensor for one truth value",
    "Say whether any or all elements are meant",
    "if (x > 0).all():",
)


def _device_assert(match: Match[str], reported: Reported) -> Diagnosis | None:
    """CUDA says only that some assertion failed; its text stands above the traceback."""
    text = reported.text
    message = one_line(match.group())
    if re.search(r"n_classes|nll_loss|ClassNLLCriterion|t >= 0", text):
        happened = "On the GPU, cross-entropy met a class label outside 0 … number of classes − 1."
        return Diagnosis("loss", message, happened, (LABELS,))
    if re.search(r"input_val >= zero|x >= 0\. && x <= 1|between 0~1", text):
        happened = "On the GPU, BCELoss met an input that is not between 0 and 1."
        return Diagnosis("loss", message, happened, (LOGITS, NAN))
    if re.search(r"Assertion `", text):
        return None
    happened = (
        "An assertion failed in a kernel on the GPU; which one stands in the log above, "
        "and the line of the traceback may be a later one."
    )
    likely = Cause(
        LABELS.name,
        "A class label of cross-entropy is outside 0 … number of classes − 1",
        "The message does not say which assertion failed; most often it is this one",
        LABELS.fix,
        LABELS.code,
    )
    index = Cause(
        "index-out-of-range",
        "An index into an embedding or tensor is not less than its size",
        "The other frequent assertion; the message does not tell them apart",
        "Run the same batch on the CPU, where the error names the value",
        "model.cpu()(x.cpu())",
    )
    return Diagnosis("loss", message, happened, (likely, index))


def _ambiguous(match: Match[str], reported: Reported) -> Diagnosis:
    happened = "A tensor with more than one element was asked whether it is true."
    message = one_line(match.group())
    if reported.passed_through("nn/_reduction.py"):
        return Diagnosis("loss", message, happened, (NOT_CALLED,))
    if reported.frames and "Loss(" not in reported.frames[-1].code:
        return Diagnosis("shape", message, happened, (CONDITION,))
    return Diagnosis("loss", message, happened, (NOT_CALLED, CONDITION))


def _one_dimension(match: Match[str], reported: Reported) -> Diagnosis | None:
    """The range is that of every function with a dim, so a frame must show the softmax."""
    function = through_softmax(reported)
    if function is None and not any(f.function == "cross_entropy" for f in reported.frames):
        return None
    least, dim = int(match[1]), int(match[2])
    happened = (
        f"The {function or 'loss'} runs over dimension {dim}, and its input has "
        f"{-least} dimension{'s' if least < -1 else ''}."
    )
    lost = Cause(
        "logits-without-batch",
        f"The input has one dimension fewer than dim={dim} needs: most often the batch is missing"
        if dim == -least
        else f"dim={dim} is more than the input's last dimension",
        f"Dimensions {least} to {-least - 1} exist, {dim} was asked for",
        "Give the input its batch dimension, or run over the last dimension",
        f"{function or 'F.log_softmax'}(pred, dim=-1)",
    )
    return Diagnosis("loss", one_line(match.group()), happened, (lost,))


def _weights(match: Match[str], reported: Reported) -> Diagnosis:
    classes, size = match["classes"], match["size"]
    numbers = f" The input has {classes} classes and the weights {size} entries." if classes else ""
    if size is None:
        numbers = ""
    happened = f"The class weights need one entry for each column of the input.{numbers}"
    entries = Cause(
        "class-weights-count",
        "The class weights have another length than the last layer's out_features",
        f"{classes} classes against {size} weights"
        if classes and size
        else "The message says that weights are needed for all classes or none",
        f"Give one weight for each of the {classes} classes" if classes else "Give all weights",
        f"nn.CrossEntropyLoss(weight=torch.ones({classes}))"
        if classes
        else "nn.CrossEntropyLoss(weight=torch.ones(pred.shape[1]))",
    )
    return Diagnosis("loss", one_line(match.group()), happened, (entries,))


def _reduction(match: Match[str], reported: Reported) -> Diagnosis:
    given = match[1]
    named = {"avg": "mean", "average": "mean", "elementwise_mean": "mean", "add": "sum"}
    word = named.get(given, "none" if given in ("None", "False") else "mean")
    happened = f"The reduction {given} is not one of 'none', 'mean' and 'sum'."
    wrong = Cause(
        "unknown-reduction",
        f"reduction={given} was given"
        if given in ("None", "True", "False")
        else f"reduction='{given}' was given",
        "The names are 'none', 'mean' and 'sum', as texts",
        f"Write reduction='{word}'",
        f"loss = loss_function(pred, y, reduction='{word}')",
    )
    return Diagnosis("loss", one_line(match.group()), happened, (wrong,))


GENERAL: tuple[Pattern, ...] = (
    known(
        "loss",
        "all elements of input should be between 0 and 1",
        r"all elements of input should be between 0 and 1",
        "BCELoss takes probabilities, and its input holds a value that is not between 0 and 1.",
        LOGITS,
        NAN,
    ),
    known(
        "loss",
        "all elements of target should be between 0 and 1",
        r"all elements of target should be between 0 and 1",
        "BCELoss takes targets from 0 to 1, and its target holds another value.",
        Cause(
            "target-out-of-range",
            "The target holds labels other than 0 and 1, or values such as 0 to 255",
            "The message says that a target is outside 0 to 1",
            "Scale the target to 0 … 1, or use cross-entropy for more than two classes",
            "print(y.min(), y.max())",
        ),
    ),
    Pattern("device-side assert", r"(?:CUDA error: )?device-side assert triggered", _device_assert),
    Pattern(
        "Assertion `",
        r"Assertion `[^`']*(?:n_classes|t >= 0|input_val >= zero|x >= 0\. && x <= 1)[^`']*[`'] "
        r"failed",
        _device_assert,
    ),
    Pattern(
        "with more than one value is ambiguous",
        r"[Bb]ool(?:ean)? value of (?:Tensor|Variable) with more than one value is ambiguous",
        _ambiguous,
    ),
    known(
        "loss",
        "object has no attribute",
        r"'(?P<loss>\w*Loss)' object has no attribute '(?P<name>\w+)'",
        "{name} was asked of the loss function {loss} itself, and not of the tensor it returns.",
        Cause(
            NOT_CALLED.name,
            NOT_CALLED.cause,
            "The object is a {loss}, and only the tensor that a call returns has {name}",
            NOT_CALLED.fix,
            "loss = nn.{loss}()(pred, y)",
        ),
    ),
    Pattern(
        "Dimension out of range",
        r"Dimension out of range \(expected to be in range of \[(-\d+), \d+\], but got (\d+)\)",
        _one_dimension,
    ),
    Pattern(
        "weight tensor should be defined either for all",
        r"weight tensor should be defined either for all(?: (?P<classes>\d+) classes)? or no "
        r"classes(?: but got weight tensor of shape: \[(?P<size>\d+)\])?",
        _weights,
    ),
    Pattern(
        "is not a valid value for reduction",
        r"(\S{1,99}) is not a valid value for reduction",
        _reduction,
    ),
)

PATTERNS: tuple[Pattern, ...] = tuple(
    named(pattern)
    for pattern in (
        *losses_sizes.PATTERNS,
        *losses_cross_entropy.PATTERNS,
        *losses_dtypes.PATTERNS,
        *GENERAL,
        *OTHERS,
    )
)
