"""The page of a training step, from top to bottom: forward, loss, backward, update, check."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fcinspect.arithmetic.activations import ACTIVATIONS
from fcinspect.arithmetic.losses import LOSSES
from fcinspect.layers.diagram import NetworkOutline, diagram_of
from fcinspect.layers.linear import LinearLayer
from fcinspect.layers.spec import format_widths
from fcinspect.page import text
from fcinspect.page.blocks import (
    Aside,
    Block,
    Column,
    Heading,
    Illustration,
    Line,
    Page,
    PageBuilder,
    Subject,
    Table,
    showing,
)
from fcinspect.page.matrices import equation, matrix, numbers
from fcinspect.pictures.charts.curves import Series, curves, loss_curve
from fcinspect.pictures.diagram.illustration import MOST_COLUMNS, MOST_UNITS, illustration_of
from fcinspect.reports.step.check import change, check_blocks, history
from fcinspect.reports.step.layers import layer_backward, layer_forward, subjects_of
from fcinspect.reports.step.update import followed_blocks, formula_lines, parameter_tables

if TYPE_CHECKING:
    from fcinspect.arithmetic.following import Followed
    from fcinspect.arithmetic.losses import Loss
    from fcinspect.arithmetic.training import TrainingStep
    from fcinspect.reports.step.layers import LayerSubjects
    from fcinspect.rounding.arrays import FloatArray
    from fcinspect.verification.step import StepReport

MOST_TERMS = 8
X_TITLE = "steps taken"
MOST_LOSSES = 500
"""For runs of up to this many losses, a document lists the loss of every step, folded."""


def page(
    report: StepReport,
    notes: tuple[str, ...],
    followed: Followed | None,
    precision: int,
    *,
    plot: bool = False,
    illustrated: bool = False,
) -> Page:
    """Return the page, with the loss curve where it is wanted; or illustrated, as a document."""
    step = report.last
    built = PageBuilder()
    title, *lines = _header(step, notes)
    built.add(title, *([_network_drawing(step)] if illustrated else []), *lines)
    if len(report.losses) > 2:
        built.group(Heading("Loss by step"), *_losses(report.losses, precision, illustrated))
    if plot:
        chart = curves([_loss_series(report.losses)], x_title=X_TITLE, y_title="loss")
        built.group(Heading("Loss curve"), chart)
    if followed is not None:
        for group in followed_blocks(step, followed):
            built.group(*group)
    else:
        _add_step(built, step, precision)
    built.group(Heading("Check"), *check_blocks(report))
    return built.page()


def _header(step: TrainingStep, notes: Sequence[str]) -> list[Block]:
    widths = format_widths(step.widths)
    batch = step.input.shape[:-1]
    which = f"Step {step.number}" if step.number > 1 else "One step"
    title = f"{which} of {step.optimizer.call} on {widths}"
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


def _losses(losses: Sequence[float], precision: int, illustrated: bool) -> list[Block]:
    """Return the loss by step; of a document as a curve too and, folded, whole."""
    table = history(losses, precision)
    if not illustrated:
        return [table]
    curve = loss_curve(losses, precision)
    blocks: list[Block] = [table] if curve is None else [curve, table]
    if len(table.rows) < len(losses) <= MOST_LOSSES:
        blocks.append(Aside((history(losses, precision, MOST_LOSSES),), "All losses"))
    return blocks


def _add_step(built: PageBuilder, step: TrainingStep, precision: int) -> None:
    subjects = subjects_of(step)
    last = subjects[-1]
    used = dict.fromkeys(la.activation for la in step.layers if la.activation != "identity")
    formulas = "; ".join(f"{name}(z) = {ACTIVATIONS[name].formula}" for name in used)
    formulas = formulas.replace("tanh(z) = tanh(z)", "tanh(z)")
    slopes = "; ".join(f"{name}: φ′ = {ACTIVATIONS[name].derivative}" for name in used)
    built.group(Heading("Forward"), *([Line.of(f"a = φ(z): {formulas}")] if used else []))
    for layer, passed, own in zip(step.layers, step.before.layers, subjects, strict=True):
        built.group(*layer_forward(layer, passed, own, precision))
    built.group(Heading("Loss"), *_loss_blocks(step, last, precision))
    upwards = Line.of("The same layers in reverse order; G = ∂L/∂z = ∂L/∂a ⊙ φ′(z).")
    built.group(Heading("Backward"), upwards, *([Line.of(slopes)] if used else []))
    for place in reversed(range(len(step.layers))):
        built.group(*layer_backward(step, place, subjects, precision))
    built.group(Heading("Update"), *formula_lines(step))
    for blocks in parameter_tables(step, subjects, precision):
        built.group(*blocks)
    words = f"output after the step, {last.widths[1]}"
    output = replace(last.output(), keys="y-after", name="y", words=words, lights="", formula="")
    y = matrix(step.after.output.rows, output, precision)
    losses = (step.before.loss_value, step.after.loss_value)
    first, second = (text.number(loss, precision) for loss in losses)
    said = (f"loss {first} → ", (second, "strong"), f" ({change(losses, 1, precision)})")
    built.group(Heading("After the step"), equation("y", "=", y), Line.of(*said))


def _loss_blocks(step: TrainingStep, last: LayerSubjects, precision: int) -> list[Block]:
    loss = LOSSES[step.loss_name]
    y, t = step.before.output.rows.astype(np.float64), step.target_rows
    with np.errstate(all="ignore"):
        terms = np.asarray(loss.terms(y, t))
        total = float(terms.sum())
    scale = loss.scale.replace("N", str(y.size)).replace("R", str(len(y)))
    value = step.before.loss_value
    # Σ stands for its number
    shown = f"{scale.replace('Σ', text.number(total, precision))} = {text.number(value, precision)}"
    gradient = matrix(step.layers[-1].grad_activation.rows, last.arriving("T"), precision)
    return [
        Line.of(f"{loss.name} = {loss.formula}{_counts(loss, step)}", formula=True),
        _loss_terms(step, last, y, t, terms, precision),
        *showing(MOST_TERMS, terms.size, "terms", indent=2),
        Line.of("loss = ", (shown, "strong"), indent=2),
        equation(f"∂L/∂y = {loss.gradient_formula}", "=", gradient),
    ]


def _counts(loss: Loss, step: TrainingStep) -> str:
    """Say what N and R are here."""
    size = math.prod(step.before.output.shape)
    if "R" in loss.formula:
        return f", R = {text.plural(size // step.widths[-1], 'row')}"
    return f", N = {text.count(size)}" if "N" in loss.formula else ""


def _loss_terms(
    step: TrainingStep,
    last: LayerSubjects,
    y: FloatArray,
    t: FloatArray,
    terms: FloatArray,
    precision: int,
) -> Table:
    """Return the table of the loss's terms, with the numbers of y and t put in."""
    loss = LOSSES[step.loss_name]
    flat = terms.reshape(-1)[:MOST_TERMS]
    batch = step.input.shape[:-1]
    written = numbers([float(v) for v in flat], precision)
    make = partial(Table, indent=2, caption="The terms of the loss")
    places = [divmod(k, 1 if loss.classes else y.shape[1]) for k in range(len(flat))]
    of_terms = Subject("T", "", axes=last.n, lights=f"a{last.number}")
    if loss.classes:
        at = tuple(str(i) if last.n else "" for i, _ in places)
        rows = [
            (text.index(place), str(int(t[i])), text.number(float(y[i, int(t[i])]), precision), w)
            for (i, place), w in zip(enumerate(np.ndindex(*batch)), written, strict=False)
        ]
        columns = (Column("row"), Column("class t"), Column("y[t]", "output"), Column(loss.term))
        first = 0 if batch else 1
        shown = tuple(row[first:] for row in rows)
        return make(columns[first:], shown, subjects=(of_terms,), at=at)
    shape = step.before.output.shape
    outputs = numbers([float(v) for v in y.reshape(-1)[:MOST_TERMS]], precision)
    targets = numbers([float(v) for v in t.reshape(-1)[:MOST_TERMS]], precision)
    return make(
        (Column("index"), Column("y", "output"), Column("t"), Column(loss.term)),
        tuple(
            (text.index(int(k) for k in np.unravel_index(i, shape)), outputs[i], targets[i], w)
            for i, w in enumerate(written)
        ),
        subjects=(replace(of_terms, axes=f"{last.n} {last.outs}".strip()),),
        at=tuple(f"{row} {i}" if last.n else str(i) for row, i in places),
    )


def _loss_series(losses: Sequence[float]) -> Series:
    return Series("loss", range(len(losses)), losses, "output")


def loss_figure(report: StepReport, ending: str) -> bytes:
    """Return the curve as a file of that ending."""
    from fcinspect.pictures.figures.curves import curves_bytes

    step = report.last
    title = f"{step.loss_name} of {format_widths(step.widths)} under {step.optimizer.call}"
    return curves_bytes(
        ending, [_loss_series(report.losses)], title=title, x_title=X_TITLE, y_title="loss"
    )


def _network_drawing(step: TrainingStep) -> Illustration:
    layers = []
    for layer in step.layers:
        bias = None if layer.bias is None else layer.bias.before
        layers.append(LinearLayer(layer.weight.before, bias, "", layer.name))
    outline = NetworkOutline(
        (layers[0].in_features, *(layer.out_features for layer in layers)),
        tuple(layer.name for layer in layers),
        tuple(layer.activation for layer in step.layers),
        tuple(layer.bias is not None for layer in layers),
        tuple(layers),
    )
    return illustration_of(diagram_of(outline, MOST_UNITS, MOST_COLUMNS))
