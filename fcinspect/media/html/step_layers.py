"""The layers of a training step on its page, on the way forward and on the way back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fcinspect.media.html.grid import Part, grid, showing
from fcinspect.media.html.step_subjects import LayerSubjects
from fcinspect.page import text
from fcinspect.reports.step.layer import result_of, slope

if TYPE_CHECKING:
    from fcinspect.arithmetic.training import LayerPass, LayerStep, TrainingStep


@dataclass(frozen=True)
class EquationRow:
    """Words and matrices side by side."""

    words: str
    parts: tuple[Part, ...] = ()

    @property
    def showing(self) -> list[str]:
        """What is to be said of the matrices that are shown in part."""
        return showing(self.parts)


@dataclass(frozen=True)
class LayerSection:
    """A layer with its equations."""

    name: str
    rows: tuple[EquationRow, ...]


def subjects_of(step: TrainingStep) -> list[LayerSubjects]:
    """Return the matrices of each layer."""
    batch = step.input.shape[:-1]
    return [
        LayerSubjects(
            number,
            text.safe(layer.name),
            (layer.weight.before.shape[1], layer.weight.before.shape[0]),
            len(step.input.rows) if batch else 0,
            layer.activation,
            layer.bias is not None,
            text.safe(step.layers[number - 2].name) if number > 1 else "",
            result_of(number - 1, len(step.layers)),
        )
        for number, layer in enumerate(step.layers, start=1)
    ]


def forward_section(
    layer: LayerStep, passed: LayerPass, subjects: LayerSubjects, precision: int
) -> LayerSection:
    """Return z as a product and a sum, and what the activation makes of it."""
    make = partial(grid, precision=precision)
    n, ins, outs = subjects.n, subjects.ins, subjects.outs
    weight, x = layer.weight.before.values, passed.input.rows
    z, a = passed.pre_activation.rows, passed.output.rows
    bias = None if layer.bias is None else layer.bias.before.values
    plus = "" if bias is None else " + b"
    parts: list[Part]
    if n:
        words = f"Z = {subjects.entering.upper()}·Wᵀ{plus}"
        parts = [
            make(x, subjects.input(), rows=n, columns=ins), "·",
            make(weight.T, subjects.weight(), rows=ins, columns=outs),
        ]  # fmt: skip
        if bias is not None:
            parts += ["+", make(bias[None, :], subjects.bias(), columns=outs)]
        parts += ["=", make(z, subjects.pre_activation(), rows=n, columns=outs)]
    else:
        words = f"z = W·{subjects.entering}{plus}"
        parts = [
            make(weight, subjects.weight(), rows=outs, columns=ins), "·",
            make(x.T, subjects.input(), rows=ins),
        ]  # fmt: skip
        if bias is not None:
            parts += ["+", make(bias[:, None], subjects.bias(), rows=outs)]
        parts += ["=", make(z.T, subjects.pre_activation(), rows=outs)]
    rows = [EquationRow(words, tuple(parts))]
    if subjects.linear:
        rows.append(EquationRow(f"{subjects.result} = z"))
    else:
        shown = make(a, subjects.output(), rows=n, columns=outs)
        rows.append(EquationRow(f"{subjects.result} = {layer.activation}(z)", (shown,)))
    return LayerSection(subjects.name, tuple(rows))


def backward_section(
    step: TrainingStep, place: int, subjects: list[LayerSubjects], precision: int
) -> LayerSection:
    """Return the gradient that arrives at a layer, those of its parameters, and what leaves."""
    layer, passed, own = step.layers[place], step.before.layers[place], subjects[place]
    make = partial(grid, precision=precision)
    n, ins, outs = own.n, own.ins, own.outs
    g, x = layer.grad_output.rows, passed.input.rows
    rows = [_arriving(step, place, subjects, precision)]
    turned = make(g.T, own.grad_output(turned=True), rows=outs, columns=n)
    grad_weight = make(layer.weight.grad.values, own.grad_weight(), rows=outs, columns=ins)
    outer = len(g) == 1
    a = own.entering
    words = f"∂L/∂W = G ⊗ {a}, each number of G times each number of {a}"
    if not outer:
        rows_of = text.plural(len(g), "row")
        words = f"∂L/∂W = Gᵀ·{a.upper()}, the sum of G ⊗ {a} over {rows_of}"
    inputs = make(x, own.input(), rows=n, columns=ins)
    rows.append(EquationRow(words, (turned, "⊗" if outer else "·", inputs, "=", grad_weight)))
    if layer.bias is not None:
        words = "∂L/∂b = G" if outer else "∂L/∂b = the column sums of G"
        gradient = make(layer.bias.grad.values[None, :], own.grad_bias(), columns=outs)
        rows.append(EquationRow(words, (gradient,)))
    to = subjects[place - 1].name if place else "x"
    leaving = make(layer.grad_input.rows, own.leaving(), rows=n, columns=ins)
    rows.append(EquationRow(f"leaves to {to}: ∂L/∂{a} = G·W", (leaving,)))
    return LayerSection(own.name, tuple(rows))


def _arriving(
    step: TrainingStep, place: int, subjects: list[LayerSubjects], precision: int
) -> EquationRow:
    layer, passed, own = step.layers[place], step.before.layers[place], subjects[place]
    last = place == len(subjects) - 1
    sources = "T" if last else subjects[place + 1].leaving().lights
    formula = "" if last else subjects[place + 1].leaving().formula
    make = partial(grid, precision=precision, rows=own.n, columns=own.outs)
    arrived = make(layer.grad_activation.rows, own.arriving(sources, formula))
    if own.linear:
        return EquationRow("arrives: ∂L/∂a = G", (arrived,))
    return EquationRow(
        "arrives: ∂L/∂a; G = ∂L/∂a ⊙ φ′(z)",
        (
            arrived, "⊙", make(slope(layer, passed), own.slope()), "=",
            make(layer.grad_output.rows, own.grad_output()),
        ),
    )  # fmt: skip
