"""Losses whose input and target differ in shape."""

from __future__ import annotations

import re
from math import prod
from re import Match

from fcinspect.diagnosis.messages.losses_called import through_loss
from fcinspect.diagnosis.records import Cause, Diagnosis, Pattern, one_line
from fcinspect.diagnosis.reported import Reported

Shape = tuple[int, ...]

SIZE = r"(?:torch\.Size\()?\[?([\d, ]*)\]?\)?"
WARNING = (
    rf"Using a target size \({SIZE}\) that is different to the input size \({SIZE}\)"
    r"(?P<refused>\)? is deprecated)?"
)


def shape_of(text: str) -> Shape:
    """Return the shape written in a text: "[8, 1]"."""
    return tuple(int(number) for number in re.findall(r"\d+", text))


def broadcast(first: Shape, second: Shape) -> Shape | None:
    """Return the shape both broadcast to, or None where they do not."""
    rank = max(len(first), len(second))
    pairs = zip(
        (1,) * (rank - len(first)) + first, (1,) * (rank - len(second)) + second, strict=True
    )
    found = []
    for a, b in pairs:
        if a != b and 1 not in (a, b):
            return None
        found.append(b if a == 1 else a)
    return tuple(found)


def _warned(match: Match[str], reported: Reported) -> Diagnosis:
    """The warning of MSELoss, L1Loss, SmoothL1Loss and HuberLoss; the error of BCELoss."""
    target, given = shape_of(match[1]), shape_of(match[2])
    return _differ(match.group(), given, target, equal_only=match["refused"] is not None)


def _refused(match: Match[str], reported: Reported) -> Diagnosis:
    """The error of BCEWithLogitsLoss."""
    return _differ(match.group(), shape_of(match[2]), shape_of(match[1]), equal_only=True)


def _in_a_loss(match: Match[str], reported: Reported) -> Diagnosis | None:
    """The broadcast that fails inside a loss; a warning before it gives the whole shapes."""
    function = through_loss(reported)
    for warned in re.finditer(WARNING, reported.text):
        target, given = shape_of(warned[1]), shape_of(warned[2])
        fits = {int(match[1]), int(match[2])} <= {*target, *given}
        if fits and broadcast(given, target) is None:
            return _differ(match.group(), given, target, equal_only=False)
    if function is None:
        return None
    a, b, dimension = int(match[1]), int(match[2]), int(match[3])
    if function == "binary_cross_entropy_with_logits":
        return _pos_weight(match.group(), a, b)
    first = Cause(
        "batch-differs" if dimension == 0 else "out-features-differ",
        "The input and the target come from different batches"
        if dimension == 0
        else "The last layer's out_features and the target's columns differ",
        f"{a} against {b} in dimension {dimension}",
        "Take both from the same batch, and keep the batch in dimension 0"
        if dimension == 0
        else "Give the last layer as many out_features as the target has columns",
        "print(pred.shape, y.shape)",
    )
    called = "the loss" if function == "loss" else function
    happened = (
        f"In {called} two tensors do not fit: dimension {dimension} has size {a} in one "
        f"and {b} in the other."
    )
    return Diagnosis("loss", one_line(match.group()), happened, (first,))


def _pos_weight(message: str, entries: int, columns: int) -> Diagnosis:
    """Input and target were found equal before, so only pos_weight is left."""
    happened = f"pos_weight has {entries} entries, and the input has {columns} columns."
    cause = Cause(
        "class-weights-count",
        "pos_weight has another length than the last layer's out_features",
        f"{entries} against {columns}",
        f"Give one weight for each of the {columns} columns",
        f"nn.BCEWithLogitsLoss(pos_weight=torch.ones({columns}))",
    )
    return Diagnosis("loss", one_line(message), happened, (cause,))


def _soft_margin(match: Match[str], reported: Reported) -> Diagnosis | None:
    if through_loss(reported) is None:
        return None
    given, formed = shape_of(match[1]), shape_of(match[2])
    happened = (
        f"The input of the loss has shape {given}; broadcast against the target it becomes "
        f"{formed}, and the loss refuses that."
    )
    cause = Cause(
        "target-broadcast",
        "The target has other dimensions of 1 than the output",
        f"{given} becomes {formed}",
        "Give the target the shape of the output",
        "y = y.view_as(pred)",
    )
    return Diagnosis("loss", one_line(match.group()), happened, (cause,))


