"""One layer of a training step, on the way forward and on the way back."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.page import text
from fcinspect.page.blocks import Block, Equation, Line, Span
from fcinspect.page.matrices import Part, equation, matrix

if TYPE_CHECKING:
    from fcinspect.arithmetic.training import LayerPass, LayerStep, TrainingStep
    from fcinspect.reports.step.subjects import LayerSubjects
    from fcinspect.rounding.arrays import FloatArray


def layer_forward(
    layer: LayerStep, passed: LayerPass, own: LayerSubjects, precision: int
) -> list[Block]:
    """Show z as a product and a sum, and what the activation makes of it."""
    make = partial(matrix, precision=precision)
    weight = layer.weight.before.values
    bias = None if layer.bias is None else layer.bias.before.values
    x, z = passed.input.rows, passed.pre_activation.rows
    plus = "" if bias is None else " + b"
    if not own.batched:
        formula = f"z = W·{own.entering}{plus}"
        parts: list[Part] = [make(weight, own.weight()), make(x.T, own.input(), turned=True)]
        parts += [] if bias is None else ["+", make(bias[:, None], own.bias(), turned=True)]
        parts += ["=", make(z.T, own.pre_activation(), turned=True)]
    else:
        formula = f"Z = {own.entering.upper()}·Wᵀ{plus}"
        parts = [make(x, own.input()), "·", make(weight.T, own.weight(), turned=True)]
        parts += [] if bias is None else ["+", make(bias[None, :], own.bias())]
        parts += ["=", make(z, own.pre_activation())]
    blocks: list[Block] = [Line.of(_name(own), " ", formula, title=True), equation(*parts)]
    if own.linear:
        return [*blocks, Line.of(f"{own.result} = z", formula=True)]
    a = make(passed.output.rows, own.output())
    return [*blocks, equation(f"{own.result} = {layer.activation}(z)", "=", a)]


def _name(own: LayerSubjects) -> Span:
    return (f"{own.name} ", "strong")


def layer_backward(
    step: TrainingStep, place: int, subjects: list[LayerSubjects], precision: int
) -> list[Block]:
    """Show the gradient that arrives, those of the parameters, and the one that leaves."""
    layer, passed, own = step.layers[place], step.before.layers[place], subjects[place]
    to = subjects[place - 1].name if place else "x"
    leaving = matrix(layer.grad_input.rows, own.leaving(), precision)
    return [
        *_arriving(layer, passed, subjects[place:], precision),
        *_parameter_gradients(layer, passed, own, precision),
        equation(f"leaves to {to}: ∂L/∂{own.entering} = G·W", "=", leaving),
    ]


def _arriving(
    layer: LayerStep, passed: LayerPass, subjects: list[LayerSubjects], precision: int
) -> list[Equation]:
    """Show the gradient that arrives, and what the activation lets through."""
    make = partial(matrix, precision=precision)
    own, *behind = subjects
    source = behind[0].leaving() if behind else None
    arrived = make(
        layer.grad_activation.rows,
        own.arriving("T") if source is None else own.arriving(source.lights, source.formula),
    )
    if own.linear:
        return [equation(_name(own), "arrives: ∂L/∂a = G =", arrived)]
    return [
        equation(_name(own), "arrives: ∂L/∂a =", arrived),
        equation(
            "mask = φ′(z)" if layer.activation == "relu" else "φ′(z)",
            "=",
            make(slope(layer, passed), own.slope()),
        ),
        equation("G = ∂L/∂a ⊙ φ′(z)", "=", make(layer.grad_output.rows, own.grad_output())),
    ]


def _parameter_gradients(
    layer: LayerStep, passed: LayerPass, own: LayerSubjects, precision: int
) -> list[Block]:
    """Show the outer product that is the weight's gradient, and the bias's sums."""
    make = partial(matrix, precision=precision)
    rows, a = len(layer.grad_output.rows), own.entering
    words = f"∂L/∂W = G ⊗ {a}, each number of G times each number of {a}"
    if rows != 1:
        words = f"∂L/∂W = Gᵀ·{a.upper()}, the sum of G ⊗ {a} over {text.plural(rows, 'row')}"
    blocks: list[Block] = [
        Line.of(words),
        equation(
            *outer_product(layer, passed, own, precision),
            "=",
            make(layer.weight.grad.values, own.grad_weight()),
        ),
    ]
    if layer.bias is not None:
        formula = "∂L/∂b = G" if rows == 1 else "∂L/∂b = the column sums of G"
        grad = make(layer.bias.grad.values[None, :], own.grad_bias())
        blocks.append(equation(formula, "=", grad))
    return blocks


def outer_product(
    layer: LayerStep, passed: LayerPass, own: LayerSubjects, precision: int
) -> tuple[Part, Part, Part]:
    """Return G and the input of a layer, whose product is the weight's gradient."""
    g = layer.grad_output.rows
    return (
        matrix(g.T, own.grad_output(turned=True), precision, turned=True),
        "⊗" if len(g) == 1 else "·",
        matrix(passed.input.rows, own.input(), precision),
    )


def slope(layer: LayerStep, passed: LayerPass) -> FloatArray:
    """Return φ′ at every pre-activation, (rows, out_features)."""
    z = passed.pre_activation.rows.astype(np.float64)
    a = passed.output.rows.astype(np.float64)
    with np.errstate(all="ignore"):
        return ACTIVATIONS[layer.activation].backward(z, a, np.ones_like(z))
