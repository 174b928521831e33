"""Losses whose input or target has a dtype that they do not take, or is no tensor."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.messages.losses_called import elsewhere, through_loss
from fcinspect.diagnosis.messages.losses_cross_entropy import ONE_HOT
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

SHORT = {
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
    "Float": "float32",
    "Double": "float64",
    "Half": "float16",
    "BFloat16": "bfloat16",
}
FLOATING = {"Float", "Double", "Half", "BFloat16"}


def dtype_of(name: str) -> str:
    """Return the dtype's own name: "Long" is int64."""
    return SHORT.get(name, name)


def _target_not_long(match: Match[str], reported: Reported) -> Diagnosis | None:
    """Cross-entropy with labels that are not int64, in the words of every version."""
    if elsewhere(reported):
        return None
    got = match["got"]
    happened = f"The class labels have dtype {dtype_of(got)}, and this loss takes int64."
    long = Cause(
        "labels-not-long",
        f"The labels are stored as {dtype_of(got)}",
        f"The message names {got} where Long is expected",
        "Convert the labels to int64",
        "y = y.long()",
    )
    regression = Cause(
        "regression-target",
        "The target holds numbers to be predicted rather than class labels",
        f"{dtype_of(got)} holds numbers with a fraction; class labels have none",
        "Use a loss for regression",
        "loss = nn.MSELoss()(pred.squeeze(1), y)",
    )
    causes = (long, regression) if got in FLOATING else (long,)
    return Diagnosis("loss", one_line(match.group()), happened, causes)


def _not_implemented(match: Match[str], reported: Reported) -> Diagnosis | None:
    kernel, got = match["kernel"], match["got"]
    if kernel.endswith("index"):
        return _target_not_long(match, reported)
    shown = dtype_of(got)
    half = got in FLOATING
    happened = f"The kernel {kernel} of the loss has no version for dtype {shown}."
    if half:
        float32 = Cause(
            "half-on-cpu",
            f"The input of the loss has dtype {shown}",
            f"The message names {got}; versions of torch differ in what they compute in it",
            "Compute the loss in float32",
            "loss = loss_function(pred.float(), y)",
        )
        return Diagnosis("loss", one_line(match.group()), happened, (float32,))
    swapped = Cause(
        "swapped-arguments",
        "The target stands where the output belongs",
        f"The first argument has dtype {shown}, as class labels have",
        "Give the output first, the target second",
        "loss = loss_function(pred, y)",
    )
    labels = Cause(
        "predictions-not-logits",
        "The input holds classes that argmax gave, or was never a layer's output",
        f"A linear layer's output is floating point; this input has dtype {shown}",
        "Give the layer's output itself to the loss",
        "loss = loss_function(model(x), y)",
    )
    both = Cause(
        "integer-input",
        f"The input and the target both have dtype {shown}",
        f"The message names {got}, and a linear layer's output is floating point",
        "Convert both to float32",
        "loss = loss_function(pred.float(), y.float())",
    )
    regression = ("mse", "smooth_l1", "huber", "l1")
    causes: tuple[Cause, ...]
    if kernel.startswith(regression):
        causes = (both, labels)
    elif "softmax" in kernel and not kernel.startswith("log"):
        causes = (labels,)
    else:
        causes = (swapped, labels)
    return Diagnosis("loss", one_line(match.group()), happened, causes)


def _probabilities(match: Match[str], reported: Reported) -> Diagnosis:
    got = match[1]
    happened = (
        "The input and the target have the same shape, so the target is read as a probability "
        f"for each class; its dtype is {dtype_of(got)}, and probabilities are floating point."
    )
    one_hot = Cause(
        ONE_HOT.name,
        "The target is one-hot in integers",
        f"The target has the input's shape and dtype {dtype_of(got)}",
        "Give the class labels instead, or make the one-hot target floating point",
        "y = y.argmax(dim=1)  # or y = y.float()",
    )
    logits = Cause(
        "predictions-not-logits",
        "The logits lost their class dimension, by argmax or squeeze",
        "Labels of shape (N,) have the input's shape if the input is (N,) too",
        "Give the logits of shape (N, classes) to the loss",
        "loss = loss_function(model(x), y)",
    )
    own = reported.own_frame
    causes = (one_hot, logits)
    if own is not None and re.search(r"argmax|squeeze|\.max\(", own.code):
        causes = (logits, one_hot)
    return Diagnosis("loss", one_line(match.group()), happened, causes)


