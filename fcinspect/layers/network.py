"""A fully connected network: linear layers, each followed by an activation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from fcinspect.errors import InputError
from fcinspect.layers.linear import LinearLayer


@dataclass(frozen=True, eq=False)
class DenseLayer:
    """A linear layer and the activation behind it."""

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
        ...


class Widths(Named, Protocol):
    """What has the widths of a layer."""

    @property
    def in_features(self) -> int:
        """The width of the input."""
        ...

    @property
    def out_features(self) -> int:
        """The width of the output."""
        ...


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


def activation_names(count: int, hidden: str, last: str) -> Sequence[str]:
    """Return the activation behind each of `count` layers."""
    return (*[hidden] * (count - 1), last)
