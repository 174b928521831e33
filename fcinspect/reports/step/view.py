"""The report of `step`: its view, its JSON, its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fcinspect.arithmetic.training import Classes
from fcinspect.page.view import View
from fcinspect.reports.step.page import loss_figure, page
from fcinspect.reports.step.update import numbers_in, symbols
from fcinspect.reports.written import written
from fcinspect.rounding.verdict import Verdict

if TYPE_CHECKING:
    from fcinspect.arithmetic.following import Followed
    from fcinspect.arithmetic.training import LayerPass, LayerStep, Target
    from fcinspect.layers.array import Array
    from fcinspect.verification.check import Check
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
        data=lambda full: document(report, followed, full=full),
        page=lambda precision: page(report, notes, followed, precision, plot=plot),
        rows=partial(rows, report),
        pages=dict.fromkeys(
            ("html", "latex"),
            lambda precision: page(report, notes, followed, precision, illustrated=True),
        ),
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


def document(report: StepReport, followed: Followed | None, *, full: bool) -> dict[str, Any]:
    """Return the JSON data."""
    from fcinspect.reports.documents.training import StepDocument

    step = report.last
    layers = zip(step.layers, step.before.layers, strict=True)
    return written(
        step,
        StepDocument,
        full=full,
        step=step.number,
        loss=step.loss_name,
        target=_target(step.target),
        output_before=step.before.output,
        loss_before=step.before.loss_value,
        layers=[_layer(layer, passed, full=full) for layer, passed in layers],
        output_after=step.after.output,
        loss_after=step.after.loss_value,
        losses=[{"step": i, "loss": loss} for i, loss in enumerate(report.losses)],
        checks=list(map(_check, report.checks)),
        earlier=[{"step": f.step, "check": _check(f.check)} for f in report.earlier],
        earlier_verdict=report.earlier_verdict,
        parameter=followed and _followed(followed),
        verdict=report.verdict,
    )


def _layer(layer: LayerStep, passed: LayerPass, *, full: bool) -> dict[str, Any]:
    from fcinspect.reports.documents.training import StepLayerDocument

    out_features, in_features = layer.weight.before.shape
    return written(
        layer,
        StepLayerDocument,
        full=full,
        in_features=in_features,
        out_features=out_features,
        input=passed.input,
        pre_activation=passed.pre_activation,
        output=passed.output,
    )


def _target(target: Target) -> Array | dict[str, Any]:
    if not isinstance(target, Classes):
        return target
    return {"shape": list(target.shape), "dtype": "int64", "values": target.values.tolist()}


def _check(check: Check) -> dict[str, Any]:
    from fcinspect.reports.documents.training import OperationCheckDocument

    worst = check.worst
    own: dict[str, Any] = {"formula": check.detail, "detail": check.sentence}
    own |= {key: worst and getattr(worst, key) for key in ("computed", "reference", "bound")}
    return written(check, OperationCheckDocument, worst=worst and worst.index, **own)


def _followed(followed: Followed) -> dict[str, Any]:
    from fcinspect.reports.documents.training import FollowedDocument, WorkedLineDocument

    working = []
    for line in followed.working:
        shown: dict[str, Any] = {
            "formula": symbols(line.formula),
            "numbers": numbers_in(line, repr),
        }
        working.append(written(line, WorkedLineDocument, **shown))
    name, index = followed.address.name, followed.address.index
    return written(followed, FollowedDocument, name=name, index=index, working=working)
