"""Modules that use or keep their parameters in unusual ways."""

# mypy: disable-error-code="no-any-return"
# a module that is called returns anything

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations


class Queries(nn.Module):
    """Attends with learned queries, as DETR: (batch, time, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(10, 8))
        self.memory = nn.Linear(6, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.out = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return three numbers a query."""
        memory = self.memory(x)
        asked = self.queries.unsqueeze(0).expand(x.size(0), -1, -1)
        return self.out(self.attention(asked, memory, memory)[0])


class Prototypes(nn.Module):
    """Sends a parameter through a layer: (batch, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.prototypes = nn.Parameter(torch.randn(10, 8))
        self.fc = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        """Return the likeness of each row to each prototype."""
        return x @ self.fc(self.prototypes).relu().t()


class FirstState(nn.Module):
    """A recurrent layer whose first state is learned: (batch, time, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.state = nn.Parameter(torch.zeros(1, 1, 8))
        self.rnn = nn.GRU(6, 8, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return the last step."""
        return self.rnn(x, self.state.repeat(1, x.size(0), 1))[0][:, -1]


class Normed(nn.Module):
    """Weights that are made of other parameters: (batch, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.a = parametrizations.weight_norm(nn.Linear(6, 5))
        self.b = parametrizations.spectral_norm(nn.Linear(5, 5))
        self.c = parametrizations.orthogonal(nn.Linear(5, 5))
        self.d = nn.utils.weight_norm(nn.Linear(5, 2))

    def forward(self, x: Tensor) -> Tensor:
        """Return two numbers a row."""
        return self.d(self.c(self.b(self.a(x))))


class LowRank(nn.Module):
    """A weight with a product of two thin ones added, as LoRA: (batch, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(5, 6), requires_grad=False)
        self.down = nn.Parameter(torch.randn(2, 6))
        self.up = nn.Parameter(torch.zeros(5, 2))

    def forward(self, x: Tensor) -> Tensor:
        """Return five numbers a row."""
        return F.linear(x, self.weight + self.up @ self.down)


class Scaled(nn.Module):
    """Returns a parameter's exponential beside its output, as CLIP: (batch, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 4)
        self.scale = nn.Parameter(torch.ones([]))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the layer's output and the scale."""
        return self.fc(x), self.scale.exp()


class Fast(nn.Module):
    """Calls its layer with other numbers than its own: (batch, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Return what the layer gives after a step that is no step."""
        fast = {key: p - 0.1 * torch.ones_like(p) for key, p in self.fc.named_parameters()}
        return torch.func.functional_call(self.fc, fast, (x,))


class WritesInto(nn.Module):
    """Adds its input to a copy of a parameter: (batch, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Parameter(torch.zeros(1, 6))

    def forward(self, x: Tensor) -> Tensor:
        """Return tanh of relu of the sum: both are steps."""
        state = self.start.expand(x.shape[0], -1).clone()
        state += x
        return state.relu().tanh()


class SetsPart(WritesInto):
    """Writes its input over a copy of a parameter: (batch, 6)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return tanh of relu of the copy."""
        state = self.start.expand(x.shape[0], -1).clone()
        state[:, :3] = x[:, 3:]
        return state.relu().tanh()


class Weighs(nn.Module):
    """Multiplies by a vector, and by a weight that it makes of its input: (batch, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.vector = nn.Parameter(torch.randn(6))
        self.maker = nn.Linear(6, 18)
        self.bias = nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return one number a row, and three."""
        score = x @ self.vector
        return score, F.linear(x, self.maker(x.mean(0)).view(3, 6), self.bias)


class BilinearScore(nn.Module):
    """Compares its input with what a layer makes of it: (…, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 4)
        self.score = nn.Bilinear(6, 4, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Return five numbers a row."""
        return self.score(x, self.fc(x))


class Bag:
    """No module, and so nothing that torch looks into."""

    def __init__(self) -> None:
        self.fc = nn.Linear(6, 4)


class Hides(nn.Module):
    """Keeps layers in an object, in a list with an underscore, and past torch: (batch, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.bag = Bag()
        self._layers = [nn.Linear(4, 4)]
        self.__dict__["out"] = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return two numbers a row."""
        return self.__dict__["out"](self._layers[0](self.bag.fc(x)))


class MakesLayers(nn.Module):
    """Makes a layer at every call, and another at the first: (batch, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc: nn.Module | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return two numbers a row."""
        if self.fc is None:
            self.fc = nn.Linear(x.shape[1], 4)
        return nn.Linear(4, 2)(self.fc(x))


class Pair(nn.Module):
    """Two layers, to be compiled as one: (batch, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Linear(6, 4)
        self.b = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return two numbers a row."""
        return self.b(self.a(x))


def compiled() -> nn.Module:
    """Return a module that runs outside of Python."""
    return torch.jit.trace(Pair(), torch.zeros(2, 6))  # type: ignore[no-untyped-call]
