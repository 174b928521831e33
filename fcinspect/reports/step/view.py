"""The view of a training step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fcinspect.page.view import View
from fcinspect.reports.step.document import document
from fcinspect.reports.step.drawings import loss_figure
from fcinspect.reports.step.page import page
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    from fcinspect.arithmetic.following import Followed
    from fcinspect.verification.step import StepReport


def view_of_step(
    report: StepReport,
    followed: Followed | None,
    asked: dict[str, Any],
    *,
    notes: tuple[str, ...] = (),
    warnings: tuple[str, ...] = (),
    plot: bool = False,
    draws: bool = False,
) -> View:
    """Return the view of the last of some steps; `notes` say where its numbers come from.

    `plot` puts the loss curve on the page, `draws` gives the view its figure.
    """
    return View(
        command="step",
        asked=asked,
        data=lambda full: dict(document(report, followed, full=full)),
        page=lambda precision: page(report, notes, followed, precision, plot=plot),
        rows=partial(rows, report),
        document=lambda precision: page(report, notes, followed, precision, illustrated=True),
        figure=partial(loss_figure, report) if draws else None,
        svg_is_figure=plot,
        ok=report.verdict is Verdict.WITHIN,
        warnings=warnings,
    )


def rows(report: StepReport) -> Iterable[Sequence[object]]:
    """Return the rows of the CSV file: one a number of each parameter."""
    yield ("parameter", "index", "before", "grad", "update", "after")
    for name, parameter in report.last.parameters:
        arrays = (parameter.before, parameter.grad, parameter.update, parameter.after)
        for place in np.ndindex(*parameter.before.shape):
            numbers = (float(array.values[place]) for array in arrays)
            yield (name, " ".join(map(str, place)), *numbers)
