"""Messages of the backward pass: in-place changes, gradients and who gives them."""

from __future__ import annotations

import re
from math import isqrt, prod
from typing import Any

from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.records import Decision, Shape, pick

TRANSPOSED_WEIGHT = re.compile(r"^(AsStrided|T|Transpose)$")
"""How the weight of a linear layer stands in its graph."""
TENSOR = re.compile(r"torch\.(?:\w+\.)*(\w*)Tensor|Tensor")
INFINITE = {
    "Sqrt": "the square root of 0 has an infinite gradient: sqrt(x + eps)",
    "Pow": "0 raised to a power below 1 has an infinite gradient",
    "Log": "log of 0 or less: log(x.clamp(min=eps))",
    "Div": "division by 0: x / (y + eps)",
    "Norm": "the norm of a zero vector has no gradient",
    "LinalgVectorNorm": "the norm of a zero vector has no gradient",
}
"""Where the gradient of an operation is not finite."""
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
PRODUCTS = {
    "Addmm": ("bias", "input", "weight"),
    "Mm": ("input", "weight"),
    "Linear": ("input", "weight", "bias"),
    "Bmm": ("left factor", "right factor"),
    "Baddbmm": ("addend", "left factor", "right factor"),
    "Mv": ("matrix", "vector"),
    "Addmv": ("bias", "matrix", "vector"),
    "Matmul": ("left factor", "right factor"),
}
"""Products of torch's own, and what their inputs are in a layer."""
OF_TORCH = re.compile(
    "Add|Sub|Mul|Div|(?:Unsafe)?View|Reshape|Expand|T|Transpose|Permute|(?:Uns|S)queeze|Cat|Stack"
    "|Sum|Mean|Select|Slice|Index(?:Select)?|Embedding|CopySlices|CopyBackwards|Relu|Threshold"
    "|(?:Cudnn|Mkldnn)?Convolution|ThnnConv2D|(?:Cudnn|Native)BatchNorm|NativeLayerNorm|NllLoss"
    "|(?:Log)?Softmax|MseLoss|Gather|Where"
)
"""Other operations of torch's own."""
LOOP = re.compile(r"\b(?P<name>p|param|params|parameter|par)\.grad\b")
"""What parameters are called in a loop over them."""
NO_GRADIENT = (
    "backward-not-run", "gradient-of-non-leaf", "parameter-unused/frozen", "zero-grad-sets-none",
)  # fmt: skip


def graph_twice(facts: Facts) -> Decision:
    """Trying to backward through the graph a second time"""
    others = ("graph-freed", "state-not-detached", "retain-graph-needed")
    frame = facts.own_frame
    called = re.match(r"\(?([\w.]+)\)?\.backward\(", frame.code) if frame else None
    losses = set(re.findall(r"\b([\w.]+)\.backward\(", facts.text)) - {"torch.autograd", "autograd"}
    plain = {"self", "torch.autograd.Variable", "ctx", "_forward_cls", "self._forward_cls"}
    named = called[1] if called else ""
    if not named or re.fullmatch(r"(?:self\.)?(?:loss|output|y|x|l|total_loss|tensor)", named):
        return Decision("graph-freed", "two-losses-one-graph", *others[1:])
    if not re.search(r"loss|err|cost", named, re.IGNORECASE):
        return Decision("graph-freed", "two-losses-one-graph", *others[1:])
    also = sorted(losses - plain - {named})
    why = f"{named} is named as one loss of several"
    why = f"the text also calls {also[0]}.backward()" if also else why
    values = {"loss": named, "why": why, "line": f"line {frame.line}" if frame else "this line"}
    return Decision("two-losses-one-graph/named", *others, **values)


def in_place(shape: Shape, operation: str, version: str, expected: str) -> Decision:
    """… has been modified by an inplace operation: [torch.FloatTensor [4, 3]], …"""
    made_by = re.sub(r"^.*::|Backward\d*$", "", operation)
    told = f"A {shape} tensor" if shape else "A tensor"
    if made_by:
        told += f", the output of {made_by},"
    happened = f"{told} was changed in place after the forward pass but is needed for the gradient."
    if version:
        changes = int(version) - int(expected)
        times = "once" if changes == 1 else f"{changes} times"
        happened = (
            f"{told} was changed in place {times} after the forward pass saved it "
            f"(version {version}, expected {expected}), but is needed for the gradient."
        )
    activation = "activation-changed-in-place" if made_by else "activation-changed-in-place/unnamed"
    causes: tuple[str, ...] = (activation, "step-before-backward")
    if TRANSPOSED_WEIGHT.match(made_by):
        of_layer = "step-before-backward/layer" if len(shape) == 2 else "step-before-backward"
        causes = (of_layer, activation)
    elif not made_by and shape:
        causes = ("input-changed-in-place", "step-before-backward")
    columns, rows = shape if len(shape) == 2 else (0, 0)
    return Decision(*causes, happened=happened, made_by=made_by, columns=columns, rows=rows)


