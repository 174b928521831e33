"""One training step: what decides its numbers, and all that was computed, nothing judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fcinspect.arithmetic.settings import Optimizer
from fcinspect.layers.array import Array
from fcinspect.layers.linear import Network, layer_names
from fcinspect.rounding.arrays import Float64Array


@dataclass(frozen=True, eq=False)
class Classes:
    """Targets of cross_entropy: one class a row; read-only."""

    values: npt.NDArray[np.int64]
    """(*batch)"""

    def __post_init__(self) -> None:
        self.values.setflags(write=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape, outermost dimension first."""
        return tuple(self.values.shape)


Target = Array | Classes


def rows_of(target: Target) -> Float64Array:
    """Return a target as the losses take it: rows, or one class a row."""
    if isinstance(target, Classes):
        return target.values.reshape(-1).astype(np.float64)
    return target.rows.astype(np.float64)


@dataclass(frozen=True)
class StepRequest:
    """Everything that decides the numbers of a step."""

    widths: tuple[int, ...]
    activations: tuple[str, ...]
    """The activation after each layer."""
    optimizer: Optimizer
    loss: str = "mse"
    seed: int = 0
    batch: tuple[int, ...] = ()
    dtype: str = "float32"
    bias: bool = True
    network: Network | None = None
    """The layers, when they come from a file rather than from the seed."""
    x: Array | None = None
    target: Target | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The layers' names."""
        if self.network is None:
            return layer_names(len(self.widths) - 1)
        return tuple(layer.name for layer in self.network.layers)


@dataclass(frozen=True, eq=False)
class LayerPass:
    """One layer on the way forward; arrays have all batch dimensions."""

    input: Array
    """What enters, (*batch, in_features)."""
    pre_activation: Array
    """z = x·Wᵀ + b, (*batch, out_features)."""
    output: Array
    """a = φ(z), (*batch, out_features)."""


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """All layers on the way forward, and the loss."""

    layers: tuple[LayerPass, ...]
    loss: Array
    """L, of shape ()."""

    @property
    def output(self) -> Array:
        """y, what the last layer gives."""
        return self.layers[-1].output

    @property
    def loss_value(self) -> float:
        """L as a number."""
        return float(self.loss.values)


@dataclass(frozen=True, eq=False)
class ParameterStep:
    """One parameter before and after the step."""

    before: Array
    grad: Array
    after: Array
    state_before: Mapping[str, Array]
    """What the optimizer kept of earlier steps, by torch.optim's names."""
    state_after: Mapping[str, Array]

    @property
    def update(self) -> Array:
        """new − old, in float64."""
        with np.errstate(all="ignore"):
            change = self.after.values.astype(np.float64) - self.before.values.astype(np.float64)
        return Array(np.asarray(change), "float64")


@dataclass(frozen=True, eq=False)
class LayerStep:
    """One layer in a step: its parameters, and the gradients that pass through it."""

    name: str
    activation: str
    weight: ParameterStep
    bias: ParameterStep | None
    grad_activation: Array
    """∂L/∂a, what arrives, (*batch, out_features)."""
    grad_output: Array
    """∂L/∂z, after the activation's derivative, (*batch, out_features)."""
    grad_input: Array
    """∂L/∂x, what leaves, (*batch, in_features)."""

    @property
    def parameters(self) -> tuple[tuple[str, ParameterStep], ...]:
        """The layer's parameters by their names in a state dict."""
        weight = (f"{self.name}.weight", self.weight)
        return (weight,) if self.bias is None else (weight, (f"{self.name}.bias", self.bias))


@dataclass(frozen=True, eq=False)
class TrainingStep:
    """Forward, loss, backward, update, and forward again."""

    number: int
    """Counted from 1."""
    loss_name: str
    optimizer: Optimizer
    target: Target
    before: ForwardPass
    layers: tuple[LayerStep, ...]
    after: ForwardPass

    @property
    def parameters(self) -> tuple[tuple[str, ParameterStep], ...]:
        """Every parameter by its name in the state dict."""
        return tuple(parameter for layer in self.layers for parameter in layer.parameters)

    @property
    def input(self) -> Array:
        """x, (*batch, in_features)."""
        return self.before.layers[0].input

    @property
    def target_rows(self) -> Float64Array:
        """The target as the losses take it."""
        return rows_of(self.target)

    @property
    def dtype(self) -> str:
        """The number format of the whole step."""
        return self.input.dtype

    @property
    def widths(self) -> tuple[int, ...]:
        """in_features, then every layer's out_features."""
        first = self.layers[0].weight.before.shape[1]
        return (first, *(layer.weight.before.shape[0] for layer in self.layers))
