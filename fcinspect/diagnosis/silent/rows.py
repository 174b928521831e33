"""Rows of a batch that depend on one another, and what makes them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from fcinspect.diagnosis.editing import Edit, Source, last_name
from fcinspect.diagnosis.observations import ROWS_MIX, Mixing, listed
from fcinspect.diagnosis.recognising import cause_of
from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.repairs.candidate import by
from fcinspect.diagnosis.silent.case import Case, softmax_over_last
from fcinspect.shapes.steps import Step

SEQUENTIAL = ("RNN", "LSTM", "GRU", "MultiheadAttention")
"""What takes (time, batch, features) unless batch_first is True."""
MAKERS = ("Transformer", "TransformerEncoderLayer", "TransformerDecoderLayer", "MultiheadAttention")
SOFTMAX = ("softmax", "Softmax", "log_softmax", "LogSoftmax")


def found(case: Case) -> Iterator[Cause]:
    """Return the cause, if rows mix."""
    mixing = case.seen.mixing
    if mixing is None:
        return
    if case.time_first:
        return  # said to be undecided already
    if any(_is_one_sequence(case, step) for step in case.trace.steps):
        case.undecided.append(f"{ROWS_MIX}: a sequence without a batch enters")
        return
    seen = (
        f"row {mixing.changed} of the input alone was changed, and of the output's {mixing.rows}"
        f" rows {listed([str(row) for row in mixing.others])} changed too"
    )
    first = ""
    if mixing.function:
        first = f"; it begins in {mixing.function}{case.where(mixing.place)}"
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
            f". Dimension 1 is independent throughout: if the batch is {mixing.output[1]} and"
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
    last = [*call.args, *(k.value for k in call.keywords)][-1:]
    return source.inserted_after(last[0] if last else call.func, ", batch_first=True")


def _sequential_calls(case: Case) -> Iterator[tuple[Source, ast.Call]]:
    for source in case.scene.sources.values():
        for node in source.walk():
            if isinstance(node, ast.Call) and last_name(node.func) in MAKERS:
                yield source, node