def _found(match: Match[str], reported: Reported) -> Diagnosis:
    """BCELoss; in older versions MSELoss too, in its backward pass."""
    found, expected = match[1], match[2]
    happened = (
        f"The loss met the dtype {dtype_of(found)} where the other tensor has "
        f"{dtype_of(expected)}: input and target must have the same dtype."
    )
    if expected not in FLOATING:
        given = "The input of the loss holds integers, and a linear layer's output does not"
        fix, code = "Give the layer's output to the loss", "loss = loss_function(model(x), y)"
        causes = (Cause("predictions-not-logits", given, f"{expected} is expected", fix, code),)
        return Diagnosis("loss", one_line(match.group()), happened, causes)
    labels = "class labels" if found not in FLOATING else "numbers, as NumPy makes float64"
    target = Cause(
        "target-dtype",
        f"The target holds {dtype_of(found)} {labels}"
        if found == "Double" or found not in FLOATING
        else f"The target has dtype {dtype_of(found)}",
        f"Found {found}, expected {expected}",
        f"Convert the target to {dtype_of(expected)}",
        f"y = y.to(torch.{dtype_of(expected)})",
    )
    return Diagnosis("loss", one_line(match.group()), happened, (target,))


def _cannot_cast(match: Match[str], reported: Reported) -> Diagnosis | None:
    if elsewhere(reported):
        return None
    result, output = match[1], match[2]
    happened = (
        f"The result has dtype {dtype_of(result)} and is to be written into a tensor of dtype "
        f"{dtype_of(output)}, which cannot hold it."
    )
    target = Cause(
        "target-dtype",
        f"The target of BCEWithLogitsLoss has dtype {dtype_of(output)}",
        f"The message names {output}, the dtype of class labels",
        "Convert the target to float32",
        "y = y.float()",
    )
    in_place = Cause(
        "in-place-on-integers",
        f"A number with a fraction was added in place to a tensor of dtype {dtype_of(output)}",
        f"{result} does not fit into {output}",
        "Make that tensor floating point first",
        "total = total.float()",
    )
    found = (target,) if through_loss(reported) else (target, in_place)
    return Diagnosis("loss", one_line(match.group()), happened, found)


def _weight_dtype(match: Match[str], reported: Reported) -> Diagnosis | None:
    if through_loss(reported) is None:
        return None
    expected, got = match[1], match[2]
    happened = f"In the loss dtype {dtype_of(got)} stands where {dtype_of(expected)} is needed."
    weight = Cause(
        "class-weights-dtype",
        "The class weights have another dtype than the input",
        f"Expected {expected}, found {got}",
        f"Make the weights {dtype_of(expected)}",
        f"nn.CrossEntropyLoss(weight=weight.to(torch.{dtype_of(expected)}))",
    )
    return Diagnosis("loss", one_line(match.group()), happened, (weight,))


def _no_tensor(match: Match[str], reported: Reported) -> Diagnosis:
    function, argument, kind = match["function"], match["argument"], match["got"]
    happened = f"The argument '{argument}' of {function} has the type {kind}, and must be a tensor."
    return Diagnosis("loss", one_line(match.group()), happened, (_made(argument, kind),))


