"""One layer of a training step, on the way forward and on the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.page import text
from fcinspect.page.blocks import Block, Line, Span
from fcinspect.page.matrices import Part, equation

if TYPE_CHECKING:
    from fcinspect.arithmetic.training import LayerPass, LayerStep
    from fcinspect.rounding.arrays import FloatArray


def entering(place: int) -> str:
    """Return what the input of the layer at that place is called: a, but x of the first."""
    return "a" if place else "x"


def result_of(place: int, layers: int) -> str:
    """Return what the output of the layer at that place is called: a, of the last one also y."""
    return "y = a" if place == layers - 1 else "a"


def layer_forward(
    layer: LayerStep, passed: LayerPass, precision: int, symbol: str, result: str
) -> list[Block]:
    """Show z as a product and a sum, and what the activation makes of it.

    `symbol` stands for one input, x or a; `result` for one output, a or y = a.
    """
    weight = layer.weight.before.values
    bias = None if layer.bias is None else layer.bias.before.values
    x, z = passed.input.rows, passed.pre_activation.rows
    plus = "" if bias is None else " + b"
    parts: list[Part]
    if len(passed.input.shape) == 1:
        formula = f"z = W·{symbol}{plus}"
        parts = [(weight, "weight"), (x.T, "input")]
        parts += [] if bias is None else ["+", (bias[:, None], "bias")]
        parts += ["=", (z.T, "output")]
    else:
        formula = f"Z = {symbol.upper()}·Wᵀ{plus}"
        parts = [(x, "input"), "·", (weight.T, "weight")]
        parts += [] if bias is None else ["+", (bias[None, :], "bias")]
        parts += ["=", (z, "output")]
    blocks = [Line.of(_name(layer), " ", formula), *equation(parts, precision)]
    if layer.activation == "identity":
        return [*blocks, Line.of(f"{result} = z")]
    a = passed.output.rows
    return [
        *blocks,
        *equation([f"{result} = {layer.activation}(z)", "=", (a, "output")], precision),
    ]


def _name(layer: LayerStep) -> Span:
    return (f"{text.safe(layer.name)} ", "strong")


def arriving(layer: LayerStep, passed: LayerPass, precision: int) -> list[Block]:
    """Show the gradient that arrives, and what the activation lets through."""
    g = layer.grad_output.rows
    if layer.activation == "identity":
        return equation([_name(layer), "arrives: ∂L/∂a = G =", (g, "gradient")], precision)
    arrived = layer.grad_activation.rows
    said = "mask = φ′(z)" if layer.activation == "relu" else "φ′(z)"
    return [
        *equation([_name(layer), "arrives: ∂L/∂a =", (arrived, "gradient")], precision),
        *equation([said, "=", (slope(layer, passed), "")], precision),
        *equation(["G = ∂L/∂a ⊙ φ′(z)", "=", (g, "gradient")], precision),
    ]


def parameter_gradients(
    layer: LayerStep, passed: LayerPass, precision: int, symbol: str
) -> list[Block]:
    """Show the outer product that is the weight's gradient, and the bias's sums."""
    g, x = layer.grad_output.rows, passed.input.rows
    rows = len(g)
    words = f"∂L/∂W = G ⊗ {symbol}, each number of G times each number of {symbol}"
    if rows != 1:
        words = (
            f"∂L/∂W = Gᵀ·{symbol.upper()}, the sum of G ⊗ {symbol} over {text.plural(rows, 'row')}"
        )
    blocks: list[Block] = [Line.of(words)]
    blocks += equation(
        [
            (g.T, "gradient"),
            "⊗" if rows == 1 else "·",
            (x, "input"),
            "=",
            (layer.weight.grad.values, "gradient"),
        ],
        precision,
    )
    if layer.bias is not None:
        formula = "∂L/∂b = G" if rows == 1 else "∂L/∂b = the column sums of G"
        blocks += equation([formula, "=", (layer.bias.grad.values[None, :], "gradient")], precision)
    return blocks


def slope(layer: LayerStep, passed: LayerPass) -> FloatArray:
    """Return φ′ at every pre-activation, (rows, out_features)."""
    z = passed.pre_activation.rows.astype(np.float64)
    a = passed.output.rows.astype(np.float64)
    with np.errstate(all="ignore"):
        return ACTIVATIONS[layer.activation].backward(z, a, np.ones_like(z))
