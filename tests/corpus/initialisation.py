"""Layers that compute rightly and start wrongly."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from tests.corpus.faults import Fault, Register

INITIALISATION: list[Fault] = []
fault = Register("initialisation", "factory", INITIALISATION)

Start = Callable[[torch.Tensor, torch.Tensor], None]
"""Fills the weight (out, in) and the bias (out) anew."""


def starting(*words: str) -> Callable[[Start], Start]:
    """Plant a way to start as the reset_parameters of a linear layer."""

    def plant(start: Start) -> Start:
        class Layer(nn.Linear):
            def reset_parameters(self) -> None:
                super().reset_parameters()
                bias = self.bias if self.bias is not None else torch.zeros(self.out_features)
                with torch.no_grad():
                    start(self.weight, bias)

        def build() -> Any:
            return Layer

        build.__name__ = start.__name__
        fault.built(*words)(build)
        return start

    return plant


@starting("every number is 0")
def weights_zero(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Start all weights at 0."""
    weight.zero_()


@starting("every number is 1")
def weights_one(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Start all weights at 1."""
    weight.fill_(1.0)


@starting("N(0, 1)")
def weights_standard_normal(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Call torch.randn."""
    weight.normal_()


@starting("0.02", "normal")
def weights_normal_of_two_hundredths(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Start as transformers do."""
    weight.normal_(0, 0.02)


@starting("known law", "U(0")
def weights_positive(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Call torch.rand: all weights positive."""
    weight.uniform_(0, 1)


@starting("U(−1, 1)")
def weights_between_minus_one_and_one(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Start at U(−1, 1), whatever the width."""
    weight.uniform_(-1, 1)


@starting("U(", "1/√")
def fan_out_for_fan_in(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Use out_features for the bound."""
    weight.uniform_(-1 / math.sqrt(weight.shape[0]), 1 / math.sqrt(weight.shape[0]))


@starting("kaiming", "√(6", "6/")
def gain_of_relu(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Take the bound √(6/in)."""
    nn.init.kaiming_uniform_(weight, nonlinearity="relu")


@starting("√(3/", "3/")
def gain_one(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Forget a = √5: the bound is √(3/in)."""
    nn.init.kaiming_uniform_(weight, nonlinearity="linear")


@starting("normal", "N(0")
def kaiming_normal(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Take a normal distribution for the uniform one."""
    nn.init.kaiming_normal_(weight)


@starting("normal", "N(0")
def normal_of_the_same_variance(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Take N(0, 1/(3·in)): the right variance, the wrong law."""
    weight.normal_(0, 1 / math.sqrt(3 * weight.shape[1]))


@starting("xavier", "in+out", "6/", "+")
def xavier_uniform(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Take the bound √(6/(in + out))."""
    nn.init.xavier_uniform_(weight)


@starting("U(", "²", "1/")
def bound_without_the_root(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Take the bound 1/in."""
    weight.uniform_(-1 / weight.shape[1], 1 / weight.shape[1])


@starting("orthogonal")
def orthogonal(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Start orthogonal."""
    weight.copy_(nn.init.orthogonal_(torch.empty(weight.shape)))


@starting("rows")
def rows_shared(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Give every output the same weights: they will learn the same."""
    weight.copy_(weight[:1].expand_as(weight).clone())


@starting("columns")
def columns_shared(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Give every input the same weight."""
    weight.copy_(weight[:, :1].expand_as(weight).clone())


@starting("bias is not drawn", "zeros")
def bias_zero(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Start the bias at 0, as other libraries do."""
    bias.zero_()


@starting("bias is not drawn")
def bias_between_minus_one_and_one(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Start the bias at U(−1, 1), whatever the width."""
    bias.uniform_(-1, 1)


@starting("bias is not drawn")
def bias_one(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Start the bias at 1."""
    bias.fill_(1.0)


@starting("every torch.manual_seed")
def seed_fixed_inside(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Draw from a generator of its own, with a fixed seed."""
    bound = 1 / math.sqrt(weight.shape[1])
    weight.uniform_(-bound, bound, generator=torch.Generator().manual_seed(0))


@starting("same torch.manual_seed")
def seed_ignored(weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Draw from a generator that no seed reaches."""
    bound = 1 / math.sqrt(weight.shape[1])
    generator = torch.Generator()
    generator.seed()
    weight.uniform_(-bound, bound, generator=generator)
