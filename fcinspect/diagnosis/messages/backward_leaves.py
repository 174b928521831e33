"""Messages of leaves and parameters: in-place changes, flags, values and gradients given."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.messages.losses_sizes import shape_of
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

TENSOR = re.compile(r"torch\.(?:\w+\.)*(\w*)Tensor|Tensor")
UPDATE = Cause(
    "leaf-changed-in-place",
    "A parameter is updated or initialised by hand, and autograd records it",
    "The message names a leaf that requires grad, as every parameter is",
    "Change it under torch.no_grad()",
    "with torch.no_grad(): w -= lr * w.grad",
)
INIT = Cause(
    "initialised-in-place",
    "The tensor was made with requires_grad=True and filled or scaled afterwards",
    "Before the tensor requires a gradient nothing would be recorded",
    "Fill it first, then let it require a gradient",
    "w = torch.zeros(3, 4); w[0] = 1; w.requires_grad_(True)",
)


def _assigned(match: Match[str], reported: Reported) -> Diagnosis:
    kind, name = match["kind"], match["name"]
    happened = (
        f"Something of type {kind} was assigned to {name}, which is a parameter and takes only a "
        "Parameter or None."
    )
    values = "w" if TENSOR.fullmatch(kind) else "torch.as_tensor(w)"
    copied = Cause(
        "parameter-replaced-by-tensor",
        f"{name} is to get new values, and they were assigned to the name itself",
        f"The message names {kind} for the parameter '{name}'",
        "Copy the values into the parameter, so that the optimizer keeps it",
        f"with torch.no_grad(): layer.{name}.copy_({values})",
    )
    fresh = Cause(
        "parameter-not-wrapped",
        f"{name} is to become a new parameter",
        "Parameter or None is expected",
        "Wrap the tensor, before the optimizer is made",
        f"layer.{name} = nn.Parameter({values})",
    )
    causes = (fresh, copied) if match["registering"] else (copied, fresh)
    return Diagnosis("backward", one_line(match.group()), happened, causes)


def _assigned_size(match: Match[str], reported: Reported) -> Diagnosis:
    got, needed = shape_of(match["got"] or ""), shape_of(match["needed"] or "")
    if not match["got"]:
        happened = "A gradient was assigned that has another shape than its tensor."
        code = "layer.weight.grad = g.view_as(layer.weight)"
        fix, says = "Give the gradient the shape of the tensor", "The message names the size"
        causes = (Cause("gradient-shape", "The gradient's shape differs", says, fix, code),)
        return Diagnosis("backward", one_line(match.group()), happened, causes)
    happened = f"A gradient of shape {got} was assigned to a tensor of shape {needed}."
    if len(got) == 2 and got == needed[::-1]:
        cause = Cause(
            "gradient-transposed",
            "The gradient is transposed",
            f"{got} is {needed} in reverse order; grad_weight is out_features × in_features",
            "Transpose it",
            "layer.weight.grad = g.T",
        )
    else:
        cause = Cause(
            "gradient-shape",
            "The gradient has another shape than its tensor",
            f"{got} against {needed}",
            f"Give the gradient the shape {needed}",
            "layer.weight.grad = g.view_as(layer.weight)",
        )
    return Diagnosis("backward", one_line(match.group()), happened, (cause,))


PATTERNS: tuple[Pattern, ...] = (
    known(
        "backward",
        "a view of a leaf Variable that requires grad",
        r"a view of a leaf Variable that requires grad (?:is being|has been) used in an in-place "
        r"operation",
        "A part of a leaf, such as w[0] or w.view(…), was changed in place while autograd records.",
        Cause(
            "leaf-view-changed-in-place",
            "Some entries of a parameter are written by index or through a view",
            "The message names a view of a leaf that requires grad",
            "Write them under torch.no_grad()",
            "with torch.no_grad(): layer.weight[0] = 0",
        ),
        INIT,
    ),
    known(
        "backward",
        "a leaf Variable that requires grad",
        r"a leaf Variable that requires grad (?:is being|has been) used in an in-place operation",
        "A leaf, such as a parameter, was changed in place while autograd records.",
        UPDATE,
        INIT,
    ),
    known(
        "backward",
        "moved into the graph interior",
        r"leaf variable has been moved into the graph interior",
        "A leaf was changed in place and so became a result of that operation.",
        UPDATE,
        INIT,
    ),
    known(
        "backward",
        "can only change requires_grad flags of leaf variables",
        r"you can only change requires_grad flags of leaf variables",
        "requires_grad was set on the result of a computation, where it follows from the inputs.",
        Cause(
            "flag-of-non-leaf",
            "An activation is to be kept out of the gradient",
            "Only for leaves, such as parameters, can the flag be changed",
            "Detach it, or compute it under torch.no_grad()",
            "h = h.detach()",
        ),
        Cause(
            "freeze-parameters",
            "A layer is to be frozen",
            "The flag belongs to the layer's parameters, not to its output",
            "Set the flag of the parameters",
            "for p in layer.parameters(): p.requires_grad_(False)",
        ),
    ),
    known(
        "backward",
        "attribute of a Tensor that is not a leaf",
        r"The \.grad attribute of a Tensor that is not a leaf Tensor is being accessed",
        "The gradient of a computed tensor was asked for; only leaves keep theirs, so it is None.",
        Cause(
            "non-leaf-grad",
            "The gradient of an activation is wanted",
            "The message says that the tensor is not a leaf",
            "Let the tensor keep its gradient, before backward()",
            "h.retain_grad()",
        ),
        Cause(
            "leaf-lost",
            "A tensor with requires_grad=True was moved or scaled, and the result took its name",
            "w = torch.randn(3, 4, requires_grad=True).to(device) is no leaf any more",
            "Move or scale it first, then let it require a gradient",
            "w = (torch.randn(3, 4) * 0.01).to(device).requires_grad_(True)",
        ),
    ),
    known(
        "backward",
        "Tensors of floating point",
        r"[Oo]nly Tensors of floating point (?:and complex )?dtype can require gradients",
        "A gradient was asked for a tensor of integers or booleans.",
        Cause(
            "integer-requires-grad",
            "The tensor was made from integers, as torch.tensor([1, 2]) and torch.arange do",
            "Only floating-point and complex numbers have gradients",
            "Make it floating point",
            "w = torch.tensor([1.0, 2.0], requires_grad=True)",
        ),
        Cause(
            "integer-parameter",
            "Something that is not learned, such as indices or a mask, was made a Parameter",
            "A Parameter requires a gradient by default",
            "Register it as a buffer",
            "self.register_buffer('mask', mask)",
        ),
    ),
    known(
        "backward",
        "data has to be a tensor",
        r"Variable data has to be a tensor, but got (?P<kind>[\w.]+)",
        "Something of type {kind} was written into .data, which takes a tensor.",
        Cause(
            "data-not-tensor",
            "The new values have the type {kind}",
            "The message names {kind}",
            "Make a tensor of it and copy it in",
            "with torch.no_grad(): layer.weight.copy_(torch.as_tensor(w))",
        ),
    ),
    known(
        "backward",
        "cannot resize variables that require grad",
        r"cannot resize variables that require grad",
        "resize_() was called on a tensor that requires a gradient.",
        Cause(
            "parameter-resized",
            "A parameter was given another shape in place",
            "The gradient of the old shape would not fit any more",
            "Make a new layer and copy what is to be kept",
            "new = nn.Linear(in_features, out_features)",
        ),
    ),
    known(
        "backward",
        "Only Tensors created explicitly by the user",
        r"Only Tensors created explicitly by the user (?:\(graph leaves\) )?support the deepcopy "
        r"protocol",
        "copy.deepcopy met a tensor that was computed, and it copies leaves only.",
        Cause(
            "deepcopy-of-non-leaf",
            "The model keeps an activation or loss as an attribute, with its graph",
            "The message says that the tensor is no leaf of the graph",
            "Keep it detached",
            "self.h = h.detach()",
        ),
        Cause(
            "weight-norm-deepcopy",
            "torch.nn.utils.weight_norm computes the weight, which is then no leaf",
            "The message names weight_norm as a possible reason",
            "Use the parametrization, which can be copied",
            "layer = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))",
        ),
    ),
    Pattern(
        "torch.nn.Parameter or None",
        r"cannot assign '(?P<kind>[\w.]+)'(?:(?P<registering> object to)| as) parameter "
        r"'(?P<name>\w+)'",
        _assigned,
    ),
    known(
        "backward",
        "Cannot assign non-leaf Tensor to parameter",
        r"Cannot assign non-leaf Tensor to parameter '(?P<name>\w+)'",
        "{name} was to become a parameter, and is the result of a computation.",
        Cause(
            "parameter-computed",
            "The parameter is computed from another tensor",
            "The message says that {name} is no leaf",
            "Keep what it is computed from as the parameter, and compute it in forward()",
            "self.raw = nn.Parameter(raw)  # in forward: {name} = self.raw * 2",
        ),
    ),
    Pattern(
        "ssign",
        r"attempting to assign a gradient of size '(?P<got>\[[\d, ]*\])' to a tensor of size "
        r"'(?P<needed>\[[\d, ]*\])'|assigned grad has data of a different size",
        _assigned_size,
    ),
    known(
        "backward",
        "ssign",
        r"attempting to assign a gradient with dtype '(?P<got>\w+)' to a tensor with "
        r"(?:grad_)?dtype '(?P<needed>\w+)'|assigned grad has data of a different type",
        "A gradient was assigned that has another dtype than its tensor.",
        Cause(
            "gradient-dtype",
            "The gradient was computed in another dtype, such as NumPy's float64",
            "The gradient must have the tensor's dtype",
            "Convert the gradient",
            "layer.weight.grad = g.to(layer.weight.dtype)",
        ),
    ),
    known(
        "backward",
        "ssign",
        r"attempting to assign a gradient with device type '(?P<got>\w+)' to a tensor with device "
        r"type '(?P<needed>\w+)'|assigned grad has data located on a different device",
        "A gradient was assigned that is on another device than its tensor.",
        Cause(
            "gradient-device",
            "The gradient was computed on another device",
            "The gradient must be where its tensor is",
            "Move the gradient",
            "layer.weight.grad = g.to(layer.weight.device)",
        ),
    ),
    known(
        "backward",
        "assigned grad expected to be a Tensor or None",
        r"assigned grad expected to be a Tensor or None but got grad of type (?P<kind>[\w.]+)",
        "Something of type {kind} was assigned as a gradient.",
        Cause(
            "gradient-not-tensor",
            "The gradient has the type {kind}",
            "The message names {kind} where a tensor or None is expected",
            "Make a tensor of it",
            "layer.weight.grad = torch.as_tensor(g, dtype=layer.weight.dtype)",
        ),
    ),
    known(
        "backward",
        "call numpy() on",
        r"Can't call numpy\(\) on (?:Tensor|Variable) that requires grad",
        "A tensor with a gradient was to become a NumPy array, which cannot carry the graph.",
        Cause(
            "detach-before-numpy",
            "The output of a model is plotted, stored or given to NumPy as it is",
            "The message says that the tensor requires grad",
            "Detach it first; for evaluation compute it under torch.no_grad()",
            "array = y.detach().cpu().numpy()",
        ),
    ),
    known(
        "backward",
        "Converting a tensor with requires_grad=True to a scalar",
        r"Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior",
        "float() or int() was called on a tensor with a gradient, and the number has no graph.",
        Cause(
            "detach-before-scalar",
            "A loss is turned into a number to be printed or summed",
            "The message says that the tensor has requires_grad=True",
            "Take the number with item()",
            "total += loss.item()",
        ),
    ),
)
