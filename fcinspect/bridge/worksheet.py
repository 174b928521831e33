"""A worksheet's problem worked out by torch: nn.Sequential, loss, backward and an SGD step."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import nn
from torch.nn import functional as F

from fcinspect.arithmetic.settings import OPTIONS, Optimizer
from fcinspect.bridge.networks import ACTIVATIONS
from fcinspect.bridge.optimizers import FunctionalOptimizer
from fcinspect.worksheets.problem import Problem, SheetLayer


def results_in_torch(problem: Problem) -> dict[str, float]:
    """Return every result by the ids of worksheets/solution.py, in float64, unrounded."""
    module, names = _module(problem.layers)
    linears = [part for part in module if isinstance(part, nn.Linear)]
    x, target = _tensor(problem.x), _tensor(problem.target)
    passed = _outputs(module, x)
    loss = F.mse_loss(passed[-1], target)
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    found: dict[str, float] = {}
    for (name, place), output in zip(names, passed, strict=True):
        grad = "grad_output" if place == "z" else "grad_activation"
        found |= _numbers(f"{name}.{place}", output)
        found |= _numbers(f"{name}.{grad}", _grad(output))
    found["loss"] = loss.item()
    layer_names = [layer.name for layer in problem.layers]
    for name, linear in zip(layer_names, linears, strict=True):
        for key, parameter in linear.named_parameters():
            found |= _numbers(f"{name}.{key}.grad", _grad(parameter))
    rate = float(problem.learning_rate)
    sgd = Optimizer("sgd", {**OPTIONS["sgd"], "lr": rate})
    FunctionalOptimizer(sgd, list(module.parameters())).step()
    for name, linear in zip(layer_names, linears, strict=True):
        for key, parameter in linear.named_parameters():
            found |= _numbers(f"{name}.{key}.after", parameter)
    with torch.no_grad():
        output = module(x)
        found |= _numbers("output_after", output)
        found["loss_after"] = F.mse_loss(output, target).item()
    return found


def _module(layers: Sequence[SheetLayer]) -> tuple[nn.Sequential, list[tuple[str, str]]]:
    """Return the network, and of each of its modules the layer's name and "z" or "a"."""
    modules: list[nn.Module] = []
    names = []
    for layer in layers:
        outputs, inputs = layer.shape
        linear = nn.Linear(inputs, outputs, layer.bias is not None, dtype=torch.float64)
        with torch.no_grad():
            linear.weight.copy_(torch.stack([_tensor(row) for row in layer.weight]))
            if layer.bias is not None:
                linear.bias.copy_(_tensor(layer.bias))
        modules.append(linear)
        names.append((layer.name, "z"))
        activation = ACTIVATIONS[layer.activation]
        if activation is not None:
            modules.append(activation())
            names.append((layer.name, "a"))
    return nn.Sequential(*modules), names


def _outputs(module: nn.Sequential, x: torch.Tensor) -> list[torch.Tensor]:
    """Return what each module gives when the whole is called; each keeps its gradient."""
    seen: list[torch.Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        output.retain_grad()
        seen.append(output)

    handles = [part.register_forward_hook(keep) for part in module]
    module(x)
    for handle in handles:
        handle.remove()
    return seen


def _tensor(values: Sequence[Fraction]) -> torch.Tensor:
    return torch.tensor([float(value) for value in values], dtype=torch.float64)


def _grad(tensor: torch.Tensor) -> torch.Tensor:
    assert tensor.grad is not None
    return tensor.grad


def _numbers(place: str, tensor: torch.Tensor) -> dict[str, float]:
    """Return the numbers of a vector or a matrix by their ids."""
    if tensor.ndim == 1:
        return {f"{place}[{i}]": value for i, value in enumerate(tensor.tolist())}
    return {
        f"{place}[{i},{j}]": value
        for i, row in enumerate(tensor.tolist())
        for j, value in enumerate(row)
    }
