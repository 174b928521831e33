"""Messages of gradients that are None, and of losses that are no tensor."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, one_line
from fcinspect.diagnosis.reported import Reported

OF_GRADIENTS = {
    "zero_", "data", "norm", "mul_", "add_", "sub_", "div_", "clamp_", "fill_", "detach_",
    "copy_", "is_sparse", "coalesce",
}  # fmt: skip
"""Attributes that are most often asked of .grad, where nothing else tells."""
NUMBERS = {"float", "int", "numpy.float32", "numpy.float64", "numpy.ndarray", "float32", "float64"}
MODULE = re.compile(
    r"(?:Lazy)?Linear|Bilinear|Sequential|Module(?:List|Dict)?|\w*(?:Net|Model|MLP|Network|Layer)"
)


def _none_attribute(match: Match[str], reported: Reported) -> Diagnosis | None:
    attribute = match["name"]
    if attribute not in OF_GRADIENTS and not _of_gradient(reported):
        return None
    if reported.frames and not _of_gradient(reported):
        return None
    happened = f"{attribute} was asked of None, where a gradient should be."
    return Diagnosis("backward", one_line(match.group()), happened, _no_gradient(attribute))


def _none_operand(match: Match[str], reported: Reported) -> Diagnosis | None:
    left, right = match["left"], match["right"]
    if reported.frames and not _of_gradient(reported):
        return None
    if "NoneType" not in (left, right) or {left, right} - OPERANDS:
        return None
    happened = (
        f"The operands of {match['sign']} have the types {left} and {right}: a gradient is None."
    )
    return Diagnosis("backward", one_line(match.group()), happened, _no_gradient(match["sign"]))


OPERANDS = {"float", "int", "Tensor", "Parameter", "NoneType"}


def _none_argument(match: Match[str], reported: Reported) -> Diagnosis | None:
    if not _of_gradient(reported):
        return None
    happened = f"{match['function']}() was given None, where a gradient should be."
    causes = _no_gradient(match["function"])
    return Diagnosis("backward", one_line(match.group()), happened, causes)


def _of_gradient(reported: Reported) -> bool:
    """Whether the reader's own line asks for a gradient."""
    own = reported.own_frame
    return own is not None and re.search(r"\.grad\b|\bgrads?\b", own.code) is not None


def _no_gradient(asked: str) -> tuple[Cause, ...]:
    return (
        Cause(
            "backward-not-run",
            "backward() was not called before the gradient was used",
            f"The gradient is None until a backward pass has filled it; {asked} was asked of None",
            "Call backward() first, in every step",
            "loss.backward()  # then layer.weight.grad",
        ),
        Cause(
            "gradient-of-non-leaf",
            "The tensor is the result of a computation, such as w = w - lr * w.grad, .to(…) or "
            "* 0.01",
            "Only leaves keep a gradient",
            "Change the tensor in place, so that it stays a leaf",
            "with torch.no_grad(): w -= lr * w.grad",
        ),
        Cause(
            "parameter-unused",
            "The parameter is frozen, or took no part in the loss",
            "The gradient of such a parameter stays None after backward()",
            "Skip parameters without a gradient, or use the layer in forward()",
            "for p in model.parameters():\n    if p.grad is not None: p.grad.zero_()",
        ),
        Cause(
            "zero-grad-sets-none",
            "optimizer.zero_grad() was called in between",
            "Since torch 2.0 it sets gradients to None unless set_to_none=False is given",
            "Use the gradient before zero_grad(), or keep zeros",
            "optimizer.zero_grad(set_to_none=False)",
        ),
    )


def _no_backward(match: Match[str], reported: Reported) -> Diagnosis | None:
    kind, name = match["kind"], match["name"]
    causes = _not_a_tensor(kind, name)
    if not causes:
        return None
    happened = f"{name}() was called on an object of type {kind}, and only tensors have it."
    if kind == "NoneType":
        happened = f"{name}() was called on None."
    return Diagnosis("backward", one_line(match.group()), happened, causes)


def _not_a_tensor(kind: str, name: str) -> tuple[Cause, ...]:
    says = f"The object has the type {kind}"
    if kind in NUMBERS:
        item = Cause(
            "loss-is-a-number",
            "The loss was turned into a number by .item(), float() or .numpy()",
            f"{says}, which has no graph",
            "Call backward() on the tensor, and take .item() only to print it",
            "loss.backward(); print(loss.item())",
        )
        start = Cause(
            "loss-never-computed",
            "The loss still has its start value, such as total = 0",
            f"{says}; no tensor was added to it",
            "Add the losses of the steps as tensors",
            "total = total + loss_function(model(x), y)",
        )
        return (start, item) if kind == "int" else (item, start)
    if kind == "NoneType":
        fix, code = "Return the loss from the function", "return loss"
        cause = "The function that computes the loss has no return"
        returned = Cause("loss-not-returned", cause, "A function without return gives None",
                         fix, code)  # fmt: skip
        return (returned,)
    if kind in ("tuple", "list", "dict"):
        code = "sum(losses.values()).backward()" if kind == "dict" else "loss[0].backward()"
        cause = f"Several results are held together as {kind}"
        fix = "Take the loss out of it, or add the losses"
        return (Cause("loss-in-a-container", cause, says, fix, code),)
    if kind == "str":
        fix, code = "Call it on the loss", "loss.backward()"
        return (Cause("loss-is-text", "A text stands in place of the loss", says, fix, code),)
    if MODULE.fullmatch(kind):
        fix, code = "Call it on the loss", "loss = loss_function(model(x), y); loss.backward()"
        cause = f"{name}() was called on the layer or model"
        return (Cause("backward-of-module", cause, says, fix, code),)
    return ()


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "'NoneType' object has no attribute",
        r"'(?P<kind>NoneType)' object has no attribute '(?P<name>backward)'",
        _no_backward,
    ),
    Pattern(
        "'NoneType' object has no attribute",
        r"'NoneType' object has no attribute '(?P<name>\w+)'",
        _none_attribute,
    ),
    Pattern(
        "NoneType",
        r"unsupported operand type\(s\) for (?P<sign>[*/]=?|-=): '(?P<left>\w+)' and "
        r"'(?P<right>\w+)'",
        _none_operand,
    ),
    Pattern(
        "must be Tensor, not NoneType",
        r"(?P<function>\w+)\(\): argument '\w+' \(position \d+\) must be Tensor, not NoneType",
        _none_argument,
    ),
    Pattern(
        "object has no attribute 'backward'",
        r"'(?P<kind>[\w.]+)' object has no attribute '(?P<name>backward)'",
        _no_backward,
    ),
)
