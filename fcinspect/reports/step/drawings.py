"""What is drawn of a step: its network, and the losses of a run as a curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fcinspect.layers.diagram import NetworkOutline, diagram_of
from fcinspect.layers.linear import LinearLayer
from fcinspect.layers.spec import format_widths
from fcinspect.page.blocks import Drawing, Heading, Illustration
from fcinspect.pictures.charts.curves import Series, curves
from fcinspect.pictures.diagram.illustration import MOST_COLUMNS, MOST_UNITS, illustration_of

if TYPE_CHECKING:
    from fcinspect.arithmetic.training import TrainingStep
    from fcinspect.verification.step import StepReport

X_TITLE = "steps taken"


def loss_series(losses: Sequence[float]) -> Series:
    """Return the losses before the first step and after each."""
    return Series("loss", range(len(losses)), losses, "output")


def loss_chart(losses: Sequence[float]) -> tuple[Heading, Drawing]:
    """Return the curve in text, under its title."""
    chart = curves([loss_series(losses)], x_title=X_TITLE, y_title="loss")
    return Heading("Loss curve"), chart


def loss_figure(report: StepReport, ending: str) -> bytes:
    """Return the curve as a file of that ending."""
    from fcinspect.pictures.figures.curves import curves_bytes

    step = report.last
    title = f"{step.loss_name} of {format_widths(step.widths)} under {step.optimizer.call}"
    return curves_bytes(
        ending, [loss_series(report.losses)], title=title, x_title=X_TITLE, y_title="loss"
    )


def network_drawing(step: TrainingStep) -> Illustration:
    """Return the drawing of a step's network before the step."""
    layers = [
        LinearLayer(
            layer.weight.before, None if layer.bias is None else layer.bias.before, "", layer.name
        )
        for layer in step.layers
    ]
    outline = NetworkOutline(
        (layers[0].in_features, *(layer.out_features for layer in layers)),
        tuple(layer.name for layer in layers),
        tuple(layer.activation for layer in step.layers),
        tuple(layer.bias is not None for layer in layers),
        tuple(layers),
    )
    return illustration_of(diagram_of(outline, MOST_UNITS, MOST_COLUMNS))
