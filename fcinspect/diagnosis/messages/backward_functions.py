"""Messages of custom autograd functions, hooks and gradient checks."""

from __future__ import annotations

from re import Match

from fcinspect.diagnosis.messages.losses_sizes import shape_of
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

Shape = tuple[int, ...]


def _invalid(match: Match[str], reported: Reported) -> Diagnosis:
    name, index = match["function"], int(match["index"])
    got, needed = shape_of(match["got"]), shape_of(match["needed"])
    happened = (
        f"{name} returned a gradient of shape {got} at place {index}, and input {index} of the "
        f"forward pass has shape {needed}."
    )
    return Diagnosis("backward", one_line(match.group()), happened, _shaped(index, got, needed))


def _shaped(index: int, got: Shape, needed: Shape) -> tuple[Cause, ...]:
    if len(got) == 2 and got == needed[::-1]:
        transposed = Cause(
            "gradient-transposed",
            "The product for the gradient is transposed",
            f"{got} is {needed} in reverse order; grad_weight = grad_outputᵀ × input",
            "Take the factors in the order of grad_output.T @ x",
            "grad_weight = grad_output.T @ x",
        )
        return transposed, _order(index, got, needed)
    return (_order(index, got, needed),)


def _order(index: int, got: Shape, needed: Shape) -> Cause:
    return Cause(
        "gradients-in-wrong-order",
        "backward() returns its gradients in another order than forward() takes its inputs",
        f"Place {index} holds {got} where {needed} is needed",
        "Return one gradient for each input of forward(), in that order",
        "return grad_input, grad_weight, grad_bias",
    )


def _count(match: Match[str], reported: Reported) -> Diagnosis:
    name, expected, got = match["function"], int(match["expected"]), int(match["got"])
    happened = (
        f"{name} returned {got} gradient{'s' if got != 1 else ''}, and its forward pass took "
        f"{expected} inputs."
    )
    names = ["grad_input", "grad_weight", "grad_bias"][:expected]
    names += ["None"] * (expected - len(names))
    few = Cause(
        "too-few-gradients" if got < expected else "too-many-gradients",
        "backward() does not return one gradient for each input of forward()",
        f"Expected {expected}, got {got}",
        "Return one for each input, None for those without a gradient",
        f"return {', '.join(names)}",
    )
    return Diagnosis("backward", one_line(match.group()), happened, (few,))


def _hook_count(match: Match[str], reported: Reported) -> Diagnosis:
    got, expected = match["got"], match["expected"]
    happened = (
        f"A backward hook returned {got} gradients for the inputs of a module that has {expected}."
    )
    returned = Cause(
        "hook-return",
        "The hook returns a tensor, whose rows are counted, or the gradients of something else",
        f"Got {got}, expected {expected}",
        "Return a tuple with one gradient for each input, or nothing",
        "return (grad_input[0] * 0.5,)",
    )
    return Diagnosis("backward", one_line(match.group()), happened, (returned,))