def _made(argument: str, kind: str) -> Cause:
    says = f"The message names {kind} for '{argument}'"
    if argument in ("weight", "pos_weight") and kind != "str":
        fix, code = "Make the weights a tensor", f"{argument}=torch.tensor([1.0, 2.0])"
        return Cause(
            "class-weights-not-tensor", f"The {argument} has the type {kind}", says, fix, code
        )
    if argument == "weight":
        fix = "Give the reduction by its name"
        code = "loss = F.cross_entropy(pred, y, reduction='mean')"
        return Cause("reduction-as-weight", "A reduction stands third", says, fix, code)
    if argument in ("input", "self"):
        cause = f"The model returns {kind}, and the whole of it was given to the loss"
        code = "pred = model(x)[0]" if kind in ("tuple", "list") else "pred = model(x).logits"
        return Cause("output-not-tensor", cause, says, "Take the logits out of it", code)
    fix, code = "Make the target a tensor", "y = torch.as_tensor(y)"
    return Cause("target-not-tensor", f"The target has the type {kind}", says, fix, code)


def _no_size(match: Match[str], reported: Reported) -> Diagnosis | None:
    """MSELoss compares target.size() with input.size() before anything else."""
    if through_loss(reported) is None:
        return None
    kind = match[1]
    happened = f"The loss was given something of type {kind} where it needs a tensor."
    returned = _made("input", kind)
    causes = (_made("target", kind), returned)
    if kind in ("tuple", "dict"):
        causes = (returned, _made("target", kind))
    return Diagnosis("loss", one_line(match.group()), happened, causes)


GOT = r"(?P<got>Float|Double|Half|BFloat16|Int|Short|Char|Byte|Bool|Long)"
LOSS = (
    r"cross_entropy_loss|nll_loss\w*|binary_cross_entropy\w*|mse_loss|l1_loss|smooth_l1_loss|"
    r"huber_loss|kl_div\w*|ctc_loss|cosine_embedding_loss|margin_ranking_loss|"
    r"triplet_margin_loss|multi_margin_loss|soft_margin_loss"
)
KERNELS = (
    r"(?:log_softmax|softmax|host_softmax|nll_loss|log_sigmoid|mse|smooth_l1|huber|l1_loss|"
    r"binary_cross_entropy|cross_entropy)\w*"
)

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "expected target dtype to be Long",
        rf"expected target dtype to be Long or Byte, but got {GOT}",
        _target_not_long,
    ),
    Pattern(
        "Long",
        rf"[Ee]xpected (?:object of )?scalar type Long but (?:found|got scalar type) {GOT}"
        r"(?: for argument #\d+ 'target')?",
        _target_not_long,
    ),
    Pattern(
        "LongTensor",
        r"Expected object of type torch\.(?:cuda\.)?LongTensor but found type "
        rf"torch\.(?:cuda\.)?{GOT}Tensor for argument #\d+ 'target'",
        _target_not_long,
    ),
    Pattern(
        "not implemented for",
        rf'"(?P<kernel>{KERNELS})" not implemented for \'{GOT}\'',
        _not_implemented,
    ),
    Pattern(
        "for target with class probabilities",
        r"[Ee]xpected floating point type for target with class probabilities, got (\w+)",
        _probabilities,
    ),
    Pattern("Found dtype", r"Found dtype (\w+) but expected (\w+)", _found),
    Pattern(
        "can't be cast to the desired output type",
        r"result type (\w+) can't be cast to the desired output type (Long|Int|Short|Byte|Bool)",
        _cannot_cast,
    ),
    Pattern("expected scalar type", r"expected scalar type (\w+) but found (\w+)", _weight_dtype),
    Pattern(
        "must be Tensor",
        rf"(?P<function>{LOSS})\(\): argument '(?P<argument>\w+)' \(position \d+\) must be "
        r"Tensor, not (?P<got>[\w.]+)",
        _no_tensor,
    ),
    Pattern("has no attribute 'size'", r"'(\w+)' object has no attribute 'size'", _no_size),
    known(
        "loss",
        "object to buffer",
        r"cannot assign '(?P<kind>[\w.]+)' object to buffer '(?P<name>weight|pos_weight)'",
        "The {name} of a loss has the type {kind}, and must be a tensor.",
        Cause(
            "class-weights-not-tensor",
            "The {name} was given as {kind}",
            "The message names {kind} for the buffer '{name}'",
            "Make the weights a tensor of floating-point numbers",
            "{name}=torch.tensor([1.0, 2.0])",
        ),
    ),
)