def mismatch(got: Shape, needed: Shape) -> Decision:
    """Mismatch in shape: grad_output[0] has a shape of torch.Size([2]) and output[0] …"""
    return Decision("grad-output-shape" if needed else "gradient-for-scalar")


def nan(operation: str, place: int) -> Decision:
    """Function 'SqrtBackward0' returned nan values in its 0th output."""
    found = _nan(operation, place)
    inputs = PRODUCTS.get(operation, ())
    found.values["which"] = f", the {inputs[place]}" if place < len(inputs) else ""
    if inputs:
        found.causes = ("infinite-from-behind",)
    elif "oftmax" in operation:
        found.causes = ("infinite-from-behind/softmax", "values-overflowed")
    return found


def _nan(operation: str, place: int) -> Decision:
    where = INFINITE.get(operation, "")
    code = "y = (x + 1e-12).sqrt()" if operation == "Sqrt" else "x = x.clamp(min=1e-12)"
    infinite = pick("infinite-times-zero", where=f": {where}" if where else "", code=code)
    nth = {0: "first", 1: "second", 2: "third"}.get(place, f"{place + 1}th")
    if where:
        return Decision(infinite, "values-overflowed", nth=nth)
    return Decision("values-overflowed", infinite, nth=nth)


def assigned(kind: str, registering: str, name: str, facts: Facts) -> Decision:
    """cannot assign 'torch.FloatTensor' as parameter 'weight' (torch.nn.Parameter or None …)"""
    frame = facts.own_frame
    written = re.match(rf"self\.{name} = (?P<to>[^=].*)$", frame.code) if frame else None
    if written is not None and not registering and "self." in written["to"]:
        code = f"with torch.no_grad(): self.{name}.copy_({written['to']})"
        return Decision("parameter-replaced-by-tensor/line", code=code)
    causes = ["parameter-replaced-by-tensor", "parameter-not-wrapped"]
    if registering:
        causes.reverse()
    return Decision(*causes, values="w" if TENSOR.fullmatch(kind) else "torch.as_tensor(w)")


def assigned_size(got: Shape, needed: Shape) -> Decision:
    """attempting to assign a gradient of size '[4, 3]' to a tensor of size '[3, 4]'"""
    turned = len(got) == 2 and got == needed[::-1]
    return Decision("gradient-transposed/assigned" if turned else "gradient-shape")


def invalid(function: str, index: int, got: Shape, needed: Shape) -> Decision:
    """Function F returned an invalid gradient at index 1 - got [2, 3] but expected shape …"""
    plain = re.sub(r"Backward\d*$", "", function)
    if plain in PRODUCTS and function != plain:
        return _unnoticed(PRODUCTS[plain], index, got, needed)
    if OF_TORCH.fullmatch(plain) and function != plain:
        return Decision("shapes-unnoticed")
    if len(got) == 2 and got == needed[::-1] and got != needed:
        return Decision("gradient-transposed", "gradients-in-wrong-order")
    if len(needed) > len(got) and prod(needed) == prod(got):
        rows = "·".join(map(str, needed[: len(needed) - len(got) + 1]))
        flat = prod(needed[: len(needed) - len(got) + 1])
        return Decision("gradient-flattened", rows=rows, flat=flat)
    if len(got) > len(needed) and got[len(got) - len(needed) :] == needed:
        return Decision("gradient-not-summed", first=prod(got[: len(got) - len(needed)]))
    first = len(got) == len(needed) == 2 and got[0] == needed[0]
    if first or len(got) > 2 or index > 2:
        return Decision("gradient-shape/own", *["gradients-in-wrong-order"] * (index <= 2))
    return Decision("gradients-in-wrong-order", "gradient-shape/own")


