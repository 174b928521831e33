"""Worked examples whose numbers come from torch in float64, with slips planted by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

Document = dict[str, Any]
Tensors = list[torch.Tensor]

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "leaky_relu": F.leaky_relu,
    "gelu": F.gelu,
    "identity": lambda z: z,
    "softmax": lambda z: torch.softmax(z, -1),
}
LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "mse": F.mse_loss,
    "l1": F.l1_loss,
    "half_sum_squares": lambda y, t: F.mse_loss(y, t, reduction="sum") / 2,
    "half_mean_squares": lambda y, t: F.mse_loss(y, t) / 2,
    "cross_entropy": F.cross_entropy,
    "bce": F.binary_cross_entropy,
    "bce_with_logits": F.binary_cross_entropy_with_logits,
}
OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
}


def written(values: torch.Tensor, places: int = 9) -> Any:
    """Return the numbers as nested lists of decimals."""
    if values.dim() == 0:
        return f"{values.item():.{places}f}"
    return [written(part, places) for part in values]


@dataclass
class Problem:
    """A network with its data, of numbers that are short decimals."""

    widths: Sequence[int] = (3, 3, 2)
    activations: Sequence[str] = ("tanh", "identity")
    loss: str = "mse"
    optimizer: str = "sgd"
    options: dict[str, Any] | None = None
    rows: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        made = torch.Generator().manual_seed(self.seed)

        def draw(*shape: int) -> torch.Tensor:
            return (torch.randn(*shape, generator=made, dtype=torch.float64) * 100).round() / 100

        pairs = list(zip(self.widths, self.widths[1:], strict=False))
        self.weights = [draw(m, n) for n, m in pairs]
        self.biases = [draw(m) for _, m in pairs]
        self.x = draw(self.rows, self.widths[0])
        self.target = draw(self.rows, self.widths[-1])
        if self.loss.startswith("bce"):
            self.target = (self.target > 0).double()
        if self.loss == "cross_entropy":
            self.target = torch.arange(self.rows) % self.widths[-1]

    def document(self, printed: Document) -> Document:
        """Return the example with what is printed."""
        options = {"lr": "0.1"} if self.options is None else self.options
        return {
            "layers": [
                {"weight": written(w, 2), "bias": written(b, 2), "activation": a}
                for w, b, a in zip(self.weights, self.biases, self.activations, strict=True)
            ],
            "input": written(self.x, 2),
            "target": written(self.target, 2) if self.target.dim() > 1 else self.target.tolist(),
            "loss": self.loss,
            "optimizer": {"name": self.optimizer, **options},
            "printed": printed,
        }

    def forward(self, weights: Tensors, biases: Tensors) -> tuple[torch.Tensor, Document]:
        """Return the output, and the numbers on the way."""
        a = self.x
        seen: Document = {}
        for k, (w, b) in enumerate(zip(weights, biases, strict=True)):
            product = a @ w.T
            z = product + b
            a = ACTIVATIONS[self.activations[k]](z)
            seen |= {f"{k}.product": product, f"{k}.pre_activation": z, f"{k}.activation": a}
        return a, {f"layers.{name}": values for name, values in seen.items()}

    def cost(self, y: torch.Tensor) -> torch.Tensor:
        """Return the loss; behind a softmax, cross_entropy takes the logarithms."""
        if self.activations[-1] == "softmax" and self.loss == "cross_entropy":
            return F.nll_loss(torch.log(y), self.target)
        return LOSSES[self.loss](y, self.target)

    def right(self, places: int = 9) -> Document:
        """Return every number that may be printed, by torch's autograd and torch.optim."""
        weights = [w.clone().requires_grad_() for w in self.weights]
        biases = [b.clone().requires_grad_() for b in self.biases]
        y, found = self.forward(weights, biases)
        for tensor in found.values():
            tensor.retain_grad()
        loss = self.cost(y)
        loss.backward()  # type: ignore[no-untyped-call]
        found |= {"output": y, "loss": loss}
        given = {"lr": "0.1"} if self.options is None else self.options
        options = {
            name: tuple(map(float, value))
            if isinstance(value, list)
            else value
            if isinstance(value, bool)
            else float(value)
            for name, value in given.items()
        }
        grads: Document = {}
        for k in range(len(weights)):
            grads[f"layers.{k}.grad_activation"] = found[f"layers.{k}.activation"].grad
            grads[f"layers.{k}.grad_output"] = found[f"layers.{k}.pre_activation"].grad
            if self.activations[k] == "identity":
                grads[f"layers.{k}.grad_activation"] = grads[f"layers.{k}.grad_output"]
            grads[f"layers.{k}.weight.grad"] = weights[k].grad
            grads[f"layers.{k}.bias.grad"] = biases[k].grad
        found |= {name: values.clone() for name, values in grads.items()}
        OPTIMIZERS[self.optimizer]([*weights, *biases], **options).step()
        for k in range(len(weights)):
            found[f"layers.{k}.weight.after"] = weights[k]
            found[f"layers.{k}.bias.after"] = biases[k]
        y, _ = self.forward(weights, biases)
        found |= {"output_after": y, "loss_after": self.cost(y)}
        return {name: written(values.detach(), places) for name, values in found.items()}
