"""The page of a training step, from top to bottom: forward, loss, backward, update, check."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.arithmetic.losses import LOSSES
from fcinspect.layers.spec import format_widths
from fcinspect.page import text
from fcinspect.page.blocks import Block, Column, Heading, Line, Page, PageBuilder, Table
from fcinspect.page.matrices import equation, numbers
from fcinspect.reports.step.check import change, check_blocks, history
from fcinspect.reports.step.layer import (
    arriving,
    entering,
    layer_forward,
    parameter_gradients,
    result_of,
)
from fcinspect.reports.step.losses import loss_chart
from fcinspect.reports.step.parameter import followed_blocks
from fcinspect.reports.step.update import formula_lines, parameter_tables

if TYPE_CHECKING:
    from fcinspect.arithmetic.following import Followed
    from fcinspect.arithmetic.losses import Loss
    from fcinspect.arithmetic.training import TrainingStep
    from fcinspect.rounding.arrays import FloatArray
    from fcinspect.verification.step import StepReport

MOST_TERMS = 8


def page(
    report: StepReport,
    notes: tuple[str, ...],
    followed: Followed | None,
    precision: int,
    *,
    plot: bool = False,
) -> Page:
    """Return the page, with the loss curve where it is wanted."""
    step = report.last
    built = PageBuilder()
    built.add(*header(step, notes))
    if len(report.losses) > 2:
        built.group(Heading("Loss by step"), history(report.losses, precision))
    if plot:
        built.group(*loss_chart(report.losses))
    if followed is not None:
        for group in followed_blocks(step, followed):
            built.group(*group)
    else:
        _forward(built, step, precision)
        _loss(built, step, precision)
        _backward(built, step, precision)
        built.group(Heading("Update"), *formula_lines(step))
        for blocks in parameter_tables(step, precision):
            built.group(*blocks)
        _afterwards(built, step, precision)
    built.group(Heading("Check"), *check_blocks(report))
    return built.page()


def header(step: TrainingStep, notes: Sequence[str]) -> list[Block]:
    """Return the title, the way through the network, and where its numbers come from."""
    widths = format_widths(step.widths)
    batch = step.input.shape[:-1]
    title = f"One step of {step.optimizer.call} on {widths}"
    if step.number > 1:
        title = f"Step {step.number} of {step.optimizer.call} on {widths}"
    layers = " → ".join(
        text.layer_called(layer.name)
        + (f" → {layer.activation}" if layer.activation != "identity" else "")
        for layer in step.layers
    )
    shape = f"a batch {text.shape(batch)}" if batch else "one vector"
    return [
        Heading(title, level=1),
        Line.of(f"x → {layers} → y → {step.loss_name} with target t", indent=2),
        Line.of(
            f"{shape}: ", (f"x {text.shape(step.input.shape)}", "input"),
            ", ", (f"y {text.shape(step.before.output.shape)}", "output"),
            f", t {text.shape(step.target.shape)}, {step.dtype}", indent=2,
        ),
        *(Line.of(note, indent=2) for note in notes),
    ]  # fmt: skip


def _forward(built: PageBuilder, step: TrainingStep, precision: int) -> None:
    built.group(Heading("Forward"), *activation_words(step))
    for place, passed in enumerate(step.before.layers):
        names = entering(place), result_of(place, len(step.layers))
        built.group(*layer_forward(step.layers[place], passed, precision, *names))


def activation_words(step: TrainingStep) -> list[Line]:
    """Return the formulas of the activations that are used."""
    used = dict.fromkeys(la.activation for la in step.layers if la.activation != "identity")
    said = [_called(name, ACTIVATIONS[name].formula) for name in used]
    return [Line.of("a = φ(z): " + "; ".join(said))] if said else []


def _called(name: str, formula: str) -> str:
    """Return "relu(z) = max(z, 0)"; tanh(z) is not said twice."""
    return formula if formula == f"{name}(z)" else f"{name}(z) = {formula}"


def _loss(built: PageBuilder, step: TrainingStep, precision: int) -> None:
    built.group(Heading("Loss"), *loss_blocks(step, precision))
    gradient = step.layers[-1].grad_activation.rows
    built.add(*equation([loss_gradient(step), "=", (gradient, "gradient")], precision))


def loss_gradient(step: TrainingStep) -> str:
    """Return the formula of the loss's gradient."""
    return f"∂L/∂y = {LOSSES[step.loss_name].gradient_formula}"