def _unnoticed(inputs: tuple[str, ...], index: int, got: Shape, needed: Shape) -> Decision:
    """Return why a product of torch's own has a gradient of another shape than its input."""
    role = inputs[index] if index < len(inputs) else ""
    if len(got) != 2 or len(needed) != 2 or role not in ("input", "weight"):
        return Decision("shapes-unnoticed")
    axis = 1 if role == "input" else 0
    if got[1 - axis] != needed[1 - axis]:
        return Decision("shapes-unnoticed")
    arriving, takes = (needed, got) if role == "input" else (got, needed)
    values: dict[str, Any] = {"arriving": arriving[axis], "takes": takes[axis]}
    times = arriving[axis] // takes[axis] if takes[axis] else 0
    side = isqrt(times)
    if times > 1 and times * takes[axis] == arriving[axis] and side * side == times:
        pooled = pick("pool-before-linear", times=f"{side}·{side}", side=side)
        return Decision(pooled, "in-features", **values)
    return Decision("in-features", **values)


def count(expected: int, got: int) -> Decision:
    """function F returned an incorrect number of gradients (expected 2, got 1)"""
    names = ["grad_input", "grad_weight", "grad_bias"][:expected]
    names += ["None"] * (expected - len(names))
    cause = "too-few-gradients" if got < expected else "too-many-gradients"
    return Decision(cause, s="" if got == 1 else "s", names=", ".join(names))


def jacobian(facts: Facts) -> Decision:
    """Jacobian mismatch for output 0 with respect to input 0"""
    if "float64" in facts.message:
        return Decision("backward-wrong/float64")
    return Decision("gradcheck-in-float32", "backward-wrong")


def none_attribute(asked: str, facts: Facts) -> Decision | None:
    """'NoneType' object has no attribute 'zero_'"""
    if _of_gradient(facts) or (asked in OF_GRADIENTS and not facts.frames):
        return _no_gradient(facts)
    return None


def none_operand(left: str, right: str, facts: Facts) -> Decision | None:
    """unsupported operand type(s) for *: 'float' and 'NoneType'"""
    if facts.frames and not _of_gradient(facts):
        return None
    if "NoneType" not in (left, right) or {left, right} - OPERANDS:
        return None
    return _no_gradient(facts)


def none_argument(facts: Facts) -> Decision | None:
    """mul(): argument 'other' (position 1) must be Tensor, not NoneType"""
    return _no_gradient(facts) if _of_gradient(facts) else None


def _no_gradient(facts: Facts) -> Decision:
    """Return why a gradient is None: the line that asks for it tells most.

    In a loop over parameters, or of a parameter that such loops name so, some have none. Where a
    name is bound to a result of itself above, what it holds is no leaf any more.
    """
    line = facts.own_place.code.strip() or _line_in(facts)
    found = LOOP.search(line)
    looped = re.search(r"for \w+(?:, ?\w+)? in [^\n]*parameters\(\)", facts.text)
    if found is not None or (looped and ".grad" in line):
        name = found["name"] if found else "p"
        head = re.sub(r"^for [^:]*:\s*", "", line)
        guarded = f"if {name}.grad is not None:\n    {head}"
        loop = pick("parameter-unused/loop", line=f"the line {line!r}", guarded=guarded)
        return Decision(loop, *(c for c in NO_GRADIENT if c != "parameter-unused/frozen"))
    asked = re.search(r"(\w+)\.grad\b", line)
    if asked and re.search(rf"\b{asked[1]} = {asked[1]}\s*[-+*/.]", facts.text):
        rest = (c for c in NO_GRADIENT if c != "gradient-of-non-leaf")
        return Decision("gradient-of-non-leaf", *rest)
    return Decision(*NO_GRADIENT)


def _line_in(facts: Facts) -> str:
    """Return the line of a text without a traceback that asks for a gradient."""
    lines = [line.strip(" >-") for line in facts.text.splitlines() if ".grad" in line]
    return lines[-1] if lines else ""


def _of_gradient(facts: Facts) -> bool:
    """Whether the reader's own line asks for a gradient."""
    return re.search(r"\.grad\b|\bgrads?\b", facts.own_place.code) is not None


def no_backward(kind: str) -> Decision | None:
    """'float' object has no attribute 'backward'"""
    if kind == "NoneType":
        return Decision("loss-not-returned", happened="backward() was called on None.")
    if kind in NUMBERS:
        causes = ["loss-is-a-number", "loss-never-computed"]
        if kind == "int":
            causes.reverse()
        return Decision(*causes)
    if kind in ("tuple", "list", "dict"):
        code = "sum(losses.values()).backward()" if kind == "dict" else "loss[0].backward()"
        return Decision("loss-in-a-container", code=code)
    if kind == "str":
        return Decision("loss-is-text")
    return Decision("backward-of-module") if MODULE.fullmatch(kind) else None
