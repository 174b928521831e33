"""Silent faults of rows: made by a view, stretched, left out, or dependent on one another."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from fcinspect.diagnosis.editing import Edit, Source, last_name
from fcinspect.diagnosis.facts import Facts
from fcinspect.diagnosis.observations import ROWS_MIX, Mixing, listed
from fcinspect.diagnosis.recognising import cause_of, recognise
from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.repairs.candidate import by, flatten_rows
from fcinspect.diagnosis.silent.case import METHOD, Case, softmax_over_last, squeezed
from fcinspect.shapes.steps import Shape, Step

CHECKED = ("views that change the batch", "tensors that are broadcast against each other")
RESHAPING = ("view", "reshape", "flatten", "Flatten", "unflatten")
ELEMENTWISE = ("add", "sub", "mul", "div", "rsub", "iadd", "isub", "imul")
LOSSES = (
    "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss",
    "MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss",
)  # fmt: skip
"""Losses of equal shapes; of other shapes torch only warns."""
SEQUENTIAL = ("RNN", "LSTM", "GRU", "MultiheadAttention")
"""What takes (time, batch, features) unless batch_first is True."""
MAKERS = ("Transformer", "TransformerEncoderLayer", "TransformerDecoderLayer", "MultiheadAttention")
SOFTMAX = ("softmax", "Softmax", "log_softmax", "LogSoftmax")


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
    """Functions that drop numbers in evaluation mode, since the mode is not passed to them."""
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
    known = recognise(Facts(message, "UserWarning", message))
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


def mixed(case: Case) -> Iterator[Cause]:
    """Return the cause, if rows mix."""
    mixing = case.seen.mixing
    if mixing is None:
        return
    if case.time_first:
        return  # said to be undecided already
    if any(_is_one_sequence(case, step) for step in case.trace.steps):
        case.undecided.append(f"{ROWS_MIX}: a layer gets a sequence without a batch")
        return
    rows = "row" if len(mixing.others) == 1 else "rows"
    seen = (
        f"only row {mixing.changed} of the input was changed, but output {rows}"
        f" {listed([str(row) for row in mixing.others])} (of {mixing.rows}) changed too"
    )
    first = ""
    if mixing.function:
        first = f"; this begins in {mixing.function}{case.where(mixing.place)}"
    for step in case.trace.steps:
        time_first = step.kind in SEQUENTIAL and "batch_first=False" in step.call
        if time_first and step.inputs and len(step.inputs[0].shape) == 3:
            yield _batch_first(case, step, mixing, seen)
            return
    for step in case.trace.steps:
        if softmax_axis(step) == 0:
            where = case.where(step.called)
            cause = cause_of(
                "silent", "softmax-over-batch", words=step.words, where=where, seen=seen
            )
            edits = softmax_over_last(case, step)
            yield case.tried(cause, edits, lambda s: s.mixing is None)
            return
    there = "there" if first else "for a view, transpose or sum"
    yield cause_of("silent", "rows-mixed", seen=seen, first=first, there=there)


def _is_one_sequence(case: Case, step: Step) -> bool:
    """Whether what enters a recurrent layer is a sequence alone, without a batch or in one of 1."""
    if step.kind not in SEQUENTIAL or not step.inputs or step.inputs[0].name.endswith("packed"):
        return False
    shape, given = step.inputs[0].shape, case.trace.inputs[0].shape
    alone = len(shape) == 3 and shape[:2] == (case.rows, 1) and "batch_first=False" in step.call
    return len(shape) == 2 or (alone and given[1:2] != (1,))


def softmax_axis(step: Step) -> int | None:
    """Return the dimension that a softmax runs along, or None of another step."""
    if step.kind not in SOFTMAX or not step.inputs:
        return None
    rank = len(step.inputs[0].shape)
    asked = re.search(r"-?\d+", step.call)
    if asked is None:
        return 0 if rank in (0, 1, 3) else 1  # torch.nn.functional._get_softmax_dim
    return int(asked[0]) % max(rank, 1)


def is_softmax_of_one(step: Step) -> bool:
    """Whether a softmax runs over a single number, behind the batch."""
    axis = softmax_axis(step)
    return bool(axis and step.outputs and step.outputs[0].shape[axis] == 1)


def _batch_first(case: Case, step: Step, mixing: Mixing, seen: str) -> Cause:
    shape = step.inputs[0].shape
    made = case.scene.call(step.made)
    # a layer that nn.TransformerEncoder copied was made by none of the reader's calls
    calls = list(_sequential_calls(case)) if made is None else [made]
    kind = last_name(calls[-1][1].func) if calls else step.kind
    maybe = ""
    if mixing.by_column:
        maybe = (
            f". The slices of dimension 1 are independent: if {mixing.output[1]} is the batch and"
            f" {mixing.rows} is time, nothing is wrong"
        )
    cause = cause_of(
        "silent",
        "batch-first-forgotten",
        path=step.path,
        entering=by(shape),
        steps=shape[0],
        batch=shape[1],
        seen=seen,
        maybe=maybe,
        kind=kind,
    )
    return case.tried(
        cause,
        tuple(_given_batch_first(*found) for found in calls),
        lambda observed: observed.mixing is None,
    )


def _given_batch_first(source: Source, call: ast.Call) -> Edit:
    given = next((k for k in call.keywords if k.arg == "batch_first"), None)
    if given is not None:
        return source.replaced(given.value, "True")
    return source.with_keyword(call, "batch_first=True")


def _sequential_calls(case: Case) -> Iterator[tuple[Source, ast.Call]]:
    for source in case.scene.sources.values():
        for node in source.walk():
            if isinstance(node, ast.Call) and last_name(node.func) in MAKERS:
                yield source, node
