"""Messages of views, inference tensors and results that are written into given tensors."""

from __future__ import annotations

from fcinspect.diagnosis.records import Cause, Pattern, known

PATTERNS: tuple[Pattern, ...] = (
    known(
        "backward",
        "BackwardHookFunction is a view and is being modified inplace",
        r"Output (?P<place>\d+) of BackwardHookFunction\w* is a view and is being modified inplace",
        "The output of a module with a full backward hook was changed in place.",
        Cause(
            "hooked-output-changed-in-place",
            "An in-place operation, such as += or ReLU(inplace=True), follows the hooked module",
            "The message names BackwardHookFunction, which a full backward hook puts in",
            "Write that operation out of place",
            "y = y + 1  # in place of y += 1",
        ),
    ),
    known(
        "backward",
        "is a view and is being modified inplace",
        r"Output (?P<place>\d+) of (?P<operation>\w+?)(?:Backward\d*)? is a view and is being "
        r"modified inplace",
        "One of several views that {operation} returned was changed in place.",
        Cause(
            "view-changed-in-place",
            "A part that split, chunk, unbind or iterating over a tensor gave is changed with +=",
            "The message names output {place} of {operation}",
            "Write the change out of place",
            "part = part + 1  # in place of part += 1",
        ),
    ),
    known(
        "backward",
        "A view was created in no_grad mode",
        r"A view was created in (?P<mode>no_grad|inference) mode and is being modified inplace",
        "A view was made in {mode} mode and changed in place outside of it.",
        Cause(
            "view-from-no-grad",
            "The view and its in-place change stand on two sides of the with block",
            "The message names {mode} mode",
            "Move both into the block",
            "with torch.no_grad(): layer.weight[0].mul_(2)",
        ),
    ),
    known(
        "backward",
        "detach views in-place",
        r"Can't detach views in-place",
        "detach_() was called on a view.",
        Cause(
            "detach-of-view",
            "The tensor is a part of another one, which would have to be detached too",
            "The message says that views cannot be detached in place",
            "Use detach(), which returns a new tensor",
            "part = part.detach()",
        ),
    ),
    known(
        "backward",
        "Inference tensors cannot be saved for backward",
        r"Inference tensors cannot be saved for backward",
        "A tensor made under torch.inference_mode() came into a computation that records a graph.",
        Cause(
            "inference-tensor-in-training",
            "Features or embeddings were computed under inference_mode and are trained on",
            "Tensors made in inference mode stay so for good",
            "Make them under torch.no_grad(), or give a copy to the layer",
            "y = layer(x.clone())",
        ),
    ),
    known(
        "backward",
        "Inplace update to inference tensor outside InferenceMode",
        r"Inplace update to inference tensor outside InferenceMode is not allowed",
        "A tensor made under torch.inference_mode() was changed in place outside of it.",
        Cause(
            "inference-tensor-changed",
            "The tensor, or a parameter or buffer, was made or loaded under inference_mode",
            "Tensors made in inference mode may be changed only there",
            "Change a copy, or use torch.no_grad()",
            "x = x.clone(); x += 1",
        ),
    ),
    known(
        "backward",
        "requires_grad=True on inference tensor",
        r"Setting requires_grad=True on inference tensor outside InferenceMode is not allowed",
        "A gradient was asked for a tensor made under torch.inference_mode().",
        Cause(
            "inference-tensor-requires-grad",
            "The tensor was made under inference_mode",
            "Tensors made in inference mode have no gradients",
            "Let a copy require the gradient",
            "x = x.clone().requires_grad_(True)",
        ),
    ),
    known(
        "backward",
        "Inference tensors do not track version counter",
        r"Inference tensors do not track version counter",
        "A tensor made under torch.inference_mode() came to where its changes are counted.",
        Cause(
            "inference-tensor-in-training",
            "The tensor was made under inference_mode",
            "Such tensors do not count their in-place changes",
            "Make it under torch.no_grad(), or use a copy",
            "x = x.clone()",
        ),
    ),
    known(
        "backward",
        "support automatic differentiation, but one of the arguments requires grad",
        r"(?P<function>\w+)\(\): functions with out=\.\.\. arguments don't support automatic "
        r"differentiation",
        "{function} was called with out=, and one of its arguments requires a gradient.",
        Cause(
            "out-with-gradient",
            "The result is written into a given tensor, which autograd cannot record",
            "The message names {function} and out=",
            "Take the result as it is returned, or compute under torch.no_grad()",
            "y = torch.{function}(x, w)",
        ),
    ),
)
