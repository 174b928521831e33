"""The PyTorch script that runs the same steps with torch.optim, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fcinspect.arithmetic.losses import LOSSES
from fcinspect.arithmetic.training import Classes
from fcinspect.render.scripts import linear_text, tensor_text

if TYPE_CHECKING:
    from fcinspect.arithmetic.settings import Optimizer
    from fcinspect.arithmetic.training import Target
    from fcinspect.layers.array import Array
    from fcinspect.layers.network import Network

FUNCTIONS = {
    "relu": "F.relu",
    "sigmoid": "torch.sigmoid",
    "tanh": "torch.tanh",
    "leaky_relu": "F.leaky_relu",
    "gelu": "F.gelu",
}


@dataclass(frozen=True)
class Script:
    """What a script is written from."""

    widths: tuple[int, ...]
    activations: tuple[str, ...]
    optimizer: Optimizer
    loss: str
    seed: int
    batch: tuple[int, ...]
    dtype: str
    bias: bool
    steps: int
    network: Network | None
    x: Array | None
    target: Target | None


def script_text(script: Script) -> str:
    """Return the script; raises UsageError when given numbers are too many to write down."""
    return "\n".join(
        [
            "import torch",
            "from torch import nn",
            "from torch.nn import functional as F",
            "",
            f"torch.manual_seed({script.seed})",
            *_layers(script),
            _input(script),
            _target(script),
            "",
            *_model(script),
            "",
            "parameters = [p for layer in layers for p in layer.parameters()]",
            f"optimizer = torch.optim.{_call(script.optimizer)}",
            f"for step in range({script.steps}):",
            "    optimizer.zero_grad()",
            "    y = model(x)",
            f"    loss = {_loss(script)}",
            "    loss.backward()",
            "    optimizer.step()",
            '    print("step", step + 1, "loss", loss.item())',
            "",
            "with torch.no_grad():",
            "    y = model(x)",
            f"    loss = {_loss(script)}",
            'print("loss afterwards", loss.item())',
            "for number, layer in enumerate(layers, start=1):",
            "    for name, parameter in layer.named_parameters():",
            '        print(f"layer {number} {name}", parameter.tolist())',
            '        print(f"layer {number} {name}.grad", parameter.grad.tolist())',
            "",
        ]
    )


def _layers(script: Script) -> list[str]:
    if script.network is None:
        pairs = zip(script.widths, script.widths[1:], strict=False)
        drawn = [linear_text(n, m, bias=script.bias, dtype=script.dtype) for n, m in pairs]
        return ["layers = [", *(f"    {layer}," for layer in drawn), "]"]
    lines = ["layers = []"]
    for layer in script.network.layers:
        linear = layer.linear
        made = linear_text(
            linear.in_features, linear.out_features, bias=linear.bias is not None,
            dtype=script.dtype,
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


def _input(script: Script) -> str:
    if script.x is not None:
        return f"x = {tensor_text(script.x)}"
    return f"x = torch.randn({_dimensions((*script.batch, script.widths[0]))}{_dtype(script)})"


def _target(script: Script) -> str:
    given, outputs = script.target, script.widths[-1]
    if isinstance(given, Classes):
        return f"t = torch.tensor({given.values.tolist()!r})"
    if given is not None:
        return f"t = {tensor_text(given)}"
    if script.loss == "cross_entropy":
        return f"t = torch.randint({outputs}, {_tuple(script.batch)})"
    shape = (*script.batch, outputs)
    if script.loss in ("bce", "bce_with_logits"):
        return f"t = torch.randint(0, 2, {_tuple(shape)}).to(torch.{script.dtype})"
    return f"t = torch.randn({_dimensions(shape)}{_dtype(script)})"


def _model(script: Script) -> list[str]:
    lines = ["", "def model(a):"]
    for number, activation in enumerate(script.activations):
        call = f"layers[{number}](a)"
        lines.append(f"    a = {FUNCTIONS[activation]}({call})" if activation in FUNCTIONS
                     else f"    a = {call}")  # fmt: skip
    return [*lines, "    return a", ""]


def _loss(script: Script) -> str:
    call = LOSSES[script.loss].call
    if script.loss == "cross_entropy" and len(script.batch) != 1:
        return call.replace("(y, t)", f"(y.reshape(-1, {script.widths[-1]}), t.reshape(-1))")
    return call


def _call(optimizer: Optimizer) -> str:
    return optimizer.call.replace("(", "(parameters, ", 1)


def _dtype(script: Script) -> str:
    return "" if script.dtype == "float32" else f", dtype=torch.{script.dtype}"


def _dimensions(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _tuple(shape: tuple[int, ...]) -> str:
    return f"({_dimensions(shape)}{',' if len(shape) == 1 else ''})"
