"""The layers of a training step, on the way forward and on the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.media.latex.document import paragraph
from fcinspect.media.latex.equations import OVER_ROWS, display
from fcinspect.media.latex.formulas import formula
from fcinspect.media.latex.words import typed, words
from fcinspect.page.blocks import Equation, Matrix, Span
from fcinspect.page.matrices import matrix
from fcinspect.reports.step.layer import entering, result_of, slope

if TYPE_CHECKING:
    from fcinspect.arithmetic.training import LayerPass, LayerStep, TrainingStep
    from fcinspect.rounding.arrays import FloatArray

Part = str | tuple["FloatArray", str]
"""A sign or formula, or an array with the name that stands below it."""


def forward(step: TrainingStep, precision: int) -> list[str]:
    """Return z as a product and a sum for every layer, and what its activation makes of it."""
    used = _activations(step)
    parts = []
    if used:
        formulas = ", ".join(called(name, ACTIVATIONS[name].formula) for name in used)
        parts.append(paragraph(rf"$a = \varphi(z)$ with {formulas}"))
    for place, passed in enumerate(step.before.layers):
        named = entering(place), result_of(place, len(step.layers))
        parts += _layer_forward(step.layers[place], passed, precision, *named)
    return parts


def backward(step: TrainingStep, precision: int) -> list[str]:
    """Return the gradients of every layer, the last layer first."""
    parts = [
        paragraph(
            r"The same layers upwards, with $G = \partial L/\partial z"
            r" = \partial L/\partial a \odot \varphi'(z)$."
        )
    ]
    used = _activations(step)
    if used:
        slopes = ", ".join(
            rf"{words(name)}: $\displaystyle\varphi'(z) = {formula(ACTIVATIONS[name].derivative)}$"
            for name in used
        )
        parts.append(paragraph(slopes))
    names = ["$x$", *(typed(layer.name) for layer in step.layers)]
    for place in reversed(range(len(step.layers))):
        layer, passed = step.layers[place], step.before.layers[place]
        symbol = entering(place)
        parts += [
            _title(layer),
            _arriving(layer, passed, precision),
            *_parameter_gradients(layer, passed, precision, symbol),
            paragraph(f"What leaves to {names[place]}:"),
            _shown([f"∂L/∂{symbol}", "=", "G·W", "=", (layer.grad_input.rows, "")], precision),
        ]
    return parts


def called(name: str, activation: str) -> str:
    r"""Return "relu: $\varphi(z) = \max(z, 0)$"."""
    return rf"{words(name)}: $\displaystyle\varphi(z) = {formula(activation)}$"


def _activations(step: TrainingStep) -> list[str]:
    return list(dict.fromkeys(la.activation for la in step.layers if la.activation != "identity"))


def _title(layer: LayerStep) -> str:
    return rf"\paragraph{{{typed(layer.name)}}}"


def _layer_forward(
    layer: LayerStep, passed: LayerPass, precision: int, symbol: str, result: str
) -> list[str]:
    weight = layer.weight.before.values
    bias = None if layer.bias is None else layer.bias.before.values
    x, z, a = passed.input.rows, passed.pre_activation.rows, passed.output.rows
    plus = "" if bias is None else " + b"
    one = len(passed.input.shape) == 1
    parts: list[Part]
    if one:
        means = f"$z = W {symbol}{plus}$"
        parts = [(weight, "W"), (x.T, symbol)]
        parts += [] if bias is None else ["+", (bias[:, None], "b")]
        parts += ["=", (z.T, "z")]
    else:
        means = rf"$Z = {symbol.upper()} W^{{\mathsf{{T}}}}{plus}$"
        parts = [(x, symbol.upper()), (weight.T, "Wᵀ")]
        parts += [] if bias is None else ["+", (bias[None, :], "b")]
        parts += ["=", (z, "Z")]
    if layer.activation == "identity":
        means += f", ${result} = z$"
        return [f"{_title(layer)} {means}", _shown(parts, precision)]
    activated: list[Part] = [result, "=", f"{layer.activation}(z)", "=", (a.T if one else a, "")]
    return [f"{_title(layer)} {means}", _shown(parts, precision), _shown(activated, precision)]


def _arriving(layer: LayerStep, passed: LayerPass, precision: int) -> str:
    """Return the gradient that arrives, through the activation's slope."""
    g = layer.grad_output.rows
    if layer.activation == "identity":
        return _shown(["G", "=", "∂L/∂a", "=", (g, "")], precision)
    arrived = layer.grad_activation.rows
    return _shown(
        ["G", "=", (arrived, "∂L/∂a"), "⊙", (slope(layer, passed), "φ′(z)"), "=", (g, "")],
        precision,
    )


def _parameter_gradients(
    layer: LayerStep, passed: LayerPass, precision: int, symbol: str
) -> list[str]:
    g, x, gradient = layer.grad_output.rows, passed.input.rows, layer.weight.grad.values
    rows = len(g)
    if rows == 1:
        product: list[Part] = [(g.T, "G"), "⊗", (x, symbol)]
        said = f"Each number of $G$ times each number of ${symbol}$:"
    else:
        product = [(g.T, "Gᵀ"), (x, symbol.upper())]
        said = f"Summed over the {rows:,} rows $r$ of the batch:"
    parts = [paragraph(said), _shown(["∂L/∂W", "=", *product, "=", (gradient, "")], precision)]
    if layer.bias is not None:
        total = "G" if rows == 1 else OVER_ROWS
        grad = layer.bias.grad.values[None, :]
        parts.append(_shown(["∂L/∂b", "=", total, "=", (grad, "")], precision))
    return parts


def _shown(parts: list[Part], precision: int) -> str:
    built: list[Matrix | Span] = [
        (part, "") if isinstance(part, str) else matrix(part[0], "", precision, part[1])
        for part in parts
    ]
    return display(Equation(tuple(built)))
