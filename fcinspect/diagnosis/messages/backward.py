"""Messages of the backward pass: graphs, leaves, in-place changes and gradients."""

from __future__ import annotations

import re
from re import Match

from fcinspect.diagnosis.messages import (
    backward_functions,
    backward_leaves,
    backward_nothing,
    backward_views,
)
from fcinspect.diagnosis.messages.losses_sizes import shape_of
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

TRANSPOSED_WEIGHT = re.compile(r"^(AsStrided|T|Transpose)$")
"""How the weight of a linear layer stands in its graph."""


def _changed(match: Match[str], reported: Reported) -> Diagnosis:
    shape = shape_of(match["shape"] or "")
    operation = re.sub(r"^.*::|Backward\d*$", "", match["operation"] or "")
    version, expected = match["version"], match["expected"]
    told = f"A {shape} tensor" if match["shape"] else "A tensor"
    if operation:
        told += f", the output of {operation},"
    happened = f"{told} was changed in place after the forward pass and is needed for the gradient."
    if version is not None:
        changes = int(version) - int(expected)
        times = "once" if changes == 1 else f"{changes} times"
        happened = (
            f"{told} was changed in place {times} after the forward pass saved it "
            f"(version {version}, expected {expected}), and is needed for the gradient."
        )
    causes = _in_place(operation, shape, bool(match["shape"]))
    return Diagnosis("backward", one_line(match.group()), happened, causes)


def _in_place(operation: str, shape: tuple[int, ...], told: bool) -> tuple[Cause, ...]:
    which = f"The message names the output of {operation}" if operation else "No operation is named"
    activation = Cause(
        "activation-changed-in-place",
        "An activation was changed in place: +=, [...] =, a method ending in _ or inplace=True",
        f"{which}; its value is kept for the gradient"
        if operation
        else "The message does not name the operation that made the tensor",
        "Write the change out of place, and use no inplace=True",
        "h = h + 1  # in place of h += 1; nn.ReLU() in place of nn.ReLU(inplace=True)",
    )
    stepped = Cause(
        "step-before-backward",
        "optimizer.step() changed a weight between this graph's forward and backward pass",
        f"{which}; {shape} fits the weight of Linear(in_features={shape[0]}, "
        f"out_features={shape[1]}), transposed as the gradient of its input needs it"
        if len(shape) == 2 and TRANSPOSED_WEIGHT.match(operation)
        else "A parameter is changed in place by every step",
        "Run all backward passes before step(), or compute the forward pass anew after it",
        "loss1.backward(); loss2.backward(); optimizer.step()",
    )
    given = Cause(
        "input-changed-in-place",
        "The input of a layer was changed in place after the layer used it",
        "The message names no operation, as for an input or a parameter",
        "Change a copy",
        "x = x + 1  # in place of x += 1",
    )
    if TRANSPOSED_WEIGHT.match(operation):
        return stepped, activation
    if operation or not told:
        return activation, stepped
    return given, stepped


def _mismatch(match: Match[str], reported: Reported) -> Diagnosis:
    got, needed = shape_of(match["got"]), shape_of(match["needed"])
    happened = (
        f"The gradient handed to backward() has shape {got}, and the output it belongs to has "
        f"shape {needed}."
    )
    if not needed:
        scalar = Cause(
            "gradient-for-scalar",
            "A gradient was handed over for a loss that is one number",
            f"The output has shape {needed}, the gradient {got}",
            "Call backward() without a gradient",
            "loss.backward()",
        )
        return Diagnosis("backward", one_line(match.group()), happened, (scalar,))
    wrong = Cause(
        "grad-output-shape",
        "grad_output has another shape than the output",
        f"{got} against {needed}",
        "Give grad_output the shape of the output",
        "y.backward(torch.ones_like(y))",
    )
    return Diagnosis("backward", one_line(match.group()), happened, (wrong,))


