"""Silent faults that shapes alone show: rows made by a view, operands stretched, no output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fcinspect.diagnosis.recognising import cause_of, recognise
from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.repairs.candidate import by, flatten_rows
from fcinspect.diagnosis.reported import Reported
from fcinspect.diagnosis.silent.case import METHOD, Case, squeezed
from fcinspect.diagnosis.silent.rows import is_softmax_of_one, softmax_axis
from fcinspect.shapes.steps import Shape, Step

CHECKED = ("views that change the batch", "tensors that are broadcast against each other")
RESHAPING = ("view", "reshape", "flatten", "Flatten", "unflatten")
ELEMENTWISE = ("add", "sub", "mul", "div", "rsub", "iadd", "isub", "imul")
LOSSES = (
    "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
    "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss",
)  # fmt: skip
"""Losses of equal shapes; of other shapes torch only warns."""


def found(case: Case) -> Iterator[Cause]:
    """Return the faults, the one that spoils most first."""
    for look in (_nothing_returned, _batch_changed, _broadcast, _one_of_one, _dropping):
        yield from look(case)


def _nothing_returned(case: Case) -> Iterator[Cause]:
    """A forward without a return, or one that returns plain numbers."""
    if case.trace.outputs:
        return
    yield cause_of("silent", "no-tensor-returned")


def _batch_changed(case: Case) -> Iterator[Cause]:
    """A view that makes other rows of the batch, which go out as they are."""
    rows, outputs = case.rows, case.trace.outputs
    if rows is None or not outputs or outputs[0].shape[:1] in ((rows,), ()):
        return
    if case.time_first:
        steps, batch = case.trace.inputs[0].shape[:2]
        case.undecided.append(
            f"whether dimension 0 is the batch: {by(case.trace.inputs[0].shape)} is read as"
            f" {steps} steps of a batch of {batch}, since the output has {batch} rows"
        )
        return
    for step in case.trace.steps:
        if step.kind not in RESHAPING or not step.inputs or not step.outputs:
            continue
        before, after = step.inputs[0].shape, step.outputs[0].shape
        if before[:1] != (rows,) or after[:1] == (rows,):
            continue
        if before[-1:] == after[-1:]:
            return  # (batch, time, features) as batch·time rows of features
        call, counts = f"{step.kind}{step.call}", {"rows": rows, "leaving": (*after, 1)[0]}
        shapes = {"before": by(before), "after": by(after), "output": by(outputs[0].shape)}
        cause = cause_of("silent", "batch-changed-by-view", call=call, **shapes, **counts)
        yield case.tried(cause, flatten_rows(case.scene, step))
        return


def _broadcast(case: Case) -> Iterator[Cause]:
    """Operations in which tensors of other shapes meet: (N, 1) with (N,)."""
    for step in case.trace.steps:
        if not step.outputs or not step.inputs:
            continue
        if step.kind in LOSSES:
            yield from _loss(case, step)
        elif step.kind in ELEMENTWISE:
            yield from list(_column(case, step)) or _stretched(case, step)


def _one_of_one(case: Case) -> Iterator[Cause]:
    """A softmax over one number, which is 1 whatever enters, of inputs that are longer."""
    step = next(filter(is_softmax_of_one, case.trace.steps), None)
    if step is None or case.has_single:
        return
    values = {"entering": by(step.inputs[0].shape), "words": step.words}
    axis, where = softmax_axis(step), case.where(step.called)
    yield cause_of("silent", "softmax-over-one", axis=axis, where=where, **values)


def _dropping(case: Case) -> Iterator[Cause]:
    """Functions that drop numbers in evaluation mode, since they are not told the mode."""
    for step in () if case.trace.training else case.trace.steps:
        if not step.is_module and step.kind.endswith("dropout") and "training" in step.call:
            where = case.where(step.called)
            yield cause_of("silent", "dropout-in-evaluation", kind=step.kind, where=where)


def _loss(case: Case, step: Step) -> Iterator[Cause]:
    given = [t.shape for t in step.inputs] + [p.shape for p in step.parameters]
    if len(given) != 2 or given[0] == given[1]:
        return
    entering, target = (list(shape) for shape in given)
    message = (
        f"Using a target size (torch.Size({target})) that is different to the input size"
        f" (torch.Size({entering}))."
    )
    known = recognise(Reported(message, "UserWarning", message))
    if known is None:
        return
    cause = known.likely[0]
    cause = replace(cause, evidence=cause.evidence + case.where(step.called))
    told = METHOD.fullmatch(cause.code or "")
    if told is not None:
        edits = squeezed(case, step, 1 if told["name"] == "y" else 0, told["method"])
        cause = case.tried(cause, edits)
    yield cause


def _column(case: Case, step: Step) -> Iterator[Cause]:
    """Return what is wrong with a bias of shape (N, 1): its numbers go along the batch."""
    parameter = step.parameters[0] if step.parameters else None
    if parameter is None or len(parameter.shape) != 2 or parameter.shape[1] != 1:
        return
    n, entering, out = parameter.shape[0], step.inputs[0].shape, step.outputs[0].shape
    if n < 2 or len(entering) != 2 or entering[0] not in (case.rows, 1):
        return
    shapes = {"entering": by(entering), "shape": by(parameter.shape), "out": by(out)}
    fit = f": they fit only because the batch has {n} rows" * (out == entering)
    name = parameter.name or "The bias"
    yield cause_of("silent", "bias-column", name=name, n=n, width=entering[1], fit=fit, **shapes)


def _stretched(case: Case, step: Step) -> Iterator[Cause]:
    """Return what is wrong where rows (N, 1) meet rows (N,): each with each, N·N of them."""
    rows = case.rows
    if rows is None or rows < 2 or not _meet(step, rows):
        return
    more = case.with_one_row_more(step)
    if more is not None and not _meet(more, rows + 1):
        return  # as many rows by chance
    a, b = (t.shape for t in step.inputs)
    out = step.outputs[0].shape
    values = {
        "a": by(a),
        "b": by(b),
        "out": by(out),
        "rows": rows,
        "where": case.where(step.called),
    }
    cause = cause_of("silent", "operands-broadcast", kind=step.kind, **values)
    yield case.tried(cause, squeezed(case, step, [a, b].index((rows, 1)), "squeeze(1)"))


def _meet(step: Step, rows: int) -> bool:
    """Whether (rows, 1) and (rows,) give (rows, rows)."""
    shapes: list[Shape] = sorted((t.shape for t in step.inputs), key=len)
    return shapes == [(rows,), (rows, 1)] and step.outputs[0].shape == (rows, rows)
