"""Gradients that are None, and losses that are no tensor."""

from __future__ import annotations

import re

from fcinspect.diagnosis.records import Found
from fcinspect.diagnosis.reported import Reported

OF_GRADIENTS = {
    "zero_", "data", "norm", "mul_", "add_", "sub_", "div_", "clamp_", "fill_", "detach_",
    "copy_", "is_sparse", "coalesce",
}  # fmt: skip
"""Attributes that are most often asked of .grad, where nothing else tells."""
OPERANDS = {"float", "int", "Tensor", "Parameter", "NoneType"}
NUMBERS = {"float", "int", "numpy.float32", "numpy.float64", "numpy.ndarray", "float32", "float64"}
MODULE = re.compile(
    r"(?:Lazy)?Linear|Bilinear|Sequential|Module(?:List|Dict)?|\w*(?:Net|Model|MLP|Network|Layer)"
)
NO_GRADIENT = (
    *("backward-not-run", "gradient-of-non-leaf", "parameter-unused/frozen", "zero-grad-sets-none"),
)


def attribute(asked: str, reported: Reported) -> Found | None:
    """'NoneType' object has no attribute 'zero_'"""
    if _of_gradient(reported) or (asked in OF_GRADIENTS and not reported.frames):
        return Found(*NO_GRADIENT)
    return None


def operand(left: str, right: str, reported: Reported) -> Found | None:
    """unsupported operand type(s) for *: 'float' and 'NoneType'"""
    if reported.frames and not _of_gradient(reported):
        return None
    if "NoneType" not in (left, right) or {left, right} - OPERANDS:
        return None
    return Found(*NO_GRADIENT)


def argument(reported: Reported) -> Found | None:
    """mul(): argument 'other' (position 1) must be Tensor, not NoneType"""
    return Found(*NO_GRADIENT) if _of_gradient(reported) else None


def _of_gradient(reported: Reported) -> bool:
    """Whether the reader's own line asks for a gradient."""
    own = reported.own_frame
    return own is not None and re.search(r"\.grad\b|\bgrads?\b", own.code) is not None


def no_backward(kind: str) -> Found | None:
    """'float' object has no attribute 'backward'"""
    if kind == "NoneType":
        return Found("loss-not-returned", happened="backward() was called on None.")
    if kind in NUMBERS:
        causes = ["loss-is-a-number", "loss-never-computed"]
        if kind == "int":
            causes.reverse()
        return Found(*causes)
    if kind in ("tuple", "list", "dict"):
        code = "sum(losses.values()).backward()" if kind == "dict" else "loss[0].backward()"
        return Found("loss-in-a-container", code=code)
    if kind == "str":
        return Found("loss-is-text")
    return Found("backward-of-module") if MODULE.fullmatch(kind) else None
