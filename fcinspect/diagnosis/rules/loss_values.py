"""Losses whose input or target has a dtype or values that they do not take, or is no tensor."""

from __future__ import annotations

import re

from fcinspect.diagnosis.catalogue.parsing import tables
from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision, Pick, pick
from fcinspect.diagnosis.rules.losses import elsewhere, through_loss, through_softmax

FLOATING = {"Float", "Double", "Half", "BFloat16"}


def _dtype(name: str) -> str:
    return tables()["scalars"].get(name, name)


def target_not_long(got: str, facts: Facts) -> Decision | None:
    """Cross-entropy with labels that are not int64, in the words of every version."""
    if elsewhere(facts):
        return None
    more = ("regression-target",) if got in FLOATING else ()
    return Decision("labels-not-long", *more, dtype=_dtype(got))


def not_implemented(kernel: str, got: str, facts: Facts) -> Decision | None:
    """ "nll_loss_forward_reduce_cuda_kernel_2d_index" not implemented for 'Float'"""
    dtype = _dtype(got)
    if kernel.endswith("index"):
        found = target_not_long(got, facts)
        if found is not None:
            found.happened = f"The class labels have dtype {dtype}, but this loss takes int64."
        return found
    if got in FLOATING:
        return Decision("half-on-cpu", dtype=dtype)
    if kernel.startswith(("mse", "smooth_l1", "huber", "l1")):
        return Decision("integer-input", "predictions-not-logits", dtype=dtype)
    if "softmax" in kernel and not kernel.startswith("log"):
        return Decision("predictions-not-logits", dtype=dtype)
    return Decision("swapped-arguments", "predictions-not-logits", dtype=dtype)


def probabilities(got: str, facts: Facts) -> Decision:
    """expected floating point type for target with class probabilities, got Long"""
    causes = ["one-hot-target/integers", "predictions-not-logits/squeezed"]
    if re.search(r"argmax|squeeze|\.max\(", facts.own_place.code):
        causes.reverse()
    return Decision(*causes, dtype=_dtype(got))


def found(found: str, expected: str) -> Decision:
    """Found dtype Long but expected Float: BCELoss; MSELoss in older versions, in backward."""
    given, needed = _dtype(found), _dtype(expected)
    if expected not in FLOATING:
        return Decision("predictions-not-logits/integers", given=given, needed=needed)
    holds = f"The target holds {given} class labels"
    if found == "Double":
        holds = f"The target holds {given} numbers, NumPy's default"
    elif found in FLOATING:
        holds = f"The target has dtype {given}"
    return Decision("target-dtype", given=given, needed=needed, holds=holds)


def cannot_cast(result: str, output: str, facts: Facts) -> Decision | None:
    """result type Float can't be cast to the desired output type Long"""
    if elsewhere(facts):
        return None
    more = () if through_loss(facts) else ("in-place-on-integers",)
    return Decision("target-dtype/logits", *more, given=_dtype(result), kept=_dtype(output))


def weight_dtype(expected: str, got: str, facts: Facts) -> Decision | None:
    """expected scalar type Float but found Double"""
    if through_loss(facts) is None:
        return None
    return Decision("class-weights-dtype", given=_dtype(got), needed=_dtype(expected))


def no_tensor(argument: str, got: str) -> Decision:
    """cross_entropy_loss(): argument 'target' (position 2) must be Tensor, not list"""
    if argument in ("weight", "pos_weight") and got != "str":
        return Decision("class-weights-not-tensor")
    if argument == "weight":
        return Decision("reduction-as-weight")
    return Decision(_made("input" if argument in ("input", "self") else "target", got, argument))


def _made(side: str, kind: str, argument: str) -> Pick:
    code = "pred = model(x)[0]" if kind in ("tuple", "list") else "pred = model(x).logits"
    cause = "output-not-tensor" if side == "input" else "target-not-tensor"
    return pick(cause, kind=kind, argument=argument, code=code)


def no_size(kind: str, facts: Facts) -> Decision | None:
    """MSELoss compares target.size() with input.size() before anything else."""
    if through_loss(facts) is None:
        return None
    causes = [_made("target", kind, "target"), _made("input", kind, "input")]
    if kind in ("tuple", "dict"):
        causes.reverse()
    return Decision(*causes)


def device_assert(facts: Facts) -> Decision | None:
    """CUDA says only that some assertion failed; its text stands above the traceback."""
    text = facts.text
    if re.search(r"n_classes|nll_loss|ClassNLLCriterion|t >= 0", text):
        happened = "On the GPU, cross-entropy got a class label outside 0 … number of classes − 1."
        return Decision("label-out-of-range", happened=happened)
    if re.search(r"input_val >= zero|x >= 0\. && x <= 1|between 0~1", text):
        happened = "On the GPU, BCELoss got an input that is not between 0 and 1."
        return Decision("logits-to-bce", "output-is-nan", happened=happened)
    if re.search(r"Assertion `", text):
        return None
    return Decision("label-out-of-range/likely", "index-out-of-range")


def ambiguous(facts: Facts) -> Decision:
    """Boolean value of Tensor with more than one value is ambiguous"""
    if facts.passed_through("nn/_reduction.py"):
        return Decision("loss-not-called")
    if facts.frames and "Loss(" not in facts.frames[-1].code:
        return Decision("tensor-in-condition", family="shape")
    return Decision("loss-not-called", "tensor-in-condition")


def one_dimension(least: int, dim: int, facts: Facts) -> Decision | None:
    """The range is that of every function with a dim, so a frame must show the softmax."""
    function = through_softmax(facts)
    if function is None and not any(f.function == "cross_entropy" for f in facts.frames):
        return None
    return Decision(
        "logits-without-batch" if dim == -least else "logits-without-batch/more",
        happened=f"The {function or 'loss'} runs over dimension {dim}, but its input has {-least}"
        f" dimension{'s' if least < -1 else ''}.",
        last=-least - 1,
        function=function or "F.log_softmax",
    )


def weights(classes: str, size: str) -> Decision:
    """weight tensor should be defined either for all 10 classes or no classes"""
    cause = "class-weights-count/classes" if classes else "class-weights-count/all"
    numbers = f" The input has {classes} classes, but the weights have {size} entries."
    counted = f"there are {classes} classes but {size} weights"
    if not (classes and size):
        numbers = ""
        counted = "The message says that weights are needed for all classes or none"
    return Decision(cause, numbers=numbers, counted=counted)


def reduction(given: str) -> Decision:
    """avg is not a valid value for reduction"""
    meant = {"avg": "mean", "average": "mean", "elementwise_mean": "mean", "add": "sum"}
    word = meant.get(given, "none" if given in ("None", "False") else "mean")
    written = given if given in ("None", "True", "False") else f"'{given}'"
    return Decision("unknown-reduction", word=word, written=written)
