"""What commands share that chain layers and train them: options, and the network of a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fcinspect.arithmetic.settings import (
    ACTIVATION_NAMES,
    OPTIMIZER_NAMES,
    Optimizer,
    optimizer_named,
)
from fcinspect.cli.options import DTYPES, choice, option, parsed_by, real_number, switch
from fcinspect.errors import InputError, UsageError, did_you_mean
from fcinspect.layers.array import Array
from fcinspect.layers.linear import DenseLayer, Network, require_fit, shown_name
from fcinspect.names import canonical, listed

if TYPE_CHECKING:
    from fcinspect.checkpoints.records import Checkpoint, StoredLinear
    from fcinspect.layers.linear import LinearLayer

Real = float | None
Size = real_number(0)
STEP_DTYPES = ("float32", "float64")
"""Those that a step runs in."""


def activation_option(flag: str, where: str) -> Any:
    """Return the option that names an activation, `where` saying after which layer."""
    words = f"{where}: {', '.join(ACTIVATION_NAMES)}."
    return choice(f"{flag} NAME", words, ACTIVATION_NAMES, "activation")


HiddenActivation = Annotated[
    str | None, activation_option("--activation", "After every hidden layer (default relu)")
]
LastActivation = Annotated[
    str | None, activation_option("--output-activation", "After the last layer (default identity)")
]


def betas_of(text: str | tuple[float, float]) -> tuple[float, float]:
    """Return β1 and β2 of "0.9,0.999"."""
    if isinstance(text, tuple):
        return text
    parts = text.split(",")
    if len(parts) != 2:
        raise UsageError(f"{text!r} is not two numbers such as 0.9,0.999")
    parse = real_number(0, below=1)
    try:
        return parse(parts[0]), parse(parts[1])
    except typer.BadParameter as error:
        raise UsageError(f"{error.message}, in {text!r}") from error


@dataclass(frozen=True)
class OptimizerOptions:
    """The optimizer and its options; None stands for torch's default."""

    optimizer: Annotated[
        str, choice("--optimizer NAME", ", ".join(OPTIMIZER_NAMES) + ".", OPTIMIZER_NAMES)
    ] = "sgd"
    lr: Annotated[
        Real, option("--lr R", "Learning rate; default 0.01, or 0.001 for adam and adamw.", Size)
    ] = None
    momentum: Annotated[Real, option("--momentum R", "sgd, rmsprop; default 0.", Size)] = None
    dampening: Annotated[Real, option("--dampening R", "sgd; default 0.", real_number())] = None
    nesterov: Annotated[bool, switch("--nesterov", "sgd: use Nesterov momentum.")] = False
    weight_decay: Annotated[
        Real, option("--weight-decay R", "Default 0, or 0.01 for adamw.", Size)
    ] = None
    maximize: Annotated[
        bool, switch("--maximize", "Maximize the loss instead of minimizing it.")
    ] = False
    betas: Annotated[
        Any, option("--betas R,R", "adam, adamw; default 0.9,0.999.", parsed_by(betas_of))
    ] = None
    eps: Annotated[
        Real, option("--eps R", "adam, adamw, rmsprop: default 1e-8; adagrad: 1e-10.", Size)
    ] = None
    alpha: Annotated[Real, option("--alpha R", "rmsprop; default 0.99.", Size)] = None
    centered: Annotated[
        bool, switch("--centered", "rmsprop: divide by the root of the gradient's variance.")
    ] = False
    amsgrad: Annotated[
        bool, switch("--amsgrad", "adam, adamw: use the largest second moment so far.")
    ] = False
    lr_decay: Annotated[Real, option("--lr-decay R", "adagrad; default 0.", Size)] = None
    initial_accumulator_value: Annotated[
        Real, option("--initial-accumulator-value R", "adagrad; default 0.", Size)
    ] = None

    def chosen(self) -> Optimizer:
        """Return the optimizer; raises UsageError for an option it lacks."""
        given = {k: v for k, v in vars(self).items() if v is not False}
        return optimizer_named(given.pop("optimizer"), given)

    def asked(self) -> dict[str, Any]:
        """Return the optimizer and its options after defaults, for the report."""
        chosen = self.chosen()
        return {"optimizer": chosen.name, **chosen.options}


