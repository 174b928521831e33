"""Modules with one fault each."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.subjects.correct import Own


class Hangs(Own):
    """Never returns for three dimensions."""

    def forward(self, x: Tensor) -> Tensor:
        """Sleep."""
        if x.dim() == 3:
            time.sleep(3600)
        return super().forward(x)


class Raises(Own):
    """Knows two dimensions only."""

    def forward(self, x: Tensor) -> Tensor:
        """Raise."""
        if x.dim() != 2:
            raise ValueError(f"expected two dimensions, got {x.dim()}")
        return super().forward(x)


class RefusesEmpty(Own):
    """Divides by the number of rows."""

    def forward(self, x: Tensor) -> Tensor:
        """Raise for no rows."""
        rows = x.numel() // max(self.in_features, 1)
        return super().forward(x) * (rows / rows)


class Prints(Own):
    """Writes to standard output."""

    def forward(self, x: Tensor) -> Tensor:
        """Print."""
        print("a line of the layer's own")
        return super().forward(x)


class CutsWidth(Own):
    """Takes the first in_features numbers of wider rows."""

    def forward(self, x: Tensor) -> Tensor:
        """Cut."""
        return super().forward(x[..., : self.in_features])


class Reshapes(Own):
    """Makes rows of in_features numbers from whatever comes."""

    def forward(self, x: Tensor) -> Tensor:
        """Reshape."""
        y = super().forward(x.reshape(-1, self.in_features))
        return y.reshape(*x.shape[:-1], -1) if x.shape[-1] == self.in_features else y


class StoresTransposed(Own):
    """Holds its weight as (in_features, out_features)."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.weight = nn.Parameter(self.weight.detach().T.contiguous())

    def forward(self, x: Tensor) -> Tensor:
        """Multiply by the weight as it is stored."""
        y = x @ self.weight
        return y if self.bias is None else y + self.bias


class AlwaysBias(Own):
    """Has a bias whatever it is told."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, True)


class Buffers(Own):
    """Holds its numbers where no optimizer finds them."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        weight = self.weight.detach()
        del self.weight
        self.register_buffer("weight", weight)


class Detached(Own):
    """Cuts the graph."""

    def forward(self, x: Tensor) -> Tensor:
        """Detach the weight."""
        return functional.linear(x, self.weight.detach(), self.bias)


class RenamesBias(Own):
    """Calls its bias b."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        if bias:
            self.b = self.bias
            del self.bias

    def forward(self, x: Tensor) -> Tensor:
        """Add b."""
        y = x @ self.weight.T
        return y + self.b if hasattr(self, "b") and self.b is not None else y


class Forgetful(Own):
    """Gives another answer at every second call."""

    def forward(self, x: Tensor) -> Tensor:
        """Drop some inputs."""
        return super().forward(functional.dropout(x, 0.5))


class CachesFirst(Own):
    """Keeps the transposed weight that it was made with."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.cached = self.weight.detach().T.clone()

    def forward(self, x: Tensor) -> Tensor:
        """Multiply by the stale copy."""
        y = x @ self.cached.to(x.dtype)
        return y if self.bias is None else y + self.bias


class HalvesBiasGradient(Own):
    """Halves the gradient of its bias."""

    def forward(self, x: Tensor) -> Tensor:
        """Pass half of the bias around the graph."""
        y = x @ self.weight.T
        return y if self.bias is None else y + (self.bias / 2 + self.bias.detach() / 2)


def started(law: Any, bias_law: Any = None) -> Any:
    """Return a factory whose modules start by a law: f(weight tensor), in place."""

    def make(in_features: int, out_features: int, bias: bool = True) -> nn.Module:
        module = Own(in_features, out_features, bias)
        with torch.no_grad():
            if law is not None:
                law(module.weight)
            if bias_law is not None and module.bias is not None:
                bias_law(module.bias, module)
        return module

    return make


def _same_rows(weight: Tensor) -> None:
    weight.copy_(weight[:1].expand_as(weight).clone())


def _fan_out(weight: Tensor) -> None:
    bound = len(weight) ** -0.5
    weight.uniform_(-bound, bound)


def _by_inputs(weight: Tensor) -> None:
    bound = 1 / weight.shape[1]
    weight.uniform_(-bound, bound)


def _unseeded(weight: Tensor) -> None:
    bound = weight.shape[1] ** -0.5
    own = torch.Generator().manual_seed(7)
    weight.uniform_(-bound, bound, generator=own)


def _bias_of_outputs(bias: Tensor, module: Own) -> None:
    bound = 4 * module.in_features**-0.5
    bias.uniform_(-bound, bound)


standard_normal = started(nn.init.normal_)
zeros = started(nn.init.zeros_)
kaiming = started(lambda w: nn.init.kaiming_uniform_(w, nonlinearity="relu"))
kaiming_by_default = started(lambda w: nn.init.kaiming_uniform_(w, a=math.sqrt(5)))
xavier = started(nn.init.xavier_uniform_)
fan_out = started(_fan_out)
one_over_inputs = started(_by_inputs)
same_rows = started(_same_rows)
unseeded = started(_unseeded)
zero_bias = started(None, lambda b, _: b.zero_())
wide_bias = started(None, _bias_of_outputs)