def _nan(match: Match[str], reported: Reported) -> Diagnosis:
    operation, place = match["operation"], int(match["place"])
    happened = (
        f"The gradient of {operation} is NaN for its {_ordinal(place)} input; anomaly detection "
        "stopped there."
    )
    where = {
        "Sqrt": "the square root of 0 has an infinite gradient: sqrt(x + eps)",
        "Pow": "a power below 1 of 0 has an infinite gradient",
        "Log": "log of 0 or less: log(x.clamp(min=eps))",
        "Div": "a division by 0: x / (y + eps)",
        "Norm": "the norm of a zero vector has no gradient",
        "LinalgVectorNorm": "the norm of a zero vector has no gradient",
    }.get(operation)
    found = [
        Cause(
            "infinite-times-zero",
            "An operation was taken where its gradient is infinite or undefined",
            f"The message names {operation}" + (f": {where}" if where else ""),
            "Keep its input away from that point",
            "y = (x + 1e-12).sqrt()" if operation == "Sqrt" else "x = x.clamp(min=1e-12)",
        ),
        Cause(
            "values-overflowed",
            "The values overflowed before, by too large a learning rate or in float16",
            "A NaN or infinity that comes in goes on to every gradient behind it",
            "Look for the first value that is not finite",
            "assert x.isfinite().all() and loss.isfinite()",
        ),
    ]
    if where is None:
        found.reverse()
    return Diagnosis("backward", one_line(match.group()), happened, tuple(found))


def _ordinal(place: int) -> str:
    return {0: "first", 1: "second", 2: "third"}.get(place, f"{place + 1}th")


