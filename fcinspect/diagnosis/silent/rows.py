"""Rows of a batch that depend on one another, and what makes them."""

from __future__ import annotations

from fcinspect.diagnosis.editing import Edit
from fcinspect.diagnosis.observations import Mixing
from fcinspect.diagnosis.records import Cause
from fcinspect.diagnosis.repairs.candidate import by
from fcinspect.diagnosis.silent.case import SEQUENTIAL, Case
from fcinspect.diagnosis.silent.words import listed
from fcinspect.shapes.steps import Step

SOFTMAX = ("softmax", "Softmax", "log_softmax", "LogSoftmax")


def found(case: Case) -> list[Cause]:
    """Return the cause, if rows mix."""
    mixing = case.seen.mixing
    if mixing is None:
        return []
    if case.time_first:
        return []  # said to be undecided already
    if any(s.kind in SEQUENTIAL and len(s.inputs[0].shape) == 2 for s in case.trace.steps):
        case.undecided.append(
            "rows of the batch that depend on one another: a sequence without a batch enters"
        )
        return []
    seen = (
        f"row {mixing.changed} of the input alone was changed, and of the output's {mixing.rows}"
        f" rows {listed([str(row) for row in mixing.others])} changed too"
    )
    for step in case.trace.steps:
        time_first = step.kind in SEQUENTIAL and "batch_first=False" in step.call
        if time_first and step.inputs and len(step.inputs[0].shape) == 3:
            return [_batch_first(case, step, mixing, seen)]
    for step in case.trace.steps:
        if _over_batch(step):
            return [
                Cause(
                    "softmax-over-batch",
                    "The softmax is taken over the batch",
                    f"{step.words} works along dimension 0; {seen}",
                    "take it over the classes",
                    "torch.softmax(x, dim=-1)",
                )
            ]
    return [
        Cause(
            "rows-mixed",
            "Rows of the batch depend on one another",
            seen,
            "look for a view, transpose or sum that runs over dimension 0",
        )
    ]


def _over_batch(step: Step) -> bool:
    """Whether a softmax runs along dimension 0, which it does unasked for some ranks."""
    if step.kind not in SOFTMAX or not step.inputs:
        return False
    rank = len(step.inputs[0].shape)
    asked = step.call.strip("()").replace("dim=", "").replace("None", "")
    if not asked:
        return rank in (1, 3)  # torch.nn.functional._get_softmax_dim
    return asked in ("0", str(-rank))


def _batch_first(case: Case, step: Step, mixing: Mixing, seen: str) -> Cause:
    shape = step.inputs[0].shape
    edits: tuple[Edit, ...] = ()
    source = None if step.made is None else case.sources.get(step.made.file)
    call = None if source is None else source.call_at(step.made)
    if source is not None and call is not None:
        given = next((k for k in call.keywords if k.arg == "batch_first"), None)
        if given is not None:
            edits = (source.replaced(given.value, "True"),)
        else:
            last = [*call.args, *(k.value for k in call.keywords)][-1:]
            if last:
                edits = (source.replaced(last[0], f"{source.segment(last[0])}, batch_first=True"),)
    evidence = f"{by(shape)} enters, read as {shape[0]} steps of a batch of {shape[1]}; {seen}"
    if mixing.by_column:
        evidence += (
            f". Dimension 1 is independent throughout: if the batch is {mixing.output[1]} and"
            f" {mixing.rows} is time, nothing is wrong"
        )
    cause = Cause(
        "batch-first-forgotten",
        f"{step.path} takes the batch for time: batch_first=True is missing",
        evidence,
        "construct it with batch_first=True",
        f"nn.{step.kind}(…, batch_first=True)",
    )
    return case.tried(cause, edits, lambda observed: observed.mixing is None)