def loss_blocks(step: TrainingStep, precision: int) -> list[Block]:
    """Return the loss: its formula, its terms, its value."""
    loss = LOSSES[step.loss_name]
    y = step.before.output.rows.astype(np.float64)
    t = step.target_rows
    blocks: list[Block] = [Line.of(f"{loss.name} = {loss.formula}{counts(loss, step)}")]
    with np.errstate(all="ignore"):
        terms = np.asarray(loss.terms(y, t))
    blocks.append(loss_terms(step, loss, y, t, terms, precision))
    if terms.size > MOST_TERMS:
        blocks.append(Line.of((f"showing {MOST_TERMS} of {terms.size:,} terms", "faint"), indent=2))
    scale = loss.scale.replace("N", str(y.size)).replace("R", str(len(y)))
    with np.errstate(all="ignore"):
        total = float(terms.sum())
    value = step.before.loss_value
    # Σ stands for its number
    shown = scale.replace("Σ", text.number(total, precision))
    blocks.append(
        Line.of("loss = ", (f"{shown} = {text.number(value, precision)}", "strong"), indent=2)
    )
    return blocks


def counts(loss: Loss, step: TrainingStep) -> str:
    """Say what N and R are here."""
    size = math.prod(step.before.output.shape)
    if "R" in loss.formula:
        return f", R = {text.plural(size // step.widths[-1], 'row')}"
    return f", N = {text.count(size)}" if "N" in loss.formula else ""


def loss_terms(
    step: TrainingStep,
    loss: Loss,
    y: FloatArray,
    t: FloatArray,
    terms: FloatArray,
    precision: int,
) -> Table:
    """Return the table of the loss's terms, with the numbers of y and t put in."""
    flat = terms.reshape(-1)[:MOST_TERMS]
    batch = step.input.shape[:-1]
    written = numbers([float(v) for v in flat], precision)
    if loss.classes:
        places = list(np.ndindex(*batch))[:MOST_TERMS]
        rows = [
            ("" if not place else _index(place), str(int(t[i])),
             text.number(float(y[i, int(t[i])]), precision), written[i])
            for i, place in enumerate(places)
        ]  # fmt: skip
        columns = (Column("row"), Column("class t"), Column("y[t]", "output"), Column(loss.term))
        return Table(columns if batch else columns[1:],
                     tuple(row if batch else row[1:] for row in rows), indent=2)  # fmt: skip
    shape = step.before.output.shape
    outputs = numbers([float(v) for v in y.reshape(-1)[:MOST_TERMS]], precision)
    targets = numbers([float(v) for v in t.reshape(-1)[:MOST_TERMS]], precision)
    return Table(
        (Column("index"), Column("y", "output"), Column("t"), Column(loss.term)),
        tuple(
            (_index(tuple(int(k) for k in np.unravel_index(i, shape))), outputs[i], targets[i], w)
            for i, w in enumerate(written)
        ),
        indent=2,
    )


def backward_words(step: TrainingStep) -> list[Line]:
    """Return what G is, and the derivatives of the activations that are used."""
    used = dict.fromkeys(la.activation for la in step.layers if la.activation != "identity")
    said = [f"{name}: φ′ = {ACTIVATIONS[name].derivative}" for name in used]
    upwards = ["The same layers upwards; G = ∂L/∂z = ∂L/∂a ⊙ φ′(z).", "; ".join(said)]
    return [Line.of(line) for line in upwards if line]


def _backward(built: PageBuilder, step: TrainingStep, precision: int) -> None:
    built.group(Heading("Backward"), *backward_words(step))
    names = ["x", *(text.safe(layer.name) for layer in step.layers)]
    for place in reversed(range(len(step.layers))):
        layer, passed = step.layers[place], step.before.layers[place]
        leaving, symbol = layer.grad_input.rows, entering(place)
        built.group(
            *arriving(layer, passed, precision),
            *parameter_gradients(layer, passed, precision, symbol),
            *equation(
                [f"leaves to {names[place]}: ∂L/∂{symbol} = G·W", "=", (leaving, "gradient")],
                precision,
            ),
        )


def _afterwards(built: PageBuilder, step: TrainingStep, precision: int) -> None:
    output = step.after.output.rows
    built.group(
        Heading("After the step"),
        *equation(["y", "=", (output, "output")], precision),
        loss_change(step, precision),
    )


def loss_change(step: TrainingStep, precision: int) -> Line:
    """Return the losses before and after the step."""
    losses = (step.before.loss_value, step.after.loss_value)
    return Line.of(
        f"loss {text.number(losses[0], precision)} → ",
        (text.number(losses[1], precision), "strong"),
        f" ({change(losses, 1, precision)})",
    )


def _index(place: tuple[int, ...]) -> str:
    return "[" + ",".join(map(str, place)) + "]"