def _jacobian(match: Match[str], reported: Reported) -> Diagnosis:
    happened = (
        f"The gradient of output {match['output']} by input {match['input']} and the one by "
        "finite differences differ."
    )
    float32 = Cause(
        "gradcheck-in-float32",
        "The check was run in float32",
        "Finite differences of step 1e-6 have hardly a correct digit in float32",
        "Check in float64",
        "torch.autograd.gradcheck(layer.double(), x.double().requires_grad_(True))",
    )
    wrong = Cause(
        "backward-wrong",
        "backward() computes another gradient than that of forward()",
        "The matrices of the message are float64, in which the two agree if it is right"
        if "float64" in reported.message
        else "The matrices of the message do not say float64",
        "Compare the two matrices of the message: a constant ratio is a lost factor",
        None,
    )
    causes = (wrong,) if "float64" in reported.message else (float32, wrong)
    return Diagnosis("backward", one_line(match.group()), happened, causes)


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "returned an invalid gradient at index",
        r"[Ff]unction (?P<function>\w+) returned an invalid gradient at index (?P<index>\d+) - "
        r"got (?P<got>\[[\d, ]*\]) but expected shape compatible with (?P<needed>\[[\d, ]*\])",
        _invalid,
    ),
    known(
        "backward",
        "returned an invalid gradient at index",
        r"[Ff]unction (?P<function>\w+) returned an invalid gradient at index (?P<index>\d+) - "
        r"expected (?:device|type) (?P<needed>[\w.:]+) but got (?P<got>[\w.:]+)",
        "{function} returned a gradient of {got} at place {index}, where {needed} is needed.",
        Cause(
            "gradient-on-another-device",
            "A tensor of the forward pass was on another device or of another type",
            "{got} against {needed}",
            "Bring the layer, the input and the target to one device and dtype first",
            "x, y = x.to(device), y.to(device)",
        ),
    ),
    Pattern(
        "returned an incorrect number of gradients",
        r"[Ff]unction (?P<function>\w+) returned an incorrect number of gradients "
        r"\(expected (?P<expected>\d+), got (?P<got>\d+)\)",
        _count,
    ),
    known(
        "backward",
        "expected Variable or None",
        r"expected Variable or None \(got (?P<kind>[\w.]+)\)",
        "backward() of a custom function returned something of type {kind}, and may return tensors "
        "or None.",
        Cause(
            "gradient-not-tensor",
            "A gradient has the type {kind}",
            "The message names {kind}",
            "Return tensors",
            "return grad_input, grad_weight",
        ),
    ),
    known(
        "backward",
        "save_for_backward can only save variables",
        r"save_for_backward can only save variables, but argument (?P<place>\d+) is of type "
        r"(?P<kind>[\w.]+)",
        "save_for_backward was given something of type {kind} as argument {place}, and takes "
        "tensors.",
        Cause(
            "saved-not-tensor",
            "A number or shape is handed to save_for_backward",
            "Argument {place} is of type {kind}",
            "Keep it as an attribute of ctx",
            "ctx.size = size",
        ),
    ),
    known(
        "backward",
        "implement either the backward or vjp method",
        r"You must implement either the backward or vjp method for your custom autograd\.Function",
        "A custom function has no backward().",
        Cause(
            "function-without-backward",
            "backward() is missing, misspelt or indented wrongly",
            "The message asks for backward or vjp",
            "Write backward() as a static method of the class",
            "@staticmethod\ndef backward(ctx, grad_output): ...",
        ),
    ),
    known(
        "backward",
        "Legacy autograd function with non-static forward method",
        r"Legacy autograd function with non-static forward method is deprecated",
        "A custom function was made and called like a module.",
        Cause(
            "function-not-applied",
            "The class is called, or its methods are not static",
            "The message asks for a static forward method",
            "Make forward() and backward() static methods, and call apply",
            "y = MyFunction.apply(x, weight)",
        ),
    ),
    known(
        "backward",
        "retain_grad on Tensor that has requires_grad=False",
        r"can't retain_grad on Tensor that has requires_grad=False",
        "A gradient is to be kept for a tensor that has none.",
        Cause(
            "no-requires-grad",
            "The tensor is an input without requires_grad=True, or was made under no_grad",
            "The message says that it has requires_grad=False",
            "Let it require a gradient before the forward pass",
            "x.requires_grad_(True)",
        ),
    ),
    known(
        "backward",
        "cannot register a hook on a tensor that doesn't require gradient",
        r"cannot register a hook on a tensor that doesn't require gradient",
        "A gradient hook is to be put on a tensor that has no gradient.",
        Cause(
            "no-requires-grad",
            "The tensor is an input without requires_grad=True, or was made under no_grad",
            "The message says that it does not require a gradient",
            "Let it require a gradient before the forward pass",
            "x.requires_grad_(True)",
        ),
    ),
    known(
        "backward",
        "has changed the size of value",
        r"hook '(?P<hook>[^']+)' has changed the size of value",
        "The hook {hook} returned a gradient of another shape than it was given.",
        Cause(
            "hook-changed-shape",
            "The hook returns a part, a sum or a mean of the gradient",
            "The message says that {hook} changed the size",
            "Return a gradient of the same shape, or nothing",
            "h.register_hook(lambda g: g * 0.5)",
        ),
    ),
    known(
        "backward",
        "but hook returned",
        r"expected Variable, but hook returned '(?P<kind>[\w.]+)'",
        "A gradient hook returned something of type {kind}, and may return a tensor or nothing.",
        Cause(
            "hook-return",
            "The hook returns something of type {kind}",
            "The message names {kind}",
            "Return a tensor of the gradient's shape, or nothing",
            "h.register_hook(lambda g: g * 0.5)",
        ),
    ),
    Pattern(
        "Backward hook returned an invalid number of grad_input",
        r"Backward hook returned an invalid number of grad_input, got (?P<got>\d+), but expected "
        r"(?P<expected>\d+)",
        _hook_count,
    ),
    known(
        "backward",
        "both regular backward hooks and full backward hooks",
        r"Cannot use both regular backward hooks and full backward hooks on a single Module",
        "A module has hooks of register_backward_hook and of register_full_backward_hook.",
        Cause(
            "mixed-backward-hooks",
            "The two kinds of hooks are mixed on one module",
            "The message allows one of them",
            "Register all of them as full backward hooks",
            "layer.register_full_backward_hook(hook)",
        ),
    ),
    known(
        "backward",
        "non-full backward hook",
        r"Using a non-full backward hook when the forward contains multiple autograd Nodes",
        "register_backward_hook was used on a module of several operations, and sees only the "
        "last one.",
        Cause(
            "non-full-backward-hook",
            "The hook was registered with register_backward_hook",
            "The message says that the hook will miss some grad_input",
            "Register it as a full backward hook",
            "layer.register_full_backward_hook(hook)",
        ),
    ),
    Pattern(
        "Jacobian mismatch for output",
        r"Jacobian mismatch for output (?P<output>\d+) with respect to input (?P<input>\d+)",
        _jacobian,
    ),
    known(
        "backward",
        "gradcheck expects at least one input tensor to require gradient",
        r"gradcheck expects at least one input tensor to require gradient",
        "gradcheck was given no input that requires a gradient.",
        Cause(
            "input-without-requires-grad",
            "The input was made without requires_grad=True",
            "The message says that none of the inputs requires one",
            "Make the input in float64 and let it require a gradient",
            "x = torch.randn(2, 4, dtype=torch.float64, requires_grad=True)",
        ),
    ),
    known(
        "backward",
        "Backward is not reentrant",
        r"Backward is not reentrant, i\.e\., running backward with same input",
        "Two backward passes with the same values gave different gradients.",
        Cause(
            "backward-not-deterministic",
            "backward() changes its inputs in place, or sums in a changing order on a GPU",
            "The message compares two runs with the same input and grad_output",
            "Change nothing in place in backward()",
            "grad_input = grad_output.clone()",
        ),
    ),
    known(
        "backward",
        "cudnn RNN backward can only be called in training mode",
        r"cudnn RNN backward can only be called in training mode",
        "backward() went through a recurrent layer that was in evaluation mode on the GPU.",
        Cause(
            "backward-in-eval-mode",
            "model.eval() was called before the forward pass",
            "The message asks for training mode",
            "Go back to training mode before the forward pass",
            "model.train()",
        ),
    ),
)
