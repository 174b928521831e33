"""A network from a file of layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from fcinspect.arithmetic.settings import ACTIVATION_NAMES
from fcinspect.errors import InputError, did_you_mean
from fcinspect.layers.array import Array
from fcinspect.layers.linear import DenseLayer, Network, require_fit, shown_name
from fcinspect.names import canonical

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import Checkpoint, StoredLinear
    from fcinspect.layers.linear import LinearLayer


STEP_DTYPES = ("float32", "float64")
"""Those that a step runs in."""
ANY_DTYPE = ("float64", "float32", "bfloat16", "float16")
MOST_NAMED = 4
"""More layers are counted, not named."""


@dataclass(frozen=True)
class FoundNetwork:
    """The layers of a file, chained, and what a reader should know of them."""

    network: Network
    warnings: tuple[str, ...]
    assumed: str | None = None
    """Which activations are not the file's and were not asked for either, in a sentence."""
    between: bool = False
    """Whether one of those stands behind a hidden layer."""

    def remarks(self) -> tuple[str, ...]:
        """Return what a reader should know, for a command with --activation."""
        if self.assumed is None:
            return self.warnings
        option = "--activation" if self.between else "--output-activation"
        return (*self.warnings, f"{self.assumed}; {option} gives another")


def network_of(
    checkpoint: Checkpoint,
    activation: str | None = None,
    output_activation: str | None = None,
    usual_last: str = "identity",
    dtype: str | None = None,
    dtypes: tuple[str, ...] = ANY_DTYPE,
) -> FoundNetwork:
    """Return the layers of a checkpoint in its order, in `dtype` or else as the file has them.

    An activation the file does not name is `activation` (relu) behind a hidden layer and
    `output_activation`, or what is usual there, behind the last. Raises InputError where the
    layers are no network, or not of one of the `dtypes`.
    """
    if not checkpoint.layers:
        raise InputError(f"{checkpoint.source} holds no linear layer")
    for before, after in pairwise(checkpoint.layers):
        require_fit(before, after)  # before their numbers are read
    warnings: list[str] = [*checkpoint.problems, *checkpoint.notes]
    layers = []
    unnamed: list[DenseLayer] = []
    last = len(checkpoint.layers) - 1
    for place, stored in enumerate(checkpoint.layers):
        asked = activation if place < last else output_activation
        usual = asked or ("relu" if place < last else usual_last)
        named = _activation(stored, asked, usual, warnings)
        linear = stored.read()
        linear = replace(linear, name=linear.name or f"fc{place + 1}")
        warnings += stored.remarks()
        layers.append(DenseLayer(_held(linear, dtype, dtypes, warnings), named))
        if not asked and not stored.activation:
            unnamed.append(layers[-1])
    if checkpoint.skipped:
        names = ", ".join(repr(skip.name) for skip in checkpoint.skipped[:8])
        warnings.append(f"not part of the network: {names}")
    between = [layer for layer in unnamed if layer is not layers[-1]]
    return FoundNetwork(
        Network(tuple(layers)), tuple(warnings), _assumed(between, unnamed, layers[-1]),
        bool(between),
    )  # fmt: skip


def _activation(stored: StoredLinear, asked: str | None, usual: str, warnings: list[str]) -> str:
    """Return what stands behind a layer: what is asked for, else what the file names, or the usual.

    Raises InputError where the file's own is not known.
    """
    if stored.activation is None:
        return asked or usual
    own = canonical(stored.activation, ACTIVATION_NAMES)
    if asked is None and own is None:
        raise InputError(
            f"activation {stored.activation!r} of layer {shown_name(stored)} is not known: expected"
            f" one of {', '.join(ACTIVATION_NAMES)}",
            hint=did_you_mean(stored.activation, ACTIVATION_NAMES),
        )
    if asked is not None and asked != own:
        warnings.append(f"{stored.name}: {asked} takes the place of the file's {stored.activation}")
    return asked or own or usual


def _assumed(
    between: Sequence[DenseLayer], unnamed: Sequence[DenseLayer], last: DenseLayer
) -> str | None:
    """Say what stands behind the `unnamed`, of which neither the file nor an option tells it.

    Nothing is said where that is identity alone, as behind a layer by itself.
    """
    parts = []
    if between:
        parts.append(f"{between[0].activation} is assumed behind {_few(between)}")
    if last in unnamed and (between or last.activation != "identity"):
        parts.append(
            f"{last.activation} {'' if between else 'is assumed '}behind {shown_name(last)}"
        )
    return f"the file names no activation there: {', '.join(parts)}" if parts else None


def _few(layers: Sequence[DenseLayer]) -> str:
    """Return the names of a few of the layers, and how many more there are."""
    names = ", ".join(repr(layer.name) for layer in layers[:MOST_NAMED])
    more = len(layers) - MOST_NAMED
    return names if more <= 0 else f"{names} and {more} more"


def _held(
    linear: LinearLayer, dtype: str | None, dtypes: tuple[str, ...], warnings: list[str]
) -> LinearLayer:
    """Return the layer's numbers in `dtype`."""
    if dtype is None and linear.dtype not in dtypes:
        raise InputError(
            f"layer {shown_name(linear)} is {linear.dtype}: step runs in float32 or float64",
            hint="--dtype float32 takes its numbers as they are",
        )
    wanted = dtype or linear.dtype
    parts = [linear.weight] if linear.bias is None else [linear.weight, linear.bias]
    if all(part.dtype == wanted for part in parts):
        return linear
    held = [Array.of(part.values, wanted) for part in parts]
    if any((a.values != b.values).any() for a, b in zip(parts, held, strict=True)):
        warnings.append(f"{linear.name} is rounded from {linear.dtype} to {wanted}")
    return replace(linear, weight=held[0], bias=held[1] if len(held) > 1 else None)
