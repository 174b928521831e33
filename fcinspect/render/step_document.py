"""The JSON data of a training step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fcinspect.arithmetic.training import Classes
from fcinspect.render.documents import (
    ArrayDocument,
    FollowedDocument,
    OperationCheckDocument,
    ParameterStepDocument,
    StepDocument,
    StepLayerDocument,
    VerdictWord,
)
from fcinspect.render.jsonable import array, finite
from fcinspect.render.step_parameter import numbers_in
from fcinspect.render.step_update import symbols

if TYPE_CHECKING:
    from fcinspect.arithmetic.following import Followed
    from fcinspect.arithmetic.training import LayerPass, LayerStep, ParameterStep, Target
    from fcinspect.layers.array import Array
    from fcinspect.rounding.verdict import Verdict
    from fcinspect.verification.check import Check
    from fcinspect.verification.step import StepReport


def document(report: StepReport, followed: Followed | None, *, full: bool) -> StepDocument:
    """Return the JSON data."""
    step = report.last
    options = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in step.optimizer.options.items()
    }
    return {
        "widths": list(step.widths),
        "dtype": step.dtype,
        "step": step.number,
        "loss": step.loss_name,
        "optimizer": {"name": step.optimizer.name, "options": options},
        "input": array(step.input, full=full),
        "target": _target(step.target, full=full),
        "output_before": array(step.before.output, full=full),
        "loss_before": finite(step.before.loss_value),
        "layers": [
            _layer(layer, passed, full=full)
            for layer, passed in zip(step.layers, step.before.layers, strict=True)
        ],
        "output_after": array(step.after.output, full=full),
        "loss_after": finite(step.after.loss_value),
        "losses": [{"step": i, "loss": finite(loss)} for i, loss in enumerate(report.losses)],
        "checks": [_check(check) for check in report.checks],
        "earlier": [{"step": f.step, "check": _check(f.check)} for f in report.earlier],
        "earlier_verdict": word(report.earlier_verdict),
        "parameter": None if followed is None else _followed(followed),
        "verdict": word(report.verdict),
    }


def word(verdict: Verdict) -> VerdictWord:
    """Return the verdict in the words of the documents."""
    return verdict.value


def _layer(layer: LayerStep, passed: LayerPass, *, full: bool) -> StepLayerDocument:
    out_features, in_features = layer.weight.before.shape
    return {
        "name": layer.name,
        "in_features": in_features,
        "out_features": out_features,
        "activation": layer.activation,
        "weight": _parameter(layer.weight, full=full),
        "bias": None if layer.bias is None else _parameter(layer.bias, full=full),
        "input": array(passed.input, full=full),
        "pre_activation": array(passed.pre_activation, full=full),
        "output": array(passed.output, full=full),
        "grad_activation": array(layer.grad_activation, full=full),
        "grad_output": array(layer.grad_output, full=full),
        "grad_input": array(layer.grad_input, full=full),
    }


def _parameter(parameter: ParameterStep, *, full: bool) -> ParameterStepDocument:
    return {
        "before": array(parameter.before, full=full),
        "grad": array(parameter.grad, full=full),
        "update": array(parameter.update, full=full),
        "after": array(parameter.after, full=full),
        "state_before": _state(parameter.state_before, full=full),
        "state_after": _state(parameter.state_after, full=full),
    }


def _state(state: Mapping[str, Array], *, full: bool) -> dict[str, ArrayDocument]:
    return {name: array(values, full=full) for name, values in state.items()}


def _target(target: Target, *, full: bool) -> ArrayDocument:
    if not isinstance(target, Classes):
        return array(target, full=full)
    return {
        "shape": list(target.shape),
        "dtype": "int64",
        "values": target.values.tolist(),
    }


def _check(check: Check) -> OperationCheckDocument:
    worst = check.worst
    return {
        "name": check.name,
        "formula": check.detail,
        "verdict": word(check.verdict),
        "max_ratio": _finite(check.max_ratio),
        "worst": None if worst is None else list(worst.index),
        "computed": None if worst is None else finite(worst.computed),
        "reference": None if worst is None else finite(worst.reference),
        "bound": None if worst is None else _finite(worst.bound),
        "elements": check.elements,
        "outside": check.outside,
        "undecided": check.undecided,
        "cause": check.cause,
        "detail": check.sentence,
    }


def _finite(value: float | None) -> float | None:
    return None if value is None else finite(value)


def _followed(followed: Followed) -> FollowedDocument:
    return {
        "name": followed.address.name,
        "index": list(followed.address.index),
        "before": finite(followed.before),
        "grad": finite(followed.grad),
        "update": finite(followed.update),
        "after": finite(followed.after),
        "terms": [
            {
                "row": list(term.row),
                "grad_activation": finite(term.grad_activation),
                "derivative": finite(term.derivative),
                "grad_output": finite(term.grad_output),
                "input": finite(term.input),
                "product": finite(term.product),
                "running_sum": finite(term.running_sum),
            }
            for term in followed.terms
        ],
        "working": [
            {
                "name": line.name,
                "formula": symbols(line.formula),
                "numbers": numbers_in(line, repr),
                "value": finite(line.value),
            }
            for line in followed.working
        ],
    }