def _differ(message: str, given: Shape, target: Shape, *, equal_only: bool) -> Diagnosis:
    shapes = f"The input has shape {given} and the target {target}"
    formed = broadcast(given, target)
    if equal_only:
        happened = f"{shapes}; this loss takes only equal shapes."
    elif formed is None:
        happened = f"{shapes}; these cannot be broadcast, so no differences can be formed."
    elif prod(given) == prod(target):
        happened = (
            f"{shapes}. Broadcast against each other they give {formed}: {prod(formed)} "
            f"differences would be formed in place of {prod(given)}."
        )
    else:
        happened = (
            f"{shapes}. Broadcast against each other they give {formed}: {prod(formed)} "
            f"differences; the input holds {prod(given)} numbers and the target {prod(target)}."
        )
    return Diagnosis("loss", one_line(message), happened, tuple(_causes(given, target))[:4])


def _causes(given: Shape, target: Shape) -> list[Cause]:
    same = f"Without the dimensions of 1 the input {given} and the target {target} are the same"
    if _without_ones(given) == _without_ones(target) and given != target:
        return _ones(given, target, same)
    if prod(given) == prod(target) and target:
        return [_rearranged(given, target)]
    if not target:
        evidence = f"The target has no dimensions, and the input {given} holds {prod(given)}"
        fix = "Give the loss one target for each output"
        code = "y = torch.as_tensor(labels, dtype=pred.dtype).view_as(pred)"
        return [Cause("target-is-one-number", "The target is one number", evidence, fix, code)]
    if given and given[0] != target[0]:
        return _batches(given, target)
    return _features(given, target)


