"""The JSON data of a training step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcinspect.arithmetic.training import Classes
from fcinspect.reports.documents.core import (
    ArrayDocument,
    FollowedDocument,
    OperationCheckDocument,
    StepDocument,
    StepLayerDocument,
    WorkedLineDocument,
)
from fcinspect.reports.step.parameter import numbers_in
from fcinspect.reports.step.update import symbols
from fcinspect.reports.written import array, written

if TYPE_CHECKING:
    from fcinspect.arithmetic.following import Followed
    from fcinspect.arithmetic.training import LayerPass, LayerStep, Target
    from fcinspect.verification.check import Check
    from fcinspect.verification.step import StepReport


def document(report: StepReport, followed: Followed | None, *, full: bool) -> StepDocument:
    """Return the JSON data."""
    step = report.last
    layers = zip(step.layers, step.before.layers, strict=True)
    return written(
        step,
        StepDocument,
        full=full,
        step=step.number,
        loss=step.loss_name,
        target=_target(step.target, full=full),
        output_before=step.before.output,
        loss_before=step.before.loss_value,
        layers=[_layer(layer, passed, full=full) for layer, passed in layers],
        output_after=step.after.output,
        loss_after=step.after.loss_value,
        losses=[{"step": i, "loss": loss} for i, loss in enumerate(report.losses)],
        checks=[_check(check) for check in report.checks],
        earlier=[{"step": f.step, "check": _check(f.check)} for f in report.earlier],
        earlier_verdict=report.earlier_verdict,
        parameter=followed and _followed(followed),
        verdict=report.verdict,
    )


def _layer(layer: LayerStep, passed: LayerPass, *, full: bool) -> StepLayerDocument:
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


def _target(target: Target, *, full: bool) -> ArrayDocument:
    if not isinstance(target, Classes):
        return array(target, full=full)
    return {"shape": list(target.shape), "dtype": "int64", "values": target.values.tolist()}


def _check(check: Check) -> OperationCheckDocument:
    worst = check.worst
    return written(
        check,
        OperationCheckDocument,
        formula=check.detail,
        worst=worst and worst.index,
        computed=worst and worst.computed,
        reference=worst and worst.reference,
        bound=worst and worst.bound,
        detail=check.sentence,
    )


def _followed(followed: Followed) -> FollowedDocument:
    address = followed.address
    working = [
        written(
            line,
            WorkedLineDocument,
            formula=symbols(line.formula),
            numbers=numbers_in(line, repr),
        )
        for line in followed.working
    ]
    return written(
        followed, FollowedDocument, name=address.name, index=address.index, working=working
    )
