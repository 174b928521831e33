"""Messages of CrossEntropyLoss and NLLLoss: labels, their range, shape and dtype."""

from __future__ import annotations

import re
from dataclasses import replace
from re import Match

from fcinspect.diagnosis.messages.losses_sizes import shape_of
from fcinspect.diagnosis.messages.own_line import operands
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, known, one_line
from fcinspect.diagnosis.reported import Reported

FLATTENED = re.compile(r"([A-Za-z_][\w.]*)\.(?:view|reshape|flatten)\(")
COLUMN = Cause(
    "column-labels",
    "The labels form a column of shape (N, 1)",
    "Cross-entropy takes labels of shape (N,), one class label for each row",
    "Take away the dimension of 1",
    "y = y.squeeze(1)",
)
ONE_HOT = Cause(
    "one-hot-target",
    "The target is one-hot, one column for each class",
    "A target with a second dimension is refused here as more than one label in a row",
    "Give the class labels instead",
    "y = y.argmax(dim=1)",
)
MOST_CLASSES = 1000
"""Of labels beyond it, too few outputs are likelier than counting from 1."""


def _out_of_bounds(match: Match[str], reported: Reported) -> Diagnosis:
    label = int(match[1])
    happened = (
        f"A class label is {label}, and the classes that the input has columns for do not "
        "include it: they count from 0."
    )
    causes = _negative(label) if label < 0 else _too_large(label)
    return Diagnosis("loss", one_line(match.group()), happened, causes)


def _negative(label: int) -> tuple[Cause, ...]:
    ignored = Cause(
        "negative-label",
        f"{label} marks rows without a label, such as padding",
        f"{label} is less than 0, and only rows with ignore_index (-100 by default) are left out",
        f"Tell the loss to leave out the label {label}",
        f"loss_function = nn.CrossEntropyLoss(ignore_index={label})",
    )
    binary = Cause(
        "labels-minus-one-and-one",
        "The labels are -1 and 1",
        "Class labels count from 0, a label of -1 names no class",
        "Map -1 to 0 and 1 to 1",
        "y = (y > 0).long()",
    )
    shifted = Cause(
        "labels-shifted",
        "1 was taken from labels that start at 0 already",
        f"Labels from 0 less 1 start at -1; the message names {label}",
        "Leave the labels as they are",
        None,
    )
    return (ignored, binary, shifted) if label == -1 else (ignored,)


def _too_large(label: int) -> tuple[Cause, ...]:
    from_one = Cause(
        "labels-start-at-one",
        f"The labels count from 1 to {label} in place of 0 to {label - 1}",
        f"With out_features={label} the labels are 0 to {label - 1}; {label} is the first outside",
        "Subtract 1 from the labels",
        "y = y - 1",
    )
    outputs = Cause(
        "too-few-outputs",
        "The last layer has too few out_features for the classes",
        f"A label {label} needs out_features of at least {label + 1}",
        f"Give the last layer out_features={label + 1}, or as many as the largest label plus 1",
        f"nn.Linear(in_features, {label + 1})  # or int(y.max()) + 1",
    )
    other = Cause(
        "no-class-labels",
        "The target holds something other than class labels",
        f"The message names {label} as the label of a row",
        "Look at the smallest and the largest label",
        "print(y.min(), y.max(), pred.shape)",
    )
    if label == 1:
        return _single(), replace(from_one, cause="Every label is 1, and 0 is meant"), outputs
    if label == 255:
        void = Cause(
            "void-label",
            "255 marks places without a label, as segmentation masks do",
            "255 is the largest value of a uint8 mask and is the label of no class",
            "Tell the loss to leave out the label 255",
            "loss_function = nn.CrossEntropyLoss(ignore_index=255)",
        )
        return void, outputs, from_one
    return (from_one, outputs, other) if label <= MOST_CLASSES else (outputs, other, from_one)


