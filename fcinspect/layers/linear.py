"""A linear layer, y = W x + b, and a network: linear layers, each followed by an activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from fcinspect.errors import InputError
from fcinspect.layers.array import Array


@dataclass(frozen=True, eq=False)
class LinearLayer:
    """The parameters of one nn.Linear, or some of its rows."""

    weight: Array
    """W, (out_features × in_features); only the rows of `held` when that is given."""
    bias: Array | None
    """b, (out_features), or its entries `held`; None for a layer without bias."""
    source: str
    """Where the numbers come from, in words: "nn.Linear(4, 2), seed 0"."""
    name: str = ""
    """The module path in its network, "" for a layer on its own."""
    held: tuple[int, ...] | None = None
    """The outputs whose rows are held, when the rest was left in the file."""
    all_outputs: int | None = None
    """out_features of the whole layer, when `held` is given."""

    def __post_init__(self) -> None:
        if len(self.weight.shape) != 2:
            raise InputError(
                f"weight has shape {self.weight.shape}: a linear layer's weight has two"
                " dimensions, (out_features, in_features)"
            )
        if self.bias is not None and self.bias.shape != self.weight.shape[:1]:
            raise InputError(
                f"bias has shape {self.bias.shape}, but the weight has shape {self.weight.shape}:"
                f" expected ({self.weight.shape[0]},), one entry per output"
            )

    def require_one_dtype(self) -> None:
        """Raise InputError when weight and bias are of different number formats."""
        if self.bias is not None and self.bias.dtype != self.dtype:
            raise InputError(
                f"weight is {self.dtype} and bias {self.bias.dtype}: y = Wx + b needs one dtype"
            )

    @property
    def dtype(self) -> str:
        """The number format of the weight."""
        return self.weight.dtype

    @property
    def in_features(self) -> int:
        """The width of the input."""
        return self.weight.shape[1]

    @property
    def out_features(self) -> int:
        """The width of the output."""
        return self.weight.shape[0] if self.all_outputs is None else self.all_outputs

    @property
    def parameters(self) -> int:
        """out·in, plus out with a bias."""
        return self.out_features * (self.in_features + (self.bias is not None))


INITIALISERS = (
    "default", "kaiming_uniform", "kaiming_normal", "xavier_uniform", "xavier_normal",
    "orthogonal", "zeros", "ones", "eye",
)  # fmt: skip
"""How a weight is drawn; all but default are functions of torch.nn.init."""


@dataclass(frozen=True)
class LinearRequest:
    """Everything that decides the numbers of a seeded layer."""

    in_features: int
    out_features: int
    bias: bool = True
    seed: int = 0
    dtype: str = "float32"
    init: str = "default"
    """"default", or the name of an initialiser in torch.nn.init, applied to the weight."""

    @property
    def words(self) -> str:
        """The layer in words."""
        bias = "" if self.bias else ", bias=False"
        init = "" if self.init == "default" else f", init {self.init}"
        return f"nn.Linear({self.in_features}, {self.out_features}{bias}), seed {self.seed}{init}"


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """A linear layer and the activation after it."""

    linear: LinearLayer
    activation: str
    """A name of arithmetic/settings.py."""

    @property
    def name(self) -> str:
        """The layer's name in its network."""
        return self.linear.name


@dataclass(frozen=True, eq=False)
class Network:
    """Layers whose widths fit together, in the order in which numbers pass through them."""

    layers: tuple[DenseLayer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise InputError("the network has no layers")
        for before, after in pairwise(layer.linear for layer in self.layers):
            require_fit(before, after)
            if before.dtype != after.dtype:
                raise InputError(
                    f"layers {shown_name(before)} and {shown_name(after)} differ in dtype:"
                    f" {before.dtype} and {after.dtype}"
                )

    @property
    def widths(self) -> tuple[int, ...]:
        """in_features, then every layer's out_features."""
        first = self.layers[0].linear.in_features
        return (first, *(layer.linear.out_features for layer in self.layers))

    @property
    def dtype(self) -> str:
        """The number format of all layers."""
        return self.layers[0].linear.dtype


class Named(Protocol):
    """What has the name of a layer."""

    @property
    def name(self) -> str:
        """The layer's name."""


class Widths(Named, Protocol):
    """What has the widths of a layer."""

    @property
    def in_features(self) -> int:
        """The width of the input."""

    @property
    def out_features(self) -> int:
        """The width of the output."""


def require_fit(before: Widths, after: Widths) -> None:
    """Raise InputError where the output of a layer cannot enter the next one."""
    if before.out_features != after.in_features:
        raise InputError(
            f"layers {shown_name(before)} and {shown_name(after)} do not fit together:"
            f" {shown_name(before)} has out_features {before.out_features},"
            f" {shown_name(after)} has in_features {after.in_features}"
        )


def shown_name(layer: Named) -> str:
    """Return the name of a layer in quotes; that of its weight where it has none of its own."""
    return repr(layer.name or "weight")


def layer_names(count: int) -> tuple[str, ...]:
    """Return fc1, fc2, …, the names of a network made from widths."""
    return tuple(f"fc{number}" for number in range(1, count + 1))


def parameters_of(widths: Sequence[int]) -> int:
    """Return how many numbers the weights and biases of a network of these widths have."""
    return sum((n + 1) * m for n, m in pairwise(widths))


def activation_names(count: int, hidden: str, last: str) -> tuple[str, ...]:
    """Return the activation after each of `count` layers."""
    return (*[hidden] * (count - 1), last)