GRAPHS: tuple[Pattern, ...] = (
    known(
        "backward",
        "backward through the graph a second time",
        r"[Tt]ry(?:ing)? to backward through the graph a second time",
        "A backward pass came to a part of the graph that an earlier one has used up: what "
        "the forward pass saved there is freed.",
        Cause(
            "graph-freed",
            "A result was computed once and backward() was called on it twice, most often because "
            "the forward pass stands before the loop",
            "The message says that the saved values are freed by the first backward()",
            "Compute the forward pass anew before each backward()",
            "loss = loss_function(model(x), y); loss.backward()",
        ),
        Cause(
            "two-losses-one-graph",
            "Two losses share a part of the graph and each has its own backward()",
            "The first of them frees the shared part",
            "Add the losses and call backward() once",
            "(loss1 + loss2).backward()",
        ),
        Cause(
            "state-not-detached",
            "A hidden state or running value is carried from one step into the next",
            "Its graph reaches back into the step before, which is freed",
            "Detach it between the steps",
            "h = h.detach()",
        ),
        Cause(
            "retain-graph-needed",
            "The graph is meant to be used twice",
            "The message names retain_graph=True",
            "Keep the graph in the first call",
            "loss.backward(retain_graph=True)",
        ),
    ),
    known(
        "backward",
        "does not require grad and does not have a grad_fn",
        r"element (?P<place>\d+) of (?:tensors|variables) does not require grad and does not have "
        r"a grad_fn",
        "backward() was called on a tensor without a graph: nothing that it was computed from "
        "requires a gradient.",
        Cause(
            "loss-cut-from-graph",
            "The loss was cut from the graph, by .item(), .detach(), .data, .numpy(), argmax, a "
            "comparison or torch.tensor(…)",
            "The tensor has no grad_fn, so no operation on a parameter is known to have made it",
            "Compute the loss from the model's output itself",
            "loss = loss_function(model(x), y); loss.backward()",
        ),
        Cause(
            "computed-without-grad",
            "The forward pass ran under torch.no_grad() or torch.inference_mode()",
            "Results made there have no grad_fn",
            "Compute the loss outside of it",
            "loss = loss_function(model(x), y)  # not inside with torch.no_grad():",
        ),
        Cause(
            "no-requires-grad",
            "All parameters are frozen, or tensors were made without requires_grad=True",
            "The message says that the tensor does not require grad",
            "Let what is to be learned require a gradient",
            "for p in layer.parameters(): p.requires_grad_(True)",
        ),
        Cause(
            "create-graph-missing",
            "A gradient is itself part of the loss, and was made without create_graph=True",
            "Gradients of torch.autograd.grad have no grad_fn by default",
            "Make the gradient with a graph",
            "g = torch.autograd.grad(y.sum(), x, create_graph=True)[0]",
        ),
    ),
    known(
        "backward",
        "grad can be implicitly created only for scalar outputs",
        r"grad can be implicitly created only for scalar outputs",
        "backward() was called on a tensor with more than one element and without a gradient for "
        "it.",
        Cause(
            "loss-not-reduced",
            "The loss is not reduced to one number",
            "Only for a tensor with one element is the gradient 1 taken for granted",
            "Take the mean or the sum first",
            "loss.mean().backward()",
        ),
        Cause(
            "grad-output-missing",
            "The gradient of an output that is no loss is wanted",
            "For a tensor with more elements torch needs grad_output",
            "Hand over grad_output in the output's shape",
            "y.backward(torch.ones_like(y))",
        ),
    ),
    Pattern(
        "modified by an inplace operation",
        r"one of the variables needed for gradient computation has been modified by an inplace "
        r"operation(?:: \[[\w.]+ \[?(?P<shape>[\d, ]*)\]?\])?"
        r"(?:, which is output \d+ of (?P<operation>[\w:]+),)?"
        r"(?: is at version (?P<version>\d+); expected version (?P<expected>\d+))?",
        _changed,
    ),
    known(
        "backward",
        "appears to not have been used in the graph",
        r"[Oo]ne of the differentiated Tensors appears to not have been used in the graph|"
        r"The differentiated Tensor at index (?P<index>\d+) appears to not have been used in the "
        r"graph",
        "A gradient is wanted for a tensor that the output was not computed from.",
        Cause(
            "not-used-in-graph",
            "The tensor takes no part in the output: another one, or a copy of it, was used",
            "The message says that it does not appear in the graph",
            "Compute the output from that same tensor",
            "y = layer(x); torch.autograd.grad(y.sum(), x)",
        ),
        Cause(
            "unused-on-purpose",
            "Not every one of the tensors is used in every pass",
            "The message names allow_unused=True",
            "Allow it: its gradient is then None",
            "torch.autograd.grad(y.sum(), inputs, allow_unused=True)",
        ),
    ),
    known(
        "backward",
        "differentiated Tensors does not require grad",
        r"[Oo]ne of the differentiated Tensors does not require grad",
        "A gradient is wanted for a tensor that does not require one.",
        Cause(
            "input-without-requires-grad",
            "The input was made without requires_grad=True",
            "Tensors require no gradient by default, parameters do",
            "Say so before the forward pass",
            "x.requires_grad_(True); y = layer(x)",
        ),
    ),
    Pattern(
        "Mismatch in shape: grad_output",
        r"Mismatch in shape: grad_output\[\d+\] has a shape of torch\.Size\(\[(?P<got>[\d, ]*)\]\)"
        r" and output\[\d+\] has a shape of torch\.Size\(\[(?P<needed>[\d, ]*)\]\)",
        _mismatch,
    ),
    known(
        "backward",
        " gradients",
        r"got (?P<tensors>\d+) tensors and (?P<gradients>\d+) gradients",
        "{tensors} outputs and {gradients} gradients for them were given.",
        Cause(
            "grad-outputs-count",
            "There is not one grad_output for each output",
            "{tensors} against {gradients}",
            "Give as many grad_outputs as outputs",
            "torch.autograd.grad(ys, xs, grad_outputs=[torch.ones_like(y) for y in ys])",
        ),
    ),
    Pattern(
        "returned nan values in its",
        r"Function '(?P<operation>\w+?)(?:Backward)?\d*' returned nan values in its "
        r"(?P<place>\d+)th output",
        _nan,
    ),
    known(
        "backward",
        "will create a reference cycle between the parameter and its gradient",
        r"Using backward\(\) with create_graph=True will create a reference cycle",
        "backward(create_graph=True) stores gradients that hold their graph, and the graph holds "
        "the parameters.",
        Cause(
            "create-graph-in-backward",
            "backward() was called with create_graph=True",
            "The message recommends autograd.grad in its place",
            "Take the gradient from torch.autograd.grad",
            "grads = torch.autograd.grad(loss, list(model.parameters()), create_graph=True)",
        ),
    ),
    known(
        "backward",
        "None of the inputs have requires_grad=True",
        r"None of the inputs have requires_grad=True\. Gradients will be None",
        "A checkpointed part was given only inputs that require no gradient, so its parameters "
        "may get none.",
        Cause(
            "reentrant-checkpoint",
            "The checkpoint is of the re-entrant kind, which looks at the inputs alone",
            "No input requires a gradient, as the first layer's input does not",
            "Use the kind that is not re-entrant",
            "checkpoint(layer, x, use_reentrant=False)",
        ),
    ),
    known(
        "backward",
        "Expected to have finished reduction in the prior iteration",
        r"Expected to have finished reduction in the prior iteration before starting a new one",
        "DistributedDataParallel waits for the gradient of a parameter that took no part in the "
        "loss.",
        Cause(
            "parameter-unused",
            "A layer is not used in forward(), or its output not in the loss",
            "The message says that the reduction of the last step was not finished",
            "Take the unused layer out, or let unused parameters be looked for",
            "DistributedDataParallel(model, find_unused_parameters=True)",
        ),
    ),
)

PATTERNS: tuple[Pattern, ...] = (
    *GRAPHS,
    *backward_leaves.PATTERNS,
    *backward_views.PATTERNS,
    *backward_nothing.PATTERNS,
    *backward_functions.PATTERNS,
)
