"""The PyTorch script that runs the same steps with torch.optim, bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.arithmetic.losses import LOSSES
from fcinspect.arithmetic.training import Classes
from fcinspect.reports.scripts import linear_text, tensor_text

if TYPE_CHECKING:
    from fcinspect.arithmetic.settings import Optimizer
    from fcinspect.arithmetic.training import StepRequest

FUNCTIONS = {
    "relu": "F.relu",
    "sigmoid": "torch.sigmoid",
    "tanh": "torch.tanh",
    "leaky_relu": "F.leaky_relu",
    "gelu": "F.gelu",
}


def script_text(request: StepRequest, steps: int) -> str:
    """Return the script; raises UsageError when given numbers are too many to write down."""
    return "\n".join(
        [
            "import torch",
            "from torch import nn",
            "from torch.nn import functional as F",
            "",
            f"torch.manual_seed({request.seed})",
            *_layers(request),
            _input(request),
            _target(request),
            "",
            *_model(request),
            "",
            "parameters = [p for layer in layers for p in layer.parameters()]",
            f"optimizer = torch.optim.{_call(request.optimizer)}",
            f"for step in range({steps}):",
            "    optimizer.zero_grad()",
            "    y = model(x)",
            f"    loss = {_loss(request)}",
            "    loss.backward()",
            "    optimizer.step()",
            '    print("step", step + 1, "loss", loss.item())',
            "",
            "with torch.no_grad():",
            "    y = model(x)",
            f"    loss = {_loss(request)}",
            'print("loss afterwards", loss.item())',
            "for number, layer in enumerate(layers, start=1):",
            "    for name, parameter in layer.named_parameters():",
            '        print(f"layer {number} {name}", parameter.tolist())',
            '        print(f"layer {number} {name}.grad", parameter.grad.tolist())',
            "",
        ]
    )


def _layers(request: StepRequest) -> list[str]:
    if request.network is None:
        pairs = zip(request.widths, request.widths[1:], strict=False)
        drawn = [linear_text(n, m, bias=request.bias, dtype=request.dtype) for n, m in pairs]
        return ["layers = [", *(f"    {layer}," for layer in drawn), "]"]
    lines = ["layers = []"]
    for layer in request.network.layers:
        linear = layer.linear
        made = linear_text(
            linear.in_features, linear.out_features, bias=linear.bias is not None,
            dtype=request.dtype,
        )  # fmt: skip
        # meta tensors draw nothing from the random numbers that x and t are drawn from
        lines += [
            f'layer = {made.removesuffix(")")}, device="meta")',
            f"layer.weight = nn.Parameter({tensor_text(linear.weight)})",
        ]
        if linear.bias is not None:
            lines.append(f"layer.bias = nn.Parameter({tensor_text(linear.bias)})")
        lines.append("layers.append(layer)")
    return lines


def _input(request: StepRequest) -> str:
    if request.x is not None:
        return f"x = {tensor_text(request.x)}"
    return f"x = torch.randn({_dimensions((*request.batch, request.widths[0]))}{_dtype(request)})"


def _target(request: StepRequest) -> str:
    given, outputs = request.target, request.widths[-1]
    if isinstance(given, Classes):
        return f"t = torch.tensor({given.values.tolist()!r})"
    if given is not None:
        return f"t = {tensor_text(given)}"
    if request.loss == "cross_entropy":
        return f"t = torch.randint({outputs}, {_tuple(request.batch)})"
    shape = (*request.batch, outputs)
    if request.loss in ("bce", "bce_with_logits"):
        return f"t = torch.randint(0, 2, {_tuple(shape)}).to(torch.{request.dtype})"
    return f"t = torch.randn({_dimensions(shape)}{_dtype(request)})"


def _model(request: StepRequest) -> list[str]:
    lines = ["", "def model(a):"]
    for number, activation in enumerate(request.activations):
        call = f"layers[{number}](a)"
        lines.append(f"    a = {FUNCTIONS[activation]}({call})" if activation in FUNCTIONS
                     else f"    a = {call}")  # fmt: skip
    return [*lines, "    return a", ""]


def _loss(request: StepRequest) -> str:
    call = LOSSES[request.loss].call
    if request.loss == "cross_entropy" and len(request.batch) != 1:
        return call.replace("(y, t)", f"(y.reshape(-1, {request.widths[-1]}), t.reshape(-1))")
    return call


def _call(optimizer: Optimizer) -> str:
    return optimizer.call.replace("(", "(parameters, ", 1)


def _dtype(request: StepRequest) -> str:
    return "" if request.dtype == "float32" else f", dtype=torch.{request.dtype}"


def _dimensions(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _tuple(shape: tuple[int, ...]) -> str:
    return f"({_dimensions(shape)}{',' if len(shape) == 1 else ''})"
