"""The page of a training step: point at a number and see what it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from fcinspect.arithmetic.losses import LOSSES
from fcinspect.media.html.document import html_document
from fcinspect.media.html.grid import Grid, grid
from fcinspect.media.html.loss_curve import loss_curve
from fcinspect.media.html.network_drawing import network_drawing
from fcinspect.media.html.page_table import PageTable, page_tables
from fcinspect.media.html.step_layers import (
    EquationRow,
    backward_section,
    forward_section,
    subjects_of,
)
from fcinspect.media.html.step_updates import update_section
from fcinspect.page.blocks import Heading, Table
from fcinspect.reports.step.check import MOST_STEPS, check_blocks, history
from fcinspect.reports.step.page import (
    activation_words,
    backward_words,
    header,
    loss_blocks,
    loss_change,
    loss_gradient,
)
from fcinspect.reports.step.parameter import followed_blocks
from fcinspect.reports.step.update import formula_lines

if TYPE_CHECKING:
    from fcinspect.arithmetic.following import Followed
    from fcinspect.arithmetic.training import TrainingStep
    from fcinspect.media.html.step_subjects import LayerSubjects
    from fcinspect.verification.step import StepReport


MOST_LOSSES = 500
"""Of a run of up to so many the loss of every step is on the page, folded."""


def step_document(
    report: StepReport,
    notes: Sequence[str],
    followed: Followed | None,
    warnings: Sequence[str],
    precision: int,
) -> str:
    """Return the page as HTML, whole."""
    step = report.last
    title, *lines = header(step, notes)
    assert isinstance(title, Heading)
    losses = report.losses
    several = len(losses) > 2
    return html_document(
        "step.html" if followed is None else "followed.html",
        title=title.text,
        lines=lines,
        drawing=network_drawing(step),
        curve_of=loss_curve(losses, precision) if several else None,
        history=page_tables([history(losses, precision)], ["Loss by step"]) if several else [],
        all_losses=page_tables([history(losses, precision, MOST_LOSSES)], ["The loss of all steps"])
        if MOST_STEPS < len(losses) <= MOST_LOSSES
        else [],
        check=page_tables(check_blocks(report), ["The check of each kind of operation"]),
        warnings=warnings,
        **(_whole(step, precision) if followed is None else _followed(step, followed)),
    )


def _whole(step: TrainingStep, precision: int) -> dict[str, object]:
    subjects = subjects_of(step)
    places = range(len(step.layers))
    gradient, arrived = _loss_gradient(step, subjects[-1], precision)
    return {
        "activations": activation_words(step),
        "forward": [
            forward_section(layer, passed, own, precision)
            for layer, passed, own in zip(step.layers, step.before.layers, subjects, strict=True)
        ],
        "loss": [
            _loss_terms(step, subjects[-1], b) if isinstance(b, Table) else b
            for b in loss_blocks(step, precision)
        ],
        "loss_gradient": EquationRow(gradient, (arrived,)),
        "derivatives": backward_words(step),
        "backward": [backward_section(step, k, subjects, precision) for k in reversed(places)],
        "formulas": formula_lines(step),
        "updates": [update_section(step, k, subjects[k], precision) for k in places],
        "after": EquationRow("y", (_after(step, subjects[-1], precision),)),
        "change": loss_change(step, precision),
    }


def _followed(step: TrainingStep, followed: Followed) -> dict[str, object]:
    captions = ["The gradient through the activation"] * (followed.activation != "identity")
    captions.append("The gradient, term by term")
    groups = followed_blocks(step, followed)
    return {
        "groups": [page_tables(group, captions[place:]) for place, group in enumerate(groups)],
    }


def _loss_gradient(step: TrainingStep, last: LayerSubjects, precision: int) -> tuple[str, Grid]:
    values = step.layers[-1].grad_activation.rows
    subject = last.arriving("T")
    return loss_gradient(step), grid(values, subject, precision, rows=last.n, columns=last.outs)


def _loss_terms(step: TrainingStep, last: LayerSubjects, table: Table) -> PageTable:
    """Return the terms of the loss, each a row that knows its output."""
    classes = LOSSES[step.loss_name].classes
    width = last.widths[1]
    count = len(table.rows)
    if classes:
        axes = last.n
        at = [str(i) for i in range(count)] if axes else [""] * count
    else:
        axes = f"{last.n} {last.outs}".strip()
        at = [f"{i // width} {i % width}" if last.n else str(i) for i in range(count)]
    return PageTable(
        table, "The terms of the loss", keys="T", axes=axes, lights=f"a{last.number}", at=at
    )


def _after(step: TrainingStep, last: LayerSubjects, precision: int) -> Grid:
    subject = replace(
        last.output(), keys="y-after", words=f"output after the step, {last.widths[1]}",
        lights="", formula="", name="y",
    )  # fmt: skip
    return grid(step.after.output.rows, subject, precision, rows=last.n, columns=last.outs)
