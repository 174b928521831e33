"""The PyTorch script that builds a network with these very numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.reports.scripts import linear_text, tensor_text

if TYPE_CHECKING:
    from fcinspect.layers.network import Network

MODULES = {"relu": "nn.ReLU()"}


def script_text(network: Network, function: str, low: float, high: float) -> str:
    """Return the script; raises UsageError where the numbers are too many to write down."""
    modules: list[str] = []
    copies: list[str] = []
    for layer in network.layers:
        linear = layer.linear
        place = len(modules)
        modules.append(
            linear_text(
                linear.in_features,
                linear.out_features,
                bias=linear.bias is not None,
                dtype=linear.dtype,
            )
        )
        copies.append(f"    network[{place}].weight.copy_({tensor_text(linear.weight)})")
        if linear.bias is not None:
            copies.append(f"    network[{place}].bias.copy_({tensor_text(linear.bias)})")
        if layer.activation in MODULES:
            modules.append(MODULES[layer.activation])
    dtype = "" if network.dtype == "float32" else f", dtype=torch.{network.dtype}"
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
            f"    x = torch.linspace({low!r}, {high!r}, 9{dtype}).unsqueeze(1)",
            "    y = network(x)",
            "print(torch.cat((x, y), 1).tolist())",
            "",
        ]
    )
