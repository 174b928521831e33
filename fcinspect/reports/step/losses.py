"""The losses of a run of steps as a curve: in text, and as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fcinspect.layers.spec import format_widths
from fcinspect.page.blocks import Drawing, Heading
from fcinspect.pictures.charts.curves import Series, curves

if TYPE_CHECKING:
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
