"""PyTorch scripts that compute the same numbers, for --show-code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.errors import UsageError

if TYPE_CHECKING:
    from fcinspect.arithmetic.training import StepRequest
    from fcinspect.layers.array import Array
    from fcinspect.layers.linear import LinearLayer, LinearRequest, Network

MOST_NUMBERS = 1000
"""Numbers that a script may hold as text."""
PRINT_PARAMETERS = "print(layer.weight)\nprint(layer.bias)\n"
RUN_MODULE = "with torch.no_grad():\n    y = layer(x)\nprint(y.tolist())\n"
RUN_FUNCTION = "y = F.linear(x, weight, bias)\nprint(y.tolist())\n"
ACTIVATIONS = {
    "relu": "F.relu",
    "sigmoid": "torch.sigmoid",
    "tanh": "torch.tanh",
    "leaky_relu": "F.leaky_relu",
    "gelu": "F.gelu",
}
"""torch's functions by our names."""


def tensor_text(values: Array) -> str:
    """Return the expression of a tensor; raises UsageError for more than MOST_NUMBERS numbers."""
    if values.size > MOST_NUMBERS:
        raise UsageError(
            f"--show-code writes arrays of at most {MOST_NUMBERS} numbers into the script:"
            f" this one has {values.size}"
        )
    plain = repr(values.values.tolist())
    plain = plain.replace("nan", 'float("nan")').replace("inf", 'float("inf")')
    empty = "" if values.size else f".reshape({values.shape})"
    return f"torch.tensor({plain}, dtype=torch.{values.dtype}){empty}"


def linear_text(in_features: int, out_features: int, *, bias: bool, dtype: str) -> str:
    """Return the expression of a new nn.Linear."""
    bias_text = "" if bias else ", bias=False"
    return f"nn.Linear({in_features}, {out_features}{bias_text}{_dtype(dtype)})"


def _like(layer: LinearLayer, dtype: str) -> str:
    """Return the expression of a new nn.Linear of the widths of a layer."""
    bias = layer.bias is not None
    return linear_text(layer.in_features, layer.out_features, bias=bias, dtype=dtype)


def _dtype(dtype: str) -> str:
    return "" if dtype == "float32" else f", dtype=torch.{dtype}"


def _dimensions(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def seeded_layer(request: LinearRequest) -> str:
    """Return a script that makes the seeded layer `layer`."""
    widths = request.in_features, request.out_features
    made = linear_text(*widths, bias=request.bias, dtype=request.dtype)
    init = "" if request.init == "default" else f"nn.init.{request.init}_(layer.weight)\n"
    return (
        "import torch\nfrom torch import nn\n\n"
        f"torch.manual_seed({request.seed})\nlayer = {made}\n{init}"
    )


def seeded_input(shape: tuple[int, ...], dtype: str) -> str:
    """Return the line that draws the input `x`."""
    return f"x = torch.randn({_dimensions(shape)}{_dtype(dtype)})\n"


def stored_layer(layer: LinearLayer) -> str:
    """Return a script that makes the layer's `weight` and `bias` from their numbers."""
    bias = "None" if layer.bias is None else tensor_text(layer.bias)
    return (
        "import torch\nfrom torch.nn import functional as F\n\n"
        f"weight = {tensor_text(layer.weight)}\nbias = {bias}\n"
    )


def given_input(x: Array) -> str:
    """Return the line that writes the input `x` out."""
    return f"x = {tensor_text(x)}\n"


def network_script(network: Network, function: str, low: float, high: float) -> str:
    """Return the script of a network with these very numbers, and its outputs on [low, high].

    Raises UsageError where the numbers are too many to write down.
    """
    modules: list[str] = []
    copies: list[str] = []
    for layer in network.layers:
        linear = layer.linear
        place = len(modules)
        modules.append(_like(linear, linear.dtype))
        copies.append(f"    network[{place}].weight.copy_({tensor_text(linear.weight)})")
        if linear.bias is not None:
            copies.append(f"    network[{place}].bias.copy_({tensor_text(linear.bias)})")
        if layer.activation == "relu":
            modules.append("nn.ReLU()")
    return "\n".join(
        [
            "import torch",
            "from torch import nn",
            "",
            f"# {' '.join(function.split())} on [{low!r}, {high!r}]",
            "network = nn.Sequential(",
            *(f"    {module}," for module in modules),
            ")",
            "with torch.no_grad():",
            *copies,
            f"    x = torch.linspace({low!r}, {high!r}, 9{_dtype(network.dtype)}).unsqueeze(1)",
            "    y = network(x)",
            "print(torch.cat((x, y), 1).tolist())",
            "",
        ]
    )


def step_script(request: StepRequest, steps: int) -> str:
    """Return the script that takes the same steps with torch.optim, bit for bit.

    Raises UsageError when given numbers are too many to write down.
    """
    drawn = seeded_input((*request.batch, request.widths[0]), request.dtype)
    return "\n".join(
        [
            "import torch",
            "from torch import nn",
            "from torch.nn import functional as F",
            "",
            f"torch.manual_seed({request.seed})",
            *_layers(request),
            (drawn if request.x is None else given_input(request.x)).rstrip(),
            _target(request),
            "",
            "",
            "def model(a):",
            *map(_applied, range(len(request.activations)), request.activations),
            "    return a",
            "",
            "",
            "parameters = [p for layer in layers for p in layer.parameters()]",
            f"optimizer = torch.optim.{request.optimizer.call.replace('(', '(parameters, ', 1)}",
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
        made = _like(linear, request.dtype)
        # meta tensors draw nothing from the random numbers that x and t are drawn from
        lines += [
            f'layer = {made.removesuffix(")")}, device="meta")',
            f"layer.weight = nn.Parameter({tensor_text(linear.weight)})",
        ]
        if linear.bias is not None:
            lines.append(f"layer.bias = nn.Parameter({tensor_text(linear.bias)})")
        lines.append("layers.append(layer)")
    return lines


def _target(request: StepRequest) -> str:
    from fcinspect.arithmetic.training import Classes

    given, outputs = request.target, request.widths[-1]
    if isinstance(given, Classes):
        return f"t = torch.tensor({given.values.tolist()!r})"
    if given is not None:
        return f"t = {tensor_text(given)}"
    if request.loss == "cross_entropy":
        return f"t = torch.randint({outputs}, {tuple(request.batch)})"
    shape = (*request.batch, outputs)
    if request.loss in ("bce", "bce_with_logits"):
        return f"t = torch.randint(0, 2, {shape}).to(torch.{request.dtype})"
    return f"t = torch.randn({_dimensions(shape)}{_dtype(request.dtype)})"


def _applied(number: int, activation: str) -> str:
    call = f"layers[{number}](a)"
    function = ACTIVATIONS.get(activation)
    return f"    a = {function}({call})" if function else f"    a = {call}"


def _loss(request: StepRequest) -> str:
    from fcinspect.arithmetic.losses import LOSSES

    call = LOSSES[request.loss].call
    if request.loss == "cross_entropy" and len(request.batch) != 1:
        return call.replace("(y, t)", f"(y.reshape(-1, {request.widths[-1]}), t.reshape(-1))")
    return call