@dataclass(frozen=True)
class FoundNetwork:
    """The layers of a file, chained, and what a reader should know of them."""

    network: Network
    warnings: tuple[str, ...]
    assumed: str | None = None
    """Which activations neither the file nor an option names, in a sentence."""
    between: bool = False
    """Whether one of those follows a hidden layer."""

    def remarks(self) -> tuple[str, ...]:
        """Return what a reader should know, for a command with --activation."""
        if self.assumed is None:
            return self.warnings
        option = "--activation" if self.between else "--output-activation"
        return (*self.warnings, f"{self.assumed}; use {option} to change it")


def layers_of(
    name: str | None, weight: str | None, bias: Any, dtype: str = "float32"
) -> Checkpoint:
    """Return the layers of --weight, or else of the file; raises UsageError for both."""
    from fcinspect.cli.inputs import OwnLayer, refuse_bias
    from fcinspect.cli.sources import open_checkpoint

    refuse_two(name, weight)
    if weight is not None:
        return OwnLayer(weight, bias, dtype).open()
    refuse_bias(bias, "layers from a file")
    return open_checkpoint(str(name), plain_dtype=dtype)


def refuse_two(name: str | None, weight: str | None) -> None:
    """Raise UsageError where layers are given by name and by --weight."""
    if weight is not None and name is not None:
        raise UsageError(f"--weight and {name!r} both define layers: use only one of them")


def words_of(name: str | None, weight: str | None) -> str:
    """Return where the layers come from, in words."""
    from fcinspect.masking import masked_name

    if weight is not None:
        return "the layer of --weight"
    return f"layers from {'standard input' if name == '-' else masked_name(str(name))}"


def network_of(
    checkpoint: Checkpoint,
    activation: str | None = None,
    output_activation: str | None = None,
    usual_last: str = "identity",
    dtype: str | None = None,
    dtypes: tuple[str, ...] = DTYPES,
) -> FoundNetwork:
    """Return the layers of a checkpoint in its order, in `dtype` or else as the file has them.

    `activation` (relu) and `output_activation` stand in where the file names none. Raises
    InputError where the layers do not form a network, or not of one of the `dtypes`.
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
    assumed = _assumed(between, unnamed, layers[-1])
    return FoundNetwork(Network(tuple(layers)), tuple(warnings), assumed, bool(between))


def _activation(stored: StoredLinear, asked: str | None, usual: str, warnings: list[str]) -> str:
    """Return the activation after a layer: as asked, else as the file has it, else the usual."""
    if stored.activation is None:
        return asked or usual
    own = canonical(stored.activation, ACTIVATION_NAMES)
    if asked is None and own is None:
        raise InputError(
            f"unknown activation {stored.activation!r} of layer {shown_name(stored)}: expected one"
            f" of {', '.join(ACTIVATION_NAMES)}",
            hint=did_you_mean(stored.activation, ACTIVATION_NAMES),
        )
    if asked is not None and asked != own:
        warnings.append(f"{stored.name}: {asked} replaces the file's {stored.activation}")
    return asked or own or usual


def _assumed(
    between: Sequence[DenseLayer], unnamed: Sequence[DenseLayer], last: DenseLayer
) -> str | None:
    """Say which activation is assumed where; nothing for identity alone."""
    parts = []
    if between:
        names = listed([layer.name for layer in between], 4)
        parts.append(f"{between[0].activation} is assumed after {names}")
    if last in unnamed and (between or last.activation != "identity"):
        parts.append(
            f"{last.activation} {'' if between else 'is assumed '}after {shown_name(last)}"
        )
    return f"the file does not name an activation: {', '.join(parts)}" if parts else None


def _held(
    linear: LinearLayer, dtype: str | None, dtypes: tuple[str, ...], warnings: list[str]
) -> LinearLayer:
    if dtype is None and linear.dtype not in dtypes:
        raise InputError(
            f"layer {shown_name(linear)} is {linear.dtype}: step runs in float32 or float64",
            hint="use --dtype float32, which holds its numbers exactly",
        )
    wanted = dtype or linear.dtype
    parts = [linear.weight] if linear.bias is None else [linear.weight, linear.bias]
    if all(part.dtype == wanted for part in parts):
        return linear
    held = [Array.of(part.values, wanted) for part in parts]
    if any((a.values != b.values).any() for a, b in zip(parts, held, strict=True)):
        warnings.append(f"{linear.name} is rounded from {linear.dtype} to {wanted}")
    return replace(linear, weight=held[0], bias=held[1] if len(held) > 1 else None)