def _single() -> Cause:
    return Cause(
        "single-output",
        "The last layer has out_features=1 for two classes",
        "The label 1 is outside only if the input has a single column",
        "Use the loss for two classes and one output",
        "loss = nn.BCEWithLogitsLoss()(pred.squeeze(1), y.float())",
    )


def _target_size(match: Match[str], reported: Reported) -> Diagnosis:
    expected, got = shape_of(match[1]), shape_of(match[2])
    happened = (
        f"The target has shape {got}, and the input asks for {expected}: its own shape without "
        "dimension 1, which counts the classes."
    )
    return Diagnosis("loss", one_line(match.group()), happened, _sized(expected, got))


def _sized(expected: tuple[int, ...], got: tuple[int, ...]) -> tuple[Cause, ...]:
    asked = f"Expected {expected}, got {got}"
    if len(got) == len(expected) + 1 and got[1] == 1:
        squeezed = "Take away the dimension of 1"
        cause = "The target has a channel dimension of 1"
        return (Cause("column-labels", cause, asked, squeezed, "y = y.squeeze(1)"),)
    last = Cause(
        "classes-not-in-dimension-1",
        "The classes stand in the last dimension of the input, as a linear layer leaves them",
        f"{asked}: an input of ({got[0]}, {got[1]}, {expected[1]}) with the classes last is "
        "answered so"
        if len(got) == len(expected) == 2
        else f"{asked}: dimension 1 of the input is left out of what is expected",
        "Move the classes to dimension 1",
        "loss = F.cross_entropy(pred.transpose(1, 2), y)"
        if len(expected) == 2
        else "loss = F.cross_entropy(pred.movedim(-1, 1), y)",
    )
    length = Cause(
        "lengths-differ",
        "The input and the target differ in length",
        asked,
        "Cut both to the same positions",
        "loss = F.cross_entropy(pred[:, :, : y.shape[1]], y)",
    )
    return last, length


def _rows(match: Match[str], reported: Reported) -> Diagnosis:
    given, target = match["input"], match["target"]
    rows, labels = shape_of(given)[0], (shape_of(target) or (0,))[0]
    if labels == 0:
        happened = (
            f"The input has {rows} rows in dimension 0, and the target has a batch size of 0."
        )
        evidence = (
            "A batch size of 0 is that of one number without dimensions, or of an empty tensor"
        )
        fix, code = "Give the target a batch dimension", "y = y.unsqueeze(0)"
        causes = (
            Cause(
                "target-without-batch",
                "The label is one number without a batch dimension",
                evidence,
                fix,
                code,
            ),
        )
        return Diagnosis("loss", one_line(match.group()), happened, causes)
    happened = f"The input has {rows} rows in dimension 0, and the target has {labels} labels."
    return Diagnosis("loss", one_line(match.group()), happened, _batches(rows, labels, reported))


def _batches(rows: int, labels: int, reported: Reported) -> tuple[Cause, ...]:
    fix, code = "Flatten each sample for itself", "x = x.flatten(start_dim=1)"
    whole, left = divmod(max(rows, labels), max(min(rows, labels), 1))
    if rows == 1:
        name, cause = "flatten-took-the-batch", "A flatten() without start_dim=1 took the batch in"
        flat = Cause(name, cause, f"One row is left of {labels}", fix, code)
        return flat, _transposed(rows, labels)
    view = Cause(
        "view-changed-batch",
        "A view(-1, …) or reshape before the layer changed the number of rows",
        f"{rows}/{labels} = {rows / labels:.4g} rows for each label, where 1 is needed",
        fix,
        code,
    )
    if left:
        shifted, other = _shifted(rows, labels, reported), _other_batch(rows, labels)
        if not shifted:
            return view, _transposed(rows, labels), other
        usual = max(rows, labels) >= 8 and max(rows, labels).bit_count() == 1
        first = (other, *shifted) if usual and not _flattened(reported) else (*shifted, other)
        return *first, _transposed(rows, labels)
    if rows > labels:
        sequence = Cause(
            "positions-as-rows",
            f"Each sample gives {whole} rows, one for each position, and has one label",
            f"{rows} = {whole} × {labels}",
            "Take one position of each sequence, or a mean over them",
            "pred = layer(h[:, -1])",
        )
        return view, sequence, _transposed(rows, labels)
    flat = Cause(
        "target-flattened-alone",
        f"The target was flattened over {whole} positions, the input was not",
        f"{labels} = {whole} × {rows}",
        "Flatten the input in the same way, the classes last",
        "loss = F.cross_entropy(pred.flatten(0, 1), y.flatten())",
    )
    return view, flat, _transposed(rows, labels)


