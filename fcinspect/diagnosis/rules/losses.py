"""Losses whose input and target differ in shape."""

from __future__ import annotations

import re
from math import prod

from fcinspect.diagnosis.records import Decision, Pick, Shape, pick, shape_of
from fcinspect.diagnosis.reported import Reported
from fcinspect.diagnosis.rules.losses_called import through_loss

SIZE = r"(?:torch\.Size\()?\[?([\d, ]*)\]?\)?"
WARNING = rf"Using a target size \({SIZE}\) that is different to the input size \({SIZE}\)"


def warned(target: Shape, given: Shape, refused: str) -> Decision:
    """The warning of MSELoss, L1Loss, SmoothL1Loss and HuberLoss; the error of BCELoss."""
    return _differ(given, target, equal_only=refused != "")


def refused(target: Shape, given: Shape) -> Decision:
    """The error of BCEWithLogitsLoss."""
    return _differ(given, target, equal_only=True)


def in_a_loss(a: int, b: int, dimension: int, reported: Reported) -> Decision | None:
    """The broadcast that fails inside a loss; a warning before it gives the whole shapes."""
    function = through_loss(reported)
    for warning in re.finditer(WARNING, reported.text):
        target, given = shape_of(warning[1]), shape_of(warning[2])
        if {a, b} <= {*target, *given} and broadcast(given, target) is None:
            return _differ(given, target, equal_only=False)
    if function is None:
        return None
    if function == "binary_cross_entropy_with_logits":
        # input and target were found equal before, so only pos_weight is left
        happened = f"pos_weight has {a} entries, and the input has {b} columns."
        return Decision("class-weights-count", happened=happened)
    called = "the loss" if function == "loss" else function
    cause = "batch-differs/alone" if dimension == 0 else "out-features-differ/alone"
    return Decision(cause, called=called)


def soft_margin(given: Shape, formed: Shape, reported: Reported) -> Decision | None:
    """output with shape [8] doesn't match the broadcast shape [8, 8]"""
    return None if through_loss(reported) is None else Decision("target-broadcast/formed")


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


def _differ(given: Shape, target: Shape, *, equal_only: bool) -> Decision:
    happened = f"The input has shape {given} and the target {target}"
    formed = broadcast(given, target)
    if equal_only:
        happened += "; this loss takes only equal shapes."
    elif formed is None:
        happened += "; these cannot be broadcast, so no differences can be formed."
    else:
        happened += f". Broadcast against each other they give {formed}: {prod(formed)} differences"
        happened += (
            f" would be formed in place of {prod(given)}."
            if prod(given) == prod(target)
            else f"; the input holds {prod(given)} numbers and the target {prod(target)}."
        )
    causes = _causes(given, target)
    return Decision(*causes, happened=happened, given=given, target=target, held=prod(given))


def _causes(given: Shape, target: Shape) -> tuple[str | Pick, ...]:
    if _without_ones(given) == _without_ones(target) and given != target:
        return _ones(given, target)
    if prod(given) == prod(target) and target:
        return (_rearranged(given, target),)
    if not target:
        return ("target-is-one-number",)
    if given and given[0] != target[0]:
        return _batches(given, target)
    if len(target) == 1 and len(given) == 2:
        of_each = {"outputs": given[1]}
        return Pick("labels-need-cross-entropy", of_each), Pick("too-many-outputs", of_each)
    if len(given) == len(target) > 2 and given[1] != target[1] and given[2:] == target[2:]:
        cause = "mask-in-colours" if (given[1], target[1]) == (1, 3) else "channels-differ"
        return (pick(cause, outputs=given[1], wanted=target[1]),)
    return (pick("out-features-differ", outputs=given[-1], columns=target[-1]),)


def _without_ones(shape: Shape) -> Shape:
    return tuple(size for size in shape if size != 1)


def _inserted(longer: Shape, shorter: Shape) -> int | None:
    """Return where a dimension of 1 in `longer` makes the difference, seen from the end."""
    for place in reversed(range(len(longer))):
        if longer[place] == 1 and longer[:place] + longer[place + 1 :] == shorter:
            return place
    return None


def _ones(given: Shape, target: Shape) -> tuple[str | Pick, ...]:
    place = _inserted(given, target)
    if place is not None:
        return pick("target-broadcast/lacks", place=place), pick("output-not-squeezed", place=place)
    place = _inserted(target, given)
    if place is not None:
        return pick("target-broadcast/has", place=place), pick("output-squeezed", place=place)
    return ("target-transposed" if len(given) == len(target) == 2 else "target-broadcast/ones",)


def _rearranged(given: Shape, target: Shape) -> str:
    """Both hold as many numbers, in other shapes."""
    if len(given) == 2 and target == given[::-1]:
        return "target-transposed"
    if given[0] == target[0] and len(given) == 2:
        return "target-not-flattened"
    if given[0] == target[0] and len(target) == 2:
        return "output-not-flattened"
    return "shapes-differ"


def _batches(given: Shape, target: Shape) -> tuple[Pick, ...]:
    rows = {"rows": given[0], "labels": target[0]}
    other = Pick("batch-differs", rows)
    more, less = max(given[0], target[0]), min(given[0], target[0])
    if not less or more % less:
        return (other,)
    changed = {"more": more, "times": more // less, "less": less}
    return Pick("view-changed-batch", rows | changed), other
