"""The slips through the whole of a worked example, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from fcinspect.verification.examples.interval import UP
from fcinspect.verification.examples.record import ACTIVATIONS, ExampleOptimizer, WorkedExample

Kind = Literal[
    "none", "bias times", "activation is", "weight transposed", "weight misread", "rows swapped",
    "softmax twice", "target swapped", "loss times", "loss not squared", "gradient times",
    "derivative missing", "derivative is activation", "derivative inverted",
    "activation of gradient", "input not activated", "gradient from input not activated",
    "backward transposed", "weight gradient transposed", "updated weights",
    "old parameters afterwards", "bias takes weight gradient", "bias frozen", "bias stepped",
    "step times", "old value forgotten", "decay is", "uncorrected moments",
]  # fmt: skip


@dataclass(frozen=True)
class Slip:
    """One thing done wrong, everywhere or in one layer."""

    kind: Kind
    words: str
    """What went wrong, for a reader."""
    layer: int | None = None
    """The layer where it is made; None for every one."""
    factor: Decimal = Decimal(1)
    """What is multiplied too much, for the kinds that end in "times"."""
    name: str = ""
    """The activation that is applied."""
    pair: tuple[int, int] = (0, 0)
    """Rows that are swapped; or in its first number, a column."""

    def made(self, kind: Kind, layer: int | None = None) -> bool:
        """Whether this slip is of that kind and made in that layer."""
        return self.kind == kind and self.layer in (None, layer)


NO_SLIP = Slip("none", "")
MOST_ROWS = 8
"""Rows among which a swap is looked for."""
MOST_COLUMNS = 4
HALF, TWO = Decimal("0.5"), Decimal(2)
PASSING = ("relu", "leaky_relu")
"""Activations that let through what is above 0: z, of which the derivative is 1."""


def structural_slips(example: WorkedExample) -> Iterator[Slip]:
    """Yield every slip that the example leaves room for."""
    yield from _forward_slips(example)
    if example.loss is not None:
        yield from _loss_slips(example)
    if example.loss is not None and example.optimizer is not None:
        yield from _update_slips(example, example.optimizer)


def _forward_slips(example: WorkedExample) -> Iterator[Slip]:
    layers = example.layers
    biased = [k for k, layer in enumerate(layers) if layer.bias is not None]
    for k in biased:
        yield Slip("bias times", f"the bias of layers.{k} is forgotten", k, Decimal(0))
        yield Slip("bias times", f"the bias of layers.{k} is added twice", k, TWO)
        yield Slip("bias times", f"the bias of layers.{k} is subtracted", k, Decimal(-1))
    if len(layers) > 1 and biased:
        yield Slip("bias times", "the biases of all layers are forgotten", factor=Decimal(0))
    for k, layer in enumerate(layers):
        name = layer.activation
        if name == "softmax":
            yield Slip("softmax twice", "softmax is applied twice")
        others = (a for a in ACTIVATIONS if a not in ("identity", "softmax", name))
        for other in ("identity", *others) if name != "identity" else others:
            words = f"{other} is applied instead of {name} after layers.{k}"
            if other == "identity":
                words = f"the {name} after layers.{k} is missing"
            elif name == "identity":
                words = f"{other} is applied after layers.{k}, which has no activation"
            yield Slip("activation is", words, k, name=other)
    for k, layer in enumerate(layers):
        if layer.shape[0] == layer.shape[1] > 1:
            yield Slip("weight transposed", f"the weight of layers.{k} is transposed", k)
        elif min(layer.shape) > 1:
            words = f"the rows of the weight of layers.{k} are read as its columns"
            yield Slip("weight misread", words, k)
        if k and layers[k - 1].activation != "identity":
            words = f"layers.{k} receives the pre-activation of layers.{k - 1}"
            yield Slip("input not activated", words, k)
    for i in range(min(len(example.input), MOST_ROWS)):
        for j in range(i):
            yield Slip("rows swapped", f"rows {j} and {i} of the input are swapped", pair=(i, j))


def _loss_slips(example: WorkedExample) -> Iterator[Slip]:
    for factor, words in _factors(example):
        yield Slip("loss times", f"the loss has a wrong factor of {words}", factor=factor)
    yield Slip("loss times", "the sign of the loss is reversed", factor=Decimal(-1))
    if example.loss == "mse":
        yield Slip("loss not squared", "the differences in the loss are not squared")
    square = ("mse", "l1", "half_sum_squares", "half_mean_squares")
    if example.classes is None and example.loss not in square:
        yield Slip("target swapped", "target and output are swapped in the loss")
    active = [k for k, layer in enumerate(example.layers) if layer.activation != "identity"]
    for k in active:
        words = f"the derivative of the {example.layers[k].activation} after layers.{k}"
        yield Slip("derivative missing", f"{words} is forgotten", k)
    if active and len(example.layers) > 1:
        yield Slip("derivative missing", "the derivatives of all activations are forgotten")
    if example.optimizer is not None and len(example.layers) > 1:
        words = "the hidden gradient is propagated through already updated weights"
        yield Slip("updated weights", words)
    for k, layer in enumerate(example.layers):
        if layer.shape[0] == layer.shape[1] > 1:
            words = f"the gradient passes back through the transposed weight of layers.{k}"
            yield Slip("backward transposed", words, k)
    for factor, words in _factors(example):
        yield Slip("gradient times", f"the gradient has a wrong factor of {words}", factor=factor)
    words = "the sign of the gradient is reversed: target and output are swapped"
    yield Slip("gradient times", words, factor=Decimal(-1))
    count = Decimal(len(example.input) * example.outputs)
    if example.loss == "mse" and count not in (1, 2, 4):
        words = f"the gradient has a wrong factor of N/2 = {count / 2}"
        yield Slip("gradient times", words, factor=count / 2)
    for k, layer in enumerate(example.layers):
        if layer.activation in PASSING:
            words = f"the gradient is multiplied by the {layer.activation} after layers.{k}"
            words = f"{words} itself, not by its derivative"
            yield Slip("derivative is activation", words, k)
        if layer.activation == "relu":
            words = f"the mask of the relu after layers.{k} is inverted"
            yield Slip("derivative inverted", words, k)
            words = f"the relu after layers.{k} is applied to the gradient, not its derivative"
            yield Slip("activation of gradient", words, k)
        if min(layer.shape) > 1:
            words = f"the gradient of the weight of layers.{k} is transposed"
            yield Slip("weight gradient transposed", words, k)
        if k - 1 in active:
            words = f"the gradient of the weight of layers.{k} is computed with the"
            yield Slip(
                "gradient from input not activated", f"{words} pre-activation of layers.{k - 1}", k
            )


def _update_slips(example: WorkedExample, optimizer: ExampleOptimizer) -> Iterator[Slip]:
    for k, layer in enumerate(example.layers):
        if layer.bias is None:
            continue
        for i in range(min(layer.shape[1], MOST_COLUMNS)):
            words = f"the bias of layers.{k} is updated with the gradient of the weight"
            yield Slip("bias takes weight gradient", words, k, pair=(i, 0))
    if any(layer.bias is not None for layer in example.layers):
        if optimizer.update_bias:
            yield Slip("bias frozen", "the bias is not updated")
        else:
            yield Slip("bias stepped", "the bias is updated, though it is declared frozen")
    yield Slip("step times", "the step is not applied", factor=Decimal(0))
    yield Slip("step times", "the step is applied twice", factor=TWO)
    yield Slip("step times", "the step goes in the wrong direction", factor=Decimal(-1))
    yield Slip("old value forgotten", "the step alone is written, without the old value")
    rate = optimizer.numbers["lr"]
    if optimizer.name == "sgd" and not optimizer.numbers["weight_decay"] and rate not in (0, 1, 2):
        inverse = UP.divide(Decimal(1), rate)
        yield Slip("step times", "the learning rate is forgotten", factor=inverse)
        if rate * rate != 1:
            yield Slip("step times", "the learning rate is applied twice", factor=rate)
    words = "the parameters before the step are used after it"
    yield Slip("old parameters afterwards", words)
    if optimizer.numbers["weight_decay"]:
        yield Slip("decay is", "weight decay is forgotten", factor=Decimal(0))
        if optimizer.name == "adamw":
            yield Slip("decay is", "weight decay is added to the gradient, as in Adam")
        else:
            words = "weight decay is applied to the parameter, not to the gradient"
            yield Slip("decay is", words, name="decoupled")
    if optimizer.name in ("adam", "adamw"):
        yield Slip("uncorrected moments", "Adam's moments are not bias-corrected")


def _factors(example: WorkedExample) -> list[tuple[Decimal, str]]:
    """Return factors by which losses are often off, each once, with its words."""
    rows, outputs = len(example.input), example.outputs
    found = {TWO: "2", HALF: "½"}
    for count, words in ((rows * outputs, "N ="), (rows, "R ="), (outputs, "outputs =")):
        factor = Decimal(count)
        if count > 1:
            found.setdefault(factor, f"{words} {count}")
            found.setdefault(UP.divide(Decimal(1), factor), f"1/{count}")
    return list(found.items())