def _flattened(reported: Reported) -> dict[str, str]:
    """Return what the reader's line flattens: pred and y -> their names in it."""
    given = zip(("pred", "y"), operands(reported), strict=False)
    found = ((usual, FLATTENED.match(operand)) for usual, operand in given)
    return {usual: match[1] for usual, match in found if match}


def _shifted(rows: int, labels: int, reported: Reported) -> tuple[Cause, ...]:
    """Return the cause that one of both sides lacks a position of each sequence, where it fits."""
    samples = abs(rows - labels)
    if samples < 2 or rows % samples or labels % samples:
        return ()
    length = min(rows, labels) // samples
    names = _flattened(reported)
    pred, y = names.get("pred", "pred"), names.get("y", "y")
    pred, y = (pred, f"{y}[:, 1:]") if rows < labels else (f"{pred}[:, :-1]", y)
    return (
        Cause(
            "lengths-differ",
            "One of both sequences is longer by a position, as where the next token is to be told "
            "and only one of them is shifted",
            f"{rows} = {samples} × {rows // samples} and {labels} = {samples} × "
            f"{labels // samples}",
            f"Give both the same {length} positions: logits without the last, labels without the "
            "first",
            f"loss = F.cross_entropy({pred}.flatten(0, 1), {y}.flatten())",
        ),
    )


def _transposed(rows: int, labels: int) -> Cause:
    return Cause(
        "input-transposed",
        "Dimension 0 of the input is not the batch, but the classes or the time",
        f"Dimension 0 holds {rows}, and there are {labels} labels",
        f"Bring the dimension of {labels} to the front",
        "pred = pred.transpose(0, 1)",
    )


def _other_batch(rows: int, labels: int) -> Cause:
    return Cause(
        "batch-differs",
        "The input and the target come from different batches",
        f"{rows} rows against {labels} labels: the last batch of a loader is often smaller",
        "Take both from the same batch, and size nothing by a fixed batch size",
        "for x, y in loader: loss = loss_function(model(x), y)",
    )


def _spatial(match: Match[str], reported: Reported) -> Diagnosis | None:
    size = shape_of(match["size"])
    dimensions = len(size) if match["listed"] or len(size) > 1 else size[0]
    shown = f"{size}" if len(size) > 1 or match["listed"] else f"{dimensions} dimensions"
    happened = (
        "The input is 4-D, (N, classes, height, width), so the target must be 3-D, "
        f"(N, height, width); it has {shown}."
    )
    masks = Cause(
        "column-labels",
        "The masks have a channel dimension of 1",
        f"The target has {dimensions} dimensions where 3 are needed",
        "Take the channel dimension away",
        "y = y.squeeze(1)",
    )
    colours = Cause(
        "mask-is-an-image",
        "The masks are colour images or one-hot, with a channel for each colour or class",
        f"The target has {dimensions} dimensions where 3 are needed",
        "Make each mask one class label for each pixel",
        "y = y.argmax(dim=1)",
    )
    pooled = Cause(
        "input-not-pooled",
        "The labels are one for each image, and the input still has height and width",
        f"The target has {dimensions} dimension where 3 are needed",
        "Pool and flatten before the last linear layer",
        "x = x.mean(dim=(2, 3))  # then pred = layer(x)",
    )
    causes = (pooled,) if dimensions == 1 else (masks, colours)
    if dimensions == 4 and len(size) == 4 and size[1] > 1:
        causes = (colours,)
    return Diagnosis("loss", one_line(match.group()), happened, causes)


