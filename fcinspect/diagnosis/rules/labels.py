"""Messages of CrossEntropyLoss and NLLLoss: labels, their range and their shape."""

from __future__ import annotations

import re

from fcinspect.diagnosis.records import Decision, Pick, Shape, pick, shape_of
from fcinspect.diagnosis.reported import Reported
from fcinspect.diagnosis.rules.own_line import operands

FLATTENED = re.compile(r"([A-Za-z_][\w.]*)\.(?:view|reshape|flatten)\(")
MOST_CLASSES = 1000
"""Of labels beyond it, too few outputs are likelier than counting from 1."""


def out_of_bounds(label: int) -> Decision:
    """Target 10 is out of bounds."""
    causes: tuple[str, ...]
    if label < 0:
        shifted = ("labels-minus-one-and-one", "labels-shifted") if label == -1 else ()
        causes = ("negative-label", *shifted)
    elif label == 1:
        causes = ("single-output", "labels-start-at-one/1", "too-few-outputs")
    elif label == 255:
        causes = ("void-label", "too-few-outputs", "labels-start-at-one")
    elif label <= MOST_CLASSES:
        causes = ("labels-start-at-one", "too-few-outputs", "no-class-labels")
    else:
        causes = ("too-few-outputs", "no-class-labels", "labels-start-at-one")
    return Decision(*causes, before=label - 1, after=label + 1)


def target_size(expected: Shape, got: Shape) -> Decision:
    """Expected target size [4, 10], got [4, 8]"""
    if len(got) == len(expected) + 1 and got[1] == 1:
        return Decision("column-labels/channel")
    last = pick("classes-not-in-dimension-1/more")
    if len(expected) == 2:
        left_out = "dimension 1 of the input is left out of what is expected"
        if len(got) == 2:
            last_of = (got[0], got[1], expected[1])
            left_out = f"an input of {last_of} with the classes last is answered so"
        last = pick("classes-not-in-dimension-1", left_out=left_out)
    return Decision(last, "lengths-differ/cut")


def rows(input: str, target: str, reported: Reported) -> Decision:
    """Expected input batch_size (4) to match target batch_size (8)."""
    count, labels = shape_of(input)[0], (shape_of(target) or (0,))[0]
    if labels == 0:
        happened = (
            f"The input has {count} rows in dimension 0, and the target has a batch size of 0."
        )
        return Decision("target-without-batch", happened=happened)
    return Decision(*_batches(count, labels, reported), rows=count, labels=labels)


def _batches(rows: int, labels: int, reported: Reported) -> tuple[str | Pick, ...]:
    whole, left = divmod(max(rows, labels), max(min(rows, labels), 1))
    if rows == 1:
        return "flatten-took-the-batch", "input-transposed"
    view = pick("view-changed-batch/rows", share=f"{rows / labels:.4g}")
    if not left:
        cause = "positions-as-rows" if rows > labels else "target-flattened-alone"
        return view, pick(cause, whole=whole), "input-transposed"
    shifted = _shifted(rows, labels, reported)
    if not shifted:
        return view, "input-transposed", "batch-differs/rows"
    usual = max(rows, labels) >= 8 and max(rows, labels).bit_count() == 1
    if usual and not _flattened(reported):
        return "batch-differs/rows", *shifted, "input-transposed"
    return *shifted, "batch-differs/rows", "input-transposed"


def _flattened(reported: Reported) -> dict[str, str]:
    """Return what the reader's line flattens: pred and y -> their names in it."""
    given = zip(("pred", "y"), operands(reported), strict=False)
    found = ((usual, FLATTENED.match(operand)) for usual, operand in given)
    return {usual: match[1] for usual, match in found if match}


def _shifted(rows: int, labels: int, reported: Reported) -> tuple[Pick, ...]:
    """Return the cause that one of both sides lacks a position of each sequence, where it fits."""
    samples = abs(rows - labels)
    if samples < 2 or rows % samples or labels % samples:
        return ()
    names = _flattened(reported)
    pred, y = names.get("pred", "pred"), names.get("y", "y")
    pred, y = (pred, f"{y}[:, 1:]") if rows < labels else (f"{pred}[:, :-1]", y)
    length = min(rows, labels) // samples
    each = {"of_rows": rows // samples, "of_labels": labels // samples}
    return (pick("lengths-differ", samples=samples, length=length, pred=pred, y=y, **each),)


def spatial(size: Shape, listed: str) -> Decision:
    """only batches of spatial targets supported (3D tensors) but got targets of dimension: 4"""
    dimensions = len(size) if listed or len(size) > 1 else size[0]
    shown = f"{size}" if len(size) > 1 or listed else f"{dimensions} dimensions"
    causes: tuple[str, ...] = ("column-labels/masks", "mask-is-an-image")
    if dimensions == 1:
        causes = ("input-not-pooled",)
    elif len(size) == 4 and size[1] > 1:
        causes = ("mask-is-an-image",)
    return Decision(*causes, dimensions=dimensions, shown=shown)