def _without_ones(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


def _inserted(longer: Shape, shorter: Shape) -> int | None:
    """Return where a dimension of 1 in `longer` makes the difference, seen from the end."""
    for place in reversed(range(len(longer))):
        if longer[place] == 1 and longer[:place] + longer[place + 1 :] == shorter:
            return place
    return None


def _ones(given: Shape, target: Shape, same: str) -> list[Cause]:
    place = _inserted(given, target)
    if place is not None:
        return [
            Cause(
                "target-broadcast",
                f"The target lacks dimension {place}, which is 1 in the output",
                same,
                "Give the target that dimension",
                f"y = y.unsqueeze({place})",
            ),
            Cause(
                "output-not-squeezed",
                f"The output keeps dimension {place} of size 1, which the target does not have",
                same,
                "Take that dimension from the output",
                f"pred = pred.squeeze({place})",
            ),
        ]
    place = _inserted(target, given)
    if place is not None:
        return [
            Cause(
                "target-broadcast",
                f"The target has dimension {place} of size 1, which the output does not have",
                same,
                "Take that dimension from the target",
                f"y = y.squeeze({place})",
            ),
            Cause(
                "output-squeezed",
                f"The output was squeezed: its dimension {place} of size 1 is gone",
                same,
                "Leave out the squeeze, or give the output its dimension back",
                f"pred = pred.unsqueeze({place})",
            ),
        ]
    if len(given) == len(target) == 2:
        return [_transposed(given, target)]
    fix = "Give the target the shape of the output"
    return [
        Cause("target-broadcast", "The dimensions of 1 differ", same, fix, "y = y.view_as(pred)")
    ]


def _transposed(given: Shape, target: Shape) -> Cause:
    return Cause(
        "target-transposed",
        "The target is transposed",
        f"The target {target} is the input {given} with its dimensions in reverse order",
        "Transpose the target",
        "y = y.T",
    )


def _rearranged(given: Shape, target: Shape) -> Cause:
    """Both hold as many numbers, in other shapes."""
    if len(given) == 2 and target == given[::-1]:
        return _transposed(given, target)
    evidence = f"The input {given} and the target {target} both hold {prod(given)} numbers"
    if given[0] == target[0] and len(given) == 2:
        cause = "The output is flat and the target is not"
        code = "y = y.flatten(start_dim=1)"
        return Cause("target-not-flattened", cause, evidence, "Flatten the target", code)
    if given[0] == target[0] and len(target) == 2:
        cause = "The target is flat and the output is not"
        code = "pred = pred.flatten(start_dim=1)"
        return Cause("output-not-flattened", cause, evidence, "Flatten the output", code)
    cause = "The output and the target hold the same numbers of values in different shapes"
    fix = "Give the target the shape of the output, if the order of its values is the same"
    return Cause("shapes-differ", cause, evidence, fix, "y = y.reshape(pred.shape)")


def _batches(given: Shape, target: Shape) -> list[Cause]:
    evidence = f"Dimension 0 is {given[0]} in the input and {target[0]} in the target"
    found = [
        Cause(
            "batch-differs",
            "The output and the target come from different batches",
            evidence,
            "Take the input and the target of one step from the same batch",
            "for x, y in loader: loss = loss_function(model(x), y)",
        )
    ]
    more, less = max(given[0], target[0]), min(given[0], target[0])
    if less and more % less == 0:
        how = f"{more} is {more // less} times {less}"
        shaped = Cause(
            "view-changed-batch",
            "A view(-1, …), reshape or flatten changed the number of rows on the way",
            f"{evidence}: {how}",
            "Flatten each sample for itself, so that the batch stays in dimension 0",
            "x = x.flatten(start_dim=1)",
        )
        found.insert(0, shaped)
    return found


def _features(given: Shape, target: Shape) -> list[Cause]:
    evidence = f"Each row of the input {given} is to be compared with one of the target {target}"
    if len(target) == 1 and len(given) == 2:
        return [
            Cause(
                "labels-need-cross-entropy",
                f"The target holds class labels for {given[1]} output features",
                f"{evidence}: {given[1]} numbers against 1",
                "Use cross-entropy, which takes one class label for each row",
                "loss = nn.CrossEntropyLoss()(pred, y.long())",
            ),
            Cause(
                "too-many-outputs",
                f"The last layer has out_features={given[1]} for one target in each row",
                f"{evidence}: {given[1]} numbers against 1",
                "Give the last layer one output feature, and take its dimension away",
                "nn.Linear(in_features, 1)  # then pred = pred.squeeze(1)",
            ),
        ]
    if len(given) == len(target) > 2 and given[1] != target[1] and given[2:] == target[2:]:
        return [_channels(given, target)]
    columns = target[-1] if target else 1
    return [
        Cause(
            "out-features-differ",
            f"The last layer has out_features={given[-1]}, the target {columns} columns",
            f"The last dimensions of {given} and {target} are {given[-1]} and {columns}",
            f"Give the last layer out_features={columns}",
            f"nn.Linear(in_features, {columns})",
        )
    ]


def _channels(given: Shape, target: Shape) -> Cause:
    evidence = (
        f"Dimension 1 of {given} and {target} is {given[1]} and {target[1]}; all others agree"
    )
    if (given[1], target[1]) == (1, 3):
        return Cause(
            "mask-in-colours",
            "The output has one channel, and the target is a picture in three colours",
            evidence,
            "Load the masks with one channel",
            'mask = Image.open(file).convert("L")',
        )
    return Cause(
        "channels-differ",
        f"The output has {given[1]} channels, the target {target[1]}",
        evidence,
        f"Give the last layer out_channels={target[1]}, or the target {given[1]} channels",
        f"nn.Conv2d(in_channels, {target[1]}, 1)",
    )


PATTERNS: tuple[Pattern, ...] = (
    Pattern("Using a target size", WARNING, _warned),
    Pattern(
        "must be the same as input size",
        rf"Target size \({SIZE}\) must be the same as input size \({SIZE}\)",
        _refused,
    ),
    Pattern(
        "must match the size of tensor b",
        r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\)"
        r" at non-singleton dimension (\d+)",
        _in_a_loss,
    ),
    Pattern(
        "match the broadcast shape",
        r"output with shape \[([\d, ]*)\] doesn't match the broadcast shape \[([\d, ]*)\]",
        _soft_margin,
    ),
)