PATTERNS: tuple[Pattern, ...] = (
    known(
        "loss",
        "multi-target not supported",
        r"(?:0D or )?(?:1D target tensor expected, )?multi-target not supported",
        "The target has a second dimension, and this loss takes one label for each row: "
        "a target of shape (N,).",
        COLUMN,
        ONE_HOT,
    ),
    Pattern(
        "is out of bounds",
        r"Target (-?\d+) is out of bounds|Target (-?\d+) out of bounds",
        _out_of_bounds,
    ),
    Pattern(
        "xpected target size",
        r"[Ee]xpected target size [\[(]([\d, ]+)[\])], got (?:torch\.Size\()?[\[(]([\d, ]+)[\])]",
        _target_size,
    ),
    Pattern(
        "to match target batch_size",
        r"Expected input batch_size \((?P<input>\d+)\) to match target batch_size "
        r"\((?P<target>\d+)\)",
        _rows,
    ),
    Pattern(
        "size mismatch (got input",
        r"size mismatch \(got input: \[(?P<input>\d+(?:, \d+)?)\] ?, target: \[(?P<target>\d+)\]",
        _rows,
    ),
    Pattern(
        "batches of spatial targets supported",
        r"only batches of spatial targets supported \((?:non-empty )?3D tensors\) but got targets "
        r"of (?:dimension|size)[: ]+(?P<listed>\[)?(?P<size>[\d, ]+)",
        _spatial,
    ),
    known(
        "loss",
        "spatial sizes don't match",
        r"input and target batch or spatial sizes don't match: target \[(?P<t>[\d, x]+)\], "
        r"input \[(?P<i>[\d, x]+)\]",
        "The input has shape ({i}) and the masks ({t}): their height and width must be the same.",
        Cause(
            "spatial-sizes-differ",
            "The logits and the masks differ in height and width",
            "The last two dimensions of ({i}) and ({t})",
            "Bring the logits to the size of the masks",
            "pred = F.interpolate(pred, size=y.shape[-2:], mode='bilinear')",
        ),
    ),
    known(
        "loss",
        "size mismatch (got input",
        r"size mismatch \(got input: \[(?P<i>[\d, ]+)\] ?, target: \[(?P<t>[\d, ]+)\]",
        "The input has shape ({i}) and the masks ({t}): their height and width must be the same.",
        Cause(
            "spatial-sizes-differ",
            "The logits and the masks differ in height and width",
            "The last two dimensions of ({i}) and ({t})",
            "Bring the logits to the size of the masks",
            "pred = F.interpolate(pred, size=y.shape[-2:], mode='bilinear')",
        ),
    ),
    known(
        "loss",
        "1D target must have size 1",
        r"For 1D input, 1D target must have size 1, but got target size: (?P<size>\d+)",
        "The input has one dimension, so it is read as the logits of one sample, and there are "
        "{size} labels.",
        Cause(
            "logits-without-batch",
            "The batch dimension of the logits is gone, by squeeze(), argmax or an index",
            "A 1-D input holds the classes of one sample; the target has {size} labels",
            "Keep the logits in the shape ({size}, classes)",
            "pred = layer(x)  # without squeeze() or argmax",
        ),
        Cause(
            "single-output",
            "The last layer has out_features=1 for two classes, and its outputs were squeezed",
            "A squeezed column of outputs is 1-D too; the target has {size} labels",
            "Use the loss for two classes and one output",
            "loss = nn.BCEWithLogitsLoss()(pred, y.float())",
        ),
    ),
)
